"""That a ScaledObject's target is of a kind that can be scaled, and that a Job's template has the container
whose environment its triggers read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks import edits
from keda.checks.admission.metadata import BAD_NAME
from keda.checks.registry import REFERENCES, Problem, error, on_objects
from keda.checks.scaling import SPEC, spec_of
from keda.core.errors import Refused, did_you_mean
from keda.core.names import object_name
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, mapping, sequence, text

_BUILTIN_SCALABLE = {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}
_BUILTIN_GROUPS = {
    "": {"ReplicationController"},
    "apps": {"Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"},
    "batch": {"Job", "CronJob"},
}
_CORE = {"ConfigMap", "Secret", "Namespace", "Node", "PersistentVolumeClaim", "ServiceAccount", "Endpoints"}
_RAY = "Run Serve in a plain Deployment and name that, or leave the scaling to Ray's own autoscaler."
_NO_SCALE = {
    ("ray.io", "RayService"): _RAY,
    ("ray.io", "RayCluster"): _RAY,
    ("ray.io", "RayJob"): "Use a ScaledJob, or leave the scaling to Ray's own autoscaler.",
    ("apps", "DaemonSet"): "A DaemonSet runs one pod on each node: use a Deployment.",
    ("batch", "Job"): "Use a ScaledJob.",
    ("batch", "CronJob"): "Use a ScaledJob, or a Deployment with a cron trigger.",
    ("", "Pod"): "Name the Deployment that makes the pods.",
    ("", "Service"): "Name the Deployment behind the Service.",
    ("gateway.networking.k8s.io", "Gateway"): "Name the Deployment of its proxies.",
}
"""Kinds people try to scale that have no /scale subresource, and what to do instead."""
_OF_OTHER_GROUPS = {
    "DeploymentConfig": "apps.openshift.io/v1",
    "Fleet": "agones.dev/v1",
    "LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
    "MachineDeployment": "cluster.x-k8s.io/v1beta1",
    "MachinePool": "cluster.x-k8s.io/v1beta1",
    "VirtualMachineInstanceReplicaSet": "kubevirt.io/v1",
    "Rollout": "argoproj.io/v1alpha1",
    "CloneSet": "apps.kruise.io/v1alpha1",
    "KafkaConnect": "kafka.strimzi.io/v1beta2",
    "KafkaBridge": "kafka.strimzi.io/v1beta2",
    "SeldonDeployment": "machinelearning.seldon.io/v1",
    "RunnerDeployment": "actions.summerwind.dev/v1alpha1",
    "OpenTelemetryCollector": "opentelemetry.io/v1beta1",
}
"""Kinds with a /scale subresource that people name without their group."""
_RAY_KINDS = {kind: fix for (group, kind), fix in _NO_SCALE.items() if group == "ray.io"}
"""For those who leave apiVersion out: KEDA would look for the kind in apps/v1."""
_AT: At = (*SPEC, "scaleTargetRef")
_NOT_READY = "KEDA would mark the ScaledObject not Ready."

TARGET_NOT_SCALABLE = error(
    "target-not-scalable",
    REFERENCES,
    summary="A kind without a /scale subresource",
    why="KEDA scales through /scale. Pods, Jobs, DaemonSets and Ray's resources have none.",
    passes="scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: inference}",
)


@on_objects("ScaledObject")
def target(item: Item) -> Iterator[Problem]:
    """The kind and version of scaleTargetRef, and its name."""
    reference = mapping(spec_of(item, "scaleTargetRef"))
    if text(reference.get("name")) and UNKNOWN not in (reference.get("kind"), reference.get("apiVersion")):
        yield from target_problems(reference)


def target_problems(reference: Mapping[Any, Any]) -> Iterator[Problem]:
    """Why a scaleTargetRef with a name cannot be scaled, whatever the cluster holds."""
    name = text(reference.get("name"))
    kind, version = _text_or(reference, "kind", "Deployment"), _text_or(reference, "apiVersion", "apps/v1")
    group, slash, served = version.rpartition("/")
    keda = "the server could not find the requested resource"
    if "." in version.partition("/")[0]:  # so the API server words it for a custom resource
        keda = f'{kind.lower()}s.{group} "{name}" not found'
    try:
        object_name(name)
    except Refused as wrong:
        yield BAD_NAME.found((*_AT, "name"), name, wrong.why, wrong.fix or "", why=_NOT_READY)
        return
    instead = _NO_SCALE.get((group, kind))
    if instead is None and not isinstance(reference.get("apiVersion"), str):
        instead = _RAY_KINDS.get(kind)
    if instead:
        what = "has no /scale subresource, through which KEDA scales."
        yield TARGET_NOT_SCALABLE.found((*_AT, "kind"), kind, what, instead, keda, why=_NOT_READY)
    elif not slash and not re.match(r"v\d", served):
        yield TARGET_NOT_SCALABLE.found(
            (*_AT, "apiVersion"),
            version,
            "names no version:",
            f"Write {version}/v1.",
            f"unable to retrieve the complete list of server APIs: {version}",
            why=f"KEDA would look for {kind} in a group that is not there. Never Ready.",
        )
    elif group in _BUILTIN_GROUPS and not (kind in _BUILTIN_GROUPS[group] and served == "v1"):
        yield _builtin(kind, version, keda)


def _text_or(reference: Mapping[Any, Any], key: str, default: str) -> str:
    value = reference.get(key)
    return value if isinstance(value, str) else default


def _builtin(kind: str, version: str, keda: str) -> Problem:
    """A kind that is none of its builtin group, or not of this version."""
    group, _, served = version.rpartition("/")
    guess = did_you_mean(kind, _BUILTIN_SCALABLE, cutoff=0.8)
    overlooks = "KEDA finds it, and then overlooks a second owner of the target: it compares the words."
    of_group = guess in _BUILTIN_GROUPS[group] and served == "v1"
    if guess and of_group and kind.lower() == guess.lower() and kind != guess:
        what, why = "is not how the API writes it.", overlooks
        edit = edits.word(kind, guess)
        return TARGET_NOT_SCALABLE.found((*_AT, "kind"), kind, what, f"Write {guess}.", edit=edit, why=why)
    if group == "apps" and kind in ("Deployment", "StatefulSet"):  # never looked up: gvkr.go:69
        what, why = "is not a version that the API server serves.", overlooks
        return TARGET_NOT_SCALABLE.found((*_AT, "apiVersion"), version, what, "Write apps/v1.", why=why)
    if group == "" and served == "v1" and kind in _CORE:
        what, why = "has no /scale subresource.", _NOT_READY
        return TARGET_NOT_SCALABLE.found((*_AT, "kind"), kind, what, "Name e.g. a Deployment.", keda, why=why)
    if kind in _OF_OTHER_GROUPS:
        needed = _OF_OTHER_GROUPS[kind]
        what, why = (
            f"is not a kind of {version} but of {needed}.",
            "KEDA's webhook would reject the object.",
        )
        keda = f'no matches for kind "{kind}" in version "{version}"'
        return TARGET_NOT_SCALABLE.found(
            (*_AT, "kind"), kind, what, f"Write apiVersion: {needed}.", keda, why=why
        )
    near = guess if guess != kind else None
    return TARGET_NOT_SCALABLE.found(
        (*_AT, "kind"),
        kind,
        f"is not a kind of {version}.",
        f"Write {near}." if near else "Write the apiVersion that serves it.",
        f'no matches for kind "{kind}" in version "{version}"',
        edits.word(kind, near),
        why="KEDA's webhook would reject the object.",
    )


UNKNOWN_CONTAINER = error(
    "unknown-container",
    REFERENCES,
    summary="A container that the target does not have",
    why=(
        "KEDA looks up environment variables and per-container metrics there; the scaler fails after "
        "admission."
    ),
    passes="scaleTargetRef: {name: web, envSourceContainerName: app}",
)


@UNKNOWN_CONTAINER.on("ScaledJob")
def job_container(item: Item) -> Iterator[Problem]:
    """The Job's own template decides, so no other object is needed."""
    wanted = text(item.spec.get("envSourceContainerName"))
    containers = sequence(spec_of(item, "jobTargetRef", "template", "spec", "containers"))
    names = [mapping(each).get("name") for each in containers]
    if wanted and names and wanted not in names and UNKNOWN not in [*names, *containers]:
        yield Problem(
            (*SPEC, "envSourceContainerName"),
            wanted,
            "is not a container of the Job's template.",
            f"Write one of {', '.join(map(text, names))}.",
            f"couldn't find container with name {wanted} on Target object",
            why="KEDA could not build the scaler: no Job is ever made.",
        )
