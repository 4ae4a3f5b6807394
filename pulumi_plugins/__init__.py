"""Pulumi's two plugins: the released ones where they can be had, else the stand-ins of this folder."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from pulumi_plugins.kubernetes_provider.version import VERSION

BIN = Path(__file__).parent / "bin"
LANGUAGE = "pulumi-language-python"
PROVIDER = "pulumi-resource-kubernetes"
RELEASE_HOST = ("get.pulumi.com", 443)
ANSWER = 2.0  # seconds the release host has to accept a connection
DOWNLOAD = 300.0  # seconds


def plugin_environment(pulumi: Path, home: Path) -> tuple[dict[str, str], str]:
    """Makes both plugins available to an engine.

    A stand-in is installed as the engine's own plugin cache would hold it, in a PULUMI_HOME apart from the
    user's: on PATH the engine would warn about it each time, and in ~/.pulumi it would pass for a release.

    Args:
        pulumi: the engine's executable.
        home: the folder to use as PULUMI_HOME where a plugin is missing; made as needed.

    Returns:
        Variables for the engine's environment (none if both plugins are there), and one line that names which
        plugins are used.
    """
    user = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    language = _beside(pulumi) or shutil.which(LANGUAGE)
    provider = shutil.which(PROVIDER) or _cached(user)
    if language and provider:
        return {}, "Pulumi plugins: the released language host and Kubernetes provider."
    if not provider:
        provider = _cached(home) or _downloaded(pulumi, home)
    elif Path(provider).parent.parent == user / "plugins":
        # The engine looks only into one home: lend it the user's plugin.
        lent = _folder(home, f"resource-kubernetes-v{VERSION}") / PROVIDER
        lent.unlink(missing_ok=True)
        lent.symlink_to(provider)
    if not language:
        _stand_in(home, f"language-python-v{VERSION}", LANGUAGE)
    if not provider:
        _stand_in(home, f"resource-kubernetes-v{VERSION}", PROVIDER)
    kinds = ["released" if found else "stand-in" for found in (language, provider)]
    environment = {"PULUMI_HOME": str(home)}
    if (user / "credentials.json").exists():
        environment["PULUMI_CREDENTIALS_PATH"] = str(user)  # the user's login stays in force
    return environment, f"Pulumi plugins: {kinds[0]} language host, {kinds[1]} Kubernetes provider."


def _beside(pulumi: Path) -> Path | None:
    found = pulumi.resolve().parent / LANGUAGE
    return found if found.exists() else None


def _folder(home: Path, name: str) -> Path:
    folder = home / "plugins" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _cached(home: Path) -> str | None:
    found = home / "plugins" / f"resource-kubernetes-v{VERSION}" / PROVIDER
    return str(found) if found.exists() and not _is_stand_in(home) else None


def _is_stand_in(home: Path) -> bool:
    found = home / "plugins" / f"resource-kubernetes-v{VERSION}" / PROVIDER
    return found.is_file() and found.stat().st_size < 4096


def _stand_in(home: Path, folder: str, name: str) -> None:
    # The interpreter by its path: the engine is also run by hand, when no virtual environment is on PATH.
    script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(BIN / name))} "$@"\n'
    path = _folder(home, folder) / name
    if path.is_symlink():
        path.unlink()  # it lent a plugin of the user's: a write would go through it, into the user's folder
    if not path.exists() or path.read_text(encoding="utf-8") != script:
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)


def _downloaded(pulumi: Path, home: Path) -> str | None:
    if _is_stand_in(home):
        return None  # decided when the stand-in was installed; removing `home` decides again
    try:
        socket.create_connection(RELEASE_HOST, timeout=ANSWER).close()
        command = [str(pulumi), "plugin", "install", "resource", "kubernetes", VERSION]
        environment = {**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        subprocess.run(command, env=environment, capture_output=True, timeout=DOWNLOAD)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return _cached(home)
