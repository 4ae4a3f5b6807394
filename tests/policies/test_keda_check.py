"""`keda check` in the pack: on its whole corpus the findings are those of the terminal, word for word."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from keda.checks.engine import check, rules
from keda.manifests.documents import documents
from tests.policies.manifests import CRON, Manifest, deployment, hpa, merged, scaled_object
from tests.policies.operation import Operation

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "check"
# A Pulumi resource always has an apiVersion.
INVALID = sorted(
    set((CORPUS / "invalid").glob("*.yaml")) - {CORPUS / "invalid/unknown-kind-without-version.yaml"}
)
VALID = sorted((CORPUS / "valid").glob("*.yaml"))
UNDECIDED = "keda-rules-undecided"
MIN_OVER_MAX = scaled_object(spec={"minReplicaCount": 5, "maxReplicaCount": 2})


def objects(file: Path) -> list[Any]:
    return [each.value for each in documents(file.read_text("utf-8"))]


def registered(manifests: list[Any], **options: Any) -> Operation:
    operation = Operation()
    for index, manifest in enumerate(manifests):
        operation.register(manifest, at=str(index), **options)
    return operation.end()


def lines(operation: Operation) -> Counter[str]:
    """The pack's findings, as `keda check` words them; of a second owner the rule only."""
    found: Counter[str] = Counter()
    for rule, message in operation.reports:
        owner = re.fullmatch(r"keda-(one-owner-\w+)", rule)
        found[owner[1] if owner else message] += 1
    return found


def wanted(manifests: list[Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in check(manifests):
        found[each.code if each.code.startswith("one-owner-") else f"{each.text} [{each.code}]"] += 1
    return found


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_an_invalid_file_has_the_same_findings_in_a_program(file: Path) -> None:
    manifests = objects(file)
    expected = wanted(manifests)
    assert expected
    assert lines(registered(manifests)) == expected


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_a_valid_file_has_none(file: Path) -> None:
    # A program lets go of an HPA that KEDA takes over.
    options = {"ignore_changes": ["metadata", "spec"]} if file.stem == "rule-one-owner-hpa" else {}
    assert registered(objects(file), **options).reports == []


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_the_order_does_not_matter(file: Path) -> None:
    manifests = objects(file)
    assert lines(registered(manifests[::-1])) == lines(registered(manifests))


ERRORS = [rule for rule in rules().values() if rule.severity == "error"]


@pytest.mark.parametrize("rule", ERRORS, ids=lambda rule: rule.name)
def test_every_error_refuses_its_failing_example_and_not_the_other(rule: Any) -> None:
    """A mandatory rule reports; which one depends on the mistake."""
    failing = [each for file in INVALID if file.stem == rule.name for each in objects(file)]
    assert failing
    refused = [message for name, message in registered(failing).reports if name != "keda-check-advice"]
    owner = rule.name.startswith("one-owner-")
    assert any(owner or message.endswith(f"[{rule.name}]") for message in refused)
    passing = [each.value for each in documents(rule.passes) if isinstance(each.value, dict)]
    assert not any(message.endswith(f"[{rule.name}]") for message in registered(passing).messages)


# --- The settings of the program's folder ---
VENDORS = scaled_object(spec={"triggers": [{"type": "vendor-http", "metadata": {}}]})
LOW = scaled_object(spec={"minReplicaCount": 5, "maxReplicaCount": 2})
SEVERAL = [scaled_object(), hpa()]


@pytest.mark.parametrize(
    ("written", "manifests", "found"),
    [
        ("", [LOW], ["keda-check"]),
        ('ignore = ["replica-*"]', [LOW], []),
        ('select = ["query-*"]', [LOW], []),
        ('severity = {replica-bounds = "warning"}', [LOW], ["keda-check-advice"]),
        ('severity = {replica-bounds = "off"}', [LOW], []),
        ("", [VENDORS], ["keda-check"]),
        ('scalers = ["vendor-http"]\nkeda = "2.19"', [VENDORS], []),
        ('ignore = ["one-owner-*"]', SEVERAL, ["keda-one-owner-hpa"]),
    ],
)
@pytest.mark.parametrize("file", ["keda.toml", "pyproject.toml"])
def test_the_programs_settings_hold(
    written: str, manifests: list[Any], found: list[str], file: str, tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / file).write_text(("[tool.keda]\n" if file == "pyproject.toml" else "") + written)
    assert Operation(folder=tmp_path / "src").register(*manifests).end().rules == found


# --- As objects arrive ---
CPU = scaled_object(spec={"minReplicaCount": 1, "triggers": [{"type": "cpu", "metricType": "Utilization"}]})
CPU["spec"]["triggers"][0]["metadata"] = {"value": "60"}
CONTAINER = {"name": "app", "image": "app:1", "resources": {"requests": {"cpu": "100m"}}}
TARGET = deployment(spec={"template": {"spec": {"containers": [CONTAINER]}}})


def test_a_finding_that_another_object_completes_comes_with_it() -> None:
    scaled = merged(CPU, {"spec": {"scaleTargetRef": {"envSourceContainerName": "main"}}})
    for order in itertools.permutations((scaled, TARGET)):
        operation = Operation().register(*order)
        (message,) = operation.of("keda-check")
        assert message.endswith("[unknown-container]")
        assert "ScaledObject:voice" in operation.urns[-1].replace("::voice", ":voice")
        assert operation.end().of("keda-check") == [message]


def test_what_is_missing_is_reported_at_the_end_only() -> None:
    scaled = scaled_object(target="voice-pipelin")
    operation = Operation().register(TARGET, scaled)
    assert operation.of("keda-check") == []
    (message,) = operation.end().of("keda-check")
    assert message.endswith("[target-missing]") and "Write voice-pipeline." in message


@pytest.mark.parametrize(
    "unseen",
    [
        {"token": "kubernetes:helm.sh/v3:Release"},
        {"token": "kubernetes:helm.sh/v4:Chart"},
        {"token": "kubernetes:yaml/v2:ConfigGroup"},
    ],
    ids=lambda given: given["token"],
)
def test_what_nobody_sees_may_bring_what_is_missing(unseen: dict[str, str]) -> None:
    operation = Operation().register(TARGET, scaled_object(target="elsewhere"))
    assert operation.register({}, at="app", **unseen).end().of("keda-check") == []


def test_an_object_without_a_known_name_may_be_what_is_missing() -> None:
    unnamed = merged(TARGET, {"metadata": {"name": UNKNOWN_STRING_VALUE}})
    operation = Operation().register(TARGET, unnamed, scaled_object(target="elsewhere"))
    assert operation.end().of("keda-check") == []


def test_another_cluster_may_have_what_is_missing() -> None:
    operation = Operation().register(TARGET, provider={"context": "one"})
    operation.register(scaled_object(target="elsewhere"), provider={"context": "two"})
    assert operation.end().of("keda-check") == []


# --- What a preview does not know ---
def test_an_unknown_field_is_named_and_the_rest_is_judged() -> None:
    scaled = merged(MIN_OVER_MAX, {"spec": {"pollingInterval": UNKNOWN_STRING_VALUE}})
    operation = Operation().register(scaled).end()
    (message,) = operation.of("keda-check")
    assert message.endswith("[replica-bounds]")
    (note,) = operation.of(UNDECIDED)
    assert note.startswith("ScaledObject voice/voice spec.pollingInterval is known only in the update")


@pytest.mark.parametrize("path", ["minReplicaCount", "maxReplicaCount"])
def test_a_finding_that_hangs_on_an_unknown_field_waits(path: str) -> None:
    operation = Operation().register(merged(MIN_OVER_MAX, {"spec": {path: UNKNOWN_STRING_VALUE}})).end()
    assert operation.of("keda-check") == []
    assert f"spec.{path} is known only in the update" in operation.of(UNDECIDED)[0]


def test_an_unknown_query_is_no_mistake_and_a_misspelt_key_is_one_all_the_same() -> None:
    metadata = {"serverAddress": "http://p.m:9090", "query": UNKNOWN_STRING_VALUE, "treshold": "5"}
    trigger = {"type": "prometheus", "metadata": metadata | {"ignoreNullValues": "false"}}
    operation = Operation().register(scaled_object(spec={"triggers": [trigger]})).end()
    assert "misspelt-parameter" in str(operation.of("keda-check"))
    assert "query" not in str(operation.of("keda-check", "keda-check-advice"))


def test_a_secret_whose_keys_are_not_known_is_named_and_not_judged() -> None:
    entry = {"parameter": "password", "name": "redis", "key": "password"}
    authentication = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": "redis", "namespace": "voice"},
        "spec": {"secretTargetRef": [entry]},
    }
    given = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "redis", "namespace": "voice"}}
    unknown = given | {"stringData": UNKNOWN_STRING_VALUE}
    operation = Operation().register(authentication, unknown).end()
    assert operation.of("keda-check") == []
    assert operation.of(UNDECIDED)[0].startswith("Secret voice/redis stringData is known only in the update")
    known = given | {"stringData": {"pasword": UNKNOWN_STRING_VALUE}}
    assert "[unknown-secret]" in str(Operation().register(authentication, known).end().of("keda-check"))


# --- Passing over ---
def test_an_object_is_excluded_by_name_and_by_urn() -> None:
    for entry in ({"object": "ScaledObject voice/*"}, {"urn": "urn:*ScaledObject::voice"}):
        config = {"keda-check": {"excluded": [entry | {"reason": "leaves in March"}]}}
        assert Operation(config).register(MIN_OVER_MAX).end().of("keda-check") == []


def test_an_annotation_silences_a_rule_that_allows_it() -> None:
    annotations = {"keda-homelab.dev/ignore-target-missing": "made by the operator of the app"}
    scaled = scaled_object(target="elsewhere", metadata={"annotations": annotations})
    assert Operation().register(TARGET, scaled).end().of("keda-check") == []


def test_a_patch_is_not_judged_as_a_whole_object() -> None:
    patch = {"metadata": {"name": "voice", "namespace": "voice"}, "spec": {"pollingInterval": 10}}
    operation = Operation().register(patch, token="kubernetes:keda.sh/v1alpha1:ScaledObjectPatch").end()
    assert operation.of("keda-check") == []


def test_a_trigger_that_is_valid_stays_so_whatever_is_around() -> None:
    assert Operation().register(scaled_object(spec={"triggers": [CRON]}), Manifest()).end().reports == []
