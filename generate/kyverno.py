"""The cluster guard for Kyverno, of the same rules in the same CEL: the files of policies/kyverno.

    python -m generate.kyverno

writes them, for KEDA's usual namespace and service account. Kyverno 1.11 or later evaluates CEL itself, so it
guards a cluster without ValidatingAdmissionPolicy too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from components.cluster_guard.rule import PARAMETER, Rule, failure_policy
from components.cluster_guard.rules import rules
from components.settings import Keda

FOLDER = Path(__file__).parents[1] / "policies" / "kyverno"
FILE = FOLDER / "keda-one-owner.yaml"
VAULT_FILE = FOLDER / "keda-vault-token.yaml"
HEADER = """\
# One owner for every replica count, for clusters that run Kyverno: docs/cluster-guard.md.
# Made by python -m generate.kyverno; for a KEDA elsewhere than in namespace keda, change the
# operator's user name.
"""
VAULT_HEADER = """\
# Which token KEDA may send to which Vault, for clusters that run Kyverno: docs/cluster-guard.md.
# Made by python -m generate.kyverno. Write your Vault's addresses into the variable `listed`, in
# lower case, e.g. ['https://vault.vault.svc:8200']; for a KEDA elsewhere than in namespace keda, change the
# namespace in `operators`.
"""

# Every ScaledObject of the request's namespace. Kyverno 1.15 cannot read an empty selector: it asks the API
# server for the label `<none>`.
PARAMETERS = {
    "selector": {"matchExpressions": [{"key": "keda-homelab.dev/none", "operator": "DoesNotExist"}]},
    "parameterNotFoundAction": "Allow",
}
# A kind of `resources`, as Kyverno spells it: group/version/Kind/subresource.
KINDS = {
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "triggerauthentications": "TriggerAuthentication",
    "clustertriggerauthentications": "ClusterTriggerAuthentication",
}


def cluster_policy(rule: Rule) -> dict[str, Any]:
    """A rule as a ClusterPolicy: what would be denied is enforced, what would be told is a warning."""
    parameters = {"paramKind": PARAMETER, "paramRef": PARAMETERS} if rule.beside_scaled_objects else {}
    validation = {
        "failureAction": "Enforce" if rule.refuses else "Audit",
        "cel": parameters
        | {
            "variables": [{"name": name, "expression": cel} for name, cel in rule.variables.items()],
            "expressions": [{"expression": rule.valid, "messageExpression": rule.message}],
        },
    }
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": rule.name},
        "spec": {
            "background": False,  # a scan knows neither who wrote nor what was there before
            "emitWarning": True,
            "webhookConfiguration": {"failurePolicy": failure_policy(rule)},
            "rules": [
                {
                    "name": rule.name,
                    "match": {
                        "any": [
                            {
                                "resources": {
                                    "kinds": [_kind(rule.group, resource) for resource in rule.resources],
                                    "operations": ["CREATE", "UPDATE"],
                                }
                            }
                        ]
                    },
                    "celPreconditions": [
                        {"name": name, "expression": cel} for name, cel in rule.conditions.items()
                    ],
                    "validate": validation,
                }
            ],
        },
    }


def reader() -> dict[str, Any]:
    """Kyverno may read only what is granted to it: the ScaledObjects, added to its own role."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "kyverno:keda-scaledobjects",
            "labels": {"rbac.kyverno.io/aggregate-to-admission-controller": "true"},
        },
        "rules": [
            {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": ["get", "list", "watch"]}
        ],
    }


def render() -> dict[Path, str]:
    """Every file with its text."""
    *owners, vault = rules(Keda())
    texts = {
        FILE: (HEADER, [reader(), *map(cluster_policy, owners)]),
        VAULT_FILE: (VAULT_HEADER, [cluster_policy(vault)]),
    }
    return {
        file: header + yaml.dump_all(objects, Dumper=_Folded, sort_keys=False, width=110)
        for file, (header, objects) in texts.items()
    }


class _Folded(yaml.SafeDumper):
    """Writes an expression in lines, without doubling its quotes."""


_Folded.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=">" if "'" in text else None
    ),
)


def main() -> None:
    """Writes the Kyverno policies."""
    FOLDER.mkdir(exist_ok=True)
    for file, content in render().items():
        file.write_text(content, encoding="utf-8")


def _kind(group: str, resource: str) -> str:
    plural, _, subresource = resource.partition("/")
    return "/".join(part for part in (group, "*", KINDS[plural], subresource) if part)


if __name__ == "__main__":
    main()
