"""Settings of a ScaledJob that KEDA accepts and that then do not work as meant."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import SETTINGS, Problem, warning
from keda.checks.scaling import SPEC, spec_of, triggers_of
from keda.core.errors import MISSING
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item


@warning(
    "job-history",
    SETTINGS,
    summary="A ScaledJob that keeps a hundred finished Jobs",
    why="The defaults are 100 and 100. Every finished Job and its pods stay in the API server.",
    passes="""
        successfulJobsHistoryLimit: 5
        failedJobsHistoryLimit: 5
    """,
).on("ScaledJob")
def job_history(item: Item) -> Iterator[Problem]:
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        if spec_of(item, key) is None:
            yield Problem(
                (*SPEC, key),
                MISSING,
                "not set, so KEDA's default of 100 applies:",
                f"Write {key}: 5.",
                why="a hundred finished Jobs and their pods stay in the API server for each ScaledJob.",
            )


@warning(
    "job-rollout",
    SETTINGS,
    summary="A change deletes running Jobs",
    why="By default KEDA deletes all Jobs of a ScaledJob when it changes (kedacore/keda#6233).",
    passes="rollout: {strategy: gradual}",
).on("ScaledJob")
def job_rollout(item: Item) -> Iterator[Problem]:
    strategy = spec_of(item, "rollout", "strategy") or spec_of(item, "rolloutStrategy")
    if strategy not in ("gradual", UNKNOWN):
        yield Problem(
            (*SPEC, "rollout", "strategy"),
            strategy or MISSING,
            "not gradual:",
            "Write rollout: {strategy: gradual}.",
            why="every change of the ScaledJob kills the Jobs that run, work in hand included.",
        )


_ALWAYS_COUNT_RUNNING = {
    "azure-pipelines": "azure_pipelines_scaler.go:432",
    "github-runner": "github_runner_scaler.go:664",
}
"""Scalers that count jobs without a result, those that run included, and cannot do otherwise."""
_COUNTS_RUNNING = {
    "rabbitmq": ("excludeUnacknowledged", "true"),
    "aws-sqs-queue": ("scaleOnInFlight", "false"),
}
"""Scalers whose number includes the work that Jobs have in hand, unless this is set."""


@warning(
    "job-strategy-unfit",
    SETTINGS,
    summary="A strategy that counts running work twice",
    why=(
        "accurate and eager expect a number without the messages that are being processed "
        "(scale_jobs.go:516); rabbitmq and aws-sqs-queue count them by default, azure-pipelines and "
        "github-runner always."
    ),
    passes="""
        scalingStrategy: {strategy: accurate}
        triggers:
          - type: rabbitmq
            metadata: {excludeUnacknowledged: "true"}
    """,
).on("ScaledJob")
def job_strategy_unfit(item: Item) -> Iterator[Problem]:
    strategy = spec_of(item, "scalingStrategy", "strategy")
    if strategy not in ("accurate", "eager"):
        return
    for trigger in triggers_of(item):
        kind = trigger.type
        if kind in _ALWAYS_COUNT_RUNNING:
            yield Problem(
                (*SPEC, "scalingStrategy", "strategy"),
                strategy,
                f"expects a number without the jobs that run, and the {kind} trigger counts those too:",
                "Write strategy: default.",
                why="each poll makes Jobs for work that others already do.",
            )
        key, wanted = _COUNTS_RUNNING.get(kind, ("", ""))
        if key and trigger.get("metadata", key) not in (wanted, UNKNOWN):
            yield Problem(
                (*SPEC, "scalingStrategy", "strategy"),
                strategy,
                f"expects a number without the work in hand, and the {kind} trigger counts that too:",
                f'Write {key}: "{wanted}", or strategy: default.',
                why="Jobs are made for messages that others already work on.",
            )
