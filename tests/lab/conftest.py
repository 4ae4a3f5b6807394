"""What the chart tests run: the lab's own helm, kubectl and crane, on the CRDs of KEDA's Go module."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.toolchain import tools


@pytest.fixture(scope="session")
def chart_tools() -> dict[str, Path]:
    return tools.ensure(["helm", "kubectl", "crane"])


@pytest.fixture(scope="session")
def keda_crds() -> Path:
    return tools.module_dir("keda-operator") / "config" / "crd"
