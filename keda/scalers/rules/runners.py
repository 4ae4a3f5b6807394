"""Rules of github-runner and temporal; forgejo-runner and selenium-grid have none."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, first_missing, missing, pair
from keda.scalers.rules import client, validate
from keda.scalers.rules.common import key_pair

client("temporal")(key_pair)


@validate("github-runner")
def github_runner(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """github_runner_scaler.go: a token, or the three parameters of a GitHub App."""
    if not (values["appKey"] or values["personalAccessToken"]):
        return missing("no personalAccessToken or appKey given", "personalAccessToken", "appKey")
    names = ("applicationID", "installationID", "appKey")
    return first_missing(values, *names) if any(values[name] for name in names) else None


@client("github-runner")
def github_app(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """The App's key is PEM."""
    if values["appKey"] and "-----BEGIN " not in values["appKey"]:
        words = "could not parse private key: invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key"
        return bad_value(words, "appKey")
    return None


@validate("temporal")
def temporal(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """temporal_scaler.go: counts and seconds from 0, and both halves of a client certificate."""
    for name in ("targetQueueSize", "activationTargetQueueSize"):
        if values[name] < 0:
            return bad_value(f"{name} must be a positive number", name)
    if refusal := pair(values, "cert", "key", "both cert and key must be provided when using TLS"):
        return refusal
    if values["minConnectTimeout"] < 0:
        return bad_value("minConnectTimeout must be a positive number", "minConnectTimeout")
    return None
