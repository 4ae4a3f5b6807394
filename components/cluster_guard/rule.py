"""One rule of the cluster guard: a ValidatingAdmissionPolicy of the API server, in CEL, and its binding.

Everything is plain data: component.py installs it, generate/kyverno.py writes the same for Kyverno.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.settings import GuardMode, Keda
from keda.manifests.reading import dig
from keda.scalers.vault import OPERATOR

API_VERSION = "admissionregistration.k8s.io/v1"
PARAMETER = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"}
# No namespace: then it is the request's own. No ScaledObject there, nothing to guard.
PARAMETERS = {"selector": {}, "parameterNotFoundAction": "Allow"}


@dataclass(frozen=True)
class Rule:
    """One policy, in CEL. `object` is what is written, `oldObject` what it replaces.

    `conditions` must all hold for the rule to look at a request; then `valid` must.
    """

    name: str
    group: str
    resources: tuple[str, ...]
    conditions: Mapping[str, str]
    variables: Mapping[str, str]
    valid: str
    message: str
    refuses: bool = False
    """Whether the mode `deny` refuses the request; otherwise it only warns."""
    beside_scaled_objects: bool = True
    """Evaluated once for each ScaledObject of the request's namespace, as `params`; otherwise once, alone."""


def operator_name(keda: Keda) -> str:
    """The ServiceAccount of KEDA's operator: `serviceAccount` of the chart's values (keda 2.19.0)."""
    return str(dig(keda.values, "serviceAccount", "operator", "name") or OPERATOR)


def operator(keda: Keda) -> str:
    """The user name of KEDA's operator."""
    return f"system:serviceaccount:{keda.namespace}:{operator_name(keda)}"


def actions(rule: Rule, mode: GuardMode) -> list[str]:
    """The binding's validationActions. Each mode writes to the audit log what the one below it does."""
    match mode:
        case "deny":
            return ["Deny" if rule.refuses else "Warn", "Audit"]
        case "warn":
            return ["Warn", "Audit"]
        case "audit":
            return ["Audit"]
        case "off":
            return []


def failure_policy(rule: Rule) -> str:
    """What becomes of a request that the rule cannot be evaluated for.

    Ignore lets it pass: a guard must not stop a cluster. With Fail and a parameter's kind, an API server that
    starts without KEDA's CRDs refuses every HPA there is, KEDA's own too (seen on 1.34), and without them
    there is nothing to guard. A rule without parameters needs no CRD, and meets only KEDA's own objects.
    """
    return "Ignore" if rule.beside_scaled_objects else "Fail"


def policy(rule: Rule) -> dict[str, Any]:
    """The spec of its ValidatingAdmissionPolicy."""
    parameters: dict[str, Any] = {"paramKind": PARAMETER} if rule.beside_scaled_objects else {}
    return parameters | {
        "failurePolicy": failure_policy(rule),
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [rule.group],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": list(rule.resources),
                }
            ]
        },
        "matchConditions": [{"name": name, "expression": cel} for name, cel in rule.conditions.items()],
        "variables": [{"name": name, "expression": cel} for name, cel in rule.variables.items()],
        "validations": [{"expression": rule.valid, "messageExpression": rule.message, "reason": "Forbidden"}],
    }


def binding(rule: Rule, mode: GuardMode) -> dict[str, Any]:
    """The spec of its ValidatingAdmissionPolicyBinding."""
    parameters: dict[str, Any] = {"paramRef": PARAMETERS} if rule.beside_scaled_objects else {}
    return {"policyName": rule.name, "validationActions": actions(rule, mode)} | parameters


def quoted(words: str) -> str:
    """Words as a CEL string."""
    return "'" + words.replace("\\", r"\\").replace("'", r"\'") + "'"


def text(*parts: str) -> str:
    """A CEL text of words and expressions by turns, the first being words."""
    return " + ".join(
        quoted(part) if i % 2 == 0 else part for i, part in enumerate(parts) if part or i % 2 == 1
    )
