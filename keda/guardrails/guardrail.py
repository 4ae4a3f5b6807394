"""What every policy has: its words, its settings, and the functions that an adapter calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from keda.guardrails.program import Program
from keda.manifests.declared import Declared

Severity = Literal["low", "medium", "high", "critical"]
Level = Literal["mandatory", "advisory"]
Config = Mapping[str, Any]

NOT_YET = "is known only in the update"


@dataclass(frozen=True)
class Finding:
    """One line about the objects named in `objects` (`Kind namespace/name`), its subject first.

    `where` is the place of the object that it is about, where that is not the one at hand.
    """

    message: str
    objects: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True)
class Undecided:
    """A field that a policy reads and that is not known yet."""

    object: str
    where: str
    path: str
    why: str = NOT_YET
    """Continues the sentence that the path begins."""


class Guardrail:
    """A policy. Each subclass with a name is registered; each operation has its own instance.

    `judge` is given each object once and yields what is wrong with it, or with it and those before. What is
    UNKNOWN in a manifest is never a mistake: `undecided` names the unknown fields that `judge` reads.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str]
    """One sentence: what holds."""
    why: ClassVar[str]
    fails: ClassVar[str] = ""
    passes: ClassVar[str] = ""
    """YAML documents that the page shows and a test judges, with `example` as config."""
    note: ClassVar[str] = ""
    example: ClassVar[Config] = {}
    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """JSON schemas of the policy's config, by key."""
    severity: ClassVar[Severity] = "high"
    level: ClassVar[Level] = "mandatory"

    registered: ClassVar[dict[str, type[Guardrail]]] = {}

    def __init_subclass__(cls) -> None:
        if cls.name:
            Guardrail.registered[cls.name] = cls

    def __init__(self, program: Program) -> None:
        self.program = program

    def judge(self, declared: Declared, config: Config) -> Iterable[Finding]:
        """What is wrong with an object, alone or with those before it."""
        return ()

    def undecided(self, declared: Declared, config: Config) -> Iterable[Undecided]:
        """The unknown fields of one object that `judge` reads."""
        return ()

    def announced(self, declared: Declared, config: Config) -> Iterable[Finding]:
        """`judge`, for what a component is going to register: it comes again as an object of its own."""
        return ()

    def at_end(self, config: Config) -> Iterable[Finding]:
        """What only the end of the operation shows."""
        return ()

    def undecided_at_end(self, config: Config) -> Iterable[Undecided]:
        """What could not be decided, known at the end only."""
        return ()
