"""The pack's service as the engine calls it: the policy SDK's, with what the SDK lacks.

The SDK reads a resource again for each policy, with proxies, and without marks of secrets (pulumi_policy
1.21, policy.py, `Analyze` and `AnalyzeStack`). Here each resource is read once, straight from the request,
and the policies are given an empty one of the same URN (`Operation.read`). The project and the stack that
`ConfigureStack` names choose the config file, the program's folder its keda.toml; `Configure` refuses
settings that nobody reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf import json_format
from grpc import StatusCode
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel, proxy

from keda.commands.errors import NotThere
from keda.manifests.declared import UNKNOWN
from policies.config import mistakes
from policies.engine import engine
from policies.operation import Operation
from policies.resources import PROVIDER, WORKLOAD, Provider, Resource, as_whole
from policies.settings_file import wanted
from policies.stack_config import UnreadableConfig, stack_config

_UNKNOWNS = frozenset(
    getattr(proxy, f"UNKNOWN_{kind}_VALUE")
    for kind in ("BOOLEAN", "NUMBER", "STRING", "ARRAY", "ASSET", "ARCHIVE", "OBJECT")
)
# pulumi/pulumi sdk/go/common/resource/properties.go: how a secret, an asset or an archive is marked.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


def extend(
    servicer: Any,
    operation: Operation,
    known: Mapping[str, Iterable[str]],
    levels: Mapping[str, EnforcementLevel],
) -> None:
    """Have the SDK's service read resources once, and refuse a config with mistakes.

    Args:
        servicer: the class of the pack's service, pulumi_policy.policy._PolicyAnalyzerServicer.
        operation: what the pack's policies remember.
        known: the keys of each rule's config.
        levels: each rule's level where the config names none. To the engine an entry without a level is
            advisory: 0, the first of the protocol's levels (pulumi_policy 1.21, policy.py, GetAnalyzerInfo).
    """
    sdk = {
        name: getattr(servicer, name) for name in ("Analyze", "AnalyzeStack", "Configure", "ConfigureStack")
    }
    providers: dict[str, Provider] = {}

    def analyze(self: Any, request: Any, context: Any) -> Any:
        if not _concerns(request.type):
            return analyzer_pb2.AnalyzeResponse()
        return sdk["Analyze"](self, taken(request, operation, providers), context)

    def analyze_stack(self: Any, request: Any, context: Any) -> Any:
        operation.dependencies.update((each.urn, tuple(each.dependencies)) for each in request.resources)
        rest = [
            taken(each, operation, providers)
            for each in request.resources
            if _concerns(each.type) and not operation.is_registered(each.urn)
        ]
        return sdk["AnalyzeStack"](self, analyzer_pb2.AnalyzeStackRequest(resources=rest), context)

    def configure(self: Any, request: Any, context: Any) -> Any:
        given = {
            name: json_format.MessageToDict(each.properties) for name, each in request.policyConfig.items()
        }
        _refuse(mistakes(given, known), context)
        return sdk["Configure"](self, request, context)

    def configure_stack(self: Any, request: Any, context: Any) -> Any:
        operation.preview = request.dry_run
        try:
            config = stack_config(request.project, request.stack)
        except UnreadableConfig as error:
            context.abort(StatusCode.INVALID_ARGUMENT, f"policies/{error}")
        if pulumi := engine():
            try:
                operation.program.wanted = wanted(pulumi.program)
            except NotThere as error:
                context.abort(StatusCode.INVALID_ARGUMENT, str(error))
        _refuse(mistakes(config, known), context)
        for rule, entry in config.items():
            if isinstance(entry, dict) and rule in levels:
                entry.setdefault("enforcementLevel", levels[rule])
        for given in _config_files():
            _refuse(mistakes(given, known), context)
        setattr(self, f"_{servicer.__name__.lstrip('_')}__initial_config", config)
        return sdk["ConfigureStack"](self, request, context)

    extended: dict[str, Callable[..., Any]] = {
        "Analyze": analyze,
        "AnalyzeStack": analyze_stack,
        "Remediate": lambda self, request, context: analyzer_pb2.RemediateResponse(),  # nothing is remediated
        "Configure": configure,
        "ConfigureStack": configure_stack,
    }
    for name, method in extended.items():
        setattr(servicer, name, method)


def _refuse(lines: Iterable[str], context: Any) -> None:
    if found := list(lines):
        context.abort(StatusCode.INVALID_ARGUMENT, " ".join(found))


def _config_files() -> Iterable[Mapping[str, object]]:
    """What --policy-pack-config names, if the pack is the only one. The engine itself refuses a rule that
    does not exist, but without its name, before the pack is asked.
    """
    pulumi = engine()
    if pulumi is None or len(pulumi.files("--policy-pack")) != 1:
        return
    for file in pulumi.files("--policy-pack-config"):
        try:
            content = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):  # the engine reports it
            continue
        if isinstance(content, dict):
            yield content


def _concerns(token: str) -> bool:
    return token.startswith("kubernetes:") or token in (PROVIDER, WORKLOAD)


def taken(request: Any, operation: Operation, providers: dict[str, Provider]) -> Any:
    """Read a resource, and return an empty one in its place."""
    if request.urn not in operation.read:
        secrets: list[str] = []
        provider = None
        if request.HasField("provider"):
            provider = providers.get(request.provider.urn)
            if provider is None:
                given = request.provider
                provider = Provider(given.urn, given.name, plain_struct(given.properties, []))
                providers[given.urn] = provider
        operation.read[request.urn] = Resource(
            request.type,
            request.urn,
            request.name,
            plain_struct(request.properties, secrets),
            tuple(request.options.ignoreChanges),
            request.options.parent,
            provider,
            tuple(secrets),
        )
    return type(request)(type=request.type, urn=request.urn, name=request.name)


def plain_struct(struct: Any, secrets: list[str]) -> dict[str, Any]:
    """A protobuf Struct as plain data, UNKNOWN for what is not known; the texts of secrets are added to
    `secrets`.
    """
    return {key: _plain(value, secrets) for key, value in struct.fields.items()}


def _plain(value: Any, secrets: list[str]) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _UNKNOWNS else text
    if kind == "number_value":
        return as_whole(value.number_value)
    if kind == "struct_value":
        fields = value.struct_value.fields
        if _SIGNATURE not in fields:
            return {key: _plain(each, secrets) for key, each in fields.items()}
        return _marked(fields, secrets)
    if kind == "list_value":
        return [_plain(each, secrets) for each in value.list_value.values]
    return value.bool_value if kind == "bool_value" else None


def _marked(fields: Any, secrets: list[str]) -> Any:
    """The value of a secret; None for an asset or an archive, of which only the file is known."""
    if fields[_SIGNATURE].string_value != _SECRET:
        return None
    inner = _plain(fields["value"], secrets)
    secrets += _texts(inner)
    return inner


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []
