"""The judge on the corpus: invalid files give exactly the lines they carry, valid ones none."""

from __future__ import annotations

from pathlib import Path

import pytest

import keda
from generate.rule_pages import pages
from keda.checks.findings import IGNORE, rules
from keda.commands.check import check_paths
from keda.manifests.declared import Declared
from tests.support import CORPUS, ROOT, STACK, settings_of

INVALID = sorted((CORPUS / "check" / "invalid").glob("*.yaml"))
VALID = sorted((CORPUS / "check" / "valid").glob("*.yaml"))


def lines(file: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The findings as a person sees them who stands beside the file."""
    monkeypatch.chdir(file.parent)
    found, unreadable = check_paths([file.name])
    assert unreadable == []
    return [str(line.finding).removeprefix(f"{file.name}:") for line in found]


def expected(file: Path) -> list[str]:
    """The leading comments."""
    found = []
    for line in file.read_text("utf-8").splitlines():
        if not line.startswith("# "):
            break
        found.append(line.removeprefix("# "))
    return found


def test_the_corpus_is_there() -> None:
    assert len(INVALID) >= 60
    assert len(VALID) >= 25


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_invalid(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert expected(file)
    assert lines(file, monkeypatch) == expected(file)


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_what_ends_where_why_begins(file: Path) -> None:
    for finding in (line.finding for line in check_paths([str(file)])[0]):
        assert finding.what.endswith((".", ":") if finding.why else ".")
        assert not finding.why or finding.why.endswith(".")


def test_what_quotes_a_parser_with_its_colons() -> None:
    trigger = {"type": "prometheus", "metadata": {"serverAddress": "http://prometheus:9090"}}
    trigger["metadata"] |= {"query": 'sum(up{a="b. C: d"}', "threshold": "5", "ignoreNullValues": "false"}
    spec = {"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 3, "triggers": [trigger]}
    manifest = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web"},
        "spec": spec,
    }
    (finding,) = keda.check([manifest])
    assert finding.what == "'sum(up{a=\"b. C: d\"}' is not valid PromQL: unclosed left parenthesis."
    assert finding.why == "The object is Ready, and every poll fails."


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_valid(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(file, monkeypatch) == []


@pytest.mark.parametrize("rule", rules())
def test_every_rule_has_a_file_that_breaks_it(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = CORPUS / "check" / "invalid" / f"{rule}.yaml"
    assert any(line.endswith(f"[{rule}]") for line in lines(file, monkeypatch))


@pytest.mark.parametrize("rule", [name for name, each in rules().items() if each.ignorable])
def test_a_reason_silences_a_rule(rule: str) -> None:
    import yaml

    text = (CORPUS / "check" / "invalid" / f"{rule}.yaml").read_text("utf-8")
    objects = [each for each in yaml.safe_load_all(text) if each]
    assert rule in {finding.code for finding in keda.check(objects)}
    for each in objects:
        each["metadata"].setdefault("annotations", {})[f"{IGNORE}{rule}"] = "known, and meant"
    assert rule not in {finding.code for finding in keda.check(objects)}
    for each in objects:
        each["metadata"]["annotations"][f"{IGNORE}{rule}"] = " "
    codes = {finding.code for finding in keda.check(objects)}
    assert {rule, "bad-ignore"} <= codes


def test_no_annotation_silences_what_keda_refuses() -> None:
    manifest = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "annotations": {f"{IGNORE}no-triggers": "please"}},
        "spec": {"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 3, "triggers": []},
    }
    assert {finding.code for finding in keda.check([manifest])} == {"no-triggers", "bad-ignore"}


def test_pages_are_current() -> None:
    made = pages(CORPUS / "check")
    there = {file.name: file.read_text("utf-8") for file in (ROOT / "docs" / "rules").iterdir()}
    assert there == made, "run: make generate"


def test_secrets_are_never_shown() -> None:
    secret = "amqp://shop:hunter2@rabbitmq:5672"
    manifest = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"name": "web"},
            "triggers": [
                {
                    "type": "rabbitmq",
                    "metadata": {"host": secret, "queueName": "a", "mode": secret, "value": secret},
                },
                {
                    "type": "redis",
                    "metadata": {"password": 12345678, "listName": "a", "listLength": "hunter2"},
                },
            ],
        },
    }
    shown = "\n".join(map(str, keda.check([manifest])))
    assert "hunter2@" not in shown
    assert "12345678" not in shown


def test_places_are_passed_on() -> None:
    manifest = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledJob", "metadata": {"name": "a"}, "spec": {}}
    assert {finding.where for finding in keda.check([Declared(manifest, "here:3")])} == {"here:3"}
    assert {finding.where for finding in keda.check([manifest])} == {""}


def test_what_the_program_makes_has_no_finding() -> None:
    """The stack file's objects, with the lab's workloads as their targets."""
    import yaml

    workloads = settings_of(STACK.read_text("utf-8")).workloads.values()
    objects: list[object] = [workload.scaled.to_manifest() for workload in workloads]
    for file in sorted((ROOT / "lab" / "fleet" / "manifests").glob("*.yaml")):
        objects += yaml.safe_load_all(file.read_text("utf-8"))
    assert len(objects) > len(workloads)
    assert keda.check(objects) == []
