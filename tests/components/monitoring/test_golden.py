"""What Grafana and Prometheus get, as text: a change of the code that changes nothing there changes no file.

After a change that is meant, write the files again and read the diff:

    GOLDEN=write .venv/bin/python -m pytest tests/components/monitoring/test_golden.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.monitoring.dashboards import dashboards
from components.monitoring.dashboards.operator import UID as OPERATOR_UID
from components.monitoring.prometheus_rule import prometheus_rule
from tests.support import CORPUS, STACK, settings_of

GOLDEN = Path(__file__).parent / "golden"
STACKS = {
    "homelab": STACK,
    **{name: CORPUS / "valid" / "settings" / f"{name}.yaml" for name in ("generic", "scaled-job")},
}


def rendered() -> Iterator[tuple[str, str]]:
    """(File, its text)."""
    for name, path in STACKS.items():
        settings = settings_of(path.read_text(encoding="utf-8"))
        for uid, text in dashboards(settings.monitoring, settings.keda.namespace, settings.workloads).items():
            if uid == OPERATOR_UID and name != "homelab":
                continue  # it is about KEDA, whatever the workloads
            yield f"{name}.{uid}.json", json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"
        rule = prometheus_rule(settings.keda, settings.monitoring, settings.workloads)
        yield f"{name}.prometheusrule.yaml", yaml.safe_dump(rule, sort_keys=False, width=1000)


FILES = dict(rendered())


@pytest.mark.parametrize("file", FILES)
def test_what_is_rendered_is_the_golden_file(file: str) -> None:
    golden = GOLDEN / file
    if os.environ.get("GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(FILES[file], encoding="utf-8")
    assert FILES[file] == golden.read_text(encoding="utf-8"), f"see the top of {Path(__file__).name}"


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(FILES)
