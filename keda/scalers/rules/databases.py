"""Rules between the parameters of the database scalers."""

from __future__ import annotations

import json

from keda.scalers.parser import Trigger, Values
from keda.scalers.rules.common import Rule, authentication, aws, first_missing, pair, target_given
from keda.syntax import go as go_values


def cassandra(values: Values, _: Trigger) -> str | None:
    if values["tls"] == "enable" and not (values["cert"] and values["key"]):
        return "both cert and key are required when TLS is enabled"
    parts = values["clusterIPAddress"].split(":")
    if len(parts) == 2:
        try:
            go_values.integer(parts[1])
        except ValueError:
            pass
        else:
            return None
    return None if values["port"] else "no port given"


def consistency(values: Values, _: Trigger) -> str | None:
    """gocql.ParseConsistency panics on a word it does not know."""
    known = values["consistency"].upper() in CONSISTENCIES
    return None if known else f'the operator panics: invalid consistency "{values["consistency"].upper()}"'


def couchdb(values: Values, _: Trigger) -> str | None:
    if values["connectionString"]:
        return None
    return first_missing(values, "host", "port", "username", "password", "dbName")


def dynamodb(values: Values, trigger: Trigger) -> str | None:
    try:
        names = json.loads(values["expressionAttributeNames"])
        if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
            raise ValueError
    except ValueError:
        return "error parsing expressionAttributeNames: invalid ExpressionAttributeNames"
    if not names:
        return "error parsing expressionAttributeNames: empty map"
    try:
        expressions = json.loads(values["expressionAttributeValues"])
        if expressions is not None and not isinstance(expressions, dict):
            raise ValueError
    except ValueError:
        return "error parsing expressionAttributeValues: invalid JSON object"
    if not all(map(_attribute, (expressions or {}).values())):
        return "error parsing expressionAttributeValues: unsupported data type for attribute value"
    if values["targetValue"] == -1 and not trigger.as_metric_source:
        return "no targetValue given"
    return aws(values, trigger)


def _attribute(value: object) -> bool:
    """An attribute value of DynamoDB's JSON: {"S": "text"}; a value of another kind panics in KEDA."""
    if not isinstance(value, dict):
        return False
    kinds: dict[str, type] = {
        "S": str,
        "N": str,
        "B": str,
        "BOOL": bool,
        "L": list,
        "M": dict,
        "NULL": object,
    }
    for kind, inner in value.items():
        if kind not in kinds or not isinstance(inner, kinds[kind]):
            return False
        nested = inner if isinstance(inner, list) else inner.values() if isinstance(inner, dict) else ()
        if kind in ("L", "M") and not all(map(_attribute, nested)):
            return False
    return True


def elasticsearch(values: Values, _: Trigger) -> str | None:
    cloud, key = values["cloudID"], values["apiKey"]
    addresses, user, password = values["addresses"], values["username"], values["password"]
    endpoint = addresses or user or password
    if (cloud or key) and endpoint:
        return "can't provide both cloud config and endpoint addresses"
    if not (cloud or key or endpoint):
        return "must provide either cloud config or endpoint addresses"
    if bool(cloud) != bool(key):
        return "both cloudID and apiKey must be provided when cloudID or apiKey is used"
    if addresses and not (user and password):
        return "both username and password must be provided when addresses is used"
    if not (values["searchTemplateName"] or values["query"]):
        return "either searchTemplateName or query must be provided"
    if values["searchTemplateName"] and values["query"]:
        return "cannot provide both searchTemplateName and query"
    return None


def etcd(values: Values, _: Trigger) -> str | None:
    if values["watchProgressNotifyInterval"] <= 0:
        return "watchProgressNotifyInterval must be greater than 0"
    if values["tls"] == "enable":
        if values["key"] and not values["cert"]:
            return "cert must be provided with key"
        if values["cert"] and not values["key"]:
            return "key must be provided with cert"
    elif values["tls"] != "disable":
        return f"incorrect value for TLS given: {values['tls']}"
    if values["password"] and not values["username"]:
        return "username must be provided with password"
    if values["username"] and not values["password"]:
        return "password must be provided with username"
    return None


def influxdb(values: Values, _: Trigger) -> str | None:
    if values["authTokenOld"] and values["authToken"]:
        return "authToken cannot be specified in both triggerMetadata and resolvedEnv/authParams"
    if not (values["authTokenOld"] or values["authToken"]):
        return "authToken is required"
    if values["influxVersion"] == "3":
        if not values["database"]:
            return "database is required if influxVersion is 3"
        if not values["metricKey"]:
            return "metricKey is required if influxVersion is 3"
        if values["queryType"].lower() not in ("influxql", "flightsql"):
            return "query type must be 'influxql' or 'flightsql'"
    if values["influxVersion"] == "2" and not values["organizationName"]:
        return "organizationName is required if influxVersion is 2"
    return None


def mongodb(values: Values, _: Trigger) -> str | None:
    if not values["connectionString"]:
        if not values["host"]:
            return "no host given"
        if not values["port"] and values["scheme"] != "mongodb+srv":
            return "no port given"
        if missing := first_missing(values, "username", "password"):
            return missing
    if values["tls"] == "enable":
        if not (values["cert"] or values["key"] or values["ca"]):
            return "at least one of cert, key, or ca must be provided when TLS is enabled"
        return pair(
            values, "cert", "key", "both cert and key must be provided when using client certificates"
        )
    return None


def mssql(values: Values, _: Trigger) -> str | None:
    given = values["connectionString"] or values["host"]
    return None if given else "must provide either connectionstring or host"


def postgresql(values: Values, _: Trigger) -> str | None:
    if values["connection"]:
        return None
    return first_missing(values, "host", "port", "userName", "dbName", "sslmode")


def redis(values: Values, _: Trigger) -> str | None:
    hosts, ports = values["host"], values["port"]
    addresses = list(values["address"])
    if hosts and ports:
        if len(hosts) != len(ports):
            return "not enough hosts or ports"
        addresses += [f"{host}:{port}" for host, port in zip(hosts, ports, strict=True)]
    if not addresses or not addresses[0]:
        return "no addresses or hosts given"
    if values["enableTLS"] and values["tls"]:
        return "unable to set `tls` in both ScaledObject and TriggerAuthentication together"
    if values["enableTLS"]:
        try:
            go_values.boolean(values["enableTLS"])
        except ValueError as error:
            return f"EnableTLS parsing error {error}"
    if values["tls"] not in ("", "enable", "disable"):
        return f"error incorrect TLS value given, got {values['tls']}"
    return None


def redis_streams(values: Values, trigger: Trigger) -> str | None:
    return redis(values, trigger) or (None if values["stream"] else "missing redis stream name")


CONSISTENCIES = (
    *("ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE"),
    *("SERIAL", "LOCAL_SERIAL"),
)
REDIS = ("redis", "redis-cluster", "redis-sentinel")
REDIS_STREAMS = ("redis-streams", "redis-cluster-streams", "redis-sentinel-streams")
VALIDATE: dict[str, Rule] = {
    "arangodb": authentication,
    "cassandra": cassandra,
    "couchdb": couchdb,
    "elasticsearch": elasticsearch,
    "etcd": etcd,
    "influxdb": influxdb,
    "mongodb": mongodb,
    "mssql": mssql,
    "postgresql": postgresql,
    **dict.fromkeys(REDIS, redis),
    **dict.fromkeys(REDIS_STREAMS, redis_streams),
}
AFTER: dict[str, Rule] = {
    "arangodb": target_given("queryValue", "no QueryValue given"),
    "aws-dynamodb": dynamodb,
    "aws-dynamodb-streams": aws,
    "cassandra": consistency,
    "couchdb": target_given("queryValue", "no queryValue given"),
    "influxdb": target_given("thresholdValue", "no threshold value given"),
    "mssql": target_given("targetValue", "no targetValue given"),
    "postgresql": target_given("targetQueryValue", "no targetQueryValue given"),
    "solr": target_given("targetQueryValue", "no targetQueryValue given"),
}
