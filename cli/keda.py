"""`python -m cli.keda simulate|replay|decisions …`: the commands of the package keda on a stack file too.

python -m cli.keda simulate Pulumi.homelab.yaml --workload voice --signal step:0:42@2m
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli import stackfile
from cli.errors import CommandError
from components.settings import Settings, decode
from keda import SpecError
from keda.commands.main import main as command
from keda.timelines.manifests import Manifests, Unread, scaled


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code."""
    return command(arguments, read)


def read(path: str) -> Manifests:
    """The workloads of a stack file (Pulumi.<stack>.yaml), or the objects of a manifest. Raises Unread."""
    if not Path(path).name.startswith("Pulumi."):
        return scaled(path)
    try:
        return workloads(stackfile.read(Path(path)), Path(path).name)
    except CommandError as error:
        raise Unread(str(error)) from None


def workloads(data: Mapping[str, Any], name: str) -> Manifests:
    """KEDA's objects of a stack file's workloads. Raises CommandError, with the first mistake."""
    config = {key: json.dumps(value) for key, value in data.get("config", {}).items()}
    try:
        settings = Settings.parse(decode(config, "keda-homelab"))
    except SpecError as error:
        raise CommandError(f"{name}: {str(error).splitlines()[0]}") from None
    return {key: workload.scaled.to_manifest() for key, workload in settings.workloads.items()}


if __name__ == "__main__":
    sys.exit(main())
