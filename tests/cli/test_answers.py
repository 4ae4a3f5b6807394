"""`make status` has the answer of `keda why` below each workload that is broken or held back."""

from __future__ import annotations

import pytest

from cli.errors import CommandError
from cli.kubectl import Kubectl
from cli.status import answers, table
from cli.status.table import Row
from keda.diagnosis import cluster
from tests.keda.diagnosis.cluster import INACTIVE, deployment, hpa, scaled_object, snapshot

FAILING = ("False", "TriggerError", "Triggers defined in ScaledObject are not working correctly")


def row(reason: str = "") -> Row:
    return Row("web", "shop", "Deployment/web", "prometheus", 2, 0, 5, "False", reason)


def test_the_answer_stands_for_kedas_own_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = snapshot(scaled_object(ready=FAILING, active=INACTIVE), hpa(2), deployment(2))
    monkeypatch.setattr(answers, "connect", lambda *_: (None, "home"))
    monkeypatch.setattr(cluster, "read", lambda get: seen)
    found = answers.answers(Kubectl("kubectl"))
    *_, note = table.rendered([row("not working")], found).splitlines()
    assert note == (
        "  ! web: stays at 2: its trigger s0-prometheus fails: Triggers defined in ScaledObject are not "
        "working correctly."
    )


def test_a_healthy_workload_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "connect", lambda *_: (None, "home"))
    monkeypatch.setattr(cluster, "read", lambda get: snapshot(scaled_object(), hpa(2), deployment(2)))
    assert answers.answers(Kubectl("kubectl")) == {}


def test_a_cluster_that_is_not_there(tmp_path: object) -> None:
    with pytest.raises(CommandError, match="status: no kubeconfig can be read at"):
        answers.answers(Kubectl("kubectl", kubeconfig=f"{tmp_path}/none"))
