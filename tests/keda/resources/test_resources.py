"""Objects: manifests in and out, KEDA's bounds as the operator enforces them, and the rules of its
webhook."""

from __future__ import annotations

from typing import Any

import pytest

from keda import (
    Advanced,
    ClusterTriggerAuthentication,
    Metadata,
    Prometheus,
    ScaledJob,
    ScaledObject,
    ScaledObjectSpec,
    ScaleTargetRef,
    ScalingModifiers,
    SpecError,
    TriggerAuthentication,
)
from keda.core.model import Model

CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
QUERY = {"type": "prometheus", "metadata": {"serverAddress": "http://p", "query": "up", "threshold": "5"}}
READY = "KEDA would mark the ScaledObject not Ready."
WEBHOOK = "KEDA's webhook would reject the object."
NEVER = "The webhook admits it, and then the ScaledObject is never Ready and nothing scales."


def scaled_object(triggers: list[dict[str, Any]] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": "web"},
        "spec": {"scaleTargetRef": {"name": "web"}, **spec, "triggers": triggers or [QUERY]},
    }


def scaled_job(**spec: Any) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "job", "image": "job"}]}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": "job", "namespace": "jobs"},
        "spec": {
            "jobTargetRef": {"template": {"spec": pod}},
            **spec,
            "triggers": spec.get("triggers", [QUERY]),
        },
    }


def faults(model: type[Model], data: object) -> list[str]:
    with pytest.raises(SpecError) as error:
        model.parse(data)
    return str(error.value).splitlines()


FULL: dict[str, Any] = scaled_object(
    [{**QUERY, "name": "requests"}, {**CPU, "name": "cpu"}],
    pollingInterval=5,
    cooldownPeriod=0,
    initialCooldownPeriod=10,
    idleReplicaCount=0,
    minReplicaCount=1,
    maxReplicaCount=9,
    fallback={"failureThreshold": 0, "replicas": 0, "behavior": "static"},
    advanced={
        "restoreToOriginalReplicaCount": True,
        "horizontalPodAutoscalerConfig": {
            "name": "mine",
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
                    "tolerance": "0.05",
                },
                "scaleDown": {"selectPolicy": "Disabled"},
            },
        },
        "scalingModifiers": {
            "formula": "requests + 1",
            "target": "2.5",
            "activationTarget": "1",
            "metricType": "Value",
        },
    },
)


def test_a_manifest_comes_back_as_it_was() -> None:
    assert ScaledObject.parse(FULL).to_manifest() == FULL
    job = scaled_job(
        pollingInterval=5,
        successfulJobsHistoryLimit=1,
        failedJobsHistoryLimit=0,
        envSourceContainerName="job",
        minReplicaCount=0,
        maxReplicaCount=3,
        rollout={"strategy": "gradual", "propagationPolicy": "foreground"},
        scalingStrategy={
            "strategy": "custom",
            "customScalingQueueLengthDeduction": 1,
            "customScalingRunningJobPercentage": "0.5",
            "pendingPodConditions": ["Ready"],
            "multipleScalersCalculation": "sum",
        },
    )
    assert ScaledJob.parse(job).to_manifest() == job


def test_from_python() -> None:
    scaled = ScaledObject(
        metadata=Metadata(name="web", namespace="web"),
        spec=ScaledObjectSpec(
            scale_target_ref=ScaleTargetRef(name="web"),
            triggers=(Prometheus(server_address="http://p", query="up", threshold=5, name="requests"),),
            advanced=Advanced(scaling_modifiers=ScalingModifiers(formula="requests", target=2)),
        ),
    )
    manifest = scaled.to_manifest()
    assert manifest["spec"]["advanced"] == {"scalingModifiers": {"formula": "requests", "target": "2"}}
    assert scaled.hpa_name == "keda-hpa-web"
    assert ScaledObject.parse(FULL).hpa_name == "mine"


def test_an_object_that_the_operator_wrote_back_is_read() -> None:
    """With `scalingModifiers: {}`, as the API server has it after KEDA's first reconcile."""
    advanced = {"horizontalPodAutoscalerConfig": {"name": "mine"}, "scalingModifiers": {}}
    scaled = ScaledObject.parse({**FULL, "spec": {**FULL["spec"], "advanced": advanced}})
    assert scaled.spec.advanced is not None
    assert scaled.spec.advanced.scaling_modifiers is None


def test_python_raises_the_same_error() -> None:
    with pytest.raises(SpecError, match=r'^name: "Web" is not a Kubernetes name\.'):
        Metadata(name="Web", namespace="web")


@pytest.mark.parametrize(
    "spec",
    [
        {"minReplicaCount": 3, "maxReplicaCount": 3},
        {"minReplicaCount": 0, "maxReplicaCount": 1},
        {"minReplicaCount": 100},
        {"idleReplicaCount": 0, "minReplicaCount": 0},  # an effective minimum of 1
        {"maxReplicaCount": 2**31 - 1},
        {"fallback": {"failureThreshold": 3, "replicas": 200}},
    ],
)
def test_bounds_kedas_operator_takes(spec: dict[str, Any]) -> None:
    assert ScaledObject.parse(scaled_object(**spec))


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            {"minReplicaCount": 5, "maxReplicaCount": 3},
            f"spec.minReplicaCount: 5 is above maxReplicaCount 3. {NEVER} "
            "Write at most 3, or raise maxReplicaCount.",
        ),
        (
            {"minReplicaCount": 101},
            f"spec.minReplicaCount: 101 is above maxReplicaCount 100 (the default). {NEVER} "
            "Write at most 100, or raise maxReplicaCount.",
        ),
        (
            {"idleReplicaCount": 0},
            f"spec.idleReplicaCount: 0 is not below minReplicaCount 0. {NEVER} "
            "Write minReplicaCount: 1 or more, or remove idleReplicaCount.",
        ),
        (
            {"idleReplicaCount": 1, "minReplicaCount": 2},
            "spec.idleReplicaCount: 1 is not 0. "
            "The HPA's own minimum is minReplicaCount, so it brings the replicas back at once. "
            "Write 0, or remove it.",
        ),
        ({"maxReplicaCount": 0}, f"spec.maxReplicaCount: 0 is below 1. {READY} Write maxReplicaCount: 4."),
        ({"minReplicaCount": -1}, f"spec.minReplicaCount: -1 is below 0. {READY} Write minReplicaCount: 0."),
        (
            {"cooldownPeriod": 3_000_000_000},
            f"spec.cooldownPeriod: 3000000000 is above 2147483647. {READY} Write cooldownPeriod: 300.",
        ),
        (
            {"pollingInterval": 1.5},
            f"spec.pollingInterval: 1.5 is not a whole number. {READY} Write pollingInterval: 30.",
        ),
        (
            {"minReplicaCount": True},
            f"spec.minReplicaCount: true is not a whole number. {READY} Write minReplicaCount: 0.",
        ),
        (
            {"advanced": {"scalingModifiers": {"formula": "1 + 1", "target": 0}}},
            f'spec.advanced.scalingModifiers.target: "0" is not above 0. {WEBHOOK} '
            'Write the value one replica takes, such as target: "5".',
        ),
        (
            {"advanced": {"scalingModifiers": {"formula": "1 +", "target": 5}}},
            'spec.advanced.scalingModifiers.formula: "1 +" does not compile: it ends too early. '
            f"{WEBHOOK} Write it in the expr language: numbers, trigger names, + - * / and functions such as "
            "max(a, b).",
        ),
        (
            {"pollingIntervall": 30},
            "spec.pollingIntervall: unknown key. It would be silently ignored. Write pollingInterval.",
        ),
    ],
)
def test_specs_refused(spec: dict[str, Any], line: str) -> None:
    assert faults(ScaledObject, scaled_object(**spec)) == [line]


def test_trigger_lists() -> None:
    twice = [{**QUERY, "name": "a"}, {**QUERY, "name": "a"}]
    assert faults(ScaledObject, scaled_object(twice)) == [
        f'spec.triggers[1].name: "a" is the name of spec.triggers[0] too. {WEBHOOK} '
        "Give it a name of its own."
    ]
    cached = {**CPU, "useCachedMetrics": True}
    assert faults(ScaledObject, scaled_object([cached], minReplicaCount=1)) == [
        f"spec.triggers[0].useCachedMetrics: true is not possible with cpu. {WEBHOOK} Remove it."
    ]
    fallback = {"failureThreshold": 3, "replicas": 2}
    assert faults(ScaledObject, scaled_object([CPU], minReplicaCount=1, fallback=fallback)) == [
        "spec.fallback: cannot fire with cpu and memory triggers only: KEDA does not read those. "
        f"{WEBHOOK} Remove it."
    ]


def test_a_mistyped_required_key_is_one_fault() -> None:
    data = scaled_object()
    data["spec"]["scaleTargetReff"] = data["spec"].pop("scaleTargetRef")
    assert faults(ScaledObject, data) == [
        "spec.scaleTargetReff: unknown key. It would be silently ignored. Write scaleTargetRef."
    ]


def test_a_mistyped_argument_is_spelt_as_python_spells_it() -> None:
    with pytest.raises(SpecError) as error:
        ScaleTargetRef(nam="web")  # type: ignore[call-arg]
    assert str(error.value) == "nam: unknown key. It would be silently ignored. Write name."
    with pytest.raises(SpecError) as error:
        ScaleTargetRef(name="web", api_versoin="apps/v1")  # type: ignore[call-arg]
    assert str(error.value) == "api_versoin: unknown key. It would be silently ignored. Write api_version."


@pytest.mark.parametrize(
    ("target", "scalable"),
    [
        ({"name": "x"}, True),
        ({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "x"}, True),
        ({"apiVersion": "ray.io/v1", "kind": "RayService", "name": "x"}, False),
        ({"kind": "RayCluster", "name": "x"}, False),
        ({"apiVersion": "batch/v1", "kind": "Job", "name": "x"}, False),
        ({"kind": "DaemonSet", "name": "x"}, False),
        ({"apiVersion": "v1", "kind": "Pod", "name": "x"}, False),
    ],
)
def test_targets(target: dict[str, str], scalable: bool) -> None:
    if scalable:
        assert ScaledObject.parse(scaled_object(scaleTargetRef=target))
    else:
        [line] = faults(ScaledObject, scaled_object(scaleTargetRef=target))
        why = "has no /scale subresource, through which KEDA scales."
        assert line.startswith(f'spec.scaleTargetRef.kind: "{target["kind"]}" {why} {READY} ')


def test_scaled_jobs() -> None:
    assert faults(ScaledJob, scaled_job(triggers=[{**QUERY, "metricType": "Value"}])) == [
        "spec.triggers[0].metricType: unknown key. kubectl refuses it, other clients silently drop it. "
        "Remove it."
    ]
    assert faults(ScaledJob, scaled_job(scalingStrategy={"strategy": "custom"})) == [
        "spec.scalingStrategy.customScalingRunningJobPercentage: missing, and the custom strategy needs it. "
        "KEDA would silently take the default strategy (scale_jobs.go:470). "
        'Write customScalingRunningJobPercentage: "0.5", the share of the running Jobs to subtract.'
    ]
    custom = {"strategy": "custom", "customScalingRunningJobPercentage": "0.5"}
    assert faults(ScaledJob, scaled_job(scalingStrategy=custom)) == [
        "spec.scalingStrategy.customScalingQueueLengthDeduction: "
        "missing, and required by the custom strategy. "
        "KEDA's operator would crash on it. Write customScalingQueueLengthDeduction: 0."
    ]
    container = {"containers": [{"name": "a", "image": "a"}]}
    # KEDA writes OnFailure where it is missing (scale_jobs.go:230).
    ScaledJob.model_validate(scaled_job(jobTargetRef={"template": {"spec": container}}))
    always = {"template": {"spec": {**container, "restartPolicy": "Always"}}}
    [refused] = faults(ScaledJob, scaled_job(jobTargetRef=always))
    assert refused.startswith("spec.jobTargetRef.template.spec.restartPolicy: ")
    assert faults(ScaledJob, scaled_job(minReplicaCount=5, maxReplicaCount=2)) == [
        "spec.minReplicaCount: 5 is above maxReplicaCount 2. KEDA would silently take 2. Write at most 2."
    ]


def authentication(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    namespace = {"namespace": "web"} if kind == "TriggerAuthentication" else {}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": kind,
        "metadata": {"name": "auth", **namespace},
        "spec": spec,
    }


EVERY_SOURCE: dict[str, Any] = {
    "podIdentity": {"provider": "azure-workload", "identityId": "a", "identityTenantId": "b"},
    "secretTargetRef": [{"parameter": "password", "name": "s", "key": "k"}],
    "configMapTargetRef": [{"parameter": "host", "name": "c", "key": "k"}],
    "env": [{"parameter": "password", "name": "PASSWORD", "containerName": "web"}],
    "hashiCorpVault": {
        "address": "https://vault",
        "authentication": "kubernetes",
        "secrets": [
            {"parameter": "p", "path": "a/b", "key": "k", "type": "pki", "pkiData": {"commonName": "x"}}
        ],
        "role": "keda",
        "mount": "kubernetes",
        "credential": {"serviceAccountName": "keda"},
    },
    "azureKeyVault": {
        "vaultUri": "https://v",
        "secrets": [{"parameter": "p", "name": "n"}],
        "credentials": {
            "clientId": "c",
            "tenantId": "t",
            "clientSecret": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        },
        "cloud": {"type": "Private", "keyVaultResourceURL": "https://r"},
    },
    "gcpSecretManager": {"secrets": [{"parameter": "p", "id": "i"}], "podIdentity": {"provider": "gcp"}},
    "awsSecretManager": {
        "secrets": [{"parameter": "p", "name": "n", "secretKey": "k"}],
        "region": "eu-central-1",
    },
    "boundServiceAccountToken": [{"parameter": "token", "serviceAccountName": "sa"}],
}


def test_authentications_come_back_as_they_were() -> None:
    data = authentication("TriggerAuthentication", EVERY_SOURCE)
    assert TriggerAuthentication.parse(data).to_manifest() == data
    cluster = authentication("ClusterTriggerAuthentication", {"filePath": "/auth/x"})
    assert ClusterTriggerAuthentication.parse(cluster).to_manifest() == cluster


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            {},
            "spec: empty. The trigger would get no secret, and KEDA only logs what fails then. "
            "Write e.g. secretTargetRef.",
        ),
        (
            {"podIdentity": {"provider": "aws", "roleArn": "arn", "identityOwner": "workload"}},
            'spec.podIdentity.roleArn: "arn" cannot be set while the workload owns the identity. '
            f"{WEBHOOK} Remove roleArn, or write identityOwner: keda.",
        ),
        (
            {"podIdentity": {"provider": "azure-workload", "identityAuthorityHost": "https://h"}},
            f"spec.podIdentity.identityTenantId: missing, and required by identityAuthorityHost. {WEBHOOK} "
            "Write the tenant's id.",
        ),
        (
            {"filePath": "/x"},
            "spec.filePath: is read only from a ClusterTriggerAuthentication. KEDA could build no scaler "
            "that refers to this: never Ready, nothing scales. "
            "Use secretTargetRef, or a ClusterTriggerAuthentication.",
        ),
        (
            {"secretTargetRef": [{"parameter": "p", "name": "s"}]},
            "spec.secretTargetRef[0].key: missing, and required. "
            "KEDA could not read the secret, and would only log it. "
            "Write key: password.",
        ),
    ],
)
def test_authentications_refused(spec: dict[str, Any], line: str) -> None:
    assert faults(TriggerAuthentication, authentication("TriggerAuthentication", spec)) == [line]


def test_a_plain_vault_token_is_refused_unseen() -> None:
    vault = {**EVERY_SOURCE["hashiCorpVault"], "credential": {"token": "hunter2"}}
    [line] = faults(TriggerAuthentication, authentication("TriggerAuthentication", {"hashiCorpVault": vault}))
    assert line.startswith("spec.hashiCorpVault.credential.token: a secret in plain text: ")
    assert "hunter2" not in line
