"""What the config names outside the program meets the program's own objects, and nothing else is told."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from keda.manifests.declared import Declared
from policies.sources import files as sources
from tests.policies.cluster import cluster, live, managed
from tests.policies.manifests import Manifest, deployment, hpa, scaled_object
from tests.policies.operation import Operation

SOURCES = "keda-one-owner-sources"
UNRELATED = [
    scaled_object("other", "elsewhere", metadata={"namespace": "other"}),
    hpa("other", "elsewhere", metadata={"namespace": "other"}),
]


def files(folder: Path, *manifests: Manifest) -> dict[str, Any]:
    (folder / "all.yaml").write_text(yaml.safe_dump_all(manifests))
    return {SOURCES: {"manifests": [str(folder)]}}


def held(monkeypatch: pytest.MonkeyPatch, *manifests: Manifest, forbidden: str = "") -> dict[str, Any]:
    """A cluster that holds these objects."""

    def read(chosen: dict[str, str], unread: list[str]) -> list[Declared]:
        assert chosen == {"context": "homelab"}
        return list(live(cluster(*manifests, forbidden=forbidden), unread))

    monkeypatch.setattr(sources, "read_cluster", read)
    return {SOURCES: {"cluster": {"context": "homelab"}}}


def test_a_files_hpa_is_a_second_owner_as_soon_as_the_scaledobject_comes(tmp_path: Path) -> None:
    operation = Operation(files(tmp_path, hpa())).register(scaled_object())
    assert operation.rules == ["keda-one-owner-hpa"]
    assert f"HorizontalPodAutoscaler at {tmp_path}/all.yaml:1" in operation.messages[0]
    assert operation.end(scaled_object()).rules == ["keda-one-owner-hpa"]


def test_conflicts_without_the_program_are_not_its_business(tmp_path: Path) -> None:
    assert Operation(files(tmp_path, *UNRELATED)).register(scaled_object()).end().rules == []


def test_a_conflict_among_files_is_told_where_the_program_declares_one_side_too(tmp_path: Path) -> None:
    operation = Operation(files(tmp_path, scaled_object(), hpa())).register(scaled_object()).end()
    assert operation.rules == ["keda-one-owner-hpa"]


def test_an_hpa_made_by_hand_is_found_in_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    config = held(monkeypatch, managed(hpa(), "kubectl-create", {}), *UNRELATED)
    operation = Operation(config).register(scaled_object())
    assert operation.rules == []
    assert operation.end(scaled_object()).rules == ["keda-one-owner-hpa"]
    assert "live cluster homelab: HorizontalPodAutoscaler voice/by-hand" in operation.messages[0]


def test_kedas_own_hpa_of_another_scaledobject_is_not_to_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """KEDA would make it anew: the ScaledObject behind it is the one too many."""
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "day", "controller": True}
    kedas = hpa("keda-hpa-day", metadata={"ownerReferences": [owner]})
    operation = Operation(held(monkeypatch, managed(kedas, "keda", {}))).register(scaled_object("night"))
    assert operation.end().rules == ["keda-one-owner-hpa"]
    assert "KEDA writes for ScaledObject voice/day" in operation.messages[0]
    assert "Keep one ScaledObject" in operation.messages[0] and "delete" not in operation.messages[0]
    assert operation.urns[0] and operation.urns[0].endswith("ScaledObject::night")


def test_a_declaration_replaces_what_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"f:spec": {"f:replicas": {}}}
    fixed = managed(deployment(2), "flux", fields, operation="Apply")
    config = held(monkeypatch, fixed)
    assert Operation(config).register(scaled_object()).end().rules == ["keda-one-owner-replicas"]
    assert Operation(config).register(scaled_object(), deployment()).end().rules == []


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Operation({SOURCES: {"manifests": [str(tmp_path / "none")]}}).register(scaled_object())
    assert missing.end().rules == [SOURCES]
    assert "cannot be read: No such file or directory" in missing.messages[0]
    known = [{"object": f"{tmp_path}/none", "reason": "comes with the next release"}]
    given = {SOURCES: {"manifests": [str(tmp_path / "none")], "excluded": known}}
    assert Operation(given).register(scaled_object()).end().rules == []
    with_colon = {
        "manifests": [str(tmp_path / "a:b")],
        "excluded": [{**known[0], "object": f"{tmp_path}/a:b"}],
    }
    assert Operation({SOURCES: with_colon}).register(scaled_object()).end().rules == []
    config = held(monkeypatch, hpa(), forbidden="autoscaling")
    refused = Operation(config).register(scaled_object()).end()
    assert SOURCES in refused.rules and "403" in refused.messages[0]


def test_nothing_is_read_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> list[Declared]:
        raise AssertionError("read without being asked")

    monkeypatch.setattr(sources, "declared_elsewhere", read)
    assert Operation().register(scaled_object()).end().rules == []
