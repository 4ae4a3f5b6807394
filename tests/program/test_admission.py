"""The cluster guard: which policies the program registers in each mode, and for whom they make way."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Program, Registered

from components import admission_kyverno
from components.admission_rules import HPA_CONTROLLERS, actions, operator, policy, rules
from components.settings import Keda

POLICIES = ["keda-one-owner-hpa", "keda-one-owner-replicas"]


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
    ("mode", "hpa", "replicas"),
    [
        ("deny", ["Deny", "Audit"], ["Warn", "Audit"]),
        ("warn", ["Warn", "Audit"], ["Warn", "Audit"]),
        ("audit", ["Audit"], ["Audit"]),
    ],
)
def test_modes(config: dict[str, Any], mode: str, hpa: list[str], replicas: list[str]) -> None:
    program = guard(config, clusterGuard=mode)
    bindings = by_name(program, "ValidatingAdmissionPolicyBinding")
    assert sorted(bindings) == sorted(by_name(program, "ValidatingAdmissionPolicy")) == POLICIES
    assert [bindings[name].inputs["spec"]["validationActions"] for name in POLICIES] == [hpa, replicas]
    for name, binding in bindings.items():
        assert binding.inputs["spec"]["policyName"] == name
        assert binding.inputs["spec"]["paramRef"] == {"selector": {}, "parameterNotFoundAction": "Allow"}


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


def test_a_policy_that_cannot_be_evaluated_lets_pass(program: Program) -> None:
    for found in by_name(program, "ValidatingAdmissionPolicy").values():
        assert found.inputs["spec"]["failurePolicy"] == "Ignore"


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
    for rule in rules(keda):
        assert f"'{user}'" in policy(rule)["matchConditions"][0]["expression"]


def test_the_hpa_controller_may_write_replicas() -> None:
    [condition, _] = policy(rules(Keda())[1])["matchConditions"]
    for user in HPA_CONTROLLERS:
        assert f"'{user}'" in condition["expression"]


def test_replicas_are_never_refused() -> None:
    hpa, replicas = rules(Keda())
    assert "Deny" in actions(hpa, "deny")
    for mode in ("deny", "warn", "audit", "off"):
        assert "Deny" not in actions(replicas, mode)  # type: ignore[arg-type]


def test_messages_are_one_line() -> None:
    for rule in rules(Keda()):
        assert "\n" not in rule.message
        assert len(rule.message.encode()) < 5120  # the API server's limit


def test_the_kyverno_file_is_current() -> None:
    assert admission_kyverno.FILE.read_text() == admission_kyverno.render(), (
        "run python -m components.admission_kyverno"
    )
