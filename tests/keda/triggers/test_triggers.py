"""Triggers hold every parameter KEDA reads, and take a value exactly when KEDA's parser would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keda import (
    Cpu,
    Cron,
    KubernetesWorkload,
    NatsJetStream,
    Prometheus,
    Redis,
    SpecError,
    Trigger,
)
from keda.triggers.parameters import boolean, duration, integer, number, pairs, written

PARAMETERS = json.loads((Path(__file__).parent / "parameters.json").read_text())
TYPED: dict[str, type[Trigger]] = {
    "prometheus": Prometheus,
    "nats-jetstream": NatsJetStream,
    "cron": Cron,
    "kubernetes-workload": KubernetesWorkload,
    "cpu": Cpu,
}
NOT_BUILT = "KEDA could not build the scaler: never Ready, nothing scales."

MINIMAL: dict[str, dict[str, Any]] = {
    "prometheus": {"serverAddress": "http://p", "query": "up", "threshold": "5"},
    "nats-jetstream": {
        "natsServerMonitoringEndpoint": "n:8222",
        "account": "$G",
        "stream": "s",
        "consumer": "c",
    },
    "cron": {"start": "0 7 * * *", "end": "0 8 * * *", "timezone": "UTC", "desiredReplicas": "1"},
    "kubernetes-workload": {"podSelector": "app=x", "value": "1"},
    "cpu": {"value": "60"},
}


def manifest(scaler: str, metadata: Mapping[str, Any], **beside: Any) -> dict[str, Any]:
    extra = {"metricType": "Utilization"} if scaler == "cpu" else {}
    return {"type": scaler, "metadata": dict(metadata), **extra, **beside}


def faults(data: object) -> list[str]:
    with pytest.raises(SpecError) as error:
        Trigger.parse(data)
    return str(error.value).splitlines()


@pytest.mark.parametrize("scaler", TYPED)
def test_every_parameter_of_kedas_struct_is_reachable(scaler: str) -> None:
    aliases = {field.alias for field in TYPED[scaler].model_fields.values()}
    for parameter in (entry for entry in PARAMETERS if entry["scaler"] == scaler):
        if (
            "triggerMetadata" not in parameter["order"]
            or "apiKey" in parameter["names"]
            or parameter["names"] == ["type"]
        ):
            continue  # read from a TriggerAuthentication, a secret, or removed in 2.18
        for name in parameter["names"]:
            assert name in aliases, f"{scaler}.{name}"


@pytest.mark.parametrize("scaler", TYPED)
def test_defaults_are_kedas(scaler: str) -> None:
    trigger = Trigger.parse(manifest(scaler, MINIMAL[scaler]))
    for parameter in (entry for entry in PARAMETERS if entry["scaler"] == scaler and "default" in entry):
        [field] = [n for n, f in type(trigger).model_fields.items() if f.alias == parameter["names"][0]]
        if parameter["names"][0] not in MINIMAL[scaler]:
            assert written(getattr(trigger, field)) == parameter["default"]


@pytest.mark.parametrize("scaler", TYPED)
def test_required_parameters_are_missed_in_one_line_each(scaler: str) -> None:
    for key in MINIMAL[scaler]:
        rest = {k: v for k, v in MINIMAL[scaler].items() if k != key}
        # Where no formula gives the target, KEDA refuses the default.
        refused = refusals if (scaler, key) == ("kubernetes-workload", "value") else faults
        [line] = refused(manifest(scaler, rest))
        assert line.startswith(f"metadata.{key}: ")


def refusals(data: dict[str, Any]) -> list[str]:
    """What a trigger that is valid beside a formula is refused for without one."""
    return list(map(str, Trigger.parse(data).refusals(formula=False)))


def test_a_formula_may_give_the_target() -> None:
    data = manifest("kubernetes-workload", {**MINIMAL["kubernetes-workload"], "value": 0})
    assert refusals(data) == [
        'metadata.value: "0" is refused by the kubernetes-workload scaler. '
        f"{NOT_BUILT} See `keda explain kubernetes-workload`. KEDA: value must be a float greater than 0"
    ]


@pytest.mark.parametrize("scaler", TYPED)
def test_what_is_written_is_what_is_read(scaler: str) -> None:
    data = manifest(scaler, MINIMAL[scaler], name="one")
    assert Trigger.parse(data).dump() == data


def test_nothing_is_written_that_was_not_set() -> None:
    trigger = Prometheus(server_address="http://p", query="up", threshold=5)
    assert trigger.dump()["metadata"] == {"serverAddress": "http://p", "query": "up", "threshold": "5"}


def test_python_and_manifest_give_the_same_trigger() -> None:
    python = NatsJetStream(
        nats_server_monitoring_endpoint="n:8222",
        account="$G",
        stream="s",
        consumer="c",
        lag_threshold=20,
        name="a",
    )
    assert Trigger.parse(python.dump()) == python


@pytest.mark.parametrize(
    ("scaler", "change", "line"),
    [
        (
            "nats-jetstream",
            {"lagThreshold": "ten"},
            'metadata.lagThreshold: "ten" is not a whole number. KEDA would mark the ScaledObject not Ready. '
            "Write lagThreshold: 10.",
        ),
        (
            "prometheus",
            {"timeout": 5},
            "metadata.timeout: 5 has no unit, and KEDA would take it as milliseconds. "
            'KEDA would mark the ScaledObject not Ready. Write "5s" or "5ms".',
        ),
        (
            "prometheus",
            {"authModes": "bearer,basic"},
            'metadata.authModes: "bearer,basic" is refused by the prometheus scaler. '
            f"{NOT_BUILT} See `keda explain prometheus`. "
            'KEDA: parameter "authModes,authMode" value "bearer,basic" must contain only one of '
            "[bearer basic oauth]",
        ),
        (
            "cron",
            {"end": "0 7 * * *"},
            'metadata.end: "0 7 * * *" is refused by the cron scaler. '
            f"{NOT_BUILT} See `keda explain cron`. KEDA: start and end can not have exactly same time input",
        ),
    ],
)
def test_messages(scaler: str, change: dict[str, Any], line: str) -> None:
    assert line in faults(manifest(scaler, {**MINIMAL[scaler], **change}))


def test_metric_type_of_an_external_metric() -> None:
    assert faults(manifest("prometheus", MINIMAL["prometheus"], metricType="Utilization")) == [
        'metricType: "Utilization" is only for cpu and memory. '
        f"{NOT_BUILT} Write AverageValue (target per replica) or Value."
    ]


def test_keys_on_the_wrong_side_of_metadata() -> None:
    data = manifest("prometheus", {**MINIMAL["prometheus"], "metricType": "Value"}, threshold=3)
    assert [line.split(":")[0] for line in faults(data)] == ["threshold", "metadata.metricType"]


def test_a_nats_endpoint_may_come_from_a_trigger_authentication() -> None:
    rest = {k: v for k, v in MINIMAL["nats-jetstream"].items() if k in ("stream", "consumer")}
    assert Trigger.parse(manifest("nats-jetstream", rest, authenticationRef={"name": "nats"}))


def test_values_are_written_as_keda_reads_them() -> None:
    trigger = Trigger.parse(
        {
            "type": "redis",
            "metadata": {"address": ["a:1", "b:1"], "listName": "mail", "listLength": 5, "enableTLS": True},
        }
    )
    assert type(trigger) is Redis
    assert trigger.dump() == {
        "type": "redis",
        "metadata": {"address": "a:1,b:1", "listName": "mail", "listLength": "5", "enableTLS": "true"},
    }


class TestParser:
    """pkg/scalers/scalersconfig/typed_config.go: each value here was tried against its rules."""

    @pytest.mark.parametrize("value", ["0", "-3", " 7 ", 7, 7.0, str(2**63 - 1)])
    def test_integers(self, value: object) -> None:
        assert integer(value) == int(value)  # type: ignore[call-overload]

    @pytest.mark.parametrize(
        "value", ["01", "+5", "1.5", "1e3", "0x10", "1_000", "", "ten", None, True, 2**63]
    )
    def test_no_integers(self, value: object) -> None:
        with pytest.raises(ValueError, match="whole number|64 bits"):
            integer(value)

    @pytest.mark.parametrize(("value", "parsed"), [("1e1", 10), ("-0.5", -0.5), (3, 3), ("1E+2", 100)])
    def test_numbers(self, value: object, parsed: float) -> None:
        assert number(value) == parsed

    @pytest.mark.parametrize("value", [".5", "5.", "NaN", "Inf", "1e999", "", float("nan"), True, "0x1"])
    def test_no_numbers(self, value: object) -> None:
        with pytest.raises(ValueError, match="is not a number|64-bit"):
            number(value)

    def test_booleans(self) -> None:
        assert [boolean(word) for word in ("1", "t", "T", "TRUE", "true", "True", True)] == [True] * 7
        assert [boolean(word) for word in ("0", "f", "F", "FALSE", "false", "False", False)] == [False] * 7
        for word in ("yes", "tRUE", 1, None):
            with pytest.raises(ValueError, match="true or false"):
                boolean(word)

    def test_durations(self) -> None:
        assert [duration(text) for text in ("3s", " 1m30s ", "1.5h")] == ["3s", "1m30s", "1.5h"]
        assert duration(timedelta(seconds=2)) == "2000ms"
        for text in ("-3s", "3", "0", "1d", "s", "3 s", 5):
            with pytest.raises(ValueError, match="duration|no unit"):
                duration(text)

    def test_pairs(self) -> None:
        assert pairs("a=1, b=2") == pairs({"a": 1, "b": "2"}) == {"a": "1", "b": "2"}
        for wrong in ("a:b", "a=b=c", {"a": "b=c"}, {"a": "x,y"}):
            with pytest.raises(ValueError, match="pairs|cannot read"):
                pairs(wrong)
