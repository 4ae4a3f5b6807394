"""The stack files: Pulumi.homelab.yaml, of which a lab gets a copy, and a user's Pulumi.<stack>.yaml.

The former is never written: Pulumi's passphrase provider adds `encryptionsalt` to whatever file it runs with,
and a lab has settings of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cli.errors import CommandError
from lab.files import write_atomically

STACK = "homelab"
"""The labs' stack; its file is also the manual. No stack of a user's has this name."""
PROJECT = Path(__file__).resolve().parent.parent
SOURCE = PROJECT / f"Pulumi.{STACK}.yaml"


def read(path: Path = SOURCE) -> dict[str, Any]:
    """The stack file as plain data.

    Raises:
        CommandError: the file cannot be read, is not YAML, or is not a mapping with a `config` mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandError(
            f"{path.name}: no such file. It has the stack's settings. Restore it from git."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CommandError(f"{path.name}: cannot be read: {why}.") from None
    return parsed(text, path.name)


def parsed(text: str, name: str) -> dict[str, Any]:
    """A stack file's text as plain data; `name` stands in errors. Raises CommandError, see `read`."""
    try:
        data = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise CommandError(
            f"{where}: not YAML: {getattr(error, 'problem', error)}. "
            "Pulumi could read no setting. Correct that line."
        ) from None
    if not isinstance(data, dict) or not isinstance(data.get("config", {}), dict):
        raise CommandError(
            f"{name}: a mapping with the key `config` is expected. Pulumi could read no setting."
        )
    return data


def write_copy(target: Path, overrides: Mapping[str, Any], source: Path = SOURCE) -> Path:
    """Writes `source` with `overrides` to `target`, atomically.

    Args:
        target: the generated file; an `encryptionsalt` it already holds is kept.
        overrides: config key to value. A dotted key (`keda-homelab:keda.chart`) sets one field of an object;
            the value None removes the key.
        source: the stack file.

    Raises:
        CommandError: `source` cannot be read.
    """
    data = read(source)
    config = data.setdefault("config", {})
    for key, value in overrides.items():
        head, *path = key.split(".")
        holder, last = config, head
        for part in path:
            holder = holder.setdefault(last, {})
            if not isinstance(holder, dict):
                break  # the program's own check names the wrong type better than a failure here
            last = part
        if not isinstance(holder, dict):
            continue
        if value is None:
            holder.pop(last, None)
        else:
            holder[last] = value
    if "encryptionsalt" not in data and target.exists():
        salt = (yaml.safe_load(target.read_text(encoding="utf-8")) or {}).get("encryptionsalt")
        if salt:
            data["encryptionsalt"] = salt
    header = f"# Generated from {source.name}; edit that file, not this one.\n"
    write_atomically(target, header + yaml.safe_dump(data, sort_keys=False))
    return target
