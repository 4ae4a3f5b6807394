"""What a diagnosis consists of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keda.diagnosis.snapshot import Unseen


class Level(StrEnum):
    """How bad it is. Only `broken` is a fault; `limited` is what a setting holds back."""

    BROKEN = "broken"
    LIMITED = "limited"
    WORKING = "working"


class Hop(StrEnum):
    """The links of the chain, from the source of the value to the pods."""

    KEDA = "KEDA"
    SOURCE = "source"
    TRIGGER = "trigger"
    ACTIVATION = "activation"
    HPA = "HPA"
    JOBS = "Jobs"
    TARGET = "target"


@dataclass(frozen=True)
class Answer:
    """The cause, at one link. `sentence` continues the workload's name."""

    kind: str
    level: Level
    hop: Hop
    sentence: str
    fix: str = ""


@dataclass(frozen=True)
class Link:
    """One link of the chain: how it is, and what shows it."""

    hop: Hop
    state: str
    """ok, broken, limited, affected (fails because of the broken one), idle (has no part now) or unknown."""
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Transition:
    """What comes next. `at` is None where it depends on a value and not on time."""

    at: datetime | None
    text: str


@dataclass(frozen=True)
class Diagnosis:
    """Why one ScaledObject or ScaledJob has the replicas or Jobs it has."""

    kind: str
    namespace: str
    name: str
    replicas: int | None
    """Of a ScaledJob the unfinished Jobs."""
    answer: Answer
    also: tuple[Answer, ...]
    """Other faults, each at its own link."""
    chain: tuple[Link, ...]
    arithmetic: tuple[str, ...]
    next: tuple[Transition, ...]
    notes: tuple[str, ...]
    unseen: tuple[Unseen, ...]
    at: datetime

    @property
    def title(self) -> str:
        """The one sentence that answers."""
        return f"{self.namespace}/{self.name} {self.answer.sentence.rstrip('.')}."

    @property
    def broken(self) -> bool:
        """Whether something is at fault."""
        return self.answer.level is Level.BROKEN
