"""Every kind of second owner: manifests that are in conflict with a ScaledObject, and what makes peace."""

from dataclasses import dataclass, replace
from typing import Any

from keda.ownership.envoy_gateway import proxy_deployment
from tests.policies.manifests import Manifest, deployment, hpa, merged, scaled_object

PROXY = proxy_deployment("voice/edge")
PIPELINE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "voice-pipeline"}
ROLLOUT = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "voice-pipeline"}
ENVOY_PROXY = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "second"}
NAMED = {"name": "web-blue"}
SAME_HPA = {"advanced": {"horizontalPodAutoscalerConfig": {"name": "keda-hpa-voice"}}}
OF_APP = {"containerName": "app", "controlledResources": ["cpu"]}
SERVE = "applications:\n- name: a\n  deployments:\n  - name: d\n    autoscaling_config: {max_replicas: 3}\n"
FIXED = "applications:\n- name: a\n  deployments:\n  - {name: d, num_replicas: 2}  # autoscaling_config: {}\n"
RAY = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "name": "voice-pipeline"}


@dataclass(frozen=True)
class Kind:
    """`scaled` and `others` conflict by `rule`. At `decisive` (index of `others`, path) one value decides."""

    rule: str
    scaled: Manifest
    others: tuple[Manifest, ...]
    decisive: tuple[str, ...]
    instead: Any
    """With this at `decisive` there is one owner only."""
    live: bool = True
    """A cluster is asked for this kind."""

    @property
    def owner(self) -> Manifest:
        """The object that owns: the last."""
        return self.others[-1]

    def with_value(self, value: Any) -> "Kind":
        return replace(self, others=(*self.others[:-1], at(self.owner, self.decisive, value)))


def at(manifest: Any, path: tuple[str, ...], value: Any) -> Any:
    """The manifest with another value at a path."""
    key, *rest = path
    if isinstance(manifest, list):
        return [at(manifest[0], tuple(rest), value) if rest else value, *manifest[1:]]
    inner = at(manifest.get(key, {}), tuple(rest), value) if rest else value
    return {**manifest, key: inner}


def custom(version: str, kind: str, spec: Manifest, name: str = "second", **more: Any) -> Manifest:
    metadata = {"name": name, "namespace": "voice"}
    return merged({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}, more)


def on_cpu(**metadata: str) -> Manifest:
    trigger = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60", **metadata}}
    return scaled_object(spec={"triggers": [trigger]})


def envoy_proxy(kubernetes: Manifest) -> Manifest:
    spec = {"provider": {"type": "Kubernetes", "kubernetes": kubernetes}}
    return custom("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", spec)


def gateway(**spec: Any) -> Manifest:
    given = spec or {"infrastructure": {"parametersRef": ENVOY_PROXY}}
    return custom("gateway.networking.k8s.io/v1", "Gateway", {"gatewayClassName": "eg", **given}, "edge")


def gateway_class() -> Manifest:
    reference = {
        "group": "gateway.envoyproxy.io",
        "kind": "EnvoyProxy",
        "name": "second",
        "namespace": "voice",
    }
    manifest = custom("gateway.networking.k8s.io/v1", "GatewayClass", {"parametersRef": reference}, "eg")
    return {**manifest, "metadata": {"name": "eg"}}


def vpa(**spec: Any) -> Manifest:
    return custom("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", {"targetRef": PIPELINE, **spec})


PROXIES = scaled_object(target=PROXY, metadata={"namespace": "envoy-gateway-system"})
ENVOY_HPA = ("spec", "provider", "kubernetes", "envoyHpa")
ENVOY_REPLICAS = ("spec", "provider", "kubernetes", "envoyDeployment", "replicas")
TARGET = ("spec", "scaleTargetRef", "name")
SKIP = {"httpscaledobject.keda.sh/skip-scaledobject-creation": "true"}
CANARY = custom("flagger.app/v1beta1", "Canary", {"targetRef": PIPELINE})
CANARY_TARGET = ("spec", "targetRef", "name")
CONTROLLED_BY = {"apiVersion": "example.com/v1", "kind": "App", "name": "app", "uid": "1", "controller": True}

SELDON_KEDA = {"kedaSpec": {"maxReplicaCount": 2, "triggers": []}, "metadata": {"name": "named"}}
SELDON = {"hpaSpec": {"maxReplicas": 2}, "spec": {"containers": [{"name": "model"}]}}


def own_hpa(
    version: str,
    kind: str,
    target: str,
    spec: Manifest,
    decisive: tuple[str, ...],
    instead: Any,
    **metadata: Manifest,
) -> Kind:
    """A kind that makes an HPA for the Deployment `target`."""
    other = custom(version, kind, spec, metadata=metadata)
    return Kind("controller", scaled_object(target=target), (other,), decisive, instead, live=False)


KINDS = {
    "HPA v2": Kind("hpa", scaled_object(), (hpa(),), TARGET, "other"),
    "HPA v1": Kind("hpa", scaled_object(), (hpa(version="v1"),), TARGET, "other"),
    "HPA under KEDA's name": Kind(
        "hpa", scaled_object(), (hpa("keda-hpa-voice", "x"),), ("metadata", "name"), "another"
    ),
    "ScaledObject": Kind("scaledobject", scaled_object(), (scaled_object("second"),), TARGET, "other"),
    "ScaledObject's HPA name": Kind(
        "scaledobject",
        scaled_object(),
        (scaled_object("second", "x", spec=SAME_HPA),),
        ("spec", "advanced", "horizontalPodAutoscalerConfig", "name"),
        "mine",
    ),
    "HTTPScaledObject": Kind(
        "scaledobject",
        scaled_object(),
        (custom("http.keda.sh/v1alpha1", "HTTPScaledObject", {"scaleTargetRef": PIPELINE}),),
        ("metadata", "annotations"),
        SKIP,
    ),
    "replicas": Kind("replicas", scaled_object(), (deployment(2),), ("spec", "replicas"), None),
    "replicas of a StatefulSet": Kind(
        "replicas",
        scaled_object(target={"kind": "StatefulSet", "name": "voice-pipeline"}),
        (deployment(2, kind="StatefulSet"),),
        ("spec", "replicas"),
        None,
    ),
    "replicas of a Rollout": Kind(
        "replicas",
        scaled_object(target=ROLLOUT),
        (custom(ROLLOUT["apiVersion"], "Rollout", {"replicas": 2}, "voice-pipeline"),),
        ("spec", "replicas"),
        None,
    ),
    "envoyHpa": Kind(
        "controller", PROXIES, (gateway(), envoy_proxy({"envoyHpa": {"maxReplicas": 3}})), ENVOY_HPA, None
    ),
    "envoyHpa of the GatewayClass": Kind(
        "controller",
        PROXIES,
        (gateway(listeners=[]), gateway_class(), envoy_proxy({"envoyHpa": {"maxReplicas": 3}})),
        ENVOY_HPA,
        None,
    ),
    "envoyDeployment.replicas": Kind(
        "controller",
        PROXIES,
        (gateway(), envoy_proxy({"envoyDeployment": {"replicas": 2}})),
        ENVOY_REPLICAS,
        None,
    ),
    "envoyHpa, merged gateways": Kind(
        "controller",
        scaled_object(target=proxy_deployment("eg"), metadata={"namespace": "envoy-gateway-system"}),
        (gateway_class(), envoy_proxy({"envoyHpa": {"maxReplicas": 3}})),
        ENVOY_HPA,
        None,
    ),
    "envoyHpa, proxies beside the Gateway": Kind(
        "controller",
        scaled_object(target="edge"),
        (
            gateway(),
            deployment(
                name="edge",
                metadata={
                    "labels": {
                        "gateway.envoyproxy.io/owning-gateway-name": "edge",
                        "gateway.envoyproxy.io/owning-gateway-namespace": "voice",
                    }
                },
            ),
            envoy_proxy({"envoyHpa": {"maxReplicas": 3}}),
        ),
        ENVOY_HPA,
        None,
    ),
    "Ray's autoscaler": Kind(
        "controller",
        scaled_object(target=RAY),
        (custom("ray.io/v1", "RayCluster", {"enableInTreeAutoscaling": True}, "voice-pipeline"),),
        ("spec", "enableInTreeAutoscaling"),
        False,
    ),
    "Ray's autoscaler in a RayService": Kind(
        "controller",
        scaled_object(target={**RAY, "kind": "RayService"}),
        (
            custom(
                "ray.io/v1",
                "RayService",
                {"rayClusterConfig": {"enableInTreeAutoscaling": True}},
                "voice-pipeline",
            ),
        ),
        ("spec", "rayClusterConfig", "enableInTreeAutoscaling"),
        False,
    ),
    "Serve's autoscaler": Kind(
        "controller",
        scaled_object(target={**RAY, "kind": "RayService"}),
        (
            custom(
                "ray.io/v1",
                "RayService",
                {"serveConfigV2": SERVE},
                "voice-pipeline",
            ),
        ),
        ("spec", "serveConfigV2"),
        FIXED,
    ),
    "Knative revision": Kind(
        "controller",
        scaled_object(target="web-00001-deployment"),
        (custom("serving.knative.dev/v1", "Service", {}, "web"),),
        ("metadata", "name"),
        "other",
    ),
    "Knative revision with a name": Kind(
        "controller",
        scaled_object(target="web-blue-deployment"),
        (custom("serving.knative.dev/v1", "Service", {"template": {"metadata": NAMED}}, "web"),),
        ("spec", "template", "metadata", "name"),
        "web-green",
    ),
    "Argo Rollout that takes a Deployment over": Kind(
        "controller",
        scaled_object(),
        (custom(ROLLOUT["apiVersion"], "Rollout", {"workloadRef": {**PIPELINE, "scaleDown": "onsuccess"}}),),
        ("spec", "workloadRef", "scaleDown"),
        "never",
    ),
    "Flagger": Kind("controller", scaled_object(), (CANARY,), CANARY_TARGET, "other"),
    "Flagger's primary": Kind(
        "controller",
        scaled_object(target="voice-pipeline-primary"),
        (CANARY,),
        ("spec", "targetRef", "name"),
        "other",
    ),
    "an owner of the target": Kind(
        "controller",
        scaled_object(),
        (deployment(metadata={"ownerReferences": [CONTROLLED_BY]}),),
        ("metadata", "ownerReferences", "0", "controller"),
        False,
    ),
    "another autoscaler": Kind(
        "controller",
        scaled_object(),
        (custom("datadoghq.com/v1alpha1", "WatermarkPodAutoscaler", {"scaleTargetRef": PIPELINE}),),
        TARGET,
        "other",
        live=False,
    ),
    "KServe": own_hpa(
        "serving.kserve.io/v1beta1",
        "InferenceService",
        "second-predictor",
        {"predictor": {"minReplicas": 1, "model": {}}},
        ("metadata", "annotations"),
        {"serving.kserve.io/autoscalerClass": "external"},
    ),
    "KServe, with a ScaledObject": own_hpa(
        "serving.kserve.io/v1beta1",
        "InferenceService",
        "second-predictor",
        {"predictor": {"model": {}}},
        ("metadata", "annotations"),
        {"serving.kserve.io/stop": "true"},
        annotations={"serving.kserve.io/autoscalerClass": "keda"},
    ),
    "KServe's transformer": own_hpa(
        "serving.kserve.io/v1beta1",
        "InferenceService",
        "second-transformer",
        {"predictor": {"model": {}}, "transformer": {"containers": []}},
        ("spec", "transformer"),
        None,
    ),
    "OpenTelemetry collector": own_hpa(
        "opentelemetry.io/v1beta1",
        "OpenTelemetryCollector",
        "second-collector",
        {"mode": "deployment", "autoscaler": {"maxReplicas": 4}},
        ("spec", "autoscaler"),
        None,
    ),
    "OpenTelemetry collector, old fields": own_hpa(
        "opentelemetry.io/v1alpha1",
        "OpenTelemetryCollector",
        "second-collector",
        {"maxReplicas": 4},
        ("spec", "managementState"),
        "unmanaged",
    ),
    "OpenTelemetry collector, fixed": replace(
        own_hpa(
            "opentelemetry.io/v1beta1",
            "OpenTelemetryCollector",
            "second-collector",
            {"replicas": 2},
            ("spec", "replicas"),
            None,
        ),
        rule="replicas",
    ),
    "Jaeger": own_hpa(
        "jaegertracing.io/v1",
        "Jaeger",
        "second-collector",
        {"strategy": "production", "storage": {"type": "cassandra"}, "collector": {"maxReplicas": 5}},
        ("spec", "collector", "autoscale"),
        False,
    ),
    "Jaeger's ingester": own_hpa(
        "jaegertracing.io/v1",
        "Jaeger",
        "second-ingester",
        {"strategy": "streaming", "storage": {"type": "elasticsearch"}},
        ("spec", "storage", "type"),
        "badger",
    ),
    "Argo CD's server": own_hpa(
        "argoproj.io/v1beta1",
        "ArgoCD",
        "second-server",
        {"server": {"autoscale": {"enabled": True}}},
        ("spec", "server", "autoscale", "enabled"),
        False,
    ),
    "NIM": own_hpa(
        "apps.nvidia.com/v1alpha1",
        "NIMService",
        "second",
        {"scale": {"enabled": True, "hpa": {"maxReplicas": 2}}},
        ("spec", "scale", "enabled"),
        False,
    ),
    "Nemo": own_hpa(
        "apps.nvidia.com/v1alpha1",
        "NemoGuardrail",
        "second",
        {"scale": {"enabled": True, "hpa": {"maxReplicas": 2}}},
        ("spec", "scale", "enabled"),
        False,
    ),
    "Istio's control plane": own_hpa(
        "install.istio.io/v1alpha1",
        "IstioOperator",
        "istiod-canary",
        {"revision": "canary", "components": {"pilot": {"k8s": {"hpaSpec": {}}}}},
        ("spec", "values", "pilot", "autoscaleEnabled"),
        False,
    ),
    "Istio's gateway": own_hpa(
        "install.istio.io/v1alpha1",
        "IstioOperator",
        "edge",
        {"components": {"ingressGateways": [{"name": "edge", "namespace": "voice", "k8s": {"hpaSpec": {}}}]}},
        ("spec", "components", "ingressGateways", "0", "k8s", "hpaSpec"),
        None,
    ),
    "Seldon": own_hpa(
        "machinelearning.seldon.io/v1",
        "SeldonDeployment",
        "second-default-0-model",
        {"predictors": [{"name": "default", "componentSpecs": [SELDON]}]},
        ("spec", "predictors", "0", "componentSpecs", "0", "hpaSpec"),
        None,
    ),
    "Seldon, with a ScaledObject": own_hpa(
        "machinelearning.seldon.io/v1",
        "SeldonDeployment",
        "second-default-0-named",
        {"predictors": [{"name": "default", "componentSpecs": [SELDON_KEDA]}]},
        ("spec", "predictors", "0", "componentSpecs", "0", "kedaSpec"),
        None,
    ),
    "PyTorchJob": Kind(
        "controller",
        scaled_object(target={"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "name": "second"}),
        (custom("kubeflow.org/v1", "PyTorchJob", {"elasticPolicy": {"metrics": [{"type": "Resource"}]}}),),
        ("spec", "elasticPolicy", "metrics"),
        [],
        live=False,
    ),
    "Datadog": own_hpa(
        "datadoghq.com/v1alpha2",
        "DatadogPodAutoscaler",
        "voice-pipeline",
        {"targetRef": PIPELINE},
        ("spec", "applyPolicy", "mode"),
        "Preview",
    ),
    "VPA": Kind("vpa", on_cpu(), (vpa(),), ("spec", "updatePolicy"), {"updateMode": "Off"}),
    "VPA of some containers": Kind(
        "vpa",
        on_cpu(containerName="app"),
        (vpa(resourcePolicy={"containerPolicies": [OF_APP]}),),
        ("spec", "resourcePolicy", "containerPolicies", "0", "controlledResources"),
        ["memory"],
    ),
}
