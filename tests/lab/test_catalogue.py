"""The catalogue of metric names, against kube-state-metrics' own documentation."""

from __future__ import annotations

import json

import pytest

from generate.metric_names import CATALOGUE, EXPORTER, documented, dumped
from lab.toolchain import tools


@pytest.mark.tools  # its Go module
def test_the_catalogue_is_what_kube_state_metrics_documents() -> None:
    catalogue = json.loads(CATALOGUE.read_text())
    assert CATALOGUE.read_text() == dumped(catalogue)
    folder = tools.module_dir("kube-state-metrics") / "docs" / "metrics"
    assert catalogue["exporters"][EXPORTER]["metrics"] == documented(folder)
