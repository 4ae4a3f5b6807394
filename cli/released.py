"""Pulumi as it is released: the CLI, its Python language host and the Kubernetes provider.

On a cluster of one's own nothing else is used: the lab's stand-ins behave like them as far as the lab needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cli.errors import CommandError
from lab.toolchain import tools, versions
from pulumi_plugins import LANGUAGE, PROVIDER
from pulumi_plugins.kubernetes_provider.version import VERSION

_DOWNLOAD = 300.0  # seconds
_SCRIPT = 4096  # bytes: the lab's stand-ins are shell scripts of a few lines
_INSTEAD = "STANDIN=1 runs with the lab's stand-ins instead, which are made for the lab."


def pulumi() -> Path:
    """The CLI on PATH, with a language host and a provider that are released ones.

    The CLI finds its language host beside itself or on PATH, and the provider on PATH or among the plugins of
    PULUMI_HOME. A missing provider is downloaded, as Pulumi itself would do on its first run.

    Raises:
        CommandError: which part is not there, and how to get it.
    """
    found = shutil.which("pulumi")
    if not found:
        raise CommandError(
            "pulumi: the CLI is not on PATH, so nothing can be applied. "
            f"Install it: https://www.pulumi.com/docs/install/. {_INSTEAD}"
        )
    cli = Path(found)
    tool = versions.load().tools["pulumi"]
    text = _version(cli)
    if not tools.fits(tool, text):
        raise CommandError(
            f"pulumi: {text or 'the CLI on PATH'} is not {tool.version} or a later 3.x, the releases this "
            f"project is run with. Upgrade it: https://www.pulumi.com/docs/install/. {_INSTEAD}"
        )
    if not (_is_released(cli.resolve().parent / LANGUAGE) or _is_released(_on_path(LANGUAGE))):
        raise CommandError(
            f"{LANGUAGE}: is not beside {cli} and not on PATH, so no Python program can run. It comes with "
            f"the released CLI: https://www.pulumi.com/docs/install/. {_INSTEAD}"
        )
    if not (_is_released(_on_path(PROVIDER)) or _is_released(_cached()) or _downloaded(cli)):
        raise CommandError(
            f"{PROVIDER}: version {VERSION} is not there and could not be downloaded, so nothing can be "
            f"applied. Run `pulumi plugin install resource kubernetes {VERSION}`. {_INSTEAD}"
        )
    return cli


def _is_released(program: Path | None) -> bool:
    return program is not None and program.is_file() and program.stat().st_size > _SCRIPT


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _cached() -> Path:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return home / "plugins" / f"resource-kubernetes-v{VERSION}" / PROVIDER


def _version(cli: Path) -> str:
    try:
        done = subprocess.run([cli, "version"], capture_output=True, text=True, timeout=tools.PROBE_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def _downloaded(cli: Path) -> bool:
    print(f"Downloading {PROVIDER} {VERSION}", flush=True)
    command = [str(cli), "plugin", "install", "resource", "kubernetes", VERSION]
    try:
        subprocess.run(command, capture_output=True, timeout=_DOWNLOAD)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return _is_released(_cached())
