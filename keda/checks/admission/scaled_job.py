"""What KEDA's webhook and operator ask of the kinds beside ScaledObject."""

from __future__ import annotations

from collections.abc import Mapping

from keda.checks.admission.scaled_object import (
    DEFAULT_MAX,
    SPEC,
    WEBHOOK,
    check_annotations,
    check_seconds,
    check_trigger_list,
)
from keda.checks.findings import Report
from keda.core.errors import MISSING, did_you_mean
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, whole
from keda.scalers.vault import CONSEQUENCE, CRASH, crashes, operator_token

_STRATEGY_WORDS = {
    ("scalingStrategy", "strategy"): ("default", "custom", "accurate", "eager"),
    ("scalingStrategy", "multipleScalersCalculation"): ("max", "min", "avg", "sum"),
    ("rollout", "strategy"): ("default", "gradual"),
    ("rolloutStrategy",): ("default", "gradual"),
    ("rollout", "propagationPolicy"): ("background", "foreground"),
}


def check_scaled_job(item: Item, report: Report) -> None:
    check_trigger_list(item, report)
    check_seconds(item, report)
    check_annotations(item, report)
    for path, words in _STRATEGY_WORDS.items():
        value = dig(item.spec, *path)
        if isinstance(value, str) and value and value not in words:
            guess = did_you_mean(value, words) or words[-1]
            why = f"is not one of {', '.join(words)}. KEDA would silently take it for {words[0]}."
            report.add("job-strategy", (*SPEC, *path), value, why, f"Write {guess}.")
    strategy = mapping(item.spec.get("scalingStrategy"))
    if (
        strategy.get("strategy") == "custom"
        and whole(strategy.get("customScalingQueueLengthDeduction")) is None
    ):
        report.add(
            "job-strategy",
            (*SPEC, "scalingStrategy", "customScalingQueueLengthDeduction"),
            MISSING,
            "missing, and required by the custom strategy. KEDA's operator would crash on it.",
            "Write customScalingQueueLengthDeduction: 0.",
        )
    low, high = whole(item.spec.get("minReplicaCount")), whole(item.spec.get("maxReplicaCount"))
    limit = DEFAULT_MAX if high is None else high
    if high is not None and high <= 0:
        why = "is not above 0. No Job would ever be made."
        report.add("replica-bounds", (*SPEC, "maxReplicaCount"), high, why, "Write at least 1.")
    elif low is not None and low > limit:
        why = f"is above maxReplicaCount {limit}. KEDA would quietly take {limit}."
        report.add("replica-bounds", (*SPEC, "minReplicaCount"), low, why, f"Write at most {limit}.")
    if low is not None and low < 0:
        report.add("negative-number", (*SPEC, "minReplicaCount"), low, "is below 0.", "Write 0 or more.")
    _job_template(item, report)


def _job_template(item: Item, report: Report) -> None:
    """What the API server asks of every Job: found out only when the first one is made."""
    at: At = (*SPEC, "jobTargetRef", "template", "spec")
    if not isinstance(dig(item.manifest, *at[:3]), Mapping):
        return
    pod = mapping(dig(item.manifest, *at))
    if not sequence(pod.get("containers")):
        report.add(
            "job-template",
            (*at, "containers"),
            MISSING,
            "missing, and required. No Job could be made.",
            "Write one container.",
        )
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        value = pod.get("restartPolicy", MISSING)
        why = ("missing: the default Always is" if value is MISSING else "is") + " not Never or OnFailure. "
        report.add(
            "job-template",
            (*at, "restartPolicy"),
            value,
            f"{why}The ScaledJob is Ready, and then the API server refuses every Job.",
            "Write restartPolicy: Never.",
        )


_EMPTY = 'of PodIdentity should not be empty. If it\'s set, {} has to be different than ""'


def check_authentication(item: Item, report: Report) -> None:
    """triggerauthentication_webhook.go, and what gives a trigger nothing."""
    identity = mapping(item.spec.get("podIdentity"))
    at: At = (*SPEC, "podIdentity")
    if identity.get("provider") == "azure-workload":
        for key in ("identityId", "identityTenantId"):
            if identity.get(key) == "":
                why = f"is empty. {WEBHOOK}"
                report.add(
                    "pod-identity",
                    (*at, key),
                    "",
                    why,
                    "Write the id, or remove it.",
                    f"{key} {_EMPTY.format(key)}",
                )
        if identity.get("identityAuthorityHost") and not identity.get("identityTenantId"):
            report.add(
                "pod-identity",
                (*at, "identityTenantId"),
                MISSING,
                f"missing, and required by identityAuthorityHost. {WEBHOOK}",
                "Write the tenant's id.",
                "identityTenantID of PodIdentity should not be nil or empty when identityAuthorityHost of "
                "PodIdentity is set",
            )
    if (
        identity.get("provider") == "aws"
        and identity.get("roleArn")
        and identity.get("identityOwner") == "workload"
    ):
        report.add(
            "pod-identity",
            (*at, "roleArn"),
            identity["roleArn"],
            f"cannot be set while the workload owns the identity. {WEBHOOK}",
            "Remove roleArn, or write identityOwner: keda.",
            "roleArn of PodIdentity can't be set if KEDA isn't identityOwner",
        )
    _vault(item, report)
    if item.kind == "TriggerAuthentication" and item.spec.get("filePath"):
        why = (
            "is read only from a ClusterTriggerAuthentication. KEDA could build no scaler that refers to "
            "this: never Ready, nothing scales."
        )
        report.add(
            "authentication-gives-nothing",
            (*SPEC, "filePath"),
            MISSING,
            why,
            "Use secretTargetRef, or a ClusterTriggerAuthentication.",
            "filePath is only supported for ClusterTriggerAuthentication",
        )
    elif isinstance(item.manifest.get("spec"), Mapping) and not any(item.spec.values()):
        why = "empty. The trigger would get no secret, and KEDA only logs what fails then."
        report.add("authentication-gives-nothing", SPEC, MISSING, why, "Write e.g. secretTargetRef.")


_VAULT_FIELDS = {
    "credential": "missing. ",
    "serviceAccount": "is a file of the operator's pod. ",
    "serviceAccountName": "is the name of KEDA's own ServiceAccount. ",
}


def _vault(item: Item, report: Report) -> None:
    """What KEDA sends to a Vault, and what it cannot take (keda.scalers.vault)."""
    vault = mapping(item.spec.get("hashiCorpVault"))
    if crashes(vault):
        at = (*SPEC, "hashiCorpVault", "credential")
        report.add("operator-crash", at, MISSING, f"missing. {CRASH}", "Write credential: {}.")
    if (path := operator_token(vault)) is None:
        return
    value = dig(vault, *path)
    whose = f"of namespace {item.namespace}" if item.namespace else "of the ScaledObject's namespace"
    report.add(
        "vault-operator-token",
        (*SPEC, "hashiCorpVault", *path),
        MISSING if value is None else value,
        _VAULT_FIELDS[path[-1]] + CONSEQUENCE,
        ("Write" if len(path) == 1 else "Instead write")
        + f" credential: {{serviceAccountName: <name>}}, a ServiceAccount {whose} that has a role in Vault.",
    )


def check_event_source(item: Item, report: Report) -> None:
    filters = mapping(item.spec.get("eventSubscription"))
    if filters.get("includedEventTypes") and filters.get("excludedEventTypes"):
        report.add(
            "event-filter",
            (*SPEC, "eventSubscription"),
            MISSING,
            f"both includes and excludes event types. {WEBHOOK}",
            "Keep one of them.",
            "setting included types and excluded types at the same time is not supported",
        )
    if item.spec.get("destination") == {}:
        why = "empty. KEDA admits it and sends the events nowhere."
        report.add("event-filter", (*SPEC, "destination"), MISSING, why, "Write http: {uri: …}.")
