"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from tests.support import ROOT

TEST = """
from keda.testing import timeline

def test_web(golden_timeline):
    golden_timeline(timeline("web.yaml", "pulse:0:{value}@2m-12m"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text((ROOT / "examples" / "simulate" / "voice.yaml").read_text())
    (tmp_path / "test_a.py").write_text(TEST.format(value=42))
    return tmp_path


def run(folder: Path, *options: str, blocked: str = "") -> tuple[int, str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    code += f"sys.modules[{blocked!r}] = None; " if blocked else ""
    code += "import pytest; sys.exit(pytest.main(['-q', '-p', 'keda.testing.plugin', *sys.argv[1:]]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *options],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_golden_timeline(folder: Path) -> None:
    kept = folder / "timelines" / "a.test_web.json"
    status, output = run(folder)
    assert status == 1
    assert f"{kept} is not there. Run pytest --write-timelines, and look at it." in output
    assert run(folder, "--write-timelines")[0] == 0
    assert kept.read_text() == (
        '{"workload": "voice", "keda": "2.19.0", "changes": [\n'
        '  [150.0, 0, 1, "activated"],\n'
        '  [164.999, 1, 4, "above-target, TooManyReplicas"],\n'
        '  [1019.999, 4, 1, "below-target, TooFewReplicas"],\n'
        '  [1020.0, 1, 0, "to-zero"]\n'
        "]}\n"
    )
    assert "<svg" in kept.with_suffix(".svg").read_text()
    assert run(folder)[0] == 0
    (folder / "test_a.py").write_text(TEST.format(value=18))
    status, output = run(folder)
    assert status == 1
    expected = (
        f"{kept} differs.\nChange 2\nkept: 0:02:44 1 -> 4 above-target, TooManyReplicas\n"
        "now: 0:02:44 1 -> 2 above-target"
    )
    assert expected in output


def test_without_matplotlib_the_json_is_kept_alone(folder: Path) -> None:
    assert run(folder, "--write-timelines", blocked="matplotlib")[0] == 0
    assert [file.name for file in (folder / "timelines").iterdir()] == ["a.test_web.json"]


def test_the_package_brings_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    entry = project["entry-points"]["pytest11"]["keda"]
    assert hasattr(import_module(entry), "golden_timeline")
