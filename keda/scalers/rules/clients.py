"""What the clients that KEDA makes of the parameters refuse without contact: addresses, connection strings.

Only the refusals that a person causes by a typical slip; tests/verdicts/choices.py names what is left to the
client.
"""

from __future__ import annotations

import base64
import json
import re

from keda.scalers.parser import Trigger, Values
from keda.scalers.rules import databases
from keda.scalers.rules.common import Rule
from keda.syntax import go as go_values

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# google/google.go: the kinds of key file that a credential can be made of.
_GOOGLE_KEYS = (
    *("service_account", "authorized_user", "external_account", "external_account_authorized_user"),
    *("impersonated_service_account", "gdch_service_account"),
)


def web_address(text: str) -> str | None:
    """net/http: a URL with a scheme that it can speak."""
    try:
        scheme = go_values.url_parts(text)[0]
    except ValueError as error:
        return str(error)
    return None if scheme in ("http", "https") else f'unsupported protocol scheme "{scheme}"'


def tenant(values: Values, trigger: Trigger) -> str | None:
    """azidentity: letters, digits, dots and hyphens."""
    if not trigger.no_identity or re.fullmatch(r"[0-9A-Za-z.-]+", values["tenantId"]):
        return None
    return "invalid tenantID: only letters, digits, dots and hyphens"


def port(text: str) -> str | None:
    if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) and 1 <= int(text) <= 65535:
        return None
    return f"invalid port {text!r}: an integer from 1 to 65535"


def _keys(connection: str) -> dict[str, str] | None:
    parts = [part.split("=", 1) for part in connection.rstrip(";").split(";")]
    return dict(parts) if all(len(part) == 2 for part in parts) else None


def azure_account(name: str) -> Rule:
    def rule(values: Values, trigger: Trigger) -> str | None:
        return storage_connection(values[name]) if trigger.no_identity else None

    return rule


def storage_connection(connection: str) -> str | None:
    """azblob and azqueue: key=value pairs that name the account and how to sign."""
    keys = _keys(connection)
    if keys is None:
        return "connection string is either blank or malformed. The expected format is key=value;key=value"
    if not keys.keys() & {"AccountName", "BlobEndpoint", "QueueEndpoint"}:
        return "connection string needs either AccountName or BlobEndpoint"
    if not ({"AccountName", "AccountKey"} <= keys.keys() or "SharedAccessSignature" in keys):
        return "connection string needs either AccountKey or SharedAccessSignature"
    return None


def azure_eventhub(values: Values, trigger: Trigger) -> str | None:
    if not trigger.no_identity:
        return None
    if not (keys := _keys(values["connection"])):
        return "failed parsing connection string due to unmatched key value separated by '='"
    names = {key.lower() for key in keys}
    for needed in ("Endpoint", "SharedAccessKeyName", "SharedAccessKey"):
        if needed.lower() not in names and "sharedaccesssignature" not in names:
            return f'key "{needed}" must not be empty'
    return storage_connection(values["storageConnection"])


def azure_pipelines(values: Values, _: Trigger) -> str | None:
    if not values["personalAccessToken"]:
        return None  # The identity's token is asked for first.
    return web_address(values["organizationURL"])


def elasticsearch(values: Values, _: Trigger) -> str | None:
    if values["cloudID"] and not _cloud_id(values["cloudID"]):
        return "cannot parse CloudID: it is <name>:<Base64 of host$id>"
    return next((fault for address in values["addresses"] if (fault := web_address(address))), None)


def _cloud_id(text: str) -> bool:
    try:
        return b"$" in base64.b64decode(text.partition(":")[2], validate=True)
    except ValueError:
        return False


def mongodb(values: Values, trigger: Trigger) -> str | None:
    if refusal := enabled_key_pair(values, trigger):
        return refusal
    if connection := values["connectionString"]:
        known = connection.startswith(("mongodb://", "mongodb+srv://"))
        return None if known else 'error parsing uri: scheme must be "mongodb" or "mongodb+srv"'
    if values["scheme"] not in ("mongodb", "mongodb+srv"):
        return 'error parsing uri: scheme must be "mongodb" or "mongodb+srv"'
    return port(values["port"]) if values["scheme"] == "mongodb" else None


def mysql(values: Values, _: Trigger) -> str | None:
    broken = values["connectionString"] and "/" not in values["connectionString"]
    return "invalid DSN: missing the slash separating the database name" if broken else None


def openstack_metric(_: Values, trigger: Trigger) -> str | None:
    return web_address(trigger.auth["authURL"])


def openstack_swift(values: Values, _: Trigger) -> str | None:
    if values["appCredentialID"] and not values["appCredentialSecret"]:
        return "You must provide an Application Credential Secret"
    return web_address(values["authURL"])


def postgresql(values: Values, trigger: Trigger) -> str | None:
    if trigger.pod_identity == "azure-workload":
        return None
    if connection := values["connection"]:
        known = connection.startswith(("postgres://", "postgresql://")) or "=" in connection
        return None if known else "cannot parse the connection: failed to parse as keyword/value"
    if not trigger.no_identity:
        return None
    if values["sslmode"] not in SSL_MODES:
        return "failed to configure TLS (sslmode is invalid)"
    return port(values["port"])


def google_key(_: Values, trigger: Trigger) -> str | None:
    """The JSON of a key, from the authentication or a variable; a file is the operator's own."""
    metadata, key = trigger.metadata, trigger.auth.get("GoogleApplicationCredentials", "")
    if not key and (variable := metadata.get("credentialsFromEnv")):
        key = trigger.env.get(variable, "")
    # Without a key the client falls back to what the operator's own environment has.
    if not key or trigger.pod_identity == "gcp":
        return None
    try:
        kind = json.loads(key).get("type")
    except (ValueError, AttributeError):
        return "the Google credentials are not the JSON of a key"
    return None if kind in _GOOGLE_KEYS else f"unknown credential type: {kind!r}"


def stackdriver(values: Values, trigger: Trigger) -> str | None:
    """The one client that reads no file and has no fallback."""
    env, variable = trigger.env, trigger.metadata.get("credentialsFromEnv", "")
    given = (
        trigger.auth.get("GoogleApplicationCredentials") or env.get(variable) or trigger.pod_identity == "gcp"
    )
    return google_key(values, trigger) if given else "unexpected end of JSON input: there are no credentials"


def prometheus(values: Values, trigger: Trigger) -> str | None:
    """A Google key in the authentication is used, whoever it was meant for."""
    if values["authentication.authModes"]:
        return authentication_tls(values, trigger)
    if (
        trigger.pod_identity == "azure-workload"
        and trigger.metadata.get("cloud", "").upper() == "AZUREGERMANCLOUD"
    ):
        return "azure managed prometheus is not available in cloud AzureGermanCloud"
    return google_key(values, trigger)


def pem(certificate: str, key: str) -> str | None:
    """crypto/tls: the content of the files is asked for, a path or Base64 is no PEM."""
    for name, text in (("certificate", certificate), ("key", key)):
        if "-----BEGIN " not in text:
            return f"error parse X509KeyPair: tls: failed to find any PEM data in {name} input"
    return None


def key_pair(values: Values, _: Trigger) -> str | None:
    # The redis family calls it Cert, or cert.
    certificate = values.get("cert") or values.get("Cert")
    return pem(certificate, values["key"]) if certificate and values["key"] else None


def enabled_key_pair(values: Values, trigger: Trigger) -> str | None:
    enabled = values["tls"] == "enable" or go_values.boolean(values.get("enableTLS") or "false")
    return key_pair(values, trigger) if enabled else None


def authentication_tls(values: Values, _: Trigger) -> str | None:
    if "tls" not in values["authentication.authModes"]:
        return None
    return pem(values["authentication.cert"], values["authentication.key"])


def pulsar(values: Values, trigger: Trigger) -> str | None:
    certificate, key = trigger.auth.get("cert", ""), trigger.auth.get("key", "")
    modes = map(go_values.trim, trigger.metadata.get("authModes", "").split(","))
    used = values["tls"] == "enable" or "tls" in modes
    return pem(certificate, key) if used and certificate and key else None


def github_runner(values: Values, _: Trigger) -> str | None:
    if values["appKey"] and "-----BEGIN " not in values["appKey"]:
        return "could not parse private key: invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key"
    return None


CLIENT: dict[str, Rule] = {
    "apache-kafka": enabled_key_pair,
    "artemis-queue": key_pair,
    "azure-blob": azure_account("connection"),
    "azure-eventhub": azure_eventhub,
    "azure-log-analytics": tenant,
    "azure-monitor": tenant,
    "azure-pipelines": azure_pipelines,
    "azure-queue": azure_account("connection"),
    "elasticsearch": elasticsearch,
    "etcd": enabled_key_pair,
    "gcp-stackdriver": stackdriver,
    "gcp-storage": google_key,
    "github-runner": github_runner,
    "ibmmq": key_pair,
    "metrics-api": authentication_tls,
    "mongodb": mongodb,
    "mysql": mysql,
    "openstack-metric": openstack_metric,
    "openstack-swift": openstack_swift,
    "postgresql": postgresql,
    "prometheus": prometheus,
    "pulsar": pulsar,
    "rabbitmq": enabled_key_pair,
    **dict.fromkeys((*databases.REDIS, *databases.REDIS_STREAMS), enabled_key_pair),
    "temporal": key_pair,
}
