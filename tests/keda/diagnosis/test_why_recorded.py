"""States of a real KEDA 2.19.0 on Kubernetes 1.34.3, recorded in the lab as dumps: tests/corpus/why."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keda.commands.main import main
from keda.diagnosis.diagnose import diagnose
from keda.diagnosis.snapshot import from_dump

RECORDED = Path(__file__).parents[2] / "corpus" / "why"
ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "why" / "shop.json"
LATER = datetime(2027, 1, 1, tzinfo=UTC)

ANSWERS = {
    "broken-sources": [
        "batch/batch stays at 0, since KEDA cannot build its scalers: error parsing prometheus metadata: "
        "bearer token is "
        "required when bearer auth is enabled.",
        "envoy-gateway-system/envoy-gateway stays at 1: its trigger s0-prometheus fails: Get "
        '"http://nobody.monitoring.svc:9090/api/v1/query?…": dial tcp: lookup nobody.monitoring.svc on '
        "10.96.0.10:53: "
        "no such host.",
        "voice/voice stays at 0 though it is active: scale-out is paused by annotation.",
    ],
    "at-maximum": [
        "ray/ray-serve stays at 4, its maxReplicaCount, though s0-prometheus asks for 7 (33 / 5 per "
        "replica = 6.6, "
        "rounded up)."
    ],
    "crashing-pods": [
        "access/web is scaled to 3, and 0 of them are ready: 2 pods cannot start, first "
        "web-77bf8d474f-ng4rg: "
        "CrashLoopBackOff, 1 restart: back-off 10s restarting failed container=web "
        "pod=web-77bf8d474f-ng4rg_access(04cf34f2-d2e1-493f-93ac-a3bc0debb4d7)."
    ],
    "refused": [
        "guarded/db has no HPA, so nothing scales: its target StatefulSet guarded/db does not exist "
        "(statefulsets.apps "
        '"db" not found).',
        "guarded/old has no HPA, so nothing scales: its target Deployment guarded/old does not exist "
        "(deployments.apps "
        '"old" not found).',
        'guarded/set has no HPA, so nothing scales: replicasets.apps "set" is forbidden: User '
        '"system:serviceaccount:keda:keda-operator" cannot get resource "replicasets" in API group "apps" '
        "in the "
        'namespace "guarded".',
        "guarded/web went to 0 at 11:06:20 UTC, 0 s after its creation: no trigger has been active yet, and "
        "initialCooldownPeriod is 0, its default.",
    ],
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_recorded(name: str) -> None:
    items = json.loads((RECORDED / f"{name}.json").read_text())["items"]
    assert [found.title for found in diagnose(from_dump(items, LATER))] == ANSWERS[name]


def test_every_recording_has_its_answers() -> None:
    assert {file.stem for file in RECORDED.glob("*.json")} == set(ANSWERS)


# What tests/live/test_why.py makes of each workload, which its dump shows too.
CAUSES = {
    "average": "at-target",
    "credentials": "refused",
    "deployed": "never-active",
    "fallback": "fallback",
    "fallback-late": "fallback-pending",
    "flapping": "oscillation",
    "idle-minimum": "inactive-at-minimum",
    "late": "cooling-down",
    "maximum": "at-maximum",
    "no-target": "refused",
    "paused": "paused",
    "polling": "at-target",
    "put-back": "put-back",
    "refused": "trigger-error",
    "silent": "trigger-error",
    "small-value": "held-at-one",
    "tolerance": "tolerance",
    "two-owners": "second-hpa",
}


def test_the_example() -> None:
    found = diagnose(from_dump(json.loads(EXAMPLE.read_text())["items"], LATER))
    assert {each.name: each.answer.kind for each in found} == CAUSES


def test_the_page_shows_what_comes_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["why", "examples/why/shop.json"]) == 1
    page = (ROOT / "docs" / "why.md").read_text("utf-8")
    (shown,) = re.findall(r"\$ keda why examples/why/shop\.json\n(.*?)```", page, re.DOTALL)
    assert capsys.readouterr().out == shown
