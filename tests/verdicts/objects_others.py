"""ScaledJobs, TriggerAuthentications and CloudEventSources."""

from __future__ import annotations

from collections.abc import Iterator

from tests.verdicts.build import ABSENT, Case, Manifest, case, cta, keda, secret, sj, ta, trigger


def jobs() -> Iterator[Case]:
    yield case("job", sj())
    for word in ("default", "accurate", "eager"):
        yield case(f"job-{word}", sj(scalingStrategy={"strategy": word}))
    yield case("job-custom", sj(scalingStrategy={"strategy": "custom", "customScalingQueueLengthDeduction": 1,
                                                 "customScalingRunningJobPercentage": "0.5"}))  # fmt: skip
    yield case("job-rollout", sj(rollout={"strategy": "gradual", "propagationPolicy": "foreground"}))
    yield case("job-history", sj(successfulJobsHistoryLimit=5, failedJobsHistoryLimit=5, minReplicaCount=0))
    yield case("job-paused", sj() | {"metadata": {"annotations": {"autoscaling.keda.sh/paused": "true"}}})
    yield case("job-no-target", sj(jobTargetRef=ABSENT))
    yield case("job-no-template", sj(job={"backoffLimit": 1}))
    yield case("job-no-triggers", sj(triggers=[]))
    yield case("job-triggers-absent", sj(triggers=ABSENT))
    yield case("job-name-twice", sj(trigger(name="a"), trigger("cron", name="a")))
    yield case("job-cached-cron", sj(trigger("cron", useCachedMetrics=True)))
    yield case("job-metric-type", sj(trigger(metricType="AverageValue")))
    yield case("job-unknown-key", sj(maxReplicas=5))
    yield case("job-max-text", sj(maxReplicaCount="5"))
    yield case("job-history-int32", sj(successfulJobsHistoryLimit=3_000_000_000))
    container = {"name": "app", "image": "none.invalid/app:1"}
    ported = container | {"ports": [{"containerPort": 80}]}
    yield case("job-port-no-protocol", sj(template={"containers": [ported]}))
    for name, more in (
        ("unknown-key", {"imagee": "none.invalid/app:1"}),
        ("cpu-real", {"resources": {"limits": {"cpu": 0.5}}}),
        ("memory-word", {"resources": {"limits": {"memory": "512MB"}}}),
        ("env-number", {"env": [{"name": "THREADS", "value": 4}]}),
        ("gpu-aside", {"resources": {"nvidia.com/gpu": 1}}),
    ):
        yield case(f"job-container-{name}", sj(template={"containers": [container | more]}))
    pod = {"restartPolicy": "Never", "containers": [container]}
    yield case("job-backoff-text", sj(job={"backoffLimit": "1", "template": {"spec": pod}}))
    yield case("job-container-no-name", sj(template={"containers": [{"image": "none.invalid/app:1"}]}))
    yield case("job-trigger-lacks", sj(trigger("prometheus", metadata={"query": ABSENT})))
    yield case("job-trigger-word", sj(trigger("nats-jetstream", metadata={"lagThreshold": "many"})))
    yield case("job-type-misspelt", sj(trigger() | {"type": "cronn"}))
    yield case("job-env-container", sj(envSourceContainerName="sidecar"))
    yield case("job-strategy-word", sj(scalingStrategy={"strategy": "acurate"}))
    yield case("job-calculation-word", sj(scalingStrategy={"multipleScalersCalculation": "median"}))
    yield case("job-rollout-word", sj(rollout={"strategy": "immediate"}))
    yield case("job-min-over-max", sj(minReplicaCount=5))
    yield case("job-max-zero", sj(maxReplicaCount=0))
    yield case("job-restart-always", sj(template={"restartPolicy": "Always"}))
    yield case("j" * 64, sj())


def authentications() -> Iterator[Case]:
    entry = {"parameter": "password", "name": "login", "key": "password"}
    yield case("ta", ta(secretTargetRef=[entry]), secret("login", password="x"))
    good: list[tuple[str, Manifest]] = [
        ("ta-config-map", {"configMapTargetRef": [entry]}),
        ("ta-env", {"env": [{"parameter": "password", "name": "PASSWORD", "containerName": "app"}]}),
        ("ta-none", {"podIdentity": {"provider": "none"}, "secretTargetRef": [entry]}),
        ("ta-aws", {"podIdentity": {"provider": "aws", "roleArn": "arn:aws:iam::1:role/a"}}),
        ("ta-azure", {"podIdentity": {"provider": "azure-workload", "identityId": "id"}}),
        ("ta-vault", {"hashiCorpVault": {"address": "http://vault:8200", "authentication": "token",
                                         "credential": {},
                                         "secrets": [{"parameter": "p", "path": "secret/a", "key": "k"}]}}),
        ("ta-token", {"boundServiceAccountToken": [{"parameter": "token", "serviceAccountName": "app"}]}),
    ]  # fmt: skip
    bad: list[tuple[str, Manifest]] = [
        *((f"ta-no-{key}", {"secretTargetRef": [{k: v for k, v in entry.items() if k != key}]})
          for key in entry),
        ("ta-config-map-no-key", {"configMapTargetRef": [{"parameter": "p", "name": "n"}]}),
        ("ta-env-no-name", {"env": [{"parameter": "p"}]}),
        ("ta-secret-mapping", {"secretTargetRef": entry}),
        ("ta-key-number", {"secretTargetRef": [entry | {"key": 5}]}),
        ("ta-unknown-key", {"secretRef": [entry]}),
        ("ta-unknown-key-in-entry", {"secretTargetRef": [entry | {"namespace": "shop"}]}),
        ("ta-provider", {"podIdentity": {"provider": "azure"}}),
        ("ta-no-provider", {"podIdentity": {"identityId": "id"}}),
        ("ta-identity-owner", {"podIdentity": {"provider": "aws", "identityOwner": "pod"}}),
        ("ta-azure-empty-id", {"podIdentity": {"provider": "azure-workload", "identityId": ""}}),
        ("ta-azure-empty-tenant", {"podIdentity": {"provider": "azure-workload", "identityTenantId": ""}}),
        ("ta-azure-no-tenant", {"podIdentity": {"provider": "azure-workload",
                                                "identityAuthorityHost": "https://login.example.org"}}),
        ("ta-aws-two-owners", {"podIdentity": {"provider": "aws", "roleArn": "arn:aws:iam::1:role/a",
                                               "identityOwner": "workload"}}),
        ("ta-vault-no-address", {"hashiCorpVault": {"authentication": "token", "secrets": [],
                                                    "credential": {}}}),
        ("ta-vault-no-secrets", {"hashiCorpVault": {"address": "http://v", "authentication": "token",
                                                    "credential": {}}}),
        ("ta-key-vault-no-uri", {"azureKeyVault": {"secrets": [{"parameter": "p", "name": "n"}]}}),
        ("ta-gcp-no-secrets", {"gcpSecretManager": {"podIdentity": {"provider": "gcp"}}}),
        ("ta-aws-no-name", {"awsSecretManager": {"secrets": [{"parameter": "p"}]}}),
        ("ta-token-no-account", {"boundServiceAccountToken": [{"parameter": "token"}]}),
        ("ta-empty", {}),
        ("ta-file", {"filePath": "token.json"}),
    ]  # fmt: skip
    for name, spec in (*good, *bad):
        yield case(name, ta(**spec))
    for name, spec in (good[2], good[3], bad[0], bad[8], bad[11], bad[14], bad[-2]):
        yield case(f"c{name}", cta(**spec))
    yield case("cta-file", cta(filePath="token.json"))
    group = "eventing.keda.sh"
    to = {"destination": {"http": {"uri": "http://127.0.0.1:9"}}}
    kind = "keda.scaledobject.failed.v1"
    for name, spec in (
        ("events", to),
        ("events-included", to | {"eventSubscription": {"includedEventTypes": [kind]}}),
        ("events-both", to | {"eventSubscription": {"includedEventTypes": [kind],
                                                    "excludedEventTypes": [kind]}}),
        ("events-unknown", to | {"eventSubscription": {"includedEventTypes": ["keda.failed"]}}),
        ("events-no-destination", {}),
        ("events-nowhere", {"destination": {}}),
    ):  # fmt: skip
        yield case(name, keda("CloudEventSource", spec, group))
