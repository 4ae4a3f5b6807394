"""Where our verdict differs from KEDA's on purpose, each with its reason."""

from __future__ import annotations

from tests.oracle import Spec, Verdict

# The parameters are parsed; the client made of them has rules of its own for an address, a region, a DSN.
LEFT_TO_THE_CLIENT = {
    "apache-kafka",
    "arangodb",
    "aws-dynamodb-streams",
    "couchdb",
    "liiklus",
    "mongodb",
    "mssql",
    "mysql",
    "predictkube",
    "splunk-observability",
    "temporal",
}


def choice(spec: Spec, verdict: Verdict, ours: list[str]) -> str | None:
    """The name of the choice that explains a difference, or None."""
    if verdict.stage == "build" and not ours and spec.type in LEFT_TO_THE_CLIENT:
        return "client's own address rules"
    if verdict.stage == "connect" and ours == ["You must provide an Application Credential Secret"]:
        return "refused only after contact"
    return None


# Whole objects: what the judge calls an error though KEDA takes the object, and why. By the rule; by kind,
# rule and field where KEDA refuses the same of another kind; by the case where the rule is else KEDA's own.
STRICTER = {
    "authentication-gives-nothing": "a trigger that refers to it runs without its secret, or is refused then",
    "event-filter": "an empty destination is taken, and the events go nowhere",
    "job-strategy": "a misspelt word is taken for the default without a word",
    "job-template": "the ScaledJob is Ready, and the API server refuses each Job",
    "misspelt-parameter": "KEDA reads the keys it knows, and the default instead of this one",
    "negative-number": "KEDA 2.20 refuses it; 2.19 takes it for something else",
    "query-syntax": "the ScaledObject is Ready, and every poll fails",
    "unknown-authentication": "KEDA logs it, and runs the trigger without its secret",
    "ScaledJob name-too-long name": "the ScaledJob is Ready, and the API server refuses each Job's label",
    "ScaledJob replica-bounds maxReplicaCount": "no Job is ever made",
    "ScaledJob replica-bounds minReplicaCount": "KEDA lowers the minimum without a word",
    "modifiers-activation-word": "the ScaledObject is Ready, and every poll fails",
    "modifiers-target-nan": "NaN passes every comparison of KEDA's webhook",
    "target-kind-lower-case": "it is found, and a second owner of it overlooked",
    "target-beta-deployment": "it is found, and a second owner of it overlooked",
}

# What KEDA says where a rule quotes nothing: it names another of several owners, panics over it, or meets the
# consequence only.
SYNONYMS = {
    "one-owner-scaledobject": r"is already managed by the (ScaledObject|HPA|hpa) '|invalid memory address",
    "unknown-authentication": r"no personalAccessToken or appKey given",
    "unknown-variable": r"error parsing .* metadata",
    "unknown-secret": r"no personalAccessToken or appKey given",
}
# What the judge leaves to the API server, whose words come with `kubectl apply` itself.
LEFT_TO_THE_API_SERVER = {
    "ta-vault": "the lab's cluster guard lists no Vault",
}
