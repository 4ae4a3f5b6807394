"""The cluster guard: three admission policies of the API server, and how they are bound."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)

from components.cluster_guard.rule import binding, policy
from components.cluster_guard.rules import rules
from components.settings import Keda


class ClusterGuard(pulumi.ComponentResource):
    """Refuses a second owner of a ScaledObject's target, and a Vault that may not receive KEDA's tokens."""

    def __init__(
        self,
        name: str,
        keda: Keda,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after`: KEDA, so that its CRDs are there first; a destroy takes the guard away before them."""
        props = {"mode": keda.cluster_guard}
        super().__init__("keda-homelab:admission:ClusterGuard", name, props, opts)
        for rule in rules(keda) if keda.cluster_guard != "off" else ():
            short = rule.name.removeprefix("keda-").removeprefix("one-owner-")
            described = ValidatingAdmissionPolicy(
                f"{name}-{short}",
                metadata={"name": rule.name},
                spec=policy(rule),
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
            )
            ValidatingAdmissionPolicyBinding(
                f"{name}-{short}-binding",
                metadata={"name": rule.name},
                spec=binding(rule, keda.cluster_guard),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[described]),
            )
        self.register_outputs(props)
