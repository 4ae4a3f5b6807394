"""The HPA's own faults, and those of the target and its pods."""

from __future__ import annotations

from collections.abc import Iterator

from keda.core.errors import counted
from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.installation import Installation
from keda.diagnosis.wording import quoted
from keda.diagnosis.workload import Workload, conditions_of
from keda.manifests.objects import Item
from keda.manifests.reading import dig, mapping, sequence, text, whole

_STUCK = (
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)


def no_hpa(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """KEDA made the HPA, and it is gone."""
    ready = workload.condition("Ready").status == "True"
    if workload.hpa is None and ready and workload.snapshot.known_absent("HorizontalPodAutoscaler"):
        yield Answer(
            "no-hpa",
            Level.BROKEN,
            Hop.HPA,
            f"does not scale above 1: its HPA {workload.hpa_name} does not exist though it is Ready",
            "Restart KEDA's operator, which makes the HPA again; check what deletes it.",
        )


def unable_to_scale(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """AbleToScale False: FailedGetScale, FailedUpdateScale (podautoscaler/horizontal.go:774, 915)."""
    able = workload.hpa_condition("AbleToScale")
    if able.status == "False":
        yield Answer(
            "hpa-unable",
            Level.BROKEN,
            Hop.TARGET,
            f"is not scaled by its HPA ({able.reason}): {quoted(able.message)}",
            "Let the HPA controller get and update the target's /scale, and check that the target exists.",
        )


def failing_resource(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """ScalingActive False for any other metric: cpu and memory, which KEDA does not read."""
    active = workload.hpa_condition("ScalingActive")
    others = ("FailedGetExternalMetric", "ScalingDisabled", "AmbiguousSelector")
    if active.status != "False" or active.reason in others:
        return
    fix, why = "", quoted(active.message)
    if "metrics.k8s.io" in active.message or "no metrics returned" in active.message:
        fix = "Install metrics-server, or wait for its first samples of new pods."
    elif "missing request" in active.message:
        fix = "Write resources.requests on every container of the target."
    yield Answer(
        "hpa-metric",
        Level.BROKEN,
        Hop.HPA,
        f"stays at {workload.replicas}: its HPA cannot compute a count ({active.reason}): {why}",
        fix,
    )


def no_target(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """The target was there when KEDA looked at the ScaledObject, and is gone."""
    if workload.target is None and workload.snapshot.known_absent(workload.target_kind):
        yield Answer(
            "no-target",
            Level.BROKEN,
            Hop.TARGET,
            f"does not scale: its target {workload.target_ref} does not exist",
            "Create the target, or correct spec.scaleTargetRef.",
        )


def stuck_pods(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """Replicas are wanted, and their pods do not come up."""
    wanted, ready = workload.replicas, workload.ready
    if workload.target is None or wanted is None or ready is None or ready >= wanted:
        return
    failed = conditions_of(workload.target).get("ReplicaFailure")
    if failed is not None and failed.status == "True":
        yield _stuck(workload, f"its pods are not created: {quoted(failed.message)}")
        return
    stuck = [(pod, why) for pod in workload.pods if (why := why_stuck(pod))]
    if stuck:
        pod, why = stuck[0]
        yield _stuck(workload, f"{counted(len(stuck), 'pod')} cannot start, first {pod.name}: {quoted(why)}")


def _stuck(workload: Workload, why: str) -> Answer:
    are = "is" if workload.ready == 1 else "are"
    return Answer(
        "stuck-pods",
        Level.BROKEN,
        Hop.TARGET,
        f"is scaled to {workload.replicas}, and {workload.ready} of them {are} ready: {why}",
        "Scaling works; free or add what the pods need.",
    )


def why_stuck(pod: Item) -> str:
    """Unschedulable, or a container that waits for a reason that does not pass by itself."""
    status = mapping(pod.manifest.get("status"))
    scheduled = conditions_of(pod).get("PodScheduled")
    if scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable":
        return scheduled.message
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in map(mapping, sequence(status.get(key))):
            waiting = mapping(dig(container, "state", "waiting"))
            if waiting.get("reason") in _STUCK:
                times = whole(container.get("restartCount")) or 0
                restarts = f", {counted(times, 'restart')}" if times else ""
                return f"{text(waiting.get('reason'))}{restarts}: {text(waiting.get('message'))}"
    return ""
