"""What was seen of a cluster at one moment, and what was not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from keda.diagnosis.wording import parse_time
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import dig, mapping, sequence, text, unlisted, whole
from keda.syntax.quantity import parse_quantity

SCALED = ("ScaledObject", "ScaledJob")
_FRESH = timedelta(minutes=5)
_TIMES = (
    "creationTimestamp",
    "lastTimestamp",
    "eventTime",
    "renewTime",
    "lastTransitionTime",
    "lastActiveTime",
)


class Reading(NamedTuple):
    """A metric's value now, milli, from the external metrics API or KEDA's own metrics; None: `error`."""

    milli: int | None
    error: str = ""
    seconds: float = 0.0
    """How long the answer took."""


class Unseen(NamedTuple):
    """What could not be read, and the right or the object that is missing for it."""

    what: str
    missing: str

    def __str__(self) -> str:
        return f"{self.what}: {self.missing}"


class Missing(NamedTuple):
    """A stream or consumer that does not exist at the source."""

    what: str
    """Without a full stop."""
    fix: str


@dataclass(frozen=True)
class Event:
    """An event with how often it came, and when last."""

    reason: str
    message: str
    warning: bool
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Snapshot:
    """Objects with their status and events, metric values, and the time on the cluster's clock."""

    objects: Objects
    now: datetime
    live: bool = False
    complete: frozenset[str] = frozenset()
    """Kinds of which all objects were read, so that one that is not here is not there."""
    readings: Mapping[tuple[str, str, str], Reading] = field(default_factory=dict)
    """By namespace, name of the ScaledObject or ScaledJob, and metric."""
    unseen: tuple[Unseen, ...] = ()
    missing: Mapping[tuple[str, str], Missing] = field(default_factory=dict)
    """By namespace, and name of the ScaledObject or ScaledJob."""

    def known_absent(self, kind: str) -> bool:
        """Whether an object of this kind that is not here does not exist."""
        return kind in self.complete

    def scaled(self) -> list[Item]:
        """The ScaledObjects and ScaledJobs."""
        return sorted(self.objects.everywhere(*SCALED), key=lambda item: (item.namespace, item.name))

    def events(self, item: Item) -> list[Event]:
        """Those of an object, newest first."""
        found = self._events.get((item.kind, item.namespace, item.name), [])
        return sorted(found, key=lambda event: event.last, reverse=True)

    @cached_property
    def _events(self) -> dict[tuple[str, str, str], list[Event]]:
        found: dict[tuple[str, str, str], list[Event]] = {}
        for item in self.objects.everywhere("Event"):
            about = mapping(item.manifest.get("involvedObject") or item.manifest.get("regarding"))
            event = _event(item.manifest)
            if event is not None:
                key = (text(about.get("kind")), text(about.get("namespace")), text(about.get("name")))
                found.setdefault(key, []).append(event)
        return found


def _event(manifest: Mapping[Any, Any]) -> Event | None:
    """An Event of the API group "" or events.k8s.io."""
    series = mapping(manifest.get("series"))
    newest = (
        series.get("lastObservedTime"),
        manifest.get("lastTimestamp"),
        manifest.get("deprecatedLastTimestamp"),
        manifest.get("eventTime"),
        dig(manifest, "metadata", "creationTimestamp"),
    )
    last = next(filter(None, map(parse_time, newest)), None)
    if last is None:
        return None
    first = parse_time(manifest.get("firstTimestamp")) or parse_time(manifest.get("eventTime")) or last
    count = whole(series.get("count")) or whole(manifest.get("count")) or 1
    message = text(manifest.get("message")) or text(manifest.get("note"))
    return Event(text(manifest.get("reason")), message, manifest.get("type") == "Warning", count, first, last)


def from_dump(manifests: Iterable[object], clock: datetime) -> Snapshot:
    """The snapshot that `kubectl get … -o yaml` holds.

    Its time is `clock` where the newest timestamp in it is at most five minutes older, else that timestamp.
    Of a kind that is not in it nothing is known.
    """
    given = [each for manifest in manifests for each in unlisted(manifest)]
    objects = Objects(given)
    newest = max((at for each in given for at in _times(each)), default=clock)
    events = next(objects.everywhere("Event"), None)
    unseen = () if events else (Unseen("events", "they are not in the dump"),)
    return Snapshot(
        objects,
        clock if newest <= clock <= newest + _FRESH else newest,
        complete=frozenset(item.kind for item in objects.all()),
        readings=dict(_readings(objects)),
        unseen=unseen,
    )


def _times(value: object) -> Iterator[datetime]:
    """Every timestamp of a write."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _TIMES or key == "time":
                found = parse_time(inner)
                if found is not None:
                    yield found
            else:
                yield from _times(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _times(inner)


def _readings(objects: Objects) -> Iterator[tuple[tuple[str, str, str], Reading]]:
    """Answers of the external metrics API among the manifests, where only one ScaledObject has the metric."""
    owners: dict[str, list[Item]] = {}
    for item in objects.everywhere("ScaledObject"):
        for name in sequence(dig(item.manifest, "status", "externalMetricNames")):
            owners.setdefault(text(name), []).append(item)
    for value in objects.everywhere("ExternalMetricValue"):
        name = text(value.manifest.get("metricName"))
        milli = to_milli(value.manifest.get("value"))
        if milli is not None and len(owners.get(name, [])) == 1:
            (item,) = owners[name]
            yield (item.namespace, item.name, name), Reading(milli)


def to_milli(value: object) -> int | None:
    """A quantity in thousandths, rounded up as Kubernetes' MilliValue does; None if it is not one."""
    try:
        return math.ceil(parse_quantity(str(value)) * 1000)
    except ValueError:
        return None


def utc_now() -> datetime:
    """This machine's time, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
