"""Rules of the scalers of Google Cloud (pkg/scalers/gcp_*_scaler.go)."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, conflict, credentials, missing
from keda.scalers.rules import after, client, validate
from keda.scalers.rules.common import google_credentials, google_key

_PERCENTILES = ("percentile_99", "percentile_95", "percentile_50", "percentile_05")
REDUCERS = (
    *("", "none", "mean", "min", "max", "sum", "stddev"),
    *("count", "count_true", "count_false", "fraction_true"),
    *_PERCENTILES,
)
ALIGNERS = (*REDUCERS, "delta", "rate", "interpolate", "next_older", "percent_change")

after("gcp-cloudtasks", "gcp-pubsub", "gcp-storage")(google_credentials)
client("gcp-storage")(google_key)


@validate("gcp-pubsub")
def pubsub(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """A subscription or a topic; subscriptionSize goes with a subscription only."""
    subscription, topic = values["subscriptionName"], values["topicName"]
    if values["subscriptionSize"] and topic:
        rule = "you cannot use subscriptionSize field together with topicName field"
        return conflict(f"{rule}. Use subscriptionName field instead", "topicName", "subscriptionSize")
    words, names = (
        "exactly one of subscription or topic name must be given",
        ("subscriptionName", "topicName"),
    )
    if subscription and topic:
        return conflict(words, *names)
    return None if subscription or topic else missing(words, *names)


@validate("gcp-stackdriver")
def stackdriver(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """An alignment of at least 60 seconds."""
    period = values["alignmentPeriodSeconds"]
    if period and period < 60:
        return bad_value("alignmentPeriodSeconds must be at least 60", "alignmentPeriodSeconds")
    return None


@after("gcp-stackdriver")
def stackdriver_aggregation(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """Credentials, and with an alignment a known aligner and reducer."""
    if refusal := google_credentials(values, trigger):
        return refusal
    if values["alignmentPeriodSeconds"]:
        for name, label, known in (
            ("alignmentAligner", "aligner", ALIGNERS),
            ("alignmentReducer", "reducer", REDUCERS),
        ):
            if values[name].lower() not in known:
                words = f"unknown {label}: {values[name]}"
                return bad_value(words, name, allowed=filter(None, known))
    return None


@client("gcp-stackdriver")
def stackdriver_client(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The one client that reads no file and has no fallback."""
    variable, name = trigger.metadata.get("credentialsFromEnv", ""), "GoogleApplicationCredentials"
    if trigger.auth.get(name) or trigger.env.get(variable) or trigger.pod_identity == "gcp":
        return google_key(values, trigger)
    words = "unexpected end of JSON input: there are no credentials"
    return credentials(words, name, "credentialsFromEnv")


@validate("gcp-storage")
def storage(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """Counts from 1, and an activation from 0 objects."""
    for name, lowest in (
        ("targetObjectCount", 1),
        ("activationTargetObjectCount", 0),
        ("maxBucketItemsToScan", 1),
    ):
        if values[name] < lowest:
            return bad_value(f"{name} must be a positive number", name)
    return None
