"""The policy config that belongs to a stack of this project: policies/<stack>.json.

The pack reads it itself, so `pulumi up --policy-pack policies` and `make up` judge alike. What
--policy-pack-config names is laid over it (pulumi/pulumi pkg/resource/analyzer/config.go).

The engine names the stack to a pack in ConfigureStack, after the pack has started and before it asks for the
pack's config; only packs without a language plugin find it in their environment (analyzer_plugin.go). The SDK
keeps nothing of that request but the tags (pulumi_policy 1.21), so `policies.service` extends it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pulumi_policy import EnforcementLevel

Config = dict[str, EnforcementLevel | dict[str, Any]]

PROJECT = "keda-homelab"
FOLDER = Path(__file__).parent


class UnreadableConfig(Exception):
    """What is wrong with the file, in one line."""


def stack_config(project: str, stack: str, folder: Path = FOLDER) -> Config:
    """The config of a stack; empty for another project's stack, and for a stack without a file.

    Args:
        project: the program's project.
        stack: its stack's name.
        folder: where the files are.

    Raises:
        UnreadableConfig: the file is not a JSON object of levels and settings.
    """
    if project != PROJECT:
        return {}
    file = folder / f"{stack}.json"
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UnreadableConfig(f"{file.name}: is not JSON ({error}). No rule would be configured.") from None
    if not isinstance(entries, dict):
        raise UnreadableConfig(f"{file.name}: is not a JSON object of rules. See docs/policies.md.")
    return {rule: _entry(file.name, rule, value) for rule, value in entries.items()}


def _entry(file: str, rule: str, value: object) -> EnforcementLevel | dict[str, Any]:
    """A level alone, or settings of which `enforcementLevel` may be one. Raises UnreadableConfig."""
    if isinstance(value, dict):
        level = value.get("enforcementLevel")
        return value if level is None else {**value, "enforcementLevel": _level(file, rule, level)}
    return _level(file, rule, value)


def _level(file: str, rule: str, value: object) -> EnforcementLevel:
    known = [level.value for level in EnforcementLevel]
    if value not in known:
        raise UnreadableConfig(f"{file}: {rule}: {value!r} is not one of {', '.join(known)}.")
    return EnforcementLevel(value)
