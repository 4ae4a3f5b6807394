"""What goes wrong between KEDA and NATS JetStream, over the Services and NACK's Consumers given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from keda.checks.findings import Report
from keda.core.errors import did_you_mean
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping, text, whole


def advise_jetstream(
    item: Item, objects: Objects, trigger: Mapping[Any, Any], at: At, report: Report
) -> None:
    """One nats-jetstream trigger; `at` is its metadata's place."""
    _consumer(objects, mapping(trigger.get("metadata")), at, report)
    _endpoint(item, objects, trigger, at, report)


def _consumer(objects: Objects, metadata: Mapping[Any, Any], at: At, report: Report) -> None:
    """Without the consumer getMaxMsgLag (nats_jetstream_scaler.go) answers the stream's last sequence."""
    stream, name = text(metadata.get("stream")), text(metadata.get("consumer"))
    given = [
        each.spec
        for each in objects.everywhere("Consumer")
        if each.group == "jetstream.nats.io" and each.spec.get("streamName") == stream
    ]
    names = [text(spec.get("durableName")) or text(spec.get("name")) for spec in given]
    if not name or not all(names) or not names or name in names:
        return
    guess = did_you_mean(name, names)
    report.add(
        "jetstream-consumer-missing",
        (*at, "consumer"),
        name,
        f"is not a consumer of stream {stream} here. KEDA then uses the number of all messages "
        "the stream ever had as the lag: up to maxReplicaCount at once (kedacore/keda#7657).",
        f"Write {guess}." if guess else f"Add the Consumer, or name one of: {', '.join(sorted(names)[:5])}.",
    )


def _endpoint(item: Item, objects: Objects, trigger: Mapping[Any, Any], at: At, report: Report) -> None:
    endpoint = text(dig(trigger, "metadata", "natsServerMonitoringEndpoint"))
    host = endpoint.partition(":")[0].split(".")
    if len(host) > 1 and re.fullmatch(r".*-\d+", host[0]):
        why = (
            f"is one server of a cluster. When {host[0]} is away, or a follower, the lag is stale or missing."
        )
    else:
        namespace = host[1] if len(host) > 1 else item.namespace
        service = objects.get("", "Service", namespace, host[0])
        if service is None or service.spec.get("clusterIP") == "None":
            return
        selector = mapping(service.spec.get("selector"))
        servers = [
            each
            for each in objects.of("StatefulSet", namespace)
            if selector
            and (whole(each.spec.get("replicas")) or 1) > 1
            and all(each.pod_labels.get(key) == value for key, value in selector.items())
        ]
        if not servers:
            return
        why = (
            f"is {service.ref}, which answers from any server of {servers[0].ref}. KEDA finds the "
            "consumer's leader "
            "through the names of a headless Service."
        )
    report.add(
        "jetstream-single-endpoint",
        (*at, "natsServerMonitoringEndpoint"),
        endpoint,
        why,
        "Name the headless Service of the cluster.",
    )
