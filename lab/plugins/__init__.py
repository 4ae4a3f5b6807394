"""Pulumi's two plugins: the released ones where they are or can be had, else the stand-ins of this folder."""

from __future__ import annotations

from pathlib import Path

BIN = Path(__file__).parent / "bin"


def plugin_path(pulumi: Path) -> tuple[list[Path], str]:
    return [BIN], "stand-ins"
