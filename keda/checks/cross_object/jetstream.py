"""What goes wrong between KEDA and NATS JetStream, over the Services and NACK's Consumers given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks.cross_object.references import add_or_name
from keda.checks.registry import SCALING, SETTINGS, Problem, warning
from keda.checks.scaling import any_unknown, spec_of, triggers_of
from keda.core.errors import did_you_mean
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, mapping, text, whole


def _triggers(item: Item) -> Iterator[tuple[At, Mapping[Any, Any]]]:
    """The place and the metadata of each nats-jetstream trigger."""
    for trigger in triggers_of(item, "nats-jetstream"):
        yield (*trigger.at, "metadata"), trigger.metadata


@warning(
    "jetstream-consumer-missing",
    SETTINGS,
    summary="A JetStream consumer that does not exist",
    why=(
        "Reported where NACK's Consumers of the stream are given. Without the consumer, KEDA 2.19 uses "
        "the last sequence of the whole stream as the lag: maxReplicaCount at once, permanently "
        "(kedacore/keda#7657, fixed in 2.20)."
    ),
    passes="consumer: orders   # the durableName of a Consumer of that stream",
).among(*SCALING, having=["nats-jetstream"])
def jetstream_consumer_missing(item: Item, objects: Objects) -> Iterator[Problem]:
    """Without the consumer getMaxMsgLag (nats_jetstream_scaler.go) answers the stream's last sequence."""
    for at, metadata in _triggers(item):
        stream, name = text(metadata.get("stream")), text(metadata.get("consumer"))
        given = [
            each
            for each in objects.everywhere("Consumer")
            if each.group == "jetstream.nats.io" and spec_of(each, "streamName") in (stream, UNKNOWN)
        ]
        names = [text(spec_of(each, "durableName")) or text(spec_of(each, "name")) for each in given]
        if not name or not names or not all(names) or name in names or UNKNOWN in _deciding(given):
            continue
        if objects.may_exist("Consumer", given[0].namespace, name):
            continue
        guess = did_you_mean(name, names)
        yield Problem(
            (*at, "consumer"),
            name,
            f"is not a consumer of stream {stream} here.",
            f"Write {guess}." if guess else add_or_name("the Consumer", sorted(names)),
            why="KEDA then uses the number of all messages the "
            "stream ever had as the lag: up to maxReplicaCount at once (kedacore/keda#7657).",
        )


def _deciding(consumers: list[Item]) -> list[object]:
    return [spec_of(each, key) for each in consumers for key in ("streamName", "durableName", "name")]


@warning(
    "jetstream-single-endpoint",
    SETTINGS,
    summary="The endpoint is one server of a NATS cluster",
    why=(
        "Only the consumer's leader has its lag. KEDA finds the leader by the names behind a headless "
        "Service; from one server or a load-balanced Service it may read a stale number, or none."
    ),
    passes="natsServerMonitoringEndpoint: nats-headless.nats.svc.cluster.local:8222",
).among(*SCALING, having=["nats-jetstream"])
def jetstream_single_endpoint(item: Item, objects: Objects) -> Iterator[Problem]:
    for at, metadata in _triggers(item):
        endpoint = text(metadata.get("natsServerMonitoringEndpoint"))
        if single := _single(item, objects, endpoint):
            what, why = single
            yield Problem(
                (*at, "natsServerMonitoringEndpoint"),
                endpoint,
                what,
                "Name the headless Service of the cluster.",
                why=why,
            )


def _single(item: Item, objects: Objects, endpoint: str) -> tuple[str, str] | None:
    """The `what` and `why` of an endpoint that reaches one server of a cluster only; None if it does not."""
    host = endpoint.partition(":")[0].split(".")
    if len(host) > 1 and re.fullmatch(r".*-\d+", host[0]):
        why = f"When {host[0]} is away, or a follower, the lag is stale or missing."
        return "is one server of a cluster.", why
    namespace = host[1] if len(host) > 1 else item.namespace
    service = objects.get("", "Service", namespace, host[0])
    if service is None or spec_of(service, "clusterIP") in ("None", UNKNOWN):
        return None
    selector = mapping(service.spec.get("selector"))
    servers = [
        each
        for each in objects.of("StatefulSet", namespace)
        if selector
        and not any_unknown(each, "replicas")
        and (whole(each.spec.get("replicas")) or 1) > 1
        and all(each.pod_labels.get(key) == value for key, value in selector.items())
        and UNKNOWN not in selector.values()
    ]
    if not servers:
        return None
    return (
        f"is {service.ref}, which answers from any server of {servers[0].ref}.",
        "KEDA finds the consumer's leader through the names of a headless Service.",
    )
