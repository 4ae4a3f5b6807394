"""The rules beyond conflicts: `keda.guardrails`, with what each takes from the policy config."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulumi_policy import EnforcementLevel, Severity

from keda.core.defaults import KEDA_VERSION
from keda.guardrails import Finding, scaling
from keda.guardrails.gpus import NVIDIA, GpuBudget
from keda.guardrails.installation import (
    ExternalMetrics,
    undecided_image,
    version_drift,
    webhook_availability,
)
from keda.guardrails.vault import undecided_vault, vault_token
from keda.manifests.declared import Declared
from policies.rule import Config, Rule

VAULT_ADDRESS = r"^https?://[^/?#@\s]+/?$"


def rules() -> list[Rule]:
    """Every rule, with an empty memory."""
    metrics, judged = ExternalMetrics(), scaling.Judged()
    return [
        Rule(
            "keda-replicas-ceiling",
            lambda declared, config: scaling.replicas_ceiling(declared, _whole(config, "ceiling"), judged),
            lambda declared, config: scaling.undecided_ceiling(declared),
            options={
                "ceiling": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Replicas, or Jobs at a time. Unset: any number that was chosen.",
                }
            },
        ),
        _gpu_budget(),
        Rule(
            "keda-credentials-plain",
            lambda declared, config: scaling.plain_credentials(declared, judged),
            lambda declared, config: scaling.undecided_credentials(declared),
            severity=Severity.CRITICAL,
        ),
        Rule(
            "keda-vault-token",
            lambda declared, config: vault_token(declared, config.get("addresses")),
            lambda declared, config: undecided_vault(declared),
            options={
                "addresses": {
                    "type": "array",
                    "items": {"type": "string", "pattern": VAULT_ADDRESS},
                    "description": "Vaults that may receive a token from KEDA, as scheme://host or "
                    "scheme://host:port. Unset: any; []: none.",
                }
            },
            severity=Severity.CRITICAL,
        ),
        Rule(
            "keda-namespaces-allowed",
            lambda declared, config: scaling.allowed_namespaces(declared, config["allowed"]),
            lambda declared, config: scaling.undecided_namespace(declared) if config["allowed"] else (),
            options={
                "allowed": {
                    "type": "array",
                    "items": {"type": "string", "minLength": 1},
                    "default": [],
                    "description": "Namespaces where scaling is allowed, * for any text. []: everywhere.",
                }
            },
            severity=Severity.MEDIUM,
        ),
        Rule(
            "keda-webhook-availability",
            lambda declared, config: webhook_availability(declared, int(config["replicas"])),
            options={
                "replicas": {
                    "type": "integer",
                    "minimum": 1,
                    "default": 2,
                    "description": "Replicas of KEDA's webhook.",
                }
            },
            severity=Severity.MEDIUM,
            level=EnforcementLevel.ADVISORY,
        ),
        Rule(
            "keda-version-drift",
            lambda declared, config: version_drift(declared, config["version"]),
            lambda declared, config: undecided_image(declared),
            options={
                "version": {
                    "type": "string",
                    "minLength": 1,
                    "default": KEDA_VERSION,
                    "description": "The KEDA that is meant to be installed.",
                }
            },
            severity=Severity.MEDIUM,
            level=EnforcementLevel.ADVISORY,
        ),
        Rule("keda-metrics-apiservice", lambda declared, config: metrics.add(declared)),
    ]


def _gpu_budget() -> Rule:
    """Off until `capacity` says what the cluster has."""
    budget = GpuBudget()

    def judge(declared: Declared, config: Config) -> Iterator[Finding]:
        if (capacity := _whole(config, "capacity")) is not None:
            budget.resource = config["resource"]
            yield from budget.add(declared, capacity)

    def rest(config: Config) -> Iterator[Finding]:
        capacity, elsewhere = _whole(config, "capacity"), _whole(config, "elsewhere")
        if capacity is not None and elsewhere is not None:
            yield from budget.rest(capacity, elsewhere)

    return Rule(
        "keda-gpu-budget",
        judge,
        rest=rest,
        rest_undecided=lambda config: budget.undecided(),
        options={
            "capacity": {
                "type": "integer",
                "minimum": 0,
                "description": "GPUs that pods can have in the whole cluster. Unset: the rule is off.",
            },
            "resource": {
                "type": "string",
                "minLength": 1,
                "default": NVIDIA,
                "description": "The resource's name, amd.com/gpu say.",
            },
            "elsewhere": {
                "type": "integer",
                "minimum": 0,
                "description": "GPUs per pod of targets that this program does not declare. Unset: they are "
                "named at the end, and not counted.",
            },
        },
    )


def _whole(config: Config, key: str) -> int | None:
    """A whole number, which arrives as a float."""
    value: Any = config.get(key)
    return None if value is None else int(value)
