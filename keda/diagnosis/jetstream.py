"""Whether the JetStream consumers that ScaledObjects name exist: KEDA 2.19 does not report a missing one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from keda.diagnosis.snapshot import Missing


def missing(get: Callable[[str], str], spec: Mapping[str, Any]) -> Missing | None:
    """Of the first nats-jetstream trigger of `spec` whose stream or consumer is not there.

    `get` gives the body of a path of the API server, "" where it refuses.

    Without its consumer KEDA takes the stream's last sequence for the lag (kedacore/keda#7657), so the
    workload goes to its maximum and stays there. A server that cannot be reached through the API server gives
    None: KEDA reports that in the Ready condition.
    """
    for trigger in spec["triggers"]:
        if trigger["type"] != "nats-jetstream":
            continue
        metadata = trigger.get("metadata") or {}
        stream, consumer = metadata.get("stream", ""), metadata.get("consumer", "")
        answer = _monitoring(get, metadata)
        if answer is None:
            continue
        found = _consumers(answer, metadata.get("account", "$G"), stream)
        if found is None:
            return Missing(f"stream {stream} does not exist, so KEDA has nothing to count", "Create it.")
        if consumer not in found:
            return Missing(
                f"consumer {consumer} does not exist on stream {stream}: KEDA counts the whole stream and "
                "scales to the maximum",
                "Create the consumer, or correct its name.",
            )
    return None


def _monitoring(get: Callable[[str], str], metadata: Mapping[str, str]) -> dict[str, Any] | None:
    """NATS' /jsz through the API server's Service proxy; None for another address or no answer."""
    host, _, port = metadata.get("natsServerMonitoringEndpoint", "").partition(":")
    service, _, rest = host.partition(".")
    namespace = rest.partition(".")[0]
    if not (service and namespace and port):
        return None
    scheme = "https" if metadata.get("useHttps") == "true" else "http"
    path = f"/api/v1/namespaces/{namespace}/services/{scheme}:{service}:{port}/proxy/jsz"
    text = get(f"{path}?accounts=true&streams=true&consumers=true")
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _consumers(answer: Mapping[str, Any], account: str, stream: str) -> set[str] | None:
    """The names of a stream's consumers; None without that stream."""
    details: Iterable[Mapping[str, Any]] = answer.get("account_details") or []
    for detail in details:
        if account not in {detail.get("name"), detail.get("id")}:
            continue
        for entry in detail.get("stream_detail") or []:
            if entry.get("name") == stream:
                return {str(consumer.get("name")) for consumer in entry.get("consumer_detail") or []}
    return None
