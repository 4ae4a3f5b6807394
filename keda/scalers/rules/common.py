"""Rules that scalers of several families share."""

from __future__ import annotations

import json
import re

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, credentials, missing, unsupported
from keda.scalers.rules import Rule
from keda.syntax import go as go_values

# google/google.go: the kinds of key file that a credential can be made of.
_GOOGLE_KEYS = (
    *("service_account", "authorized_user", "external_account", "external_account_authorized_user"),
    *("impersonated_service_account", "gdch_service_account"),
)
_AZURE_CLOUDS = (
    *("AZURECHINACLOUD", "AZUREGERMANCLOUD", "AZURECLOUD", "AZUREPUBLICCLOUD"),
    *("AZUREUSGOVERNMENT", "AZUREUSGOVERNMENTCLOUD"),
)


_NEEDS = (
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
"""What each of authModes asks for, and KEDA's words where it is missing."""


def target_given(name: str, words: str) -> Rule:
    """A target of zero is none, unless a formula gives the target."""

    def rule(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
        return None if values[name] or trigger.as_metric_source else missing(words, name)

    return rule


def authentication(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """pkg/scalers/authentication/authentication_types.go: what each of authModes asks for."""
    modes = values["authentication.authModes"]
    for mode, names, words in _NEEDS if modes else ():
        lacking = [name for name in names if not values[f"authentication.{name}"]]
        if mode in modes and lacking:
            return missing(words, lacking[0])
    return None


def authentication_tls(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """The key pair of authModes tls, as the client reads it."""
    if "tls" not in values["authentication.authModes"]:
        return None
    return pem(values["authentication.cert"], values["authentication.key"])


def aws_credentials(_: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """pkg/scalers/aws/aws_common.go: a role, a key pair, or an identity of the operator or the pod."""
    metadata, auth, env = trigger.metadata, trigger.auth, trigger.env
    if trigger.pod_identity == "aws" or metadata.get("identityOwner", "") not in ("", "pod"):
        return None
    if auth.get("awsRoleArn"):
        return None
    key, secret = "awsAccessKeyID", "awsSecretAccessKey"
    if auth.get("awsAccessKeyID") or auth.get("awsAccessKeyId"):
        return None if auth.get(secret) else credentials(f"{secret} not found", secret)
    if not (metadata.get(key) or env.get(metadata.get(f"{key}FromEnv", ""))):
        return credentials(f"{key} not found", key)
    if not env.get(metadata.get(f"{secret}FromEnv", "")):
        return credentials(f"{secret} not found", secret)
    return None


def google_credentials(_: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """pkg/scalers/gcp/gcp_common.go: only that something names the credentials, not that they are there."""
    metadata, names = trigger.metadata, ("credentialsFromEnv", "credentialsFromEnvFile")
    source = trigger.auth.get("GoogleApplicationCredentials") or any(metadata.get(name) for name in names)
    if trigger.pod_identity == "gcp" or source:
        return None
    return credentials("google application credentials not found", "GoogleApplicationCredentials", *names)


def google_key(_: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The JSON of a key, from the authentication or a variable; a file is the operator's own."""
    metadata, name = trigger.metadata, "GoogleApplicationCredentials"
    key = trigger.auth.get(name, "")
    if not key and (variable := metadata.get("credentialsFromEnv")):
        name, key = "credentialsFromEnv", trigger.env.get(variable, "")
    # Without a key the client falls back to what the operator's own environment has.
    if not key or trigger.pod_identity == "gcp":
        return None
    try:
        kind = json.loads(key).get("type")
    except (ValueError, AttributeError):
        return bad_value("the Google credentials are not the JSON of a key", name)
    return None if kind in _GOOGLE_KEYS else bad_value(f"unknown credential type: {kind!r}", name)


def azure_environment(trigger: ResolvedTrigger, key: str) -> Refusal | None:
    """pkg/scalers/azure/azure_cloud_environment.go: the private cloud needs `key`, others must be known."""
    cloud = trigger.metadata.get("cloud", "")
    if not cloud:
        return None
    if cloud.lower() == "private":
        address = trigger.metadata.get(key)
        return None if address else missing(f"{key} must be provided for Private cloud type", key)
    return (
        None if cloud.upper() in _AZURE_CLOUDS else bad_value(f"invalid cloud environment {cloud}", "cloud")
    )


def azure_identity(trigger: ResolvedTrigger, words: str) -> Refusal | None:
    """Azure's scalers take azure-workload only."""
    known = trigger.no_identity or trigger.pod_identity == "azure-workload"
    return None if known else unsupported(words.format(trigger.pod_identity))


def web_address(text: str, name: str) -> Refusal | None:
    """net/http: a URL with one of its two schemes."""
    try:
        scheme = go_values.url_parts(text)[0]
    except ValueError as error:
        return bad_value(str(error), name)
    return None if scheme in ("http", "https") else bad_value(f'unsupported protocol scheme "{scheme}"', name)


def port(text: str) -> Refusal | None:
    """A decimal port, 1 to 65535; a number in another notation is refused."""
    if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) and 1 <= int(text) <= 65535:
        return None
    return bad_value(f"invalid port {text!r}: an integer from 1 to 65535", "port")


def pem(certificate: str, key: str) -> Refusal | None:
    """crypto/tls: the content of the files is asked for; a path or Base64 is not PEM."""
    for name, label, text in (("cert", "certificate", certificate), ("key", "key", key)):
        if "-----BEGIN " not in text:
            return bad_value(
                f"error parse X509KeyPair: tls: failed to find any PEM data in {label} input", name
            )
    return None


def key_pair(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """The client certificate, if both halves are given."""
    # The redis family has it as Cert, or cert.
    certificate = values.get("cert") or values.get("Cert")
    return pem(certificate, values["key"]) if certificate and values["key"] else None


def enabled_key_pair(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The client certificate, if TLS is enabled by one of the two parameters."""
    enabled = values["tls"] == "enable" or go_values.boolean(values.get("enableTLS") or "false")
    return key_pair(values, trigger) if enabled else None


def host_url(words: str) -> Rule:
    """A rule that `host` is a URL by url.ParseRequestURI; `words` are the scaler's own."""

    def rule(values: Values, _: ResolvedTrigger) -> Refusal | None:
        try:
            go_values.url_parts(values["host"], request=True)
        except ValueError:
            return bad_value(words, "host")
        return None

    return rule
