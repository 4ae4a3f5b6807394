"""The jobs of docs/ci.md as shell lines."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from keda.core.defaults import KEDA_VERSION
from tests.install.conftest import ROOT, Installation

SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
"""As the forges' runners start it."""
DOWNLOADS = re.compile(r"get\.pulumi\.com|apt-get|pulumi install")
"""Lines that fetch programs from elsewhere."""
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
TAG = f"v{VERSION}+keda{KEDA_VERSION}"


@dataclass(frozen=True)
class Job:
    """The shell lines of a job that are run here; `text` is the whole block."""

    name: str
    text: str
    lines: tuple[str, ...]

    def run(self, runner: Installation, folder: Path) -> subprocess.CompletedProcess[str]:
        """One shell for all lines; a runner's `-e` ends it at the first that fails."""
        return runner.run(
            *("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"), "\n".join(self.lines), cwd=folder
        )


def release(files: Path, folder: Path) -> str:
    """The address of a new repository in a folder: its one commit has the files and the release's tag."""
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")
    for arguments in (
        ("init", "--quiet", "."),
        ("add", "."),
        (*identity, "commit", "--quiet", "-m", "release"),
        ("tag", TAG),
    ):
        command = ["git", f"--git-dir={folder / '.git'}", f"--work-tree={files}", *arguments]
        subprocess.run(command, check=True, cwd=files)
    return folder.as_uri()


def jobs() -> Iterator[Job]:
    """The jobs that have shell lines, as `<first file of the block>-<job>`."""
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text("utf-8"), re.DOTALL):
        found = yaml.safe_load(block)
        file = re.match(r"# \.?([\w.-]+)", block)
        for name, job in found.get("jobs", found).items():
            if isinstance(job, Mapping) and (lines := tuple(_lines(job))) and file:
                yield Job(f"{file[1]}-{name}", block, lines)


def _lines(job: Mapping[str, Any]) -> Iterator[str]:
    scripts = job.get("script") or [step["run"] for step in job.get("steps", ()) if "run" in step]
    for script in scripts:
        yield from (line for line in script.splitlines() if not DOWNLOADS.search(line))
