"""`pip install` makes a command of its own: the wheel has what it needs, and needs three packages."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from keda.checks.output import FORMATS
from keda.core.defaults import KEDA_VERSION
from tests.install.conftest import INSTALLED, ROOT, Installation

TYPO = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: web}
spec:
  scaleTargetRef: {name: web}
  maxReplicaCount: 5
  triggers:
    - type: prometheus
      metadata: {serverAddress: "http://prometheus.monitoring.svc:9090", query: "sum(up)", thresold: "5"}
"""


def test_the_wheel_has_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = {path for path in (ROOT / "keda").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    pages = {path for path in files if path.suffix == ".md"}
    assert packed == {path.relative_to(ROOT).as_posix() for path in files - pages}


def test_three_dependencies_are_installed_with_it(installed: Installation, tmp_path: Path) -> None:
    listed = json.loads(installed.run("pip", "list", "--format", "json", cwd=tmp_path).stdout)
    brought_by_venv = {"pip", "setuptools"}
    names = {each["name"].lower().replace("_", "-") for each in listed} - brought_by_venv
    assert names == {each.lower() for each in INSTALLED} | {"keda-homelab"}


def test_the_command_names_the_release(installed: Installation, tmp_path: Path) -> None:
    release = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    shown = installed.run("keda", "--version", cwd=tmp_path).stdout
    assert shown == f"keda-homelab {release} for KEDA {KEDA_VERSION}\n"


def test_the_command_checks_a_folder_outside_the_checkout(installed: Installation, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(TYPO, "utf-8")
    done = installed.run("keda", "check", ".", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "thresold" in done.stdout and "[misspelt-parameter]" in done.stdout
    (tmp_path / "web.yaml").write_text(TYPO.replace("thresold", "threshold"), "utf-8")
    done = installed.run("keda", "check", ".", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_writes_each_format(form: str, installed: Installation, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(TYPO, "utf-8")
    done = installed.run("keda", "check", "--format", form, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "web.yaml" in done.stdout and "thresold" in done.stdout and "misspelt-parameter" in done.stdout
    if form in ("json", "sarif"):
        json.loads(done.stdout)


def test_the_command_explains_a_scaler_and_a_rule(installed: Installation, tmp_path: Path) -> None:
    assert "serverAddress" in installed.run("keda", "explain", "prometheus", cwd=tmp_path).stdout
    assert "AmbiguousSelector" in installed.run("keda", "explain", "one-owner-hpa", cwd=tmp_path).stdout


def test_the_installed_package_has_types(installed: Installation, tmp_path: Path) -> None:
    """Without the marker file a type checker takes every class of an installed package for Any."""
    (site,) = (installed.folder / "lib").glob("*/site-packages")
    assert (site / "keda" / "py.typed").exists()
