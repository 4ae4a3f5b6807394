"""Recorded signals and replicas, from a Prometheus server's HTTP API. Only reads."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from keda.manifests.reading import dig, text
from keda.scaling.recordings import Points
from keda.scaling.signals import SignalError

TIMEOUT = 30.0
"""Seconds for one answer."""
_MOST = 10_000
"""Points of one question: Prometheus gives at most 11,000."""
_REPLICAS = {
    "Deployment": ("kube_deployment_spec_replicas", "deployment"),
    "StatefulSet": ("kube_statefulset_replicas", "statefulset"),
    "ReplicaSet": ("kube_replicaset_spec_replicas", "replicaset"),
}
"""kube-state-metrics' series of spec.replicas, and its label with the name."""


def query(address: str, promql: str, begins: int, ends: int, step: int) -> Points:
    """One series of (milliseconds since 1970, value); NaN is left out. Times in seconds since 1970.

    Raises SignalError: no answer, a refusal, no series or several.
    """
    points: Points = []
    for start in range(begins, ends, _MOST * step):
        asked = {"query": promql, "start": start, "end": min(start + (_MOST - 1) * step, ends), "step": step}
        found = _ask(f"{address.rstrip('/')}/api/v1/query_range?{urllib.parse.urlencode(asked)}", address)
        if len(found) > 1:
            raise SignalError(f"{promql} has {len(found)} series. Write a query with one, for example sum().")
        for at, value in found[0]["values"] if found else ():
            if math.isfinite(number := float(value)):
                points.append((round(float(at) * 1000), number))
    if not points:
        raise SignalError(f"{promql} has no values in that time. Write another query or a longer --since.")
    return points


def checked(address: str) -> str:
    """The address of a server. Raises SignalError for another one, without what is secret in it."""
    try:
        parts = urllib.parse.urlsplit(address)
        # A port that is not a number raises ValueError.
        right = parts.port != 0 and parts.scheme in ("http", "https") and bool(parts.hostname)
        secret = parts.username is not None or parts.password is not None
    except ValueError:
        right, secret = False, "@" in address
    if secret:
        raise SignalError("--prometheus: credentials in the address are not sent. Write it without them.")
    if not right or not address.isprintable() or " " in address:
        raise SignalError(f"--prometheus {address[:60]!r} is not an address. Write http://HOST:PORT.")
    return address


def _ask(url: str, address: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            found = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        raise SignalError(f"{address} refuses the query: {_reason(error.read(4096), error.code)}.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = str(getattr(error, "reason", error))[:120] if isinstance(error, OSError) else "not its API"
        raise SignalError(f"{address} does not answer as Prometheus: {why}.") from None
    return list(found)


def _reason(body: bytes, code: int) -> str:
    try:
        return " ".join(str(json.loads(body)["error"]).split())[:200]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {code}"


def signal_query(manifest: Mapping[str, Any], index: int) -> str:
    """PromQL of what KEDA read of a trigger: its operator's own metric.

    KEDA's ServiceMonitor puts the object's namespace into exported_namespace, other scrapes into namespace.
    """
    labels = {"scaledObject": _name(manifest), "triggerIndex": str(index)}
    return _either("keda_scaler_metrics_value", labels, text(dig(manifest, "metadata", "namespace")))


def replicas_query(manifest: Mapping[str, Any]) -> str:
    """PromQL of the target's spec.replicas. Raises SignalError for a kind without such a series."""
    target = dig(manifest, "spec", "scaleTargetRef")
    kind = text(dig(target, "kind")) or "Deployment"
    if kind not in _REPLICAS:
        raise SignalError(f"kube-state-metrics has no replicas of a {kind}. Write --replicas-query PROMQL.")
    metric, label = _REPLICAS[kind]
    return _either(metric, {label: text(dig(target, "name"))}, text(dig(manifest, "metadata", "namespace")))


def _either(metric: str, labels: Mapping[str, str], namespace: str) -> str:
    plain = "".join(f",{key}={_quoted(value)}" for key, value in labels.items())
    if not namespace:
        return f"max({metric}{{{plain[1:]}}})"
    return (
        f"max({metric}{{exported_namespace={_quoted(namespace)}{plain}}} or "
        f'{metric}{{exported_namespace="",namespace={_quoted(namespace)}{plain}}})'
    )


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(manifest: Mapping[str, Any]) -> str:
    return text(dig(manifest, "metadata", "name"))
