"""The cluster guard: which policies the program registers in each mode, and for whom they make way."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Program, Registered

from components.cluster_guard.rule import actions, binding, operator, policy
from components.cluster_guard.rules import HPA_CONTROLLERS, rules
from components.settings import Keda
from generate import kyverno as admission_kyverno

POLICIES = ["keda-one-owner-hpa", "keda-one-owner-replicas", "keda-vault-token"]


def guard(config: dict[str, Any], **keda: Any) -> Program:
    return Program({**config, "keda": {**config["keda"], **keda}})


def by_name(program: Program, kind: str) -> dict[str, Registered]:
    found = [
        resource
        for resource in program.of_type("admissionregistration")
        if resource.type.endswith(f":{kind}")
    ]
    return {resource.inputs["metadata"]["name"]: resource for resource in found}


@pytest.mark.parametrize(
    ("mode", "refused", "replicas"),
    [
        ("deny", ["Deny", "Audit"], ["Warn", "Audit"]),
        ("warn", ["Warn", "Audit"], ["Warn", "Audit"]),
        ("audit", ["Audit"], ["Audit"]),
    ],
)
def test_modes(config: dict[str, Any], mode: str, refused: list[str], replicas: list[str]) -> None:
    program = guard(config, clusterGuard=mode)
    bindings = by_name(program, "ValidatingAdmissionPolicyBinding")
    assert sorted(bindings) == sorted(by_name(program, "ValidatingAdmissionPolicy")) == POLICIES
    found = [bindings[name].inputs["spec"]["validationActions"] for name in POLICIES]
    assert found == [refused, replicas, refused]
    for name, bound in bindings.items():
        assert bound.inputs["spec"]["policyName"] == name
        parameters = {"selector": {}, "parameterNotFoundAction": "Allow"}
        assert bound.inputs["spec"].get("paramRef") == (parameters if "one-owner" in name else None)


def test_deny_is_the_default(config: dict[str, Any]) -> None:
    assert Keda().cluster_guard == config["keda"]["clusterGuard"] == "deny"


@pytest.mark.parametrize("off", ["off", False], ids=["YAML 1.2", "YAML 1.1"])
def test_off_registers_no_policy(config: dict[str, Any], off: object) -> None:
    program = guard(config, clusterGuard=off)
    assert program.exit is None
    assert program.of_type("admissionregistration") == []
    [component] = program.of_type("keda-homelab:admission:ClusterGuard")
    assert component.inputs == {"mode": "off"}


def test_after_keda_and_gone_before_it(program: Program) -> None:
    """A destroy runs the dependencies backwards: the binding, its policy, then KEDA."""
    bindings = by_name(program, "ValidatingAdmissionPolicyBinding")
    for name, found in by_name(program, "ValidatingAdmissionPolicy").items():
        assert any("helm.sh/v4:Chart" in urn for urn in found.depends_on)
        assert any(found.name in urn for urn in bindings[name].depends_on)


def test_only_what_meets_kedas_own_objects_alone_fails_closed(program: Program) -> None:
    found = by_name(program, "ValidatingAdmissionPolicy")
    assert {name: found[name].inputs["spec"]["failurePolicy"] for name in POLICIES} == {
        "keda-one-owner-hpa": "Ignore",
        "keda-one-owner-replicas": "Ignore",
        "keda-vault-token": "Fail",
    }


@pytest.mark.parametrize(
    ("settings", "user"),
    [
        ({}, "system:serviceaccount:keda:keda-operator"),
        ({"namespace": "autoscaling"}, "system:serviceaccount:autoscaling:keda-operator"),
        (
            {"values": {"serviceAccount": {"operator": {"name": "scaler"}}}},
            "system:serviceaccount:keda:scaler",
        ),
        ({"values": {"serviceAccount": "none"}}, "system:serviceaccount:keda:keda-operator"),
    ],
)
def test_the_operator_of_the_settings_passes(settings: dict[str, Any], user: str) -> None:
    keda = Keda.parse(settings)
    assert operator(keda) == user
    *owners, vault = rules(keda)
    for rule in owners:
        assert f"'{user}'" in policy(rule)["matchConditions"][0]["expression"]
    namespace, name = user.split(":")[2:]
    assert f"== '{name}'" in vault.variables["operators"]
    assert f"'{namespace}'" in vault.variables["operators"]


def test_the_hpa_controller_may_write_replicas() -> None:
    [condition, _] = policy(rules(Keda())[1])["matchConditions"]
    for user in HPA_CONTROLLERS:
        assert f"'{user}'" in condition["expression"]


def test_replicas_are_never_refused() -> None:
    hpa, replicas, vault = rules(Keda())
    assert "Deny" in actions(hpa, "deny")
    assert "Deny" in actions(vault, "deny")
    for mode in ("deny", "warn", "audit", "off"):
        assert "Deny" not in actions(replicas, mode)  # type: ignore[arg-type]


def test_messages_are_one_line() -> None:
    for rule in rules(Keda()):
        assert "\n" not in rule.message
        assert len(rule.message.encode()) < 5120  # the API server's limit


def test_the_listed_vaults_are_the_settings_own() -> None:
    keda = Keda.parse({"vaultAddresses": ["https://Vault.example.org/", "http://[::1]:8200"]})
    assert keda.vault_addresses == ("https://vault.example.org", "http://[::1]:8200")
    vault = rules(keda)[2]
    assert vault.variables["listed"] == (
        "['http://[::1]:8200', 'http://[::1]:8200/', 'https://vault.example.org', "
        "'https://vault.example.org/', 'https://vault.example.org:443', 'https://vault.example.org:443/']"
    )
    assert "paramRef" not in binding(vault, "deny")
    assert rules(Keda())[2].variables["listed"] == "[]"


def test_the_kyverno_files_are_current() -> None:
    for file, content in admission_kyverno.render().items():
        assert file.read_text() == content, "run python -m generate.kyverno"
