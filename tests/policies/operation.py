"""One preview or update, as the policy SDK would ask the pack: proxies that raise on unknowns, floats."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import unknown_checking_proxy

from policies import pack
from tests.policies.manifests import Manifest

# No test reads a cluster of whoever runs it.
os.environ["KUBECONFIG"] = os.devnull

Report = tuple[str, str]


class Operation:
    """What the engine would ask of the pack, and what the rules report. `config` is as in the config file."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.policies = pack.policies()
        self.config = config or {}
        self.reports: list[Report] = []
        self.urns: list[str | None] = []

    def register(self, *manifests: Manifest, **more: Any) -> Operation:
        for manifest in manifests:
            self._ask(resource(manifest, **more))
        return self

    def component(self, props: Manifest) -> Operation:
        """A workload of this project's, registered before its objects."""
        return self._other("keda-homelab:workload:ScaledWorkload", str(props.get("name")), props)

    def provider(self, props: Manifest) -> Operation:
        return self._other("pulumi:providers:kubernetes", str(props.get("context")), props)

    def _other(self, token: str, name: str, props: Manifest) -> Operation:
        given = resource({}) | {"resource_type": token, "name": name, "provider": None}
        given |= {"props": unknown_checking_proxy(props), "urn": f"urn:pulumi:homelab::test::{token}::{name}"}
        self._ask(given)
        return self

    def _ask(self, given: dict[str, Any]) -> None:
        for policy in self.policies:
            if isinstance(policy, ResourceValidationPolicy):
                args = ResourceValidationArgs(**given, config=self._config(policy), stack_tags={})
                policy.validate(args, self._reporter(policy))

    def end(self, *manifests: Manifest, **more: Any) -> Operation:
        links: dict[str, Any] = {"parent": None, "dependencies": [], "property_dependencies": {}}
        stack = [PolicyResource(**resource(manifest, **more), **links) for manifest in manifests]
        for policy in self.policies:
            if isinstance(policy, StackValidationPolicy):
                args = StackValidationArgs(stack, self._config(policy), {})
                policy.validate(args, self._reporter(policy))
        return self

    @property
    def rules(self) -> list[str]:
        return [rule for rule, _ in self.reports]

    @property
    def messages(self) -> list[str]:
        return [message for _, message in self.reports]

    def _config(self, policy: Policy) -> dict[str, Any] | None:
        """As the engine hands it over: the schema's defaults filled in, numbers as floats."""
        schema = policy.config_schema.properties if policy.config_schema else {}
        defaults = {key: each["default"] for key, each in schema.items() if "default" in each}
        merged = defaults | self.config.get(policy.name, {})
        return json.loads(json.dumps(merged), parse_int=float) or None

    def _reporter(self, policy: Policy) -> Callable[[str, str | None], None]:
        def report(message: str, urn: str | None) -> None:
            self.reports.append((policy.name, message))
            self.urns.append(urn)

        return report


def resource(
    manifest: Manifest,
    *,
    ignore_changes: list[str] | None = None,
    provider: Manifest | None = None,
    at: str = "",
) -> dict[str, Any]:
    """The arguments of a policy for one Kubernetes resource; `at` is its name in the program."""
    metadata = manifest.get("metadata")
    name = at or str(metadata.get("name") if isinstance(metadata, dict) else "unknown")
    token = f"kubernetes:{manifest.get('apiVersion')}:{manifest.get('kind')}"
    options = PolicyResourceOptions(
        False, ignore_changes or [], None, [], PolicyCustomTimeouts(0, 0, 0), [], None
    )
    return {
        "resource_type": token,
        "props": unknown_checking_proxy(manifest),
        "urn": f"urn:pulumi:homelab::test::{token}::{name}",
        "name": name,
        "opts": options,
        "provider": PolicyProviderResource(
            "pulumi:providers:kubernetes",
            unknown_checking_proxy(provider or {}),
            f"urn:provider::{provider}",
            "default",
        ),
    }
