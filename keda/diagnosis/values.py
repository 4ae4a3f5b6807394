"""The metrics' values now: from the external metrics API, or from what KEDA exports of its last poll.

A GET of an external metric makes KEDA query its source, as the HPA does every 15 s. Where a fallback is set,
KEDA counts a failed one as one of `failureThreshold` (pkg/fallback/fallback.go): those metrics are not
read. A ScaledJob has none in that API.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from keda.diagnosis.installation import OPERATOR, Installation
from keda.diagnosis.reader import BEHIND, Reader, Task, parsed
from keda.diagnosis.snapshot import Reading, Snapshot, Unseen, to_milli
from keda.diagnosis.workload import Workload
from keda.manifests.objects import Item
from keda.manifests.reading import dig, mapping, sequence, text
from keda.scaling import numbers
from keda.scaling.scaled_object import ScaledObject

_SAMPLE = re.compile(r"^keda_scaler_metrics_value\{([^}]*)\} (\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_EXPORTED = "values of ScaledJobs and of ScaledObjects with a fallback"


class _Wanted(NamedTuple):
    item: Item
    metric: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.item.namespace, self.item.name, self.metric


def readings(
    reader: Reader, snapshot: Snapshot, found: dict[tuple[str, str, str], Reading]
) -> Iterator[Task]:
    """The tasks to read them, of every ScaledObject that is not paused and every ScaledJob.

    They add to `found`, by namespace, name and metric.
    """
    asked, exported = _wanted(snapshot)
    for wanted in asked:
        yield _ask(reader, wanted, found)
    yield from _scrapes(reader, snapshot, exported, found)


def _wanted(snapshot: Snapshot) -> tuple[list[_Wanted], list[Item]]:
    """The metrics to ask for, and the objects whose metrics KEDA's own have."""
    asked: list[_Wanted] = []
    exported: list[Item] = []
    for item in snapshot.scaled():
        workload = Workload(item, snapshot)
        if item.kind == "ScaledJob" or workload.settings.fallback is not None:
            exported.append(item)
        elif isinstance(workload.limits, ScaledObject) and not workload.paused:
            asked += [_Wanted(item, metric.name) for metric in workload.metrics if not metric.resource]
    return asked, exported


def _ask(reader: Reader, wanted: _Wanted, found: dict[tuple[str, str, str], Reading]) -> Task:
    """The task to read one metric as the HPA controller does."""
    namespace = wanted.item.namespace
    selector = quote(f"scaledobject.keda.sh/name={wanted.item.name}", safe="")
    api = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}"

    def task() -> None:
        began = time.monotonic()
        response = reader.behind(
            f"{api}/{quote(wanted.metric)}?labelSelector={selector}",
            Unseen(f"metric values in {namespace}", "grant `get *` of external.metrics.k8s.io"),
            Unseen(
                f"the value of {wanted.metric} of {namespace}/{wanted.item.name}",
                f"no answer within {BEHIND} s",
            ),
        )
        if response is None:
            return
        took, content = time.monotonic() - began, parsed(response)
        if response.status >= 400:
            message = text(content.get("message")) or response.body.decode(errors="replace").strip()
            found[wanted.key] = Reading(None, message or f"HTTP status {response.status}", took)
        else:
            values = [to_milli(mapping(each).get("value")) or 0 for each in sequence(content.get("items"))]
            nothing = Reading(None, "no metrics returned from external metrics API", took)
            found[wanted.key] = Reading(sum(values), "", took) if values else nothing

    return task


def _scrapes(
    reader: Reader,
    snapshot: Snapshot,
    exported: list[Item],
    found: dict[tuple[str, str, str], Reading],
) -> Iterator[Task]:
    """The task to read KEDA's own metrics, through the API server's proxy to its operator's pod."""
    operator = Installation(snapshot).operator
    if not exported or operator is None:
        return
    home = operator.namespace

    def task() -> None:
        pods = f"/api/v1/namespaces/{home}/pods"
        label = quote(f"app={OPERATOR}", safe="")
        unseen = Unseen(f"pods in {home}", f"grant `list pods` in {home}")
        listed = mapping(reader.answer(f"{pods}?labelSelector={label}", "", unseen)).get("items")
        running = [pod for pod in sequence(listed) if dig(pod, "status", "phase") == "Running"]
        if not running:
            return
        path = f"{pods}/{text(dig(running[0], 'metadata', 'name'))}:8080/proxy/metrics"
        silent = Unseen(_EXPORTED, "KEDA's operator exports no metrics on its port 8080")
        right = Unseen(_EXPORTED, f"grant `get pods/proxy` in {home}: KEDA's operator exports them")
        response = reader.behind(path, right, silent, "text/plain")
        if response is None:
            return
        if response.status >= 400:
            reader.note(silent)
            return
        objects = {(item.kind.lower(), item.namespace, item.name) for item in exported}
        for kind, namespace, name, metric, value in exported_values(response.body.decode(errors="replace")):
            if (kind, namespace, name) in objects:
                found[namespace, name, metric] = Reading(numbers.to_milli(value))

    yield task


def exported_values(exposition: str) -> Iterator[tuple[str, str, str, str, float]]:
    """Type, namespace, name, metric and value of each keda_scaler_metrics_value (prommetrics.go)."""
    for labels, value in _SAMPLE.findall(exposition):
        found = dict(_LABEL.findall(labels))
        kind, namespace, name, metric = (
            found.get(label, "") for label in ("type", "namespace", "scaledObject", "metric")
        )
        try:
            yield kind, namespace, name, metric, float(value)
        except ValueError:
            continue
