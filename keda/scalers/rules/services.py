"""Rules between the parameters of the scalers of metrics services, Kubernetes and build systems."""

from __future__ import annotations

import re

from keda.scalers.parser import Trigger, Values
from keda.scalers.rules.common import Rule, authentication, azure_environment, target_given
from keda.syntax import go as go_values
from keda.syntax.cron import schedule_error

_QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(m|n|u|k|[KMGTPE]i?|[eE][+-]?[0-9]+)?", re.ASCII)
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", re.ASCII)
_LONG_DURATION = re.compile(r"([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(w|d|h|ms|m|s|us|µs|μs|ns))+|[+-]?0", re.ASCII)
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_REQUIREMENT = re.compile(
    r"\s*(?:(!)\s*)?([^\s!=<>,()]+)\s*(?:(==|=|!=|>|<|in\b|notin\b)\s*(.*))?", re.DOTALL
)


def cron(values: Values, _: Trigger) -> str | None:
    for end in ("start", "end"):
        if error := schedule_error(values[end]):
            return f"error parsing {end} schedule: {error}"
    if values["start"] == values["end"]:
        return "start and end can not have exactly same time input"
    return None if values["desiredReplicas"] else "no desiredReplicas specified"


def cpu_memory(values: Values, trigger: Trigger) -> str | None:
    if trigger.metric_type == "AverageValue":
        return (
            None
            if _QUANTITY.fullmatch(values["value"])
            else "the operator panics: the value is not a quantity"
        )
    if trigger.metric_type == "Utilization":
        try:
            go_values.integer(values["value"], go_values.INT32)
        except ValueError as error:
            return str(error)
        return None
    return f"unknown metric type: {trigger.metric_type}, allowed values are 'Utilization' or 'AverageValue'"


def datadog(values: Values, _: Trigger) -> str | None:
    for name in ("age", "timeWindowOffset", "lastAvailablePointOffset"):
        if values[name] < 0:
            return f"{name} should not be smaller than 0"
    if values["query"] and not re.search(r"\{.*\}", values["query"]):
        return "error in query: malformed Datadog query: missing query scope"
    if values["authMode"]:
        if values["authMode"] != "bearer":
            return f"err incorrect value for authMode is given: {values['authMode']}"
        if not values["token"]:
            return "BearerToken is required"
    return None


def datadog_api(values: Values, trigger: Trigger) -> str | None:
    proxy = {"datadogMetricsService": "metrics service", "datadogMetricName": "metric name"}
    proxy |= {"datadogNamespace": "namespace", "datadogMetricNamespace": "metric namespace"}
    if values["useClusterAgentProxy"]:
        for name, words in proxy.items():
            if not values[name]:
                return f"datadog {words} is required"
    else:
        for name, words in {"appKey": "AppKey", "apiKey": "APIKey"}.items():
            if not values[name]:
                return f"error parsing Datadog metadata: missing {words}"
    if values["targetValue"] == -1 and not trigger.as_metric_source:
        return "no targetValue or queryValue given"
    if "type" in trigger.metadata:
        if trigger.metric_type:
            return "only one of trigger.metadata.type or trigger.metricType should be defined"
        if trigger.metadata["type"].lower() not in ("average", "global"):
            return "type has to be global or average"
    if not values["query"] and not values["useClusterAgentProxy"]:
        return "error parsing Datadog metadata: missing Query"
    return None


def dynatrace(values: Values, _: Trigger) -> str | None:
    query, selector = values["query"], values["metricSelector"]
    if not query and not selector:
        return "either 'metricSelector' or 'query' must be provided"
    if query and selector:
        return "'metricSelector' and 'query' are mutually exclusive; only one can be provided"
    if query and values["from"]:
        return "'from' can't be used with query, set time range in the DQL query itself"
    return None


def github_runner(values: Values, _: Trigger) -> str | None:
    if not (values["appKey"] or values["personalAccessToken"]):
        return "no personalAccessToken or appKey given"
    if values["applicationID"] or values["installationID"] or values["appKey"]:
        return next(
            (f"no {n} given" for n in ("applicationID", "installationID", "appKey") if not values[n]), None
        )
    return None


def graphite(values: Values, _: Trigger) -> str | None:
    if values["authMode"] == "basic" and not values["username"]:
        return "username is required when authMode is 'basic'"
    return None


def kubernetes_resource(values: Values, trigger: Trigger) -> str | None:
    if values["targetValue"] <= 0 and not trigger.as_metric_source:
        return "targetValue must be a float greater than 0"
    if values["format"] == "number" and values["valueLocation"]:
        return "valueLocation is only supported with json or yaml format"
    if values["format"] in ("json", "yaml") and not values["valueLocation"]:
        return f"valueLocation is required when format is {values['format']}"
    return None


def kubernetes_workload(values: Values, trigger: Trigger) -> str | None:
    positive = values["value"] > 0 or trigger.as_metric_source
    return None if positive else "value must be a float greater than 0"


def pod_selector(values: Values, _: Trigger) -> str | None:
    """k8s.io/apimachinery labels.Parse: the string form of a label selector."""
    if is_selector(values["podSelector"]):
        return None
    return f"error parsing pod selector: unable to parse requirement in {values['podSelector']!r}"


def is_selector(text: str) -> bool:
    """Whether `kubectl get pods -l` takes it."""
    return all(map(_requirement, re.split(r",(?![^()]*\))", text)))


def _requirement(text: str) -> bool:
    match = _REQUIREMENT.fullmatch(text)
    if match is None or (match[1] and match[3]):
        return False
    prefix, slash, name = match[2].rpartition("/")
    if not name or not _LABEL.fullmatch(name):
        return False
    if slash and not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", prefix):
        return False
    operator, operand = match[3], (match[4] or "").strip()
    if operator in ("in", "notin"):
        if not (operand.startswith("(") and operand.endswith(")")):
            return False
        return all(_LABEL.fullmatch(part.strip()) for part in operand[1:-1].split(","))
    if operator in (">", "<"):
        return bool(re.fullmatch(r"[+-]?[0-9]{1,18}", operand))
    return bool(_LABEL.fullmatch(operand))


def predictkube(values: Values, trigger: Trigger) -> str | None:
    if refusal := authentication(values, trigger):
        return refusal
    try:
        scheme, host, _ = go_values.url_parts(values["prometheusAddress"])
    except ValueError:
        scheme = host = ""
    if not scheme or not host:
        return "invalid prometheusAddress"
    for name in ("predictHorizon", "queryStep", "historyTimeWindow"):
        if not _LONG_DURATION.fullmatch(values[name]):
            return f"{name} parsing error: invalid duration"
    return None if _JWT.fullmatch(values["apiKey"]) else "invalid apiKey"


def prometheus(values: Values, trigger: Trigger) -> str | None:
    if values["authentication.authModes"]:
        return None if trigger.no_identity else "pod identity cannot be enabled with other auth types"
    if trigger.pod_identity == "azure-workload":
        return azure_environment(trigger, "azureManagedPrometheusResourceURL")
    return None


def pulsar(values: Values, trigger: Trigger) -> str | None:
    """pkg/scalers/authentication/authentication_helpers.go: authModes is read raw, an empty one is a fault"""
    auth, modes = trigger.auth, trigger.metadata.get("authModes")
    if values["tls"] == "enable" and (auth.get("cert") or auth.get("key")):
        modes = "tls" if modes is None else f"{modes},tls"
    needs = {"bearer": ("bearerToken",), "basic": ("username",), "tls": ("cert", "key"), "oauth": ()}
    needs["custom"] = ("customAuthHeader", "customAuthValue")
    enabled: set[str] = set()
    for part in [] if modes is None else modes.split(","):
        mode = go_values.trim(part)
        if mode not in needs:
            return f"error parsing authentication: incorrect value for authMode is given: {part}"
        if missing := next((name for name in needs[mode] if not auth.get(name)), None):
            return f"error parsing authentication: no {missing} given"
        if mode in ("bearer", "basic", "oauth"):
            if enabled - {mode}:
                return f"error parsing authentication: both {mode} and {min(enabled - {mode})} can not be set"
            enabled.add(mode)
    if "oauth" in enabled:
        try:
            # The metadata's are read only where the authentication has none.
            go_values.query(auth.get("endpointParams") or values["EndpointParams"])
        except ValueError:
            return "error parsing authentication: incorrect value for endpointParams is given"
    return None


def sumologic_before(_: Values, trigger: Trigger) -> str | None:
    for key, value in trigger.metadata.items():
        if key == "query.":
            return f"malformed metadata, unable to parse rowID from key: {key}"
        if key.startswith("query.") and not value:
            return f"malformed metadata, invalid value for key: {key}"
    return None


def sumologic(values: Values, trigger: Trigger) -> str | None:
    queries = {key.removeprefix("query.") for key in trigger.metadata if key.startswith("query.")}
    if values["queryType"] == "logs":
        if not values["query"]:
            return "missing required metadata: query"
        if queries:
            return "invalid metadata, query.<RowId> not supported for logs queryType"
        return (
            None
            if values["resultField"]
            else "missing required metadata: resultField (required for logs queryType)"
        )
    if values["queryType"] == "metrics":
        if not values["query"] and not queries:
            return "missing metadata: either of query or query.<RowId> must be defined for metrics queryType"
        if values["query"] and queries:
            return (
                "invalid metadata: only one of query or query.<RowId> must be defined for metrics queryType"
            )
        row = values["resultQueryRowID"]
        if queries and not row:
            return "missing required metadata: resultQueryRowID for multi-metrics query"
        if queries and row not in queries:
            return f"resultQueryRowID '{row}' not found in queries"
        if not values["quantization"]:
            return "missing required metadata: quantization for metrics queryType"
    return None


def host_url(message: str) -> Rule:
    def rule(values: Values, _: Trigger) -> str | None:
        try:
            go_values.url_parts(values["host"], request=True)
        except ValueError:
            return message
        return None

    return rule


def splunk(values: Values, trigger: Trigger) -> str | None:
    message = "invalid value for host. Must be a valid URL such as https://localhost:8089"
    if refusal := host_url(message)(values, trigger):
        return refusal
    if values["apiToken"] and values["password"]:
        return (
            "API token and Password were all set. If APIToken is set, username and password must not be used"
        )
    return None


def openstack_metric(_: Values, trigger: Trigger) -> str | None:
    auth = trigger.auth
    if not auth.get("authURL"):
        return "authURL doesn't exist in the authParams"
    if auth.get("userID"):
        return None if auth.get("password") else "password doesn't exist in the authParams"
    given = auth.get("appCredentialSecret")
    return None if given else "neither userID or appCredentialSecretID exist in the authParams"


VALIDATE: dict[str, Rule] = {
    "cron": cron,
    "datadog": datadog,
    "dynatrace": dynatrace,
    "github-runner": github_runner,
    "graphite": graphite,
    "kubernetes-resource": kubernetes_resource,
    "kubernetes-workload": kubernetes_workload,
    "loki": authentication,
    "metrics-api": authentication,
    "predictkube": predictkube,
    "prometheus": authentication,
    "sumologic": sumologic,
}
AFTER: dict[str, Rule] = {
    "cpu": cpu_memory,
    "datadog": datadog_api,
    "kubernetes-workload": pod_selector,
    "memory": cpu_memory,
    "metrics-api": target_given("targetValue", "no targetValue given in metadata"),
    "openstack-metric": openstack_metric,
    "predictkube": target_given("threshold", "no threshold given"),
    "prometheus": prometheus,
    "pulsar": pulsar,
    "solarwinds": host_url(
        "invalid value for host. Must be a valid URL such as 'https://api.na-01.cloud.solarwinds.com'"
    ),
    "splunk": splunk,
}
BEFORE: dict[str, Rule] = {"sumologic": sumologic_before}
