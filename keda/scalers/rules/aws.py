"""Rules of the scalers of AWS (pkg/scalers/aws_*_scaler.go)."""

from __future__ import annotations

import json

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, absent, bad_value, conflict, missing
from keda.scalers.rules import after, validate
from keda.scalers.rules.common import aws_credentials
from keda.syntax import go as go_values

_SIZES = [
    f"{size}{unit}".capitalize()
    for size in ("", "kilo", "mega", "giga", "tera")
    for unit in ("bytes", "bits")
]
METRIC_UNITS = {*_SIZES, *(f"{size}/Second" for size in _SIZES)}
METRIC_UNITS |= {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"}
_ATTRIBUTES: dict[str, type] = {
    "S": str,
    "N": str,
    "B": str,
    "BOOL": bool,
    "L": list,
    "M": dict,
    "NULL": object,
}

after("aws-cloudwatch", "aws-dynamodb-streams", "aws-kinesis-stream")(aws_credentials)


@validate("aws-cloudwatch")
def cloudwatch(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """An expression, or a metric with as many values as dimensions; periods in seconds that AWS takes."""
    if not values["expression"]:
        named = {"namespace": "namespace", "metricName": "metric name"}
        named |= {"dimensionName": "dimension name", "dimensionValue": "dimension value"}
        if refusal := absent(values, named, words="{} not given"):
            return refusal
        if len(values["dimensionName"]) != len(values["dimensionValue"]):
            words = "dimensionName and dimensionValue are not matching in size"
            return conflict(words, "dimensionName", "dimensionValue")
        if values["metricUnit"] and values["metricUnit"] not in METRIC_UNITS:
            known = sorted(METRIC_UNITS)
            words = f"metricUnit '{values['metricUnit']}' is not one of {known}"
            return bad_value(words, "metricUnit")
    return _periods(values["metricStatPeriod"], values["metricCollectionTime"])


def _periods(period: int, collected: int) -> Refusal | None:
    rule = ""
    if period < 1:
        rule = "metricStatPeriod can not be smaller than 1"
    elif period <= 60 and period not in (1, 5, 10, 30, 60):
        rule = "metricStatPeriod < 60 has to be one of [1, 5, 10, 30]"
    elif period > 60 and period % 60:
        rule = "metricStatPeriod >= 60 has to be a multiple of 60"
    if rule:
        return bad_value(f"{rule}, however, {period} is provided", "metricStatPeriod")
    if collected < 0 or collected % period:
        rule = f"metricCollectionTime must be greater than 0 and a multiple of metricStatPeriod({period})"
        return bad_value(f"{rule}, {collected} is given", "metricCollectionTime")
    return None


@after("aws-dynamodb")
def dynamodb(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """Two JSON maps for the expression, and a target."""
    if refusal := _attribute_names(values["expressionAttributeNames"]) or _attribute_values(
        values["expressionAttributeValues"]
    ):
        return refusal
    if values["targetValue"] == -1 and not trigger.as_metric_source:
        return missing("no targetValue given", "targetValue")
    return aws_credentials(values, trigger)


def _attribute_names(text: str) -> Refusal | None:
    refused = "error parsing expressionAttributeNames"
    try:
        names = json.loads(text)
        if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
            raise ValueError
    except ValueError:
        return bad_value(f"{refused}: invalid ExpressionAttributeNames", "expressionAttributeNames")
    return None if names else bad_value(f"{refused}: empty map", "expressionAttributeNames")


def _attribute_values(text: str) -> Refusal | None:
    refused = "error parsing expressionAttributeValues"
    try:
        expressions = json.loads(text)
        if expressions is not None and not isinstance(expressions, dict):
            raise ValueError
    except ValueError:
        return bad_value(f"{refused}: invalid JSON object", "expressionAttributeValues")
    if all(map(_attribute, (expressions or {}).values())):
        return None
    return bad_value(f"{refused}: unsupported data type for attribute value", "expressionAttributeValues")


def _attribute(value: object) -> bool:
    """An attribute value of DynamoDB's JSON: {"S": "text"}; a value of another kind panics in KEDA."""
    if not isinstance(value, dict):
        return False
    for kind, inner in value.items():
        if kind not in _ATTRIBUTES or not isinstance(inner, _ATTRIBUTES[kind]):
            return False
        nested = inner if isinstance(inner, list) else inner.values() if isinstance(inner, dict) else ()
        if kind in ("L", "M") and not all(map(_attribute, nested)):
            return False
    return True


@after("aws-sqs-queue")
def sqs(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """A URL whose path is /account/queue; what is not a URL is the queue's name."""
    try:
        path = go_values.url_parts(values["queueURL"], request=True)[2]
    except ValueError:
        return aws_credentials(values, trigger)  # Not a URL: the queue's name.
    parts = path.split("/")
    if len(parts) != 3 or not parts[2]:
        return bad_value("cannot get queueName from queueURL", "queueURL")
    return aws_credentials(values, trigger)
