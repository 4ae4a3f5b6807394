"""Rules of arangodb, cassandra, couchdb, elasticsearch, etcd, mongodb and solr."""

from __future__ import annotations

import base64

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, conflict, crash, first_missing, missing, pair
from keda.scalers.rules import after, client, validate
from keda.scalers.rules.common import authentication, enabled_key_pair, port, target_given, web_address
from keda.syntax import go as go_values

CONSISTENCIES = (
    *("ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE"),
    *("SERIAL", "LOCAL_SERIAL"),
)
_MONGODB_SCHEME = 'error parsing uri: scheme must be "mongodb" or "mongodb+srv"'

validate("arangodb")(authentication)
after("arangodb")(target_given("queryValue", "no QueryValue given"))
after("couchdb")(target_given("queryValue", "no queryValue given"))
after("solr")(target_given("targetQueryValue", "no targetQueryValue given"))
client("etcd")(enabled_key_pair)


@validate("cassandra")
def cassandra(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """cassandra_scaler.go: both certificate and key with TLS; a port, in the address or by itself."""
    if values["tls"] == "enable" and not (values["cert"] and values["key"]):
        words = "both cert and key are required when TLS is enabled"
        return missing(words, "key" if values["cert"] else "cert")
    parts = values["clusterIPAddress"].split(":")
    if len(parts) == 2:
        try:
            go_values.integer(parts[1])
        except ValueError:
            pass
        else:
            return None
    return first_missing(values, "port")


@after("cassandra")
def consistency(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """gocql.ParseConsistency panics on any other word."""
    word = values["consistency"].upper()
    if word in CONSISTENCIES:
        return None
    return crash(f'the operator panics: invalid consistency "{word}"', "consistency", allowed=CONSISTENCIES)


@validate("couchdb")
def couchdb(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """couchdb_scaler.go: a connection string, or its five parts."""
    if values["connectionString"]:
        return None
    return first_missing(values, "host", "port", "username", "password", "dbName")


@validate("elasticsearch")
def elasticsearch(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """elasticsearch_scaler.go: a cloud with its key or addresses with a login, and one sort of query."""
    cloud = [name for name in ("cloudID", "apiKey") if values[name]]
    endpoint = [name for name in ("addresses", "username", "password") if values[name]]
    if cloud and endpoint:
        words = "can't provide both cloud config and endpoint addresses"
        return conflict(words, cloud[0], endpoint[0])
    if not (cloud or endpoint):
        return missing("must provide either cloud config or endpoint addresses", "addresses", "cloudID")
    both = "both cloudID and apiKey must be provided when cloudID or apiKey is used"
    if refusal := pair(values, "cloudID", "apiKey", both):
        return refusal
    if values["addresses"]:
        words = "both username and password must be provided when addresses is used"
        if refusal := first_missing(values, "username", "password", words=words):
            return refusal
    return _elasticsearch_query(values["searchTemplateName"], values["query"])


def _elasticsearch_query(template: str, query: str) -> Refusal | None:
    names = ("searchTemplateName", "query")
    if not (template or query):
        return missing("either searchTemplateName or query must be provided", *names)
    if template and query:
        return conflict("cannot provide both searchTemplateName and query", *names)
    return None


@client("elasticsearch")
def elasticsearch_client(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """A cloudID in Elastic's encoding, and addresses with a scheme."""
    if values["cloudID"] and not _is_cloud_id(values["cloudID"]):
        return bad_value("cannot parse CloudID: it is <name>:<Base64 of host$id>", "cloudID")
    addresses = (web_address(address, "addresses") for address in values["addresses"])
    return next(filter(None, addresses), None)


def _is_cloud_id(text: str) -> bool:
    try:
        return b"$" in base64.b64decode(text.partition(":")[2], validate=True)
    except ValueError:
        return False


@validate("etcd")
def etcd(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """etcd_scaler.go: an interval above 0 seconds, and pairs of certificate and key, user and password."""
    if values["watchProgressNotifyInterval"] <= 0:
        words = "watchProgressNotifyInterval must be greater than 0"
        return bad_value(words, "watchProgressNotifyInterval")
    if values["tls"] == "enable":
        if values["key"] and not values["cert"]:
            return missing("cert must be provided with key", "cert")
        if values["cert"] and not values["key"]:
            return missing("key must be provided with cert", "key")
    elif values["tls"] != "disable":
        words = f"incorrect value for TLS given: {values['tls']}"
        return bad_value(words, "tls", allowed=("enable", "disable"))
    if values["password"] and not values["username"]:
        return missing("username must be provided with password", "username")
    if values["username"] and not values["password"]:
        return missing("password must be provided with username", "password")
    return None


@validate("mongodb")
def mongodb(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """mongo_scaler.go: a connection string or its parts; mongodb+srv needs no port."""
    if not values["connectionString"]:
        if not values["host"]:
            return missing("no host given", "host", "connectionString")
        if not values["port"] and values["scheme"] != "mongodb+srv":
            return missing("no port given", "port")
        if refusal := first_missing(values, "username", "password"):
            return refusal
    if values["tls"] == "enable":
        if not (values["cert"] or values["key"] or values["ca"]):
            words = "at least one of cert, key, or ca must be provided when TLS is enabled"
            return missing(words, "ca", "cert", "key")
        words = "both cert and key must be provided when using client certificates"
        return pair(values, "cert", "key", words)
    return None


@client("mongodb")
def mongodb_client(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The scheme and the port of the address."""
    if refusal := enabled_key_pair(values, trigger):
        return refusal
    if connection := values["connectionString"]:
        known = connection.startswith(("mongodb://", "mongodb+srv://"))
        return None if known else bad_value(_MONGODB_SCHEME, "connectionString")
    if values["scheme"] not in ("mongodb", "mongodb+srv"):
        return bad_value(_MONGODB_SCHEME, "scheme", allowed=("mongodb", "mongodb+srv"))
    return port(values["port"]) if values["scheme"] == "mongodb" else None
