"""Rules of openstack-metric, openstack-swift, solarwinds, splunk and sumologic; huawei-cloudeye and
splunk-observability have none.
"""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, conflict, first_missing, missing
from keda.scalers.rules import after, before, client, validate
from keda.scalers.rules.common import host_url, web_address

_ROW = "query."

after("solarwinds")(
    host_url("invalid value for host. Must be a valid URL such as 'https://api.na-01.cloud.solarwinds.com'")
)


@after("openstack-metric")
def openstack_metric(_: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """openstack_metrics_scaler.go: a user with password, or an application credential."""
    auth, absent = trigger.auth, "doesn't exist in the authParams"
    if not auth.get("authURL"):
        return missing(f"authURL {absent}", "authURL")
    if auth.get("userID"):
        return None if auth.get("password") else missing(f"password {absent}", "password")
    words = "neither userID or appCredentialSecretID exist in the authParams"
    return None if auth.get("appCredentialSecret") else missing(words, "userID", "appCredentialSecret")


@client("openstack-metric")
def openstack_metric_client(_: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The first request goes to authURL."""
    return web_address(trigger.auth["authURL"], "authURL")


@validate("openstack-swift")
def openstack_swift(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """openstack_swift_scaler.go: a user with password and project, or an application credential."""
    needs = {"userID": ("password", "projectID"), "appCredentialID": ("appCredentialSecret",)}
    for identity, needed in needs.items():
        if values[identity]:
            return first_missing(values, *needed, words="{} must be specified when using " + identity)
    return missing("either userID or appCredentialID must be specified", *needs)


@client("openstack-swift")
def openstack_swift_client(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """The secret of the credential; the first request goes to authURL."""
    if values["appCredentialID"] and not values["appCredentialSecret"]:
        return missing("You must provide an Application Credential Secret", "appCredentialSecret")
    return web_address(values["authURL"], "authURL")


@after("splunk")
def splunk(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """splunk_scaler.go: an absolute host, and a token or a password."""
    words = "invalid value for host. Must be a valid URL such as https://localhost:8089"
    if refusal := host_url(words)(values, trigger):
        return refusal
    if values["apiToken"] and values["password"]:
        words = (
            "API token and Password were all set. If APIToken is set, username and password must not be used"
        )
        return conflict(words, "apiToken", "password")
    return None


@before("sumologic")
def sumologic_rows(_: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """sumologic_scaler.go: each `query.<row>` has a row and a value."""
    for key, value in trigger.metadata.items():
        if key == _ROW:
            return bad_value(f"malformed metadata, unable to parse rowID from key: {key}", key)
        if key.startswith(_ROW) and not value:
            return bad_value(f"malformed metadata, invalid value for key: {key}", key)
    return None


@validate("sumologic")
def sumologic(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """What the two types of query need and exclude."""
    rows = {key.removeprefix(_ROW): key for key in trigger.metadata if key.startswith(_ROW)}
    if values["queryType"] == "logs":
        return _sumologic_logs(values, rows)
    return _sumologic_metrics(values, rows) if values["queryType"] == "metrics" else None


def _sumologic_logs(values: Values, rows: dict[str, str]) -> Refusal | None:
    if not values["query"]:
        return missing("missing required metadata: query", "query")
    if rows:
        words = "invalid metadata, query.<RowId> not supported for logs queryType"
        return conflict(words, *rows.values(), "queryType")
    words = "missing required metadata: resultField (required for logs queryType)"
    return None if values["resultField"] else missing(words, "resultField")


def _sumologic_metrics(values: Values, rows: dict[str, str]) -> Refusal | None:
    only = "of query or query.<RowId> must be defined for metrics queryType"
    if not values["query"] and not rows:
        return missing(f"missing metadata: either {only}", "query")
    if values["query"] and rows:
        return conflict(f"invalid metadata: only one {only}", "query", *rows.values())
    row = values["resultQueryRowID"]
    if rows and not row:
        words = "missing required metadata: resultQueryRowID for multi-metrics query"
        return missing(words, "resultQueryRowID")
    if rows and row not in rows:
        words = f"resultQueryRowID '{row}' not found in queries"
        return bad_value(words, "resultQueryRowID", allowed=rows)
    if not values["quantization"]:
        return missing("missing required metadata: quantization for metrics queryType", "quantization")
    return None
