"""Pulumi's ResourceProvider service on top of the operations: what the engine calls."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from pulumi_plugins.kubernetes_provider import components, diff, render, settings
from pulumi_plugins.kubernetes_provider.answers import Partial, answered
from pulumi_plugins.kubernetes_provider.api import ApiError, Cluster, NoSuchKind, Unreachable
from pulumi_plugins.kubernetes_provider.codec import decode, encode, has_unknown, mark_secrets, reveal
from pulumi_plugins.kubernetes_provider.manifests import defined_kinds
from pulumi_plugins.kubernetes_provider.normal import normalized
from pulumi_plugins.kubernetes_provider.objects import (
    INITIAL_API_VERSION,
    INPUTS,
    MANAGER,
    Object,
    annotation,
    autoname,
    field_manager,
    gvk_of_type,
    identifier,
    imported,
    is_patch,
    is_true,
    lookup,
    manifest,
    refreshed,
)
from pulumi_plugins.kubernetes_provider.operations import NotReady, Operations, Refused
from pulumi_plugins.kubernetes_provider.version import VERSION
from pulumi_plugins.serving import CHANNEL_OPTIONS, engine_address, serve

WORKERS = 256
KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}
GONE = (
    'If the cluster is gone for good, run again with PULUMI_K8S_DELETE_UNREACHABLE="true" '
    "to drop its resources from the state."
)


def main() -> None:
    """Serves the engine named on the command line."""
    provider = Provider(engine_address(sys.argv[1:]))
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server), WORKERS)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One configured provider; its methods are called from many threads."""

    def __init__(self, engine: str) -> None:
        self.engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine, options=CHANNEL_OPTIONS))
        self.settings = settings.Settings.of({})
        self.cluster: Cluster | None = None
        self.unreachable = "the provider is not configured"
        self.namespace = "default"
        self.cancelled = Event()
        # (group, kind) of definitions that this run creates, and whether they are namespaced.
        self.defined: dict[tuple[str, str], bool] = {}

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.cancelled.set()
        return empty_pb2.Empty()

    @answered
    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        failed = settings.failures(reveal(decode(request.news)))
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in failed],
        )

    @answered
    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        news = reveal(decode(request.news))
        changed, replaces = settings.replaced_by(reveal(decode(request.olds)), news)
        # An unknown cluster may be another one.
        replaces += [
            key for key in settings.WITH_CLUSTER if has_unknown(news.get(key)) and key not in replaces
        ]
        some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, diffs=changed, replaces=replaces)

    @answered
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.settings = settings.Settings.of(request.variables)
        if not self.settings.server_side_apply:
            raise Refused("enableServerSideApply=false: the stand-in provider has server-side apply only")
        self.namespace = settings.context_namespace(self.settings)
        try:
            cluster = Cluster(self.settings.kubeconfig, self.settings.context)
            cluster.version()
            self.cluster = cluster
        except (Unreachable, ApiError) as error:
            # Not an error yet: a preview, an Invoke or rendered YAML needs no cluster.
            self.unreachable = f"the Kubernetes cluster cannot be reached: {error}"
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    @answered
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise Refused(
            f"{request.tok}: the stand-in provider has no functions; use yaml.v2 and helm.v4 instead"
        )

    @answered
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Fills in name and namespace."""
        token, logical = _type_and_name(request.urn)
        if token.startswith("kubernetes:helm.sh/") or token.endswith("List"):
            raise Refused(
                f"{token}: not in the stand-in provider; use kubernetes.helm.v4.Chart or the single resources"
            )
        news, olds = decode(request.news), decode(request.olds)
        inputs = manifest(news)
        if is_patch(token, inputs) and not (inputs.get("metadata") or {}).get("name"):
            raise Refused(f"{logical}: a Patch resource needs metadata.name, the object that it patches")
        proposed = request.autonaming.proposed_name
        autoname(inputs, logical, manifest(olds), request.randomSeed, proposed)
        metadata = inputs["metadata"]
        if isinstance(metadata, dict):
            if metadata.get("generateName") and not metadata.get("name"):
                raise Refused(
                    f"{logical}: server-side apply has no metadata.generateName; leave both names out"
                )
            api_version, kind = gvk_of_type(token.removesuffix("Patch") if is_patch(token, inputs) else token)
            if not metadata.get("namespace") and self._namespaced(api_version, kind):
                metadata["namespace"] = self.namespace
        inputs = normalized(inputs)
        self.defined.update({} if has_unknown(inputs) else defined_kinds([inputs]))
        return provider_pb2.CheckResponse(inputs=encode(mark_secrets(inputs, news)))

    @answered
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Compares inputs with the inputs that the state holds."""
        state = decode(request.olds)
        old = normalized(manifest(state.get(INPUTS) or decode(request.old_inputs)))
        new = normalized(manifest(decode(request.news)))
        ignore = [diff.parse(path) for path in request.ignoreChanges]
        patch = is_patch(_type_and_name(request.urn)[0], new)
        detailed: dict[str, Any] = {}
        replaces: list[str] = []
        for path, how in diff.changes(old, new):
            if diff.ignored(path, ignore):
                continue
            path_text = diff.text(path)
            _, value = lookup(old if how == "delete" else new, path)
            fixed = diff.needs_replacement(
                new, path, value, mutable=self.settings.mutable, identity_only=patch
            )
            if fixed:
                replaces.append(path_text)
            detailed[path_text] = provider_pb2.PropertyDiff(kind=KINDS[how, fixed], inputDiff=True)
        same = _address(new) == _address(state)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=replaces,
            # Two objects of one name cannot be.
            deleteBeforeReplace=bool(replaces) and same and not is_true(new, "autonamed"),
            detailedDiff=detailed,
            hasDetailedDiff=True,
        )

    @answered
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        inputs = decode(request.properties)
        made = manifest(inputs)
        manager = annotation(made, "patchFieldManager") or field_manager()
        patch = is_patch(_type_and_name(request.urn)[0], made)
        unasked = has_unknown(inputs) or self.cluster is None or self.settings.render_to or patch
        if request.preview and unasked:
            return provider_pb2.CreateResponse(properties=request.properties)
        if self.settings.render_to:
            live: Object | None = self._render(request.urn, made)
        else:
            try:
                live = self._operations().create(
                    made,
                    manager,
                    request.timeout,
                    preview=request.preview,
                    patch=patch,
                    log=self._status(request.urn),
                )
            except NotReady as error:
                raise Partial(error, self._state(inputs, error.live, manager)) from None
        if live is None:
            return provider_pb2.CreateResponse(properties=request.properties)
        if request.preview:
            live.pop("status", None)
            return provider_pb2.CreateResponse(properties=self._state(inputs, live, manager))
        return provider_pb2.CreateResponse(id=identifier(live), properties=self._state(inputs, live, manager))

    @answered
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        inputs = decode(request.news)
        made = manifest(inputs)
        state = decode(request.olds)
        manager = annotation(made, "patchFieldManager") or state.get(MANAGER) or field_manager()
        if request.preview and (has_unknown(inputs) or self.cluster is None or self.settings.render_to):
            return provider_pb2.UpdateResponse(properties=request.news)
        if self.settings.render_to:
            return provider_pb2.UpdateResponse(
                properties=self._state(inputs, self._render(request.urn, made), manager)
            )
        token, _ = _type_and_name(request.urn)
        try:
            live = self._operations().update(
                made,
                manager,
                request.timeout,
                [diff.parse(path) for path in request.ignoreChanges],
                preview=request.preview,
                patch=is_patch(token, made),
                log=self._status(request.urn),
            )
        except NotReady as error:
            raise Partial(error, self._state(inputs, error.live, manager)) from None
        if live is None:
            return provider_pb2.UpdateResponse(properties=request.news)
        return provider_pb2.UpdateResponse(properties=self._state(inputs, live, manager, state))

    @answered
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Reads the live object; for an import or a `.get` there are no inputs yet."""
        if self.settings.render_to:
            return provider_pb2.ReadResponse(
                id=request.id, properties=request.properties, inputs=request.inputs
            )
        if self.cluster is None:
            if self.settings.delete_unreachable:
                return provider_pb2.ReadResponse()
            raise Refused(f"{self.unreachable}. {GONE}")
        state, inputs = decode(request.properties), decode(request.inputs)
        token, _ = _type_and_name(request.urn)
        api_version, kind = gvk_of_type(token)
        if inputs or state:
            known = manifest(state.get(INPUTS) or inputs)
            api_version, kind = known.get("apiVersion") or api_version, known.get("kind") or kind
        namespace, _, name = request.id.rpartition("/")
        address = {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
        }
        try:
            live = self.cluster.get(address)
        except NoSuchKind:
            return provider_pb2.ReadResponse()
        except ApiError as error:
            if error.not_found:
                return provider_pb2.ReadResponse()
            raise
        now = refreshed(manifest(inputs), reveal(state), live) if inputs else imported(live)
        manager = state.get(MANAGER) or field_manager()
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=self._state(mark_secrets(now, inputs), live, manager, state),
            inputs=encode(mark_secrets(now, inputs)),
        )

    @answered
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        state = decode(request.properties)
        live = reveal({key: value for key, value in state.items() if not key.startswith("__")})
        if self.settings.render_to:
            render.path_of(live, self.settings.render_to).unlink(missing_ok=True)
            return empty_pb2.Empty()
        if self.cluster is None and self.settings.delete_unreachable:
            return empty_pb2.Empty()
        made = manifest(state.get(INPUTS) or {})
        operations = self._operations(GONE)
        if is_patch(_type_and_name(request.urn)[0], live):
            operations.relinquish(live, state.get(MANAGER) or field_manager())
            return empty_pb2.Empty()
        try:
            operations.delete(made, live, request.timeout, self._status(request.urn))
        except NotReady as error:
            raise Refused(str(error)) from None
        return empty_pb2.Empty()

    @answered
    def Construct(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.type not in components.TYPES:
            raise Refused(f"{request.type}: not in the stand-in provider")
        if self.cluster is None and not self.settings.render_to:
            raise Refused(f"{request.type} {request.name}: {self.unreachable}")
        component = components.Component(
            request=request,
            cluster=self.cluster,
            namespace=self.namespace,
            namespaced=self._namespaced,
            warn=lambda urn, text: self._log(urn, text, engine_pb2.WARNING),
        )
        return component.construct()

    def _namespaced(self, api_version: str, kind: str) -> bool:
        """Whether a kind is namespaced; an unknown one is taken to be."""
        if (found := self.defined.get((api_version.rpartition("/")[0], kind))) is not None:
            return found
        if self.cluster is None:
            return True
        try:
            return self.cluster.kind(api_version, kind).namespaced
        except NoSuchKind:
            return True

    def _operations(self, advice: str = "") -> Operations:
        if self.cluster is None:
            raise Refused(f"{self.unreachable}. {advice}".rstrip())
        return Operations(
            self.cluster,
            upsert=self.settings.upsert,
            force=self.settings.force,
            strict_preview=self.settings.strict_preview,
            cancelled=self.cancelled,
        )

    def _render(self, urn: str, made: Object) -> Object:
        assert self.settings.render_to is not None
        path: Path = render.write(made, self.settings.render_to)
        self._log(urn, f"rendered {path}", engine_pb2.INFO, passing=True)
        return made

    def _state(
        self, inputs: Mapping[str, Any], live: Object, manager: str, before: Mapping[str, Any] | None = None
    ) -> Any:
        """The resource's outputs: the live object, and beside it what the next run needs to compare with."""
        plain = manifest(inputs)
        marked = mark_secrets(live, inputs)
        initial = (before or {}).get(INITIAL_API_VERSION) or live.get("apiVersion")
        return encode(
            {**marked, INPUTS: mark_secrets(plain, inputs), INITIAL_API_VERSION: initial, MANAGER: manager}
        )

    def _status(self, urn: str) -> Callable[[str], None]:
        return lambda text: self._log(urn, text, engine_pb2.INFO, passing=True)

    def _log(self, urn: str, text: str, severity: Any, passing: bool = False) -> None:
        try:
            self.engine.Log(
                engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=passing)
            )
        except grpc.RpcError:
            return  # the engine is ending: the line is lost


def _address(obj: Mapping[str, Any]) -> tuple[Any, Any] | None:
    metadata = obj.get("metadata")
    return (metadata.get("name"), metadata.get("namespace")) if isinstance(metadata, dict) else None


def _type_and_name(urn: str) -> tuple[str, str]:
    """The resource's own type (its parents' come before a `$`) and name."""
    match = re.fullmatch(r"urn:pulumi:.*?::.*?::(?:.*\$)?(.*?)::(.*)", urn, re.DOTALL)
    assert match is not None, urn
    return match[1], match[2]
