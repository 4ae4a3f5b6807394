"""Rules of datadog, dynatrace, graphite, influxdb, loki, metrics-api and predictkube; new-relic has none."""

from __future__ import annotations

import re

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, absent, bad_value, conflict, missing
from keda.scalers.rules import after, client, validate
from keda.scalers.rules.common import authentication, authentication_tls, target_given
from keda.syntax import go as go_values

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", re.ASCII)
_LONG_DURATION = re.compile(r"([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(w|d|h|ms|m|s|us|µs|μs|ns))+|[+-]?0", re.ASCII)

validate("loki", "metrics-api")(authentication)
after("influxdb")(target_given("thresholdValue", "no threshold value given"))
after("metrics-api")(target_given("targetValue", "no targetValue given in metadata"))
after("predictkube")(target_given("threshold", "no threshold given"))
client("metrics-api")(authentication_tls)


@validate("datadog")
def datadog(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """datadog_scaler.go: spans of 0 seconds or more, the scope of the query, and the token of authMode."""
    for name in ("age", "timeWindowOffset", "lastAvailablePointOffset"):
        if values[name] < 0:
            return bad_value(f"{name} should not be smaller than 0", name)
    if values["query"] and not re.search(r"\{.*\}", values["query"]):
        return bad_value("error in query: malformed Datadog query: missing query scope", "query")
    if values["authMode"]:
        if values["authMode"] != "bearer":
            words = f"err incorrect value for authMode is given: {values['authMode']}"
            return bad_value(words, "authMode", allowed=("bearer",))
        if not values["token"]:
            return missing("BearerToken is required", "token")
    return None


@after("datadog")
def datadog_api(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The parameters of the cluster agent or of the API, the target, and the type."""
    if values["useClusterAgentProxy"]:
        proxy = {"datadogMetricsService": "metrics service", "datadogMetricName": "metric name"}
        proxy |= {"datadogNamespace": "namespace", "datadogMetricNamespace": "metric namespace"}
        refusal = absent(values, proxy, words="datadog {} is required")
    else:
        keys = {"appKey": "AppKey", "apiKey": "APIKey"}
        refusal = absent(values, keys, words="error parsing Datadog metadata: missing {}")
    if refusal:
        return refusal
    if values["targetValue"] == -1 and not trigger.as_metric_source:
        return missing("no targetValue or queryValue given", "targetValue", "queryValue")
    if "type" in trigger.metadata:
        if trigger.metric_type:
            return conflict(
                "only one of trigger.metadata.type or trigger.metricType should be defined", "type"
            )
        if trigger.metadata["type"].lower() not in ("average", "global"):
            return bad_value("type has to be global or average", "type", allowed=("global", "average"))
    if not values["query"] and not values["useClusterAgentProxy"]:
        return missing("error parsing Datadog metadata: missing Query", "query")
    return None


@validate("dynatrace")
def dynatrace(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """dynatrace_scaler.go: a selector or a query; a query has its own time range."""
    query, selector = values["query"], values["metricSelector"]
    if not query and not selector:
        return missing("either 'metricSelector' or 'query' must be provided", "metricSelector", "query")
    if query and selector:
        words = "'metricSelector' and 'query' are mutually exclusive; only one can be provided"
        return conflict(words, "metricSelector", "query")
    if query and values["from"]:
        words = "'from' can't be used with query, set time range in the DQL query itself"
        return conflict(words, "from", "query")
    return None


@validate("graphite")
def graphite(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """graphite_scaler.go: a user with authMode basic."""
    if values["authMode"] == "basic" and not values["username"]:
        return missing("username is required when authMode is 'basic'", "username")
    return None


@validate("influxdb")
def influxdb(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """influxdb_scaler.go: one token, and what versions 2 and 3 need beyond it."""
    if values["authTokenOld"] and values["authToken"]:
        words = "authToken cannot be specified in both triggerMetadata and resolvedEnv/authParams"
        return conflict(words, "authToken")
    if not (values["authTokenOld"] or values["authToken"]):
        return missing("authToken is required", "authToken")
    if values["influxVersion"] == "3":
        for name in ("database", "metricKey"):
            if not values[name]:
                return missing(f"{name} is required if influxVersion is 3", name)
        if values["queryType"].lower() not in ("influxql", "flightsql"):
            words = "query type must be 'influxql' or 'flightsql'"
            return bad_value(words, "queryType", allowed=("influxql", "flightsql"))
    if values["influxVersion"] == "2" and not values["organizationName"]:
        return missing("organizationName is required if influxVersion is 2", "organizationName")
    return None


@validate("predictkube")
def predictkube(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """predictkube_scaler.go: an absolute address, durations, and a JSON Web Token for apiKey."""
    if refusal := authentication(values, trigger):
        return refusal
    try:
        scheme, host, _ = go_values.url_parts(values["prometheusAddress"])
    except ValueError:
        scheme = host = ""
    if not scheme or not host:
        return bad_value("invalid prometheusAddress", "prometheusAddress")
    for name in ("predictHorizon", "queryStep", "historyTimeWindow"):
        if not _LONG_DURATION.fullmatch(values[name]):
            return bad_value(f"{name} parsing error: invalid duration", name)
    return None if _JWT.fullmatch(values["apiKey"]) else bad_value("invalid apiKey", "apiKey")
