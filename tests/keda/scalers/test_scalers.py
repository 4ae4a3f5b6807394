"""All scalers of KEDA are typed: every parameter is reachable, and nothing passes that KEDA would refuse."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import keda
from generate.triggers import modules
from keda import Kafka, RabbitMQ, SpecError, SumoLogic, Trigger
from keda.core.errors import is_secret_key, is_secret_value
from keda.manifests.declared import UNKNOWN
from keda.scalers import constructor, unresolved
from keda.scalers.facts import ResolvedTrigger, scalers
from keda.scalers.unresolved import ANYTHING, Known
from keda.triggers.catalogue import CLASSES
from keda.triggers.explanation import documentation, explain, parameters, table
from keda.triggers.parameters import written
from tests.oracle import Spec
from tests.support import ROOT
from tests.verdicts.mutations import single_faults
from tests.verdicts.samples import sample

# What KEDA takes, ignores or reads in its own way, and we refuse; each is one sentence of ours.
CHOICES = re.compile(
    "a secret in plain text"
    "|is read from a TriggerAuthentication only|is read by no one|unknown key|is not a parameter"
    "|is not taken any more"
    "|is empty, and KEDA takes that for absent"
    '|"\\s*" is not (a whole number|a number|true or false|a duration|a list of key=value pairs|one of)'
    "|has no unit|is not a duration|is not an IANA time zone|is not an http:// or https:// address"
    "|is not host:port|is not one of|is below 1|is not above 0"
    '|"(null|NaN)" is not a number|"Utilization" is only for cpu and memory|bootstrapServers: "" is refused'
)


def manifest(spec: Spec) -> dict[str, Any]:
    """The trigger as a person writes it; what is a secret comes from the TriggerAuthentication."""
    metadata = {
        key: value
        for key, value in spec.metadata.items()
        if not (is_secret_key(key) or is_secret_value(value))
    }
    beside: dict[str, Any] = {"metricType": spec.metric_type} if spec.metric_type else {}
    if spec.auth or spec.pod_identity or len(metadata) < len(spec.metadata):
        beside["authenticationRef"] = {"name": "credentials"}
    return {"type": spec.type, "metadata": metadata, **beside}


def judged(data: dict[str, Any], *, formula: bool) -> tuple[Trigger | None, str]:
    """The trigger and our refusal of it, one of which there is."""
    try:
        trigger = Trigger.parse(data)
    except SpecError as error:
        return None, str(error)
    refused = "\n".join(map(str, trigger.refusals(formula=formula)))
    return (None if refused else trigger), refused


def class_of(scaler: str) -> type[Trigger]:
    return keda.trigger_class(scaler)


def test_all_scalers_are_typed() -> None:
    assert set(CLASSES) == set(scalers()) == set(keda.SCALERS)
    assert len({name for _, name in CLASSES.values()}) == len(CLASSES)
    for scaler, (module, name) in CLASSES.items():
        assert getattr(keda, name) is class_of(scaler)
        assert (class_of(scaler).scaler, class_of(scaler).__module__) == (
            scaler,
            f"keda.triggers.types.{module}",
        )


def test_the_generated_files_are_current() -> None:
    for file, source in modules().items():
        assert file.read_text() == source, f"{file.name}: run python -m generate.triggers"
    assert (ROOT / "docs" / "scalers.md").read_text() == table(), "run make generate"


def test_the_table_has_a_row_for_each_scaler() -> None:
    rows = re.findall(r"(?m)^\| ([a-z0-9-]+) \| \[", (ROOT / "docs" / "scalers.md").read_text("utf-8"))
    assert set(rows) == set(scalers())
    assert len(rows) == len(scalers())


FACTS = Path(os.environ.get("KEDA_HOMELAB_FACTS", "facts")) / "keda-params.json"


@pytest.mark.skipif(not FACTS.exists(), reason="needs the fields parsed out of KEDA's struct tags")
def test_every_field_of_kedas_structs_is_in_the_data() -> None:
    known = {
        (name, key) for name, each in scalers().items() for field in each.parameters for key in field.names
    }
    fields = json.loads(FACTS.read_text("utf-8"))
    assert len(fields) == 883
    assert {(field["scaler"], key) for field in fields for key in field["names"]} <= known


@pytest.mark.parametrize("scaler", sorted(CLASSES))
def test_every_parameter_is_reachable_by_all_its_keys(scaler: str) -> None:
    model = class_of(scaler)
    keys = {field.alias for field in model.model_fields.values()}
    elsewhere = scalers()[scaler].named.keys() - keys
    for parameter in scalers()[scaler].parameters:
        for name in parameter.names:
            if "*" in name or (name == "type" and parameter.deprecated):
                continue  # keys of the user's own; cpu's and memory's type, which stands beside metadata
            hidden = name in elsewhere and (is_secret_key(name) or parameter.deprecated)
            spelled_in_authentication_only = name == "awsAccessKeyId"
            if "metadata" in parameter.sources and not spelled_in_authentication_only:
                assert name in keys or hidden, name
            if "env" in parameter.sources and "FromEnv" not in name and name != "awsAccessKeyId":
                assert f"{name}FromEnv" in keys, name
            if "auth" in parameter.sources:
                assert name in keys | elsewhere, name


@pytest.mark.parametrize("scaler", sorted(CLASSES))
def test_defaults_are_kedas(scaler: str) -> None:
    fields = {field.alias: field for field in class_of(scaler).model_fields.values()}
    for parameter in scalers()[scaler].parameters:
        if parameter.default and parameter.name in fields and parameter.type != "strings":
            default = fields[parameter.name].default
            assert written(default) == parameter.default, parameter.name


@pytest.mark.parametrize("scaler", sorted(CLASSES))
def test_the_smallest_valid_trigger_passes_and_comes_back(scaler: str) -> None:
    data = manifest(sample(scaler))
    trigger, refused = judged(data, formula=False)
    assert trigger is not None, refused
    assert type(trigger) is class_of(scaler)
    assert trigger.dump()["metadata"].keys() == data["metadata"].keys()
    assert Trigger.parse(trigger.dump()) == trigger


def resolved(spec: Spec, metadata: dict[str, str]) -> ResolvedTrigger:
    return ResolvedTrigger(
        spec.type, metadata, spec.auth, spec.env, spec.pod_identity, spec.metric_type, spec.as_metric_source
    )


def test_every_fault_is_judged_as_keda_judges_it() -> None:
    chance = random.Random(1)
    every = [spec for scaler in scalers() for spec in single_faults(scaler)]
    refused_by_both = taken_by_both = 0
    for spec in chance.sample(every, 6000):
        data = manifest(spec)
        trigger, refused = judged(data, formula=spec.as_metric_source)
        kedas = constructor.refusals(resolved(spec, spec.metadata))
        known = not (spec.env or "authenticationRef" in data)
        if trigger is None and not kedas:
            # A parser of its own does not read some values of the wrong type, such as unsafeSsl without tls.
            lax = scalers()[spec.type].parser == "own" and "is not true or false" in refused
            assert lax or all(map(CHOICES.search, refused.splitlines())), (spec, refused)
        if trigger is not None and known:
            assert constructor.refusals(resolved(spec, trigger.dump()["metadata"])) == [], spec
        refused_by_both += trigger is None and bool(kedas)
        taken_by_both += trigger is not None and not kedas
    # The comparison is worth something only when both outcomes occur.
    assert min(refused_by_both, taken_by_both) > 1000


def every_fault() -> list[Spec]:
    return [spec for scaler in scalers() for spec in single_faults(scaler)]


def test_a_refusal_names_parameters_of_its_scaler() -> None:
    """Whoever shows a refusal looks its parameters up."""
    kinds = set()
    for spec in every_fault():
        for refusal in constructor.refusals(resolved(spec, spec.metadata)):
            rows = {name for name in refusal.parameters if name.startswith("query.")}
            assert set(refusal.parameters) - rows <= scalers()[spec.type].named.keys(), (spec, refusal)
            nameless = refusal.kind in ("unsupported", "metric-type", "unknown-type")
            assert bool(refusal.parameters) != nameless, (spec, refusal)
            kinds.add(refusal.kind)
    assert kinds >= {"missing", "credentials", "unreadable", "value", "conflict", "removed", "crash"}


def test_an_unknown_value_is_held_against_no_trigger() -> None:
    """Whatever part of a trigger that KEDA takes is unknown: nothing is refused. And of a trigger that KEDA
    refuses, many a refusal stands for itself."""
    chance = random.Random(2)
    refused_by_both = taken_by_both = 0
    for spec in chance.sample(every_fault(), 1500):
        metadata = {key: chance.choice((value, value, UNKNOWN)) for key, value in spec.metadata.items()}
        known = chance.choice((spec.auth, dict.fromkeys(spec.auth, UNKNOWN)))
        refused = unresolved.refusals(
            spec.type,
            metadata,
            metric_type=chance.choice((spec.metric_type, UNKNOWN)),
            authentication=chance.choice((ANYTHING, Known(known))),
            pod_identity=chance.choice((spec.pod_identity, UNKNOWN)),
            environment=chance.choice((ANYTHING, Known(spec.env))),
            formula=spec.as_metric_source,
        )
        kedas = constructor.refusals(resolved(spec, spec.metadata))
        assert kedas or not refused, (spec, metadata, refused)
        refused_by_both += bool(kedas and refused)
        taken_by_both += not kedas
    assert min(refused_by_both, taken_by_both) > 200


@pytest.mark.parametrize(
    ("metadata", "refused"),
    [
        ({"lagThreshold": "0", "topic": UNKNOWN}, ["lagThreshold"]),
        ({"lagThreshold": UNKNOWN, "topic": "t"}, []),
        ({"allowIdleConsumers": "true", "limitToPartitionsWithLag": "true"}, ["allowIdleConsumers"]),
        ({"allowIdleConsumers": "true", "limitToPartitionsWithLag": UNKNOWN, "topic": "t"}, []),
    ],
)
def test_what_stands_beside_an_unknown_value(metadata: dict[str, Any], refused: list[str]) -> None:
    base = {"bootstrapServers": UNKNOWN, "consumerGroup": "g"}
    assert [each.parameters[0] for each in unresolved.refusals("kafka", base | metadata)] == refused


def test_a_scaler_that_waits_for_the_preview_is_not_refused() -> None:
    assert unresolved.refusals(UNKNOWN, {"a": "b"}) == []
    assert [each.kind for each in unresolved.refusals("kafak", {})] == ["unknown-type"]


def test_what_an_authentication_may_bring_is_not_held_against_a_trigger() -> None:
    bare = {"type": "github-runner", "metadata": {"owner": "o", "runnerScope": "org"}}
    assert judged(bare, formula=False)[1] == (
        "metadata.personalAccessToken: missing, and required by the github-runner scaler. "
        "KEDA could not build the scaler: never Ready, nothing scales. Name in authenticationRef a "
        "TriggerAuthentication with secretTargetRef: [{parameter: personalAccessToken, name: <Secret>, key: "
        "<key in it>}]. KEDA: no personalAccessToken or appKey given"
    )
    assert Trigger.parse({**bare, "authenticationRef": {"name": "github"}})


def test_a_formula_excuses_from_a_target() -> None:
    data = {"type": "metrics-api", "metadata": {"url": "http://host/", "valueLocation": "a"}}
    assert judged(data, formula=True)[1] == ""
    assert judged(data, formula=False)[1] == (
        "metadata.targetValue: missing, and required by the metrics-api scaler. KEDA could not build the "
        "scaler: never Ready, nothing scales. Write targetValue in metadata. KEDA: no targetValue given in "
        "metadata"
    )


@pytest.mark.parametrize(
    ("scaler", "metadata", "line"),
    [
        (
            "ibmmq",
            {
                "tls": "true",
                "host": "https://h",
                "queueName": "q",
                "usernameFromEnv": "U",
                "passwordFromEnv": "P",
            },
            "metadata.tls: is not taken any more. KEDA would mark the ScaledObject not Ready. "
            "KEDA's error: The 'tls' setting is DEPRECATED and is removed in v2.18 - Use 'unsafeSsl' instead",
        ),
        (
            "kafka",
            {"bootstrapServers": "k:9092", "consumerGroup": "g", "saslFromEnv": "SASL"},
            "metadata.saslFromEnv: is read by no one: KEDA takes sasl from metadata only. Write sasl.",
        ),
        (
            "redis",
            {"address": "r:6379", "listName": "l", "ca": "ca.pem"},
            "metadata.ca: is read from a TriggerAuthentication only. KEDA would ignore it here. "
            "Put it into a Secret and name that in a TriggerAuthentication.",
        ),
        (
            "rabbitmq",
            {"host": "amqp://me:hunter2@rabbit/", "queueName": "q", "mode": "QueueLength", "value": 5},
            "metadata.host: a secret in plain text: everyone who can read the object or its repository can "
            "read it. "
            "Put it into a Secret and name that in a TriggerAuthentication.",
        ),
        (
            "azure-servicebus",
            {"queueName": "q", "topicName": "t"},
            'metadata.queueName: "q" is refused by the azure-servicebus scaler. KEDA could not build the '
            "scaler: never Ready, nothing scales. See `keda explain azure-servicebus`. KEDA: both topic and "
            "queue name metadata provided",
        ),
        (
            "kafka",
            {"bootstrapServers": "k:9092"},
            "metadata.consumerGroup: missing, and required by the kafka scaler. KEDA could not build the "
            "scaler: never Ready, nothing scales. Write consumerGroup in metadata; or write "
            "consumerGroupFromEnv with the name of a variable of the target's container. KEDA: no consumer "
            "group given",
        ),
        (
            "dynatrace",
            {"host": "https://d", "metricSelector": "a", "query": "b", "threshold": 5},
            None,
        ),
    ],
)
def test_messages(scaler: str, metadata: dict[str, Any], line: str | None) -> None:
    data = {"type": scaler, "metadata": metadata, "authenticationRef": {"name": "a"}}
    refused = judged(data, formula=False)[1]
    if line:
        assert refused.splitlines() == [line]
    else:
        assert "'metricSelector' and 'query' are mutually exclusive" in refused


def test_keys_of_the_users_own() -> None:
    external = Trigger.parse(
        {"type": "external", "metadata": {"scalerAddress": "s:9090", "queue": "mail", "scalerMetadata": 1}}
    )
    assert external.dump()["metadata"] == {"scalerAddress": "s:9090", "queue": "mail", "scalerMetadata": "1"}
    with pytest.raises(SpecError, match=r"metadata.password: a secret in plain text"):
        Trigger.parse({"type": "external", "metadata": {"scalerAddress": "s:9090", "password": "hunter2"}})
    sumo = SumoLogic(
        host="https://s",
        query_type="metrics",
        queries={"A": "q"},
        result_query_row_id="A",
        quantization=timedelta(minutes=1),
        timerange="15m",
        threshold=5,
        authentication_ref={"name": "sumo"},
    )
    assert sumo.dump()["metadata"]["query.A"] == "q"
    assert sumo.dump()["metadata"]["quantization"] == "60000ms"
    assert Trigger.parse(sumo.dump()) == sumo


def test_python_values() -> None:
    kafka = Kafka(
        bootstrap_servers=["a:9092", "b:9092"],
        consumer_group="g",
        topic="t",
        lag_threshold=20,
        partition_limitation=[1, 2, 5],
        allow_idle_consumers=True,
    )
    assert kafka.dump()["metadata"] == {
        "bootstrapServers": "a:9092,b:9092",
        "consumerGroup": "g",
        "topic": "t",
        "lagThreshold": "20",
        "partitionLimitation": "1,2,5",
        "allowIdleConsumers": "true",
    }
    assert kafka.target == 20
    assert [
        keda.Cpu(metric_type=kind, value=value).dump()["metadata"]["value"]
        for kind, value in (("Utilization", 60), ("AverageValue", 0.5), ("AverageValue", "500m"))
    ] == ["60", "0.5", "500m"]
    cloudwatch = keda.AwsCloudwatch(
        namespace="AWS/SQS",
        metric_name="Messages",
        dimension_name=["A", "B"],
        dimension_value=["1", "2"],
        target_metric_value=5,
        min_metric_value=0,
        aws_region="eu-west-1",
        identity_owner="operator",
    )
    assert cloudwatch.dump()["metadata"]["dimensionName"] == "A;B"
    with pytest.raises(SpecError, match=r"^mode: "):
        RabbitMQ(queue_name="q", host_from_env="RABBIT", mode="Length", value=5)


@pytest.mark.parametrize("scaler", sorted(CLASSES))
def test_a_scaler_is_explained_in_full(scaler: str) -> None:
    text = explain(scaler)
    for parameter in parameters(scaler):
        if "*" not in parameter.name:
            assert f"  {', '.join(parameter.names)} <" in text
        if parameter.default and parameter.name in documentation(class_of(scaler)):
            assert f"Default: {parameter.default}" in " ".join(text.split())
    assert len(max(text.splitlines(), key=len)) <= 200


def test_an_unknown_scaler_is_not_explained() -> None:
    with pytest.raises(SpecError) as error:
        explain("kafak")
    assert str(error.value) == '"kafak" is not one of KEDA 2.19\'s scalers. Write kafka.'


def test_importing_keda_builds_no_scaler() -> None:
    code = (
        "import sys, keda; print(*[name for name in sys.modules if name.startswith('keda.triggers')]); "
        "keda.ScaledObject; print(*[name for name in sys.modules if name.startswith('keda.triggers.types.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
