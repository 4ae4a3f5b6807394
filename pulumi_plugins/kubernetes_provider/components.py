"""Components made of many resources: `helm.sh/v4:Chart`, `yaml/v2:ConfigGroup` and `yaml/v2:ConfigFile`.

Children are registered with the engine directly, each on a thread of its own: a registration returns when
the child is there, and the child's Create comes back to this very process.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from pulumi_plugins.kubernetes_provider import helm, manifests
from pulumi_plugins.kubernetes_provider.api import Cluster
from pulumi_plugins.kubernetes_provider.codec import Secret, decode, encode, has_unknown, reference, reveal
from pulumi_plugins.kubernetes_provider.objects import Object, type_of
from pulumi_plugins.kubernetes_provider.version import VERSION
from pulumi_plugins.serving import CHANNEL_OPTIONS

CHART = "kubernetes:helm.sh/v4:Chart"
GROUP = "kubernetes:yaml/v2:ConfigGroup"
FILE = "kubernetes:yaml/v2:ConfigFile"
TYPES = {CHART, GROUP, FILE}
INCOMPLETE = "Input properties have unknown values. Preview is incomplete."
ENDED = "the engine stopped the registration"


class Ended(Exception):
    """The engine is shutting down and has said why."""


@dataclass(frozen=True)
class Component:
    """One Construct call.

    Attributes:
        request: the engine's.
        cluster: None when YAML is rendered without one.
        namespace: the provider's default namespace.
        namespaced: whether a kind is, by apiVersion and kind.
        warn: shows a warning at the component's URN.
    """

    request: Any
    cluster: Cluster | None
    namespace: str
    namespaced: Callable[[str, str], bool]
    warn: Callable[[str, str], None]

    def construct(self) -> Any:
        """Registers the component and its children.

        Returns:
            ConstructResponse.

        Raises:
            ChartError, ManifestError: the objects cannot be had.
            Ended: the engine gave up meanwhile.
        """
        request = self.request
        inputs = decode(request.inputs)
        with grpc.insecure_channel(request.monitorEndpoint, options=CHANNEL_OPTIONS) as channel:
            monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
            urn = self._register(monitor, self._component()).urn
            if has_unknown(inputs):
                self.warn(urn, INCOMPLETE)
                return provider_pb2.ConstructResponse(urn=urn)
            inputs = reveal(inputs)
            objects = self._objects(inputs)
            prefix = inputs.get("resourcePrefix", request.name)
            children = self._children(monitor, urn, objects, prefix, bool(inputs.get("skipAwait")))
            resources = encode({"resources": [reference(child.urn, child.id) for child in children]})
            monitor.RegisterResourceOutputs(
                resource_pb2.RegisterResourceOutputsRequest(urn=urn, outputs=resources)
            )
        urns = provider_pb2.ConstructResponse.PropertyDependencies(urns=[child.urn for child in children])
        return provider_pb2.ConstructResponse(urn=urn, state=resources, stateDependencies={"resources": urns})

    def _component(self) -> Any:
        request = self.request
        return resource_pb2.RegisterResourceRequest(
            type=request.type,
            name=request.name,
            parent=request.parent,
            dependencies=request.dependencies,
            provider=request.providers.get("kubernetes", ""),
            providers=request.providers,
            aliases=request.aliases,
            ignoreChanges=request.ignoreChanges,
            additionalSecretOutputs=request.additionalSecretOutputs,
            replaceOnChanges=request.replaceOnChanges,
            deletedWith=request.deletedWith,
            acceptSecrets=True,
            acceptResources=True,
            supportsResultReporting=True,
            **{
                name: getattr(request, name)
                for name in ("protect", "retainOnDelete")
                if request.HasField(name)
            },
        )

    def _objects(self, inputs: dict[str, Any]) -> list[Object]:
        namespace = inputs.get("namespace") or self.namespace
        match self.request.type:
            case kind if kind == CHART:
                release = inputs.get("name") or self.request.name
                objects = manifests.parse(helm.template(inputs, release, namespace, self.cluster))
            case kind if kind == FILE:
                objects = manifests.read([inputs["file"]])
            case _:
                files = inputs.get("files") or []
                objects = manifests.read([files] if isinstance(files, str) else files)
                objects += manifests.parse(inputs.get("yaml") or "")
                objects += copy.deepcopy(inputs.get("objs") or [])
        defined = manifests.defined_kinds(objects)
        manifests.set_namespace(
            objects,
            namespace,
            lambda version, kind: defined.get(
                (version.rpartition("/")[0], kind), self.namespaced(version, kind)
            ),
        )
        return objects

    def _children(
        self, monitor: Any, parent: str, objects: list[Object], prefix: str, skip_await: bool
    ) -> list[Any]:
        if not objects:
            return []
        needed = manifests.dependencies(objects)
        registered: list[Future[Any]] = [Future() for _ in objects]
        made = [self._child(parent, obj, prefix, skip_await) for obj in objects]

        def register(index: int) -> None:
            try:
                dependencies = [registered[each].result().urn for each in needed[index]]
                made[index].dependencies.extend(dependencies)
                registered[index].set_result(self._register(monitor, made[index]))
            except Exception as error:
                registered[index].set_exception(error)

        with ThreadPoolExecutor(max_workers=len(objects)) as pool:
            list(pool.map(register, range(len(objects))))
        return [each.result() for each in registered]

    def _child(self, parent: str, obj: Object, prefix: str, skip_await: bool) -> Any:
        metadata = obj["metadata"]
        annotations = metadata.get("annotations") or {}
        if skip_await:
            metadata["annotations"] = annotations = {**annotations, "pulumi.com/skipAwait": "true"}
        name = "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
        request = resource_pb2.RegisterResourceRequest(
            type=type_of(obj["apiVersion"], obj["kind"]),
            name=f"{prefix}:{name}" if prefix else name,
            parent=parent,
            custom=True,
            object=encode(_with_secrets(obj)),
            version=VERSION,
            provider=self.request.providers.get("kubernetes", ""),
            acceptSecrets=True,
            acceptResources=True,
            supportsPartialValues=True,
            supportsResultReporting=True,
        )
        if self.request.type == CHART and (policy := annotations.get("helm.sh/resource-policy")):
            if policy == "keep":
                request.retainOnDelete = True
            else:
                self.warn(parent, f'Unsupported Helm resource policy "{policy}"')
        return request

    @staticmethod
    def _register(monitor: Any, request: Any) -> Any:
        try:
            response = monitor.RegisterResource(request)
        except grpc.RpcError as error:
            raise Ended(ENDED) from error
        if response.result != resource_pb2.Result.SUCCESS:
            raise Ended(ENDED)
        return response


def _with_secrets(obj: Object) -> Object:
    if (obj["apiVersion"], obj["kind"]) != ("v1", "Secret"):
        return obj
    return {key: Secret(value) if key in {"data", "stringData"} else value for key, value in obj.items()}
