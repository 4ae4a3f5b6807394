"""Kinds of other operators that make an HPA of their own, and the workload whose replicas that HPA sets.

Each condition is that of the operator's source, which stands beside its function.

| kind | of | makes an HPA | for |
|---|---|---|---|
| InferenceService | KServe | autoscalerClass is `hpa`, or is left out | `<name>-predictor`, … |
| OpenTelemetryCollector | opentelemetry-operator | with spec.autoscaler | itself, so `<name>-collector` |
| Jaeger | jaeger-operator | in production and streaming | `<name>-collector`, `-ingester` |
| ArgoCD | argocd-operator | with spec.server.autoscale.enabled | `<name>-server` |
| NIMService, Nemo… | NVIDIA's k8s-nim-operator | with spec.scale.enabled | `<name>` |
| IstioOperator | Istio | unless values switch it off; with hpaSpec it is meant | istiod, the gateway's name |
| SeldonDeployment | Seldon Core 1 | with componentSpecs[].hpaSpec | `<name>-<predictor>-<index>-…` |
| PyTorchJob | Kubeflow trainer 1 | with elasticPolicy.metrics | itself |

KServe makes a ScaledObject with autoscalerClass `keda`, Seldon Core with componentSpecs[].kedaSpec.
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
_STOP = "serving.kserve.io/stop"
_LONGEST = 63
_DISTRIBUTED = ("cassandra", "elasticsearch", "kafka", "grpc-plugin")


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


def _makes_scaled_object(common: dict[str, Any], owned: ObjectRef, field: str, fix: str) -> Controller:
    source: ObjectRef = common["source"]
    return Controller(
        **common,
        owned=owned,
        does=f"makes a ScaledObject of its own for {owned} ({field})",
        harm="KEDA's webhook refuses the later one, and while it is down their two HPAs stop each other",
        fix=f"{fix}; or keep the {source.kind}'s own and remove the ScaledObject.",
    )


# KServe: pkg/controller/v1beta1/inferenceservice/reconcilers/{autoscaler,hpa,keda}, and the names in
# pkg/constants/constants.go. A Deployment of such a name is there in its raw deployment mode only.
def _inference_service(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    given, stopped = annotation(manifest, _AUTOSCALER_CLASS), annotation(manifest, _STOP)
    if UNKNOWN in (given, stopped) or given not in (None, "hpa", "keda") or text(stopped).lower() == "true":
        return
    for part in ("predictor", "transformer", "explainer"):
        if isinstance(dig(manifest, "spec", part), Mapping):
            owned = _deployment(source, f"{source.name}-{part}")
            makes = _makes_scaled_object if given == "keda" else _makes_hpa
            yield makes(common, owned, f"spec.{part}", f'Annotate it with {_AUTOSCALER_CLASS}: "external"')


# opentelemetry-operator: internal/manifests/collector/{collector,horizontalpodautoscaler}.go,
# internal/naming/main.go; internal/webhook/collector_conversion.go for v1alpha1's own fields.
def _open_telemetry_collector(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    mode = text_or(dig(manifest, "spec", "mode"), "deployment")
    kind = {"deployment": "Deployment", "statefulset": "StatefulSet"}.get(mode or "")
    if kind is None or dig(manifest, "spec", "managementState") in ("unmanaged", UNKNOWN):
        return
    workload = ObjectRef("apps", kind, source.namespace, f"{source.name}-collector")
    yield Link(source, workload)
    if isinstance(dig(manifest, "spec", "autoscaler"), Mapping):
        yield _makes_hpa(common, source, "spec.autoscaler", "Remove spec.autoscaler")
    elif text(manifest.get("apiVersion")).endswith("/v1alpha1"):
        for field in ("maxReplicas", "minReplicas"):
            if dig(manifest, "spec", field) not in (None, UNKNOWN):
                yield _makes_hpa(common, source, f"spec.{field}", f"Remove spec.{field}")


# jaeger-operator: pkg/deployment/autoscale.go, pkg/strategy/{controller,production,streaming}.go. Jaeger with
# storage in memory or badger is one pod, whatever the strategy.
def _jaeger(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    strategy = text(dig(manifest, "spec", "strategy")).lower()
    parts = {"production": ["collector"], "streaming": ["collector", "ingester"]}.get(strategy, [])
    if dig(manifest, "spec", "storage", "type") not in _DISTRIBUTED:
        return
    for part in parts:
        settings = dig(manifest, "spec", part)
        asked = [dig(settings, key) for key in ("autoscale", "replicas")]
        if settings is UNKNOWN or UNKNOWN in asked or asked[0] is False or asked[1] is not None:
            continue
        owned = _deployment(source, f"{source.name}-{part}")
        yield _makes_hpa(common, owned, f"spec.{part}.autoscale", f"Write spec.{part}.autoscale: false")


# argocd-operator: controllers/argocd/hpa.go, reconcileServerHPA.
def _argo_cd(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    if dig(manifest, "spec", "server", "autoscale", "enabled") is True:
        owned = _deployment(source, f"{source.name}-server")
        yield _makes_hpa(common, owned, "spec.server.autoscale", "Write spec.server.autoscale.enabled: false")


# k8s-nim-operator: api/apps/v1alpha1/{nimservice,nemo_*}_types.go, GetHPAParams. On the platform `kserve`
# it makes an InferenceService instead.
def _nim_service(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    standalone = dig(manifest, "spec", "inferencePlatform") in (None, "", "standalone")
    if standalone and dig(manifest, "spec", "scale", "enabled") is True:
        owned = _deployment(source, source.name)
        yield _makes_hpa(common, owned, "spec.scale", "Write spec.scale.enabled: false")


# Istio: operator/pkg/component/component.go (names, namespaces), operator/pkg/render/postprocess.go
# (hpaSpec), templates/autoscale.yaml of the charts istio-discovery, istio-ingress and istio-egress.
def _istio_operator(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    spec = mapping(manifest.get("spec"))
    components, revision = mapping(spec.get("components")), spec.get("revision")
    if revision is UNKNOWN:
        return
    pilot = f"istiod-{revision}" if revision else "istiod"
    named: list[tuple[str, Manifest, str, str]] = [
        ("pilot", mapping(components.get("pilot")), pilot, "pilot")
    ]
    for key, kind in (("ingressGateways", "istio-ingressgateway"), ("egressGateways", "istio-egressgateway")):
        for each in map(mapping, sequence(components.get(key))):
            named.append((key, each, text_or(each.get("name"), kind) or "", f"gateways.{kind}"))
    default = dig(manifest, "metadata", "namespace") or "istio-system"
    for key, component, name, values in named:
        on = (component.get("enabled"), dig(spec, "values", *values.split("."), "autoscaleEnabled"))
        namespace = text_or(component.get("namespace") or default, "")
        if (
            name
            and namespace
            and set(on) <= {None, True}
            and isinstance(dig(component, "k8s", "hpaSpec"), Mapping)
        ):
            owned = _deployment(source, name, namespace)
            # Without hpaSpec the chart still makes its HPA, with its own limits.
            fix = f"Write spec.values.{values}.autoscaleEnabled: false"
            yield _makes_hpa(common, owned, f"spec.components.{key}: k8s.hpaSpec", fix)


# Seldon Core 1: operator/apis/machinelearning.seldon.io/v1/seldondeployment_types.go, GetDeploymentName. A
# longer name is a hash, whose form is a setting of its operator.
def _seldon_deployment(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    for predictor in map(mapping, sequence(dig(manifest, "spec", "predictors"))):
        for index, component in enumerate(map(mapping, sequence(predictor.get("componentSpecs")))):
            containers = map(mapping, sequence(dig(component, "spec", "containers")))
            own = text_or(dig(component, "metadata", "name") or "", "")
            names = [own] if own else [text(each.get("name")) for each in containers]
            name = "-".join([source.name, text(predictor.get("name")), str(index), *names])
            if own is None or len(name) > _LONGEST:
                continue
            owned = _deployment(source, name)
            for key, makes in (("hpaSpec", _makes_hpa), ("kedaSpec", _makes_scaled_object)):
                if isinstance(component.get(key), Mapping):
                    yield makes(common, owned, f"componentSpecs[].{key}", f"Remove that {key}")


# Kubeflow's training-operator: pkg/controller.v1/pytorch/hpa.go.
def _pytorch_job(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    if sequence(dig(manifest, "spec", "elasticPolicy", "metrics")):
        yield _makes_hpa(common, source, "spec.elasticPolicy", "Remove spec.elasticPolicy.metrics")


# datadog-operator: api/datadoghq/{v1alpha1,v1alpha2}/datadogpodautoscaler_types.go.
def _datadog_pod_autoscaler(source: ObjectRef, manifest: Manifest, common: dict[str, Any]) -> Claims:
    applied = (dig(manifest, "spec", "applyPolicy", "mode"), dig(manifest, "spec", "policy", "applyMode"))
    if UNKNOWN in applied or applied[0] == "Preview" or applied[1] in ("None", "Manual"):
        return
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


_OF_NVIDIA = (
    *("NIMService", "NemoCustomizer", "NemoDatastore"),
    *("NemoEntitystore", "NemoEvaluator", "NemoGuardrail"),
)
READERS: dict[tuple[str, str], Reader] = {
    ("serving.kserve.io", "InferenceService"): _inference_service,
    ("opentelemetry.io", "OpenTelemetryCollector"): _open_telemetry_collector,
    ("jaegertracing.io", "Jaeger"): _jaeger,
    ("argoproj.io", "ArgoCD"): _argo_cd,
    ("install.istio.io", "IstioOperator"): _istio_operator,
    ("machinelearning.seldon.io", "SeldonDeployment"): _seldon_deployment,
    ("kubeflow.org", "PyTorchJob"): _pytorch_job,
    ("datadoghq.com", "DatadogPodAutoscaler"): _datadog_pod_autoscaler,
} | {("apps.nvidia.com", kind): _nim_service for kind in _OF_NVIDIA}
