"""What a careful operator of KEDA refuses beyond conflicts: rules on plain manifests, total over any JSON.

Each rule yields `Finding`s. What is UNKNOWN in a manifest is never taken for a mistake: `undecided` functions
tell which unknown field a rule would have to read.
"""

from __future__ import annotations

from dataclasses import dataclass

"""The release that the types, the verdicts and these rules are of."""

GPUS_PER_POD = "keda-homelab.dev/gpus-per-pod"
"""Annotation of a ScaledObject: GPUs each pod asks for, where its target is declared elsewhere."""


@dataclass(frozen=True)
class Finding:
    """One line about the objects named in `objects` (`Kind namespace/name`), its subject first."""

    message: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Undecided:
    """A field that a rule would have to read and cannot."""

    object: str
    where: str
    path: str
    why: str
    """Continues the sentence that the path begins."""
