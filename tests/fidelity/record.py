"""What really happened in a scenario, as JSON: all times are seconds since the scenario began."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded.json"
Point = tuple[float, int]


@dataclass
class Record:
    """One scenario in the lab. `ran` is the time at which it ended."""

    name: str
    rules: Sequence[str]
    manifest: Mapping[str, Any]
    signals: Sequence[Sequence[tuple[float, float | str]]]
    """By trigger: the steps that the source served."""
    created: float
    """The ScaledObject's creation; the scenario begins with its first poll."""
    ran: float
    replicas: Sequence[Point]
    """spec.replicas of the target, each change; the first is what was there."""
    status: Sequence[Point]
    ready: Sequence[Point]
    syncs: Sequence[tuple[float, str, int | None]]
    """Each sync of the HPA: rescaled, kept or failed, and the count then desired."""
    served: Sequence[Sequence[float]]
    """By trigger: when it was read, by KEDA's loop and for the HPA."""
    conditions: Sequence[tuple[float, str]]
    """What KEDA reports of the ScaledObject and the HPA of itself, each change."""
    acts: Sequence[Mapping[str, Any]]
    """What someone else did: at, and replicas or patch."""
    operator_away: Sequence[tuple[float, float]] = ()
    controller_away: Sequence[tuple[float, float]] = ()
    pods: str = "none"
    delay: int = 0
    sampled_after: int = 0
    request: int = 0
    jobs: Sequence[Mapping[str, Any]] = ()
    """Of a ScaledJob: when each Job was created, had a running pod, and ended; `replicas` are the unfinished
    ones."""


def save(records: Sequence[Record], path: Path) -> None:
    """One record a line: a new run changes only the lines of what it ran. Defaults are left out."""
    default = {each.name: each.default or None for each in fields(Record) if each.default is not MISSING}
    kept = [
        {
            key: value
            for key, value in asdict(record).items()
            if key not in default or (value or None) != default[key]
        }
        for record in records
    ]
    lines = [json.dumps(entry, separators=(",", ":")) for entry in kept]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


def load(path: Path) -> list[Record]:
    return [Record(**entry) for entry in json.loads(path.read_text())]
