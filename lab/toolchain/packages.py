"""The Debian packages that the lab needs: installed when root, else named in one line."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import LabError
from lab.progress import step
from lab.toolchain import versions

# Packages ask this script before they start their services (Debian policy 9.11.3); 101 forbids it.
POLICY = Path("/usr/sbin/policy-rc.d")
_NO_SERVICES = "#!/bin/sh\n# keda-homelab, while it installs packages\nexit 101\n"
_ASIDE = POLICY.with_name("policy-rc.d.keda-homelab")
# Two runs at once, even of two users' caches, would take each other's script for the machine's own.
_LOCK = Path("/run/lock/keda-homelab-packages")


def missing() -> list[str]:
    """The packages of which a file that the lab uses is not on this machine.

    A program of the same name elsewhere may be another one: iproute2's `bridge` is not the plugin.
    """
    return sorted(
        name for name, files in versions.load().debian.items() if not all(there(file) for file in files)
    )


def there(file: str) -> bool:
    """Whether a file of versions.toml is on this machine; it may be a pattern."""
    return any(Path("/").glob(file.lstrip("/")))


def installable() -> bool:
    """Whether this system is one of Debian's kind."""
    return shutil.which("apt-get") is not None


def install_command(names: Iterable[str]) -> str:
    """What a person types to install packages."""
    return f"apt-get install --no-install-recommends {' '.join(names)}"


def ensure(names: Iterable[str] | None = None) -> None:
    """Install the named packages; without names, all that the lab needs and this machine lacks.

    Their services are not started. Raises LabError, naming the packages, when not root or when apt-get fails.
    """
    packages = missing() if names is None else sorted(set(names))
    if not packages:
        return
    command = install_command(packages)
    if os.geteuid() != 0 or not installable():
        raise LabError(f"Debian packages are missing: {' '.join(packages)}. Install them as root: {command}")
    with step(f"Debian packages {' '.join(packages)}"), _no_services():
        # A killed installation leaves packages half configured, and apt-get refuses to go on from there.
        _quietly("dpkg", "--configure", "-a")
        install = ["install", "--yes", "--no-install-recommends", *packages]
        # The lists of a fresh image are empty or old: try with what is there, and once more with new ones.
        if _apt(*install) and (reason := _apt("update") or _apt(*install)):
            raise LabError(f"apt-get cannot install {' '.join(packages)}: {reason}. See `{command}`.")


def _apt(*arguments: str) -> str:
    """Run apt-get; the reason when it fails, without the addresses of mirrors, else nothing."""
    answer = _quietly("apt-get", "--quiet", "--quiet", "-o", "DPkg::Lock::Timeout=120", *arguments)
    if not answer.returncode:
        return ""
    errors = [line.removeprefix("E: ") for line in answer.stderr.splitlines() if line.startswith("E: ")]
    return re.sub(r"https?://\S+", "<address>", errors[0]) if errors else f"it ended with {answer.returncode}"


def _quietly(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(command),
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _no_services() -> Iterator[None]:
    """Forbid service starts while packages are installed, and leave the machine's own policy as it was."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield from _forbid()


def _forbid() -> Iterator[None]:
    if _ASIDE.exists():  # a run that was killed left the machine's policy there
        _ASIDE.rename(POLICY)
    elif POLICY.exists() and POLICY.read_text() == _NO_SERVICES:
        POLICY.unlink()
    if POLICY.exists():
        POLICY.rename(_ASIDE)
    POLICY.write_text(_NO_SERVICES)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if _ASIDE.exists():
            _ASIDE.rename(POLICY)
        else:
            POLICY.unlink()
