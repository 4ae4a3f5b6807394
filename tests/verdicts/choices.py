"""Where our verdict differs from KEDA's on purpose, each with its reason."""

from __future__ import annotations

from tests.oracle import Spec, Verdict


def choice(spec: Spec, verdict: Verdict, ours: list[str]) -> str | None:
    """The name of the choice that explains a difference, or None."""
    if verdict.stage == "build" and not ours:
        return "client refused what the parser took"
    return None
