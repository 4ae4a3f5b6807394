"""Rules of mssql, mysql and postgresql."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, first_missing, missing
from keda.scalers.rules import after, client, validate
from keda.scalers.rules.common import port, target_given

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

after("mssql")(target_given("targetValue", "no targetValue given"))
after("postgresql")(target_given("targetQueryValue", "no targetQueryValue given"))


@validate("mssql")
def mssql(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """mssql_scaler.go: a connection string or a host."""
    server = values["connectionString"] or values["host"]
    words = "must provide either connectionstring or host"
    return None if server else missing(words, "host", "connectionString")


@client("mysql")
def mysql(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """mysql_scaler.go: go-sql-driver's DSN has a slash before the database."""
    if values["connectionString"] and "/" not in values["connectionString"]:
        return bad_value("invalid DSN: missing the slash separating the database name", "connectionString")
    return None


@validate("postgresql")
def postgresql(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """postgresql_scaler.go: a connection string, or its five parts."""
    if values["connection"]:
        return None
    return first_missing(values, "host", "port", "userName", "dbName", "sslmode")


@client("postgresql")
def postgresql_client(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """pgx reads the string, or the parts, unless a token of the identity comes first."""
    if trigger.pod_identity == "azure-workload":
        return None
    if connection := values["connection"]:
        known = connection.startswith(("postgres://", "postgresql://")) or "=" in connection
        words = "cannot parse the connection: failed to parse as keyword/value"
        return None if known else bad_value(words, "connection")
    if not trigger.no_identity:
        return None
    if values["sslmode"] not in SSL_MODES:
        words = "failed to configure TLS (sslmode is invalid)"
        return bad_value(words, "sslmode", allowed=SSL_MODES)
    return port(values["port"])
