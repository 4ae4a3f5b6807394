"""What KEDA's operator and the API server require of a ScaledJob."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keda.checks import edits
from keda.checks.admission.scaled_object import REPLICA_BOUNDS
from keda.checks.registry import REPLICAS, Problem, error
from keda.checks.scaling import SPEC, any_unknown, number_of, spec_of
from keda.core.defaults import DEFAULT_MAX
from keda.core.errors import MISSING, did_you_mean
from keda.core.spelling import spelling
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, text, whole
from keda.syntax import go

_STRATEGY_WORDS = {
    ("scalingStrategy", "strategy"): ("default", "custom", "accurate", "eager"),
    ("scalingStrategy", "multipleScalersCalculation"): ("max", "min", "avg", "sum"),
    ("rollout", "strategy"): ("default", "gradual"),
    ("rolloutStrategy",): ("default", "gradual"),
    ("rollout", "propagationPolicy"): ("background", "foreground"),
}

JOB_STRATEGY = error(
    "job-strategy",
    REPLICAS,
    summary="Unknown scaling or rollout strategy",
    why=(
        "The CRD has no enum for these strategies: KEDA silently uses the default for a misspelled one. "
        "`custom` without its deduction crashes the operator (scale_jobs.go:503)."
    ),
    passes="scalingStrategy: {strategy: accurate}",
)


@JOB_STRATEGY.on("ScaledJob")
def strategy_words(item: Item) -> Iterator[Problem]:
    """Strategies that KEDA replaces by its default."""
    for path, words in _STRATEGY_WORDS.items():
        value = spec_of(item, *path)
        if isinstance(value, str) and value and value not in words:
            near = did_you_mean(value, words)
            what, why = (f"is not one of {', '.join(words)}.", f"KEDA would silently take it for {words[0]}.")
            fix = f"Write {near or words[-1]}."
            yield Problem(
                (*SPEC, *path), value, what, fix, edit=edits.word(value, near or words[-1]), why=why
            )


@JOB_STRATEGY.on("ScaledJob")
def custom_strategy(item: Item) -> Iterator[Problem]:
    """A nil pointer of KEDA's operator (scale_jobs.go:503)."""
    deduction = spec_of(item, "scalingStrategy", "customScalingQueueLengthDeduction")
    percentage = spec_of(item, "scalingStrategy", "customScalingRunningJobPercentage")
    custom = spec_of(item, "scalingStrategy", "strategy") == "custom"
    if custom and percentage is not UNKNOWN and not _is_real(text(percentage)):
        yield Problem(
            (*SPEC, "scalingStrategy", "customScalingRunningJobPercentage"),
            percentage or MISSING,
            f"{'is not a number' if percentage else 'missing'}, and the custom strategy needs it.",
            'Write customScalingRunningJobPercentage: "0.5", the share of the running Jobs to subtract.',
            why="KEDA would silently take the default strategy (scale_jobs.go:470).",
        )
    elif custom and deduction is not UNKNOWN and whole(deduction) is None:
        yield Problem(
            (*SPEC, "scalingStrategy", "customScalingQueueLengthDeduction"),
            MISSING,
            "missing, and required by the custom strategy.",
            "Write customScalingQueueLengthDeduction: 0.",
            why="KEDA's operator would crash on it.",
        )


def _is_real(written: str) -> bool:
    try:
        go.real(written)
    except ValueError:
        return False
    return True


@REPLICA_BOUNDS.on("ScaledJob")
def maximum_and_minimum(item: Item) -> Iterator[Problem]:
    """A maximum below 1, and a minimum above it."""
    low, high = number_of(item, "minReplicaCount"), number_of(item, "maxReplicaCount")
    limit = DEFAULT_MAX if high is None else high
    if high is not None and high <= 0:
        what, why = "is not above 0.", "No Job would ever be made."
        yield Problem((*SPEC, "maxReplicaCount"), high, what, "Write at least 1.", why=why)
    elif low is not None and low > limit and not any_unknown(item, "maxReplicaCount"):
        what, why = f"is above {spelling('maxReplicaCount')} {limit}.", f"KEDA would silently take {limit}."
        yield Problem((*SPEC, "minReplicaCount"), low, what, f"Write at most {limit}.", why=why)


@error(
    "job-template",
    REPLICAS,
    summary="A Job template that the API server refuses",
    why=(
        "The template is checked only when the first Job is made: the ScaledJob is Ready, and no Job ever "
        "runs."
    ),
    passes="""
        jobTargetRef:
          template:
            spec:
              restartPolicy: Never
              containers: [{name: worker, image: registry.example.org/worker:1.4}]
    """,
).on("ScaledJob")
def job_template(item: Item) -> Iterator[Problem]:
    """What the API server requires of every Job: found out only when the first one is made."""
    at: At = (*SPEC, "jobTargetRef", "template", "spec")
    pod = dig(item.manifest, *at)
    if not isinstance(dig(item.manifest, *at[:3]), Mapping) or pod is UNKNOWN:
        return
    # The CRD asks for the key within a spec, and takes an empty list.
    if pod is None or mapping(pod).get("containers") == []:
        what, why = "missing, and required.", "No Job could be made."
        yield Problem((*at, "containers"), MISSING, what, "Write one container.", why=why)
    for key in ("initContainers", "containers"):
        for index, container in enumerate(sequence(mapping(pod).get(key))):
            if not isinstance(container, Mapping):
                continue
            if did_you_mean("image", {str(key) for key in container} - {"image"}):
                continue  # a misspelt key is an unknown field
            if container.get("image") in (None, ""):
                what, why = "missing, and required.", "The API server refuses every Job."
                yield Problem((*at, key, index, "image"), MISSING, what, "Write the image.", why=why)
    policy = mapping(pod).get("restartPolicy")
    # Without one KEDA writes OnFailure (scale_jobs.go:230).
    if policy not in ("Never", "OnFailure", "", None, UNKNOWN):
        yield Problem(
            (*at, "restartPolicy"),
            policy,
            "is not Never or OnFailure.",
            "Write restartPolicy: Never.",
            why="The ScaledJob is Ready, and then the API server refuses every Job.",
        )
