"""A probe of KEDA that looks once a second while something is done to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.live.cluster import KEDA, Cluster, Refused
from tests.live.support import scaled_object

METRICS = "/apis/external.metrics.k8s.io/v1beta1"
SECONDS = 1.0  # between two looks


@dataclass
class Probe:
    """Looks once a second, each look on a thread of its own so that a slow answer hides no other.

    Attributes:
        cluster: the API server.
        uids: every ScaledObject that must stay, and its uid.
        namespace: of the one that the webhook and the metrics are asked about, and of the Deployments whose
            replicas are seen.
        scaled_object: its name.
        target: the Deployment that it scales.
        metric: the name of its first metric.
        gaps: what did not answer -> when, in seconds since the probe began.
        looks: what -> how many looks it was given.
        lowest: Deployment -> the lowest (wanted, existing) replicas seen. Whether a pod is ready depends on
            the node too, which a busy machine may starve.
        gone: ScaledObjects that were not there with their uid at some look.
    """

    cluster: Cluster
    uids: dict[str, str]
    namespace: str
    scaled_object: str
    target: str
    metric: str
    gaps: dict[str, list[float]] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    lowest: dict[str, tuple[int, int]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        began = time.monotonic()
        checks = {
            "webhook": self._webhook,
            "external metrics": self._metrics,
            "ScaledObjects": self._objects,
            "replicas": self._replicas,
        }

        def repeat(name: str, check: Callable[[], bool]) -> None:
            due = began
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due += SECONDS
                at = time.monotonic() - began
                try:
                    answered = check()
                except Exception:  # of many kinds: refused, reset, timed out
                    answered = False
                self.looks[name] = self.looks.get(name, 0) + 1
                if not answered:
                    self.gaps.setdefault(name, []).append(round(at, 1))

        for name, check in checks.items():
            thread = threading.Thread(target=repeat, args=(name, check), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def longest(self, name: str) -> float:
        """Seconds of the longest row of looks that had no answer."""
        longest, begin, last = 0.0, None, 0.0
        for at in self.gaps.get(name, []):
            if begin is None or at - last > 2 * SECONDS:
                begin = at
            last = at
            longest = max(longest, last - begin + SECONDS)
        return longest

    def _webhook(self) -> bool:
        """A second ScaledObject on a target is refused. (An API server that cannot reach the webhook, whose
        failurePolicy is Ignore, would accept it: a dry run, so nothing is left.)"""
        second = scaled_object("second", self.namespace, self.target)
        try:
            self.cluster.create(f"{KEDA}/namespaces/{self.namespace}/scaledobjects?dryRun=All", second)
        except Refused as refused:
            return "is already managed by" in str(refused)
        return False

    def _metrics(self) -> bool:
        selector = f"labelSelector=scaledobject.keda.sh%2Fname%3D{self.scaled_object}"
        path = f"{METRICS}/namespaces/{self.namespace}/{self.metric}?{selector}"
        found = self.cluster.request("GET", path)
        return bool(found["items"])

    def _objects(self) -> bool:
        there = uids(self.cluster)
        self.gone |= {name for name, uid in self.uids.items() if there.get(name) != uid}
        return True

    def _replicas(self) -> bool:
        for item in self.cluster.request("GET", f"/apis/apps/v1/namespaces/{self.namespace}/deployments")[
            "items"
        ]:
            name = item["metadata"]["name"]
            wanted, existing = item["spec"]["replicas"], item["status"].get("replicas", 0)
            low = self.lowest.get(name, (wanted, existing))
            self.lowest[name] = min(low[0], wanted), min(low[1], existing)
        return True


def uids(cluster: Cluster) -> dict[str, str]:
    """Every ScaledObject of the cluster, and its uid."""
    items = cluster.request("GET", f"{KEDA}/scaledobjects")["items"]
    return {f"{i['metadata']['namespace']}/{i['metadata']['name']}": i["metadata"]["uid"] for i in items}
