"""keda.ownership beyond KEDA's own kinds: what makes peace between two that look alike, and what is said."""

import pytest

from keda.manifests.declared import Declared
from keda.ownership import conflicts
from keda.ownership.envoy_gateway import proxy_deployment
from tests.keda.ownership.test_ownership import found, rules
from tests.policies.kinds_of_owners import (
    CANARY,
    CONTROLLED_BY,
    KINDS,
    PIPELINE,
    PROXIES,
    PROXY,
    ROLLOUT,
    custom,
    envoy_proxy,
    gateway,
    gateway_class,
    on_cpu,
    vpa,
)
from tests.policies.manifests import Manifest, deployment, hpa, merged, scaled_object


def owned_by(kind: str, name: str, manifest: Manifest, **more: object) -> Manifest:
    reference = {"apiVersion": "x/v1", "kind": kind, "name": name, **more}
    return merged(manifest, {"metadata": {"ownerReferences": [reference]}})


HTTP = custom("http.keda.sh/v1alpha1", "HTTPScaledObject", {"scaleTargetRef": PIPELINE}, "voice")
KNATIVE = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "web"}
AUTOSCALED = merged(
    CANARY,
    {"spec": {"autoscalerRef": {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "voice"}}},
)
OTHER_PROXY = {**envoy_proxy({"envoyHpa": {}}), "metadata": {"name": "of-class", "namespace": "voice"}}
CLASS_OF_OTHER = merged(gateway_class(), {"spec": {"parametersRef": {"name": "of-class"}}})


def policies(*containers: Manifest) -> Manifest:
    return vpa(resourcePolicy={"containerPolicies": list(containers)})


PEACE: dict[str, tuple[Manifest, ...]] = {
    "an HTTPScaledObject, the ScaledObject it makes, and KEDA's HPA for that": (
        HTTP,
        owned_by("HTTPScaledObject", "voice", scaled_object()),
        owned_by("ScaledObject", "voice", hpa("keda-hpa-voice")),
    ),
    "Flagger told of the ScaledObject, and the copy it makes": (
        AUTOSCALED,
        scaled_object(),
        owned_by("Canary", "second", scaled_object("voice-primary", "voice-pipeline-primary")),
        owned_by("ScaledObject", "voice-primary", hpa("keda-hpa-voice-primary", "voice-pipeline-primary")),
        owned_by("Canary", "second", deployment(name="voice-pipeline-primary"), controller=True),
    ),
    "a target and a ScaledObject made by one owner": (
        owned_by("App", "app", scaled_object()),
        deployment(metadata={"ownerReferences": [CONTROLLED_BY]}),
    ),
    "a proxy that belongs to its Gateway": (
        PROXIES,
        gateway(),
        merged(
            deployment(name=PROXY, metadata={"namespace": "envoy-gateway-system"}),
            {
                "metadata": {
                    "ownerReferences": [
                        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "name": "eg"}
                        | {"controller": True}
                    ]
                }
            },
        ),
    ),
    "an EnvoyProxy of a class whose Gateway has its own": (
        PROXIES,
        gateway(),
        envoy_proxy({"envoyDeployment": {}}),
        OTHER_PROXY,
        CLASS_OF_OTHER,
    ),
    "an EnvoyProxy that no Gateway uses": (PROXIES, gateway(listeners=[]), OTHER_PROXY),
    "a Deployment of the Gateway's name": (
        scaled_object(target="edge"),
        gateway(),
        envoy_proxy({"envoyHpa": {}}),
        deployment(name="edge"),
    ),
    "a Rollout that takes its pods from a Deployment with replicas": (
        scaled_object(target=ROLLOUT),
        custom(
            ROLLOUT["apiVersion"],
            "Rollout",
            {"workloadRef": {**PIPELINE, "scaleDown": "onsuccess"}},
            "voice-pipeline",
        ),
        deployment(0),
    ),
    "Ray without its autoscaler": (
        scaled_object(),
        custom("ray.io/v1", "RayCluster", {"enableInTreeAutoscaling": True}, "voice-pipeline"),
    ),
    "a VPA, scaled on a queue": (scaled_object(), vpa()),
    "a VPA of memory, scaled on cpu": (
        on_cpu(),
        policies({"containerName": "*", "controlledResources": ["memory"]}),
    ),
    "a VPA of the sidecar, scaled on the application": (
        on_cpu(containerName="app"),
        policies({"containerName": "*", "mode": "Off"}, {"containerName": "sidecar"}),
    ),
    "a VPA and an HPA": (vpa(), hpa()),
    "replicas that Flux only creates": (
        scaled_object(),
        deployment(2, metadata={"annotations": {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}}),
    ),
}

WAR: dict[str, tuple[str, tuple[Manifest, ...]]] = {
    "a Knative Service as the target, itself not here": (
        "controller",
        (scaled_object(target=KNATIVE),),
    ),
    "a Knative Service as the target": (
        "controller",
        (scaled_object(target=KNATIVE), custom(KNATIVE["apiVersion"], "Service", {}, "web")),
    ),
    "an HTTPScaledObject and an HPA": ("hpa", (HTTP, hpa())),
    "an HTTPScaledObject and replicas": ("replicas", (HTTP, deployment(1))),
    "a ScaledObject on a ReplicaSet of a Deployment": (
        "controller",
        (
            scaled_object(target={"kind": "ReplicaSet", "name": "voice-1"}),
            owned_by("Deployment", "voice", deployment(name="voice-1", kind="ReplicaSet"), controller=True),
        ),
    ),
    "replicas in an EnvoyProxy's patch": (
        "controller",
        (
            PROXIES,
            gateway(),
            envoy_proxy({"envoyDeployment": {"patch": {"value": {"spec": {"replicas": 2}}}}}),
        ),
    ),
    "an EnvoyProxy that names its Deployment": (
        "controller",
        (
            scaled_object(target="edge", metadata={"namespace": "envoy-gateway-system"}),
            envoy_proxy({"envoyDeployment": {"name": "edge", "replicas": 2}}),
        ),
    ),
    "Flagger told of another ScaledObject": ("controller", (AUTOSCALED, scaled_object("other"))),
    "a VPA of one container, scaled on the pod": (
        "vpa",
        (on_cpu(), policies({"containerName": "app"}, {"containerName": "sidecar", "mode": "Off"})),
    ),
}


@pytest.mark.parametrize("manifests", PEACE.values(), ids=PEACE)
def test_peace(manifests: tuple[Manifest, ...]) -> None:
    assert found(*manifests) == found(*reversed(manifests)) == []


@pytest.mark.parametrize(("rule", "manifests"), WAR.values(), ids=WAR)
def test_war(rule: str, manifests: tuple[Manifest, ...]) -> None:
    assert rules(*manifests) == rules(*reversed(manifests)) == [rule]


@pytest.mark.parametrize(
    ("serve", "on"),
    [
        ("deployments: [{name: d, autoscaling_config: {max_replicas: 3}}]", True),
        ('{"applications": [{"deployments": [{"autoscaling_config": {}}]}]}', True),
        ("  autoscaling_config:\n    max_replicas: 3", True),
        ("  num_replicas: auto", True),
        ("  num_replicas: 2", False),
        ("  # autoscaling_config: {}", False),
        ("  autoscaling_config: null", False),
        ("  autoscaling_config: ~\n", False),
    ],
)
def test_serve_autoscaling(serve: str, on: bool) -> None:
    service = custom("ray.io/v1", "RayService", {"serveConfigV2": serve}, "voice-pipeline")
    target = {"apiVersion": "ray.io/v1", "kind": "RayService", "name": "voice-pipeline"}
    assert rules(scaled_object(target=target), service) == (["controller"] if on else [])


def test_proxy_names() -> None:
    assert proxy_deployment("default/eg") == "envoy-default-eg-e41e7b31"
    long = proxy_deployment(f"shop/{'g' * 42}-web")  # the 48th character is the dash
    assert long.startswith(f"envoy-shop-{'g' * 42}-") and "--" not in long
    assert len(long) == len("envoy-") + 47 + 1 + 8


def test_what_the_target_implies_gives_way_to_its_declaration() -> None:
    service = Declared(custom(KNATIVE["apiVersion"], "Service", {}, "web"), "a.yaml:1")
    scaled = Declared(scaled_object(target=KNATIVE), "b.yaml:1")
    (alone,), (both,) = conflicts([scaled]), conflicts([scaled, service])
    assert alone.message.endswith("Declared: ScaledObject at b.yaml:1.")
    assert both.message.endswith("Declared: ScaledObject at b.yaml:1; Service at a.yaml:1.")


MESSAGES = {
    "HTTPScaledObject": (
        """HTTPScaledObject voice/second makes a ScaledObject of its own for Deployment voice/voice-pipeline,
        next to ScaledObject voice/voice for Deployment voice/voice-pipeline: KEDA's webhook refuses
        the later one, and while it is down their two HPAs stop each other. Keep the
        ScaledObject, with a trigger of type external-push for HTTP, and annotate the
        HTTPScaledObject httpscaledobject.keda.sh/skip-scaledobject-creation: "true"; or remove the
        ScaledObject. Declared: ScaledObject at app.yaml:1; HTTPScaledObject at app.yaml:2."""
    ),
    "envoyDeployment.replicas": (
        """EnvoyProxy voice/second fixes envoyDeployment.replicas: 2, and ScaledObject
        envoy-gateway-system/voice scales Deployment envoy-gateway-system/PROXY: Envoy Gateway
        writes it back to 2 after each scaling, and the proxies flap. Remove replicas from the
        EnvoyProxy's envoyDeployment; minReplicaCount of the ScaledObject is the lower limit.
        Declared: ScaledObject at app.yaml:1; EnvoyProxy at app.yaml:3."""
    ),
    "Argo Rollout that takes a Deployment over": (
        """Rollout voice/second takes its pods from Deployment voice/voice-pipeline and scales that down
        (workloadRef.scaleDown: onsuccess), and ScaledObject voice/voice scales it: Argo Rollouts
        takes it to 0, KEDA brings it back, and the Rollout's pods are not scaled. Point the
        ScaledObject at the Rollout: scaleTargetRef: {apiVersion: argoproj.io/v1alpha1, kind:
        Rollout, name: second}. Declared: ScaledObject at app.yaml:1; Rollout at app.yaml:2."""
    ),
    "an owner of the target": (
        """App voice/app is the controller of Deployment voice/voice-pipeline (metadata.ownerReferences), and
        ScaledObject voice/voice scales it: a controller that writes its objects' replicas puts them
        back after each scaling. Scale the App itself if it has /scale; or, if its controller leaves
        the replicas alone, give that as the reason to ignore this rule here. Declared: ScaledObject
        at app.yaml:1; Deployment at app.yaml:2."""
    ),
    "VPA": (
        """VerticalPodAutoscaler voice/second sets the cpu requests of Deployment voice/voice-pipeline and
        ScaledObject voice/voice scales it on cpu: usage is measured against those requests, so each
        undoes the other's answer and neither settles. Give the VerticalPodAutoscaler
        controlledResources: [memory] in its resourcePolicy.containerPolicies; or
        updatePolicy.updateMode: "Off", and read its advice only; or scale on another trigger.
        Declared: ScaledObject at app.yaml:1; VerticalPodAutoscaler at app.yaml:2."""
    ),
}


@pytest.mark.parametrize(("name", "message"), MESSAGES.items(), ids=MESSAGES)
def test_message(name: str, message: str) -> None:
    (conflict,) = found(KINDS[name].scaled, *KINDS[name].others)
    assert conflict.message == " ".join(message.split()).replace("PROXY", PROXY)
