"""What the rules of several scalers share. A rule returns KEDA's refusal, or None.

Rules of a Validate() run with the typed parser, on a half-filled struct when fields are in error; the checks
after it run only on what parsed.
"""

from __future__ import annotations

from collections.abc import Callable

from keda.scalers.parser import Trigger, Values

Rule = Callable[[Values, Trigger], str | None]


def first_missing(values: Values, *names: str, message: str = "no {} given") -> str | None:
    """KEDA's refusal for the first of `names` that has no value."""
    return next((message.format(name) for name in names if not values[name]), None)


def pair(values: Values, one: str, other: str, message: str) -> str | None:
    return message if bool(values[one]) != bool(values[other]) else None


def target_given(name: str, message: str) -> Rule:
    """A target of zero is none, unless a formula gives the target."""
    return lambda values, trigger: message if not values[name] and not trigger.as_metric_source else None


def authentication(values: Values, _: Trigger) -> str | None:
    """pkg/scalers/authentication/authentication_types.go: what each of authModes asks for."""
    needs = (
        ("bearer", ("bearerToken",), "bearer token is required when bearer auth is enabled"),
        ("basic", ("username",), "username is required when basic auth is enabled"),
        ("tls", ("cert", "key"), "cert and key are required when tls auth is enabled"),
        (
            "oauth",
            ("oauthTokenURI", "clientID", "clientSecret"),
            "oauthTokenURI, clientID and clientSecret are required when oauth is enabled",
        ),
        (
            "custom",
            ("customAuthHeader", "customAuthValue"),
            "customAuthHeader and customAuthValue are required when custom auth is enabled",
        ),
        ("apiKey", ("apiKey",), "apiKey is required when apiKey auth is enabled"),
    )
    modes = values["authentication.authModes"]
    for mode, names, message in needs:
        if mode in modes and not all(values[f"authentication.{name}"] for name in names):
            return message
    return None


def aws(_: Values, trigger: Trigger) -> str | None:
    """pkg/scalers/aws/aws_common.go: a role, a key pair, or an identity of the operator or the pod."""
    metadata, auth, env = trigger.metadata, trigger.auth, trigger.env
    if trigger.pod_identity == "aws" or metadata.get("identityOwner", "") not in ("", "pod"):
        return None
    if auth.get("awsRoleArn"):
        return None
    if auth.get("awsAccessKeyID") or auth.get("awsAccessKeyId"):
        return None if auth.get("awsSecretAccessKey") else "awsSecretAccessKey not found"
    if not (metadata.get("awsAccessKeyID") or env.get(metadata.get("awsAccessKeyIDFromEnv", ""))):
        return "awsAccessKeyID not found"
    if not env.get(metadata.get("awsSecretAccessKeyFromEnv", "")):
        return "awsSecretAccessKey not found"
    return None


def gcp(_: Values, trigger: Trigger) -> str | None:
    """pkg/scalers/gcp/gcp_common.go: only that something names the credentials, not that they are there."""
    metadata = trigger.metadata
    named = metadata.get("credentialsFromEnv") or metadata.get("credentialsFromEnvFile")
    if trigger.pod_identity == "gcp" or trigger.auth.get("GoogleApplicationCredentials") or named:
        return None
    return "google application credentials not found"


AZURE_CLOUDS = (
    *("AZURECHINACLOUD", "AZUREGERMANCLOUD", "AZURECLOUD", "AZUREPUBLICCLOUD"),
    *("AZUREUSGOVERNMENT", "AZUREUSGOVERNMENTCLOUD"),
)
AZURE_SDK_CLOUDS = ("AZUREPUBLICCLOUD", "AZUREUSGOVERNMENTCLOUD", "AZURECHINACLOUD")


def azure_environment(trigger: Trigger, key: str) -> str | None:
    """pkg/scalers/azure/azure_cloud_environment.go: the private cloud needs `key`, others must be known."""
    cloud = trigger.metadata.get("cloud", "")
    if not cloud:
        return None
    if cloud.lower() == "private":
        return None if trigger.metadata.get(key) else f"{key} must be provided for Private cloud type"
    return None if cloud.upper() in AZURE_CLOUDS else f"invalid cloud environment {cloud}"
