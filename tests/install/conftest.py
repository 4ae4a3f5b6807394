"""The project as others install it: from its files, by pip, into a virtual environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = {
    *("pydantic", "pydantic-core", "annotated-types", "typing-extensions", "typing-inspection"),
    *("PyYAML", "promql-parser"),
}
"""What pip installs with keda-homelab: its three dependencies, and what those need."""
OF_THE_PACKAGE = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "action.yml", ".pre-commit-hooks.yaml")


@dataclass(frozen=True)
class Installation:
    """A virtual environment, and variables with which its programs come first and pip downloads nothing."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(each) for each in command],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels that pip may take: they are made from what runs these tests."""
    pytest.importorskip("setuptools", "77", reason="older than requirements.txt; run: make .venv/.ready")
    folder = tmp_path_factory.mktemp("index")
    for name in (*INSTALLED, "setuptools"):
        _pack(name, folder)
    return folder


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the package is built from: setuptools writes next to it, and reads that again."""
    folder = tmp_path_factory.mktemp("source") / "keda-homelab"
    shutil.copytree(ROOT / "keda", folder / "keda", ignore=shutil.ignore_patterns("__pycache__"))
    for name in OF_THE_PACKAGE:
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="session")
def environment(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A virtual environment with pip and nothing else."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON", "VIRTUAL_"))
    }
    # pip reads a false value of a `no` option as that option.
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_NO_COMPILE": "0"}
    path = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
    return Installation(folder, {**kept, **pip, "PATH": path, "NO_COLOR": "1"})


@pytest.fixture(scope="session")
def wheel(source: Path, environment: Installation) -> Path:
    """The wheel, built in an environment that pip makes for it."""
    done = environment.run("pip", "wheel", "--no-deps", "--wheel-dir", ".", source, cwd=source.parent)
    assert done.returncode == 0, done.stderr
    (built,) = source.parent.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, environment: Installation) -> Installation:
    """The environment with the wheel and what pip installs for it."""
    done = environment.run("pip", "install", wheel, cwd=wheel.parent)
    assert done.returncode == 0, done.stderr
    return environment


def _pack(name: str, folder: Path) -> None:
    """Writes the wheel that an installed distribution came from."""
    found = distribution(name)
    tag = (found.read_text("WHEEL") or "").partition("Tag: ")[2].split()[0]
    stem = name.replace("-", "_").lower()
    with ZipFile(folder / f"{stem}-{found.version}-{tag}.whl", "w") as wheel:
        for file in found.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                wheel.write(str(file.locate()), str(file))
