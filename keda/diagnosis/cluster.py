"""A snapshot of a live cluster: GETs only, as many at once as are independent."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from keda.api_server import SECONDS, Get
from keda.checks.registry import AUTHENTICATIONS
from keda.diagnosis import jetstream
from keda.diagnosis.causes.authentication import references
from keda.diagnosis.installation import EXTERNAL_METRICS, OPERATOR, Installation
from keda.diagnosis.reader import METADATA, Reader, Resource, Task
from keda.diagnosis.snapshot import SCALED, Missing, Reading, Snapshot, Unseen, utc_now
from keda.diagnosis.values import readings
from keda.diagnosis.workload import Workload
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import dig, mapping, sequence, text

_NAMESPACES = 10
"""From how many namespaces on lists are of the whole cluster."""
_RESOURCES: Mapping[str, Resource] = {
    resource.kind: resource
    for resource in (
        Resource("keda.sh/v1alpha1", "ScaledObject", "scaledobjects"),
        Resource("keda.sh/v1alpha1", "ScaledJob", "scaledjobs"),
        Resource("keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications"),
        Resource("keda.sh/v1alpha1", "ClusterTriggerAuthentication", "clustertriggerauthentications"),
        Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
        Resource("apps/v1", "Deployment", "deployments"),
        Resource("apps/v1", "StatefulSet", "statefulsets"),
        Resource("batch/v1", "Job", "jobs"),
        Resource("v1", "Pod", "pods"),
        Resource("v1", "Event", "events"),
        Resource("v1", "Secret", "secrets"),
        Resource("v1", "ConfigMap", "configmaps"),
        Resource("apiregistration.k8s.io/v1", "APIService", "apiservices"),
    )
}
_OF_EACH = ("HorizontalPodAutoscaler", "Deployment", "StatefulSet")
_EVENTS_OF = ("ScaledObject", "ScaledJob", "HorizontalPodAutoscaler")


class NotInstalled(Exception):
    """The API server serves no ScaledObjects."""


def read(get: Get, namespace: str = "", name: str = "") -> Snapshot:
    """What matters for the ScaledObjects and ScaledJobs of this namespace and name, each "" for any.

    Raises:
        Unreachable: the API server does not answer.
        NotInstalled: it serves no ScaledObjects.
    """
    reader = Reader(get)
    scaled = [reader.list(_RESOURCES[kind], namespace) for kind in SCALED]
    reader.run([*scaled, reader.one(_RESOURCES["APIService"], "", EXTERNAL_METRICS)])
    if not reader.found and get("/apis/keda.sh/v1alpha1").status == 404:
        raise NotInstalled
    if name:
        reader.found = [
            each
            for each in reader.found
            if each["kind"] == "APIService" or dig(each, "metadata", "name") == name
        ]
    reader.run(_around(reader, Objects(reader.found)))
    reader.run(_behind(reader, _snapshot(reader)))
    seen = _snapshot(reader)
    missing: dict[tuple[str, str], Missing] = {}
    values: dict[tuple[str, str, str], Reading] = {}
    reader.run([*_streams(reader, seen, missing), *readings(reader, seen, values)])
    return replace(seen, readings=values, missing=missing, unseen=tuple(reader.unseen))


def _snapshot(reader: Reader) -> Snapshot:
    now = reader.now or utc_now()
    return Snapshot(Objects(reader.found), now, True, reader.complete, unseen=tuple(reader.unseen))


def _streams(reader: Reader, snapshot: Snapshot, missing: dict[tuple[str, str], Missing]) -> Iterator[Task]:
    """Whether the streams and consumers of nats-jetstream triggers exist, which KEDA does not report."""
    for item in snapshot.scaled():
        if any(dig(trigger, "type") == "nats-jetstream" for trigger in sequence(item.spec.get("triggers"))):
            yield functools.partial(_stream, reader, item, missing)


def _stream(reader: Reader, item: Item, missing: dict[tuple[str, str], Missing]) -> None:
    def get(path: str) -> str:
        of = f"the JetStream consumer of {item.namespace}/{item.name}"
        right = Unseen(of, f"grant `get services/proxy` in {path.split('/')[4]}")
        silent = Unseen(of, f"no answer of NATS within {SECONDS[1]} s")
        response = reader.behind(path, right, silent, seconds=SECONDS)
        return response.body.decode(errors="replace") if response and response.status < 400 else ""

    if found := jetstream.missing(get, item.spec):
        missing[item.namespace, item.name] = found


def _around(reader: Reader, objects: Objects) -> Iterator[Task]:
    """What belongs to the ScaledObjects and ScaledJobs, in their namespaces; and KEDA itself."""
    chosen = list(objects.everywhere(*SCALED))
    names = sorted({item.namespace for item in chosen})
    namespaces = names if len(names) <= _NAMESPACES else [""]
    for namespace in namespaces:
        for kind in _OF_EACH:
            yield reader.list(_RESOURCES[kind], namespace)
        for kind in _EVENTS_OF:
            yield reader.list(_RESOURCES["Event"], namespace, f"&fieldSelector=involvedObject.kind%3D{kind}")
        if any(item.kind == "ScaledJob" for item in chosen):
            yield reader.list(_RESOURCES["Job"], namespace, "&labelSelector=scaledjob.keda.sh%2Fname")
    services = [
        dig(item.manifest, "spec", "service", "namespace") for item in objects.everywhere("APIService")
    ]
    home = text(services[0]) if services else ""
    if home not in namespaces and "" not in namespaces:
        # Where no APIService has KEDA's namespace, KEDA is found by the label of its chart.
        label = "" if home else f"&labelSelector=app.kubernetes.io%2Fname%3D{OPERATOR}"
        yield reader.list(_RESOURCES["Deployment"], home, label)
    authentications: set[tuple[str, str, str]] = set()
    for item in chosen:
        yield from _custom_target(reader, item)
        for trigger in sequence(item.spec.get("triggers")):
            reference = mapping(dig(trigger, "authenticationRef"))
            kind, given = text(reference.get("kind")) or AUTHENTICATIONS[0], text(reference.get("name"))
            if given and kind in AUTHENTICATIONS:
                authentications.add((kind, item.namespace if kind == AUTHENTICATIONS[0] else "", given))
    for kind, namespace, given in sorted(authentications):
        yield reader.one(_RESOURCES[kind], namespace, given)


def _custom_target(reader: Reader, item: Item) -> Iterator[Task]:
    """A target of any other kind, as KEDA's status has its resource."""
    found = mapping(dig(item.manifest, "status", "scaleTargetGVKR"))
    group, version, kind = (text(found.get(key)) for key in ("group", "version", "kind"))
    if item.kind == "ScaledObject" and kind and kind not in _RESOURCES:
        resource = Resource(f"{group}/{version}", kind, text(found.get("resource")))
        yield reader.one(resource, item.namespace, text(dig(item.spec, "scaleTargetRef", "name")))


def _behind(reader: Reader, snapshot: Snapshot) -> Iterator[Task]:
    """Pods where not all are ready, and the Secrets and ConfigMaps that credentials come from."""
    keda = Installation(snapshot)
    namespaces: set[str] = set()
    holders: set[tuple[Any, ...]] = set()
    for item in snapshot.scaled():
        workload = Workload(item, snapshot)
        if item.kind == "ScaledJob" or (workload.replicas or 0) > (workload.ready or 0):
            namespaces.add(item.namespace)
        for trigger in workload.triggers:
            found = references(workload, trigger, keda)
            holders |= {(each.kind, each.namespace, each.name) for each in found}
    for namespace in sorted(namespaces):
        yield reader.list(_RESOURCES["Pod"], namespace)
    for kind, namespace, name in sorted(holders):
        yield reader.one(_RESOURCES[kind], namespace, name, METADATA)
