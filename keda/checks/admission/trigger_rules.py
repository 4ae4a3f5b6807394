"""The rules of keda.checks.admission.triggers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from keda.checks import edits
from keda.checks.admission.authentication import OPERATOR_CRASH
from keda.checks.admission.triggers import check_triggers
from keda.checks.findings import Report
from keda.checks.registry import SCALING, TRIGGERS, Problem, error, on_objects, warning
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import dig, mapping

UNKNOWN_SCALER = error(
    "unknown-scaler",
    TRIGGERS,
    summary="Unknown trigger type",
    why=(
        "KEDA's webhook does not check trigger types. The operator finds no scaler and makes no HPA, and "
        "the object is never Ready."
    ),
    passes="""
        triggers:
          - type: prometheus
    """,
)
TRIGGER_PARAMETER = error(
    "trigger-parameter",
    TRIGGERS,
    summary="An invalid or missing parameter",
    why=(
        "KEDA parses trigger metadata only when it builds the scaler, after admission. A missing, "
        "misspelled or unreadable value leaves the object not Ready, without an HPA."
    ),
    passes="""
        metadata:
          threshold: "50"   # a JSON number: no unit, no words, no leading zero
    """,
)
MISSPELT_PARAMETER = error(
    "misspelt-parameter",
    TRIGGERS,
    summary="Misspelled or misplaced parameter",
    why=(
        "KEDA accepts any key in metadata and reads only the ones it has. It silently uses the default "
        "for a misspelled one."
    ),
    passes="""
        metadata:
          lagThreshold: "20"
    """,
)
UNKNOWN_PARAMETER = warning(
    "unknown-parameter",
    TRIGGERS,
    summary="A parameter the scaler does not read",
    why=(
        "It has no effect. Often it is left over from an older KEDA, such as metricName of prometheus "
        "triggers."
    ),
    passes="""
        metadata:   # without metricName
          serverAddress: http://prometheus.monitoring:9090
          query: sum(rate(http_requests_total{job="gateway"}[2m]))
          threshold: "50"
          ignoreNullValues: "false"
    """,
)
METRIC_TYPE = error(
    "metric-type",
    TRIGGERS,
    summary="A metric type that the scaler does not support",
    why=(
        "cpu and memory need Utilization or AverageValue; all other scalers need AverageValue (the "
        "default) or Value. The webhook does not check it; the operator then makes no HPA."
    ),
    passes="""
        - type: cpu
          metricType: Utilization
          metadata: {value: "60"}
    """,
)
PLAIN_SECRET = warning(
    "plain-secret",
    TRIGGERS,
    summary="A secret in plain text",
    why=(
        "Everyone who may read the object can read trigger metadata, and it is copied into Git, Pulumi's "
        "state and backups."
    ),
    passes="authenticationRef: {name: rabbitmq}   # a TriggerAuthentication that names the Secret's key",
    see="secrets.md",
)


@on_objects(*SCALING)
def triggers(item: Item) -> Iterator[Problem]:
    report = Report()
    check_triggers(item, report)
    yield from (
        _corrected(item, problem) for problem in report.problems if not rests_on_unknown(item, problem)
    )


def rests_on_unknown(item: Item, problem: Problem) -> bool:
    """Whether KEDA's verdict on a trigger may hang on a value that is not known yet."""
    if problem.rule not in (TRIGGER_PARAMETER, OPERATOR_CRASH):
        return False
    trigger = mapping(dig(item.manifest, *problem.at[:3]))
    deciding = [*trigger.values(), *mapping(trigger.get("metadata")).values()]
    return UNKNOWN in [
        *deciding,
        *mapping(trigger.get("authenticationRef")).values(),
        dig(item.manifest, "spec", "advanced", "scalingModifiers", "formula"),
    ]


def _corrected(item: Item, problem: Problem) -> Problem:
    advice = re.fullmatch(r"Write ([\w./-]+)\.", problem.fix)
    if advice is None:
        return problem
    if problem.rule is MISSPELT_PARAMETER:
        beside = dig(item.manifest, *problem.at[:-1])
        return replace(problem, edit=edits.key(str(problem.at[-1]), advice[1], beside))
    return replace(problem, edit=edits.word(dig(item.manifest, *problem.at), advice[1]))
