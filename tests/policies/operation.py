"""One preview or update, as the engine asks the pack: through the SDK's service, in its protobuf messages."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel, policy

from keda.manifests.declared import Declared
from policies import operation, pack
from policies.resources import declared
from policies.rule import schema
from policies.service import extend, taken
from policies.settings_file import wanted
from tests.policies.manifests import Manifest

# No test reads a cluster of whoever runs it.
os.environ["KUBECONFIG"] = os.devnull

Report = tuple[str, str]


def secret(value: Any) -> Manifest:
    """A value as the engine marks a secret one."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": value}


class Operation:
    """What the engine asks of the pack, and what the rules report. `config` is as in the config file,
    `folder` the program's, with a keda.toml.
    """

    def __init__(self, config: dict[str, Any] | None = None, folder: Path | None = None) -> None:
        # A class of the SDK's own, so that the test fails when the SDK's names change.
        servicer = cast(Any, type("_PolicyAnalyzerServicer", (policy._PolicyAnalyzerServicer,), {}))
        memory = operation.Operation()
        if folder:
            memory.program.wanted = wanted(folder)
        extend(servicer, memory, pack.settings(), pack.levels())
        policies = pack.policies(memory)
        self._service = servicer("keda-homelab", "1", policies, EnforcementLevel.MANDATORY)
        self._service.Configure(_config(config or {}), Mock(abort=Mock(side_effect=RuntimeError)))
        self.reports: list[Report] = []
        self.urns: list[str] = []

    def register(self, *manifests: Manifest, **more: Any) -> Operation:
        for manifest in manifests:
            self._ask(resource(manifest, **more))
        return self

    def component(self, props: Manifest) -> Operation:
        """A workload of this project's, registered before its objects."""
        return self.other("keda-homelab:workload:ScaledWorkload", str(props.get("name")), props)

    def provider(self, props: Manifest) -> Operation:
        token = "pulumi:providers:kubernetes"
        self._ask({"type": token, "name": "default", "urn": f"urn:provider::{props}", "properties": props})
        return self

    def other(self, token: str, name: str, props: Manifest) -> Operation:
        """A resource of another type."""
        given = {"type": token, "name": name, "urn": f"urn:pulumi:homelab::test::{token}::{name}"}
        self._ask(given | {"properties": props})
        return self

    def _ask(self, given: dict[str, Any]) -> None:
        self._take(self._service.Analyze(analyzer_pb2.AnalyzeRequest(**given), None))

    def end(self, *manifests: Manifest, waits: Iterable[tuple[str, str]] = (), **more: Any) -> Operation:
        """The end, with the rest of the final stack; `waits`: (URN, URN that it waits for)."""
        stack = [analyzer_pb2.AnalyzerResource(**resource(manifest, **more)) for manifest in manifests]
        stack += [analyzer_pb2.AnalyzerResource(urn=urn, dependencies=[other]) for urn, other in waits]
        self._take(self._service.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=stack), None))
        return self

    @property
    def rules(self) -> list[str]:
        return [rule for rule, _ in self.reports]

    @property
    def messages(self) -> list[str]:
        return [message for _, message in self.reports]

    def of(self, *rules: str) -> list[str]:
        """The messages of some rules."""
        return [message for rule, message in self.reports if rule in rules]

    def _take(self, response: Any) -> None:
        for each in response.diagnostics:
            # The SDK puts the rule's summary above the message.
            self.reports.append((each.policyName, each.message.partition("\n")[2]))
            self.urns.append(each.urn)


def _config(config: dict[str, Any]) -> Any:
    """As the engine hands it over: the schema's defaults filled in, each rule with its level."""
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for rule in pack.rules():
        defaults = {key: each["default"] for key, each in schema(rule).items() if "default" in each}
        entry = request.policyConfig[rule.name]
        entry.properties.update(defaults | config.get(rule.name, {}))
        entry.enforcementLevel = analyzer_pb2.EnforcementLevel.Value(rule.level.upper())
    return request


def read(given: dict[str, Any]) -> Declared | None:
    """What the pack makes of one resource (`resource`)."""
    memory = operation.Operation()
    taken(analyzer_pb2.AnalyzeRequest(**given), memory, {})
    return declared(memory.read[given["urn"]], "")


def resource(
    manifest: Manifest,
    *,
    ignore_changes: Iterable[str] = (),
    provider: Manifest | None = None,
    at: str = "",
    parent: str = "",
    token: str = "",
) -> dict[str, Any]:
    """A Kubernetes resource in a request of the engine's; `at` is its name in the program."""
    metadata = manifest.get("metadata")
    name = at or str(metadata.get("name") if isinstance(metadata, dict) else "unknown")
    token = token or f"kubernetes:{manifest.get('apiVersion')}:{manifest.get('kind')}"
    given = {
        "type": "pulumi:providers:kubernetes",
        "properties": copy.deepcopy(provider or {}),
        "urn": f"urn:provider::{provider}",
        "name": "default",
    }
    return {
        "type": token,
        "properties": copy.deepcopy(manifest),
        "urn": f"urn:pulumi:homelab::test::{token}::{name}",
        "name": name,
        "options": {"ignoreChanges": list(ignore_changes), "parent": parent},
        "provider": given,
    }
