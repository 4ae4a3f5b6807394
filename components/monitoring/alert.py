"""An alert: a decorated function of `components.monitoring.alerts`, and the rule it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from components.workload import Workload
from keda import ScaledObject

Severity = Literal["critical", "warning", "info"]
Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Firing:
    """When an alert fires."""

    expression: str
    """PromQL."""
    summary: str
    """One line; Prometheus fills `{{ $value }}` and `{{ $labels.… }}` in."""
    minutes: int | None = None
    """How long the expression must hold by default, where the subject decides it."""


Firings = Callable[[Subject], Iterator[Firing]]
"""What an alert's function is: none, one or several conditions of a subject."""


@dataclass(frozen=True)
class Definition(Generic[Subject]):
    """An alert with its text for docs/alerts.md."""

    name: str
    severity: Severity
    minutes: int
    """How long its expression must hold by default."""
    fires: str
    """When it fires, in Markdown."""
    firings: Firings[Subject]


@dataclass(frozen=True)
class Alert:
    """One alerting rule. `minutes`: how long the expression must hold; its name is its runbook's too.

    Alertmanager identifies an alert by its name and `labels`: two of one name with equal labels are one alert
    to it. Routes and silences match labels too.
    """

    name: str
    expression: str
    minutes: int
    severity: Severity
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, definition: Definition[Any], firing: Firing, minutes: int, labels: Mapping[str, str]
    ) -> Alert:
        """The rule that a definition becomes where it fires."""
        return cls(definition.name, firing.expression, minutes, definition.severity, firing.summary, labels)

    def rule(self, runbooks: str | None) -> dict[str, Any]:
        """As Prometheus reads it. `runbooks`: the address of the runbooks' folder; None: no link."""
        annotations = {"summary": self.summary}
        if runbooks is not None:
            annotations["runbook_url"] = f"{runbooks}/{self.name}.md"
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.minutes}m",
            "labels": {"severity": self.severity, **self.labels},
            "annotations": annotations,
        }


@dataclass(frozen=True)
class Installation:
    """KEDA itself, as the alerts on it see it."""

    namespace: str
    values: Mapping[str, Any]
    """Of KEDA's chart, those of the stack file included."""
    workloads: Mapping[str, Workload]


@dataclass(frozen=True)
class Watched:
    """A workload, as one of its alerts sees it."""

    workload: Workload
    minutes: int
    """How long the alert's expression must hold: the workload's own time, else the alert's default."""
    conditions: bool
    """Whether kube-state-metrics has metrics of the conditions of KEDA's objects."""

    @property
    def scaled_object(self) -> ScaledObject | None:
        """None for a ScaledJob."""
        return self.workload.scaled if isinstance(self.workload.scaled, ScaledObject) else None

    @property
    def title(self) -> str:
        """`ScaledObject ray/serve`."""
        return f"{self.workload.scaled.kind} {self.workload.namespace}/{self.workload.name}"

    @property
    def lasting(self) -> str:
        """`minutes` as text: `45 minutes`, `24 hours`."""
        hours, minutes = divmod(self.minutes, 60)
        return f"{hours} hours" if hours > 1 and minutes == 0 else f"{self.minutes} minutes"


class Register(list[Definition[Subject]]):
    """Alerts on one kind of subject, in the order in which they are defined."""

    def alert(
        self, name: str, severity: Severity, minutes: int, fires: str
    ) -> Callable[[Firings[Subject]], Firings[Subject]]:
        """Adds a function as an alert; the arguments are those of `Definition`."""

        def add(firings: Firings[Subject]) -> Firings[Subject]:
            self.append(Definition(name, severity, minutes, fires, firings))
            return firings

        return add
