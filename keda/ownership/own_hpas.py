"""Kinds of other operators that make an HPA of their own, and the workload whose replicas that HPA sets.

| kind | of | makes an HPA | for |
|---|---|---|---|
| InferenceService | KServe | unless autoscalerClass is `external` or `none` | `<name>-predictor`, … |
| OpenTelemetryCollector | opentelemetry-operator | with spec.autoscaler | itself, so `<name>-collector` |
| Jaeger | jaeger-operator | in production and streaming | `<name>-collector`, `-ingester` |
| ArgoCD | argocd-operator | with spec.server.autoscale.enabled | `<name>-server` |
| NIMService | NVIDIA's k8s-nim-operator | with spec.scale.enabled | `<name>` |
| IstioOperator | Istio | with a component's k8s.hpaSpec | istiod, the gateway's name |
| SeldonDeployment | Seldon Core 1 | with componentSpecs[].hpaSpec | `<name>-<predictor>-<index>-…` |
| PyTorchJob | Kubeflow trainer 1 | with elasticPolicy.metrics | itself |

Datadog's DatadogPodAutoscaler makes no HPA: it scales spec.targetRef itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keda.manifests.declared import UNKNOWN, ObjectRef
from keda.manifests.reading import Manifest, annotation, dig, mapping, ref, sequence, text, text_or
from keda.ownership.model import TWO_HPAS, Controller, Link, Owner

Claims = Iterator[Owner | Link]
Reader = Callable[[ObjectRef, Manifest, dict[str, Any]], Claims]

_AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"


def _deployment(source: ObjectRef, name: str, namespace: str = "") -> ObjectRef:
    return ObjectRef("apps", "Deployment", namespace or source.namespace, name)


def _makes_hpa(common: dict[str, Any], owned: ObjectRef, field: str, fix: str) -> Controller:
    source: ObjectRef = common["source"]
    return Controller(
        **common,
        owned=owned,
        does=f"makes an HPA of its own for {owned} ({field})",
        harm=TWO_HPAS,
        fix=f"{fix}; or keep the {source.kind}'s own and remove the ScaledObject.",
    )


def _inference_service(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    if annotation(manifest, _AUTOSCALER_CLASS) in ("external", "none", "keda", UNKNOWN):
        return
    for part in ("predictor", "transformer", "explainer"):
        if isinstance(dig(manifest, "spec", part), Mapping):
            owned = _deployment(source, f"{source.name}-{part}")
            yield _makes_hpa(
                common, owned, f"spec.{part}", f'Annotate it with {_AUTOSCALER_CLASS}: "external"'
            )


def _open_telemetry_collector(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    mode = text_or(dig(manifest, "spec", "mode"), "deployment")
    kind = {"deployment": "Deployment", "statefulset": "StatefulSet"}.get(mode or "")
    if kind is None:
        return
    workload = ObjectRef("apps", kind, source.namespace, f"{source.name}-collector")
    yield Link(source, workload)
    if isinstance(dig(manifest, "spec", "autoscaler"), Mapping):
        yield _makes_hpa(common, source, "spec.autoscaler", "Remove spec.autoscaler")


def _jaeger(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    strategy = text(dig(manifest, "spec", "strategy")).lower()
    parts = {"production": ["collector"], "streaming": ["collector", "ingester"]}.get(strategy, [])
    for part in parts:
        settings = dig(manifest, "spec", part)
        asked = [dig(settings, key) for key in ("autoscale", "replicas")]
        if settings is UNKNOWN or UNKNOWN in asked or asked[0] is False or asked[1] is not None:
            continue
        owned = _deployment(source, f"{source.name}-{part}")
        yield _makes_hpa(common, owned, f"spec.{part}.autoscale", f"Write spec.{part}.autoscale: false")


def _argo_cd(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    if dig(manifest, "spec", "server", "autoscale", "enabled") is True:
        owned = _deployment(source, f"{source.name}-server")
        yield _makes_hpa(common, owned, "spec.server.autoscale", "Write spec.server.autoscale.enabled: false")


def _nim_service(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    if dig(manifest, "spec", "scale", "enabled") is True:
        owned = _deployment(source, source.name)
        yield _makes_hpa(common, owned, "spec.scale", "Write spec.scale.enabled: false")


def _istio_operator(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    components = mapping(dig(manifest, "spec", "components"))
    named = [("pilot", mapping(components.get("pilot")), "istiod")]
    for key in ("ingressGateways", "egressGateways"):
        named += [(key, each, text(each.get("name"))) for each in map(mapping, sequence(components.get(key)))]
    for key, component, name in named:
        if name and isinstance(dig(component, "k8s", "hpaSpec"), Mapping):
            owned = _deployment(source, name, text(component.get("namespace")) or "istio-system")
            yield _makes_hpa(common, owned, f"spec.components.{key}: k8s.hpaSpec", "Remove that hpaSpec")


def _seldon_deployment(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    for predictor in map(mapping, sequence(dig(manifest, "spec", "predictors"))):
        for index, component in enumerate(map(mapping, sequence(predictor.get("componentSpecs")))):
            if not isinstance(component.get("hpaSpec"), Mapping):
                continue
            containers = map(mapping, sequence(dig(component, "spec", "containers")))
            names = [text(each.get("name")) for each in containers]
            name = "-".join([source.name, text(predictor.get("name")), str(index), *names])
            owned = _deployment(source, name)
            yield _makes_hpa(common, owned, "componentSpecs[].hpaSpec", "Remove that hpaSpec")


def _pytorch_job(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    if sequence(dig(manifest, "spec", "elasticPolicy", "metrics")):
        yield _makes_hpa(common, source, "spec.elasticPolicy", "Remove spec.elasticPolicy.metrics")


def _datadog_pod_autoscaler(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    reference = mapping(dig(manifest, "spec", "targetRef"))
    target = ref(reference.get("apiVersion"), reference.get("kind"), source.namespace, reference.get("name"))
    if target:
        yield Controller(
            **common,
            owned=target,
            does=f"scales {target} (spec.targetRef)",
            harm="two controllers set its replicas and it flaps between their answers",
            fix=f"Remove the {source.kind}; or keep it and remove the ScaledObject.",
        )


READERS: dict[tuple[str, str], Reader] = {
    ("serving.kserve.io", "InferenceService"): _inference_service,
    ("opentelemetry.io", "OpenTelemetryCollector"): _open_telemetry_collector,
    ("jaegertracing.io", "Jaeger"): _jaeger,
    ("argoproj.io", "ArgoCD"): _argo_cd,
    ("apps.nvidia.com", "NIMService"): _nim_service,
    ("install.istio.io", "IstioOperator"): _istio_operator,
    ("machinelearning.seldon.io", "SeldonDeployment"): _seldon_deployment,
    ("kubeflow.org", "PyTorchJob"): _pytorch_job,
    ("datadoghq.com", "DatadogPodAutoscaler"): _datadog_pod_autoscaler,
}
