"""What is kept of objects that were read, as bytes: no more than the rules that compare objects read."""

from __future__ import annotations

import functools
import marshal
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from keda.checks.cross_object.monitors import is_monitor
from keda.manifests.declared import UNKNOWN
from keda.manifests.documents import Document
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping

LONG = 1000
"""Characters: a longer value of a Secret or ConfigMap is kept as one that only the cluster has."""
MOST_PLACES = 20_000
"""Values of one object whose lines are kept; those after them are found at the line of their document."""

_UNREAD = ("CustomResourceDefinition", "Event", "PrometheusRule")
"""Large or many, and nothing that another object's rules ask for."""
_OF_POD = ("containers", "nodeSelector", "terminationGracePeriodSeconds")
_OF_CONTAINER = ("name", "env", "envFrom", "resources")
_PICKLED = b"\x80"
"""How every pickle begins (pickle.PROTO), and no tuple of marshal."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Summaries(Objects):
    """The objects of a stream, in little memory."""

    def add(self, item: Item, document: Document) -> None:
        """Remember an object of a document, if a rule may still ask for it."""
        if item.kind not in _UNREAD:
            kept = _kept(item)
            lines = _lines(kept, dig(document.value, *item.prefix), document) if _is_judged(item) else b""
            self.hold(item, _dumped((kept, item.where, item.prefix, lines)))

    def opened(self, held: Any) -> Item:
        """The object of a summary, read again."""
        return _opened(held)[0]

    def judged(self) -> Iterator[tuple[Item, Places]]:
        """The objects that findings are on, in their order, and where their values are."""
        for held in self._held:
            item, places = _opened(held)
            if _is_judged(item):
                yield item, places


def _is_judged(item: Item) -> bool:
    return item.of_keda or item.group == "http.keda.sh" or is_monitor(item)


class Places(NamedTuple):
    """The lines of an object's values."""

    manifest: object
    lines: bytes

    def line_of(self, at: At) -> int:
        """The line of a value, or of the nearest thing around it that is written; 0: of the document."""
        paths = ((*around, key) for around, inner in _containers(self.manifest) for key in _keys(inner))
        found = dict(zip(paths, array("I", self.lines), strict=False))
        return next((line for end in range(len(at), 0, -1) if (line := found.get(at[:end], 0))), 0)


@functools.lru_cache(maxsize=1024)
def _opened(held: bytes) -> tuple[Item, Places]:
    if held[:1] == _PICKLED:
        import pickle  # Slow to load, and few objects need it.

        manifest, where, prefix, lines = pickle.loads(held)
    else:
        manifest, where, prefix, lines = marshal.loads(held)
    return Item(manifest, where, prefix), Places(manifest, lines)


def _dumped(held: tuple[Any, ...]) -> bytes:
    try:
        return marshal.dumps(held)
    except ValueError:  # it holds UNKNOWN
        import pickle

        return pickle.dumps(held)


def _kept(item: Item) -> dict[Any, Any]:
    """The manifest without what no rule reads."""
    metadata = dict(mapping(item.manifest.get("metadata")))
    metadata.pop("managedFields", None)
    if item.annotations:
        metadata["annotations"] = {
            key: value for key, value in item.annotations.items() if key != _LAST_APPLIED
        }
    kept = {**item.manifest, "metadata": metadata, "status": None}
    if _is_judged(item):
        return kept
    kept = {key: kept.get(key) for key in ("apiVersion", "kind", "metadata")}
    if item.kind in ("Secret", "ConfigMap"):
        kept["type"] = item.manifest.get("type")
        for key in ("data", "stringData", "binaryData"):
            given = item.manifest.get(key)
            kept[key] = (
                UNKNOWN
                if given is UNKNOWN
                else {name: _short(value) for name, value in mapping(given).items()}
            )
    elif item.kind == "Pod":
        kept["spec"] = _pod(item.spec)
    elif item.kind == "Node":
        kept["spec"] = {"unschedulable": item.spec.get("unschedulable")}
        kept["status"] = {"allocatable": dig(item.manifest, "status", "allocatable")}
    else:
        kept["spec"] = dict(item.spec)
        if item.pod:
            kept["spec"]["template"] = {**mapping(item.spec["template"]), "spec": _pod(item.pod)}
    return kept


def _pod(pod: Mapping[Any, Any]) -> dict[Any, Any]:
    kept = {key: pod[key] for key in _OF_POD if key in pod}
    if isinstance(kept.get("containers"), list):
        kept["containers"] = [
            {key: container[key] for key in _OF_CONTAINER if key in container}
            for container in map(mapping, kept["containers"])
        ]
    return kept


def _short(value: object) -> object:
    return 0 if isinstance(value, str) and len(value) > LONG else value


def _lines(kept: Mapping[Any, Any], written: object, document: Document) -> bytes:
    """The line of each value in the order of `_containers`; 0 where none is written."""
    found = array("I")
    for at, inner in _containers(kept):
        # The upper ones were made by `_kept`, any by a patch or a variable.
        lines = document.lines.get(id(inner)) if len(at) >= 3 else None
        lines = document.lines.get(id(dig(written, *at)), {}) if lines is None else lines
        found.extend(lines.get(key, 0) for key in _keys(inner))
        if len(found) > MOST_PLACES:
            break
    return found.tobytes()


def _containers(value: object) -> Iterator[tuple[At, dict[Any, Any] | list[Any]]]:
    """Every mapping and list with its path, the outer before the inner."""
    pending: list[tuple[At, Any]] = [((), value)]
    while pending:
        at, current = pending.pop()
        if isinstance(current, (dict, list)):
            yield at, current
            pending += [((*at, key), current[key]) for key in _keys(current)]


def _keys(value: dict[Any, Any] | list[Any]) -> Iterable[Any]:
    return value if isinstance(value, dict) else range(len(value))
