"""Looks at a cluster once a second while something changes hands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from tests.live.cluster import KEDA, Cluster, Refused
from tests.live.support import scaled_object

METRICS = "/apis/external.metrics.k8s.io/v1beta1"
SECONDS = 1.0
"""Between two looks."""
LATE = 10.0
"""Seconds after which an answer is none: the client repeats a request that hangs, which hid the gap."""


class Probe:
    """Each look has a thread of its own, so that a slow answer hides no other.

    Attributes:
        began: when it started, in seconds of time.monotonic().
        gaps: what did not answer -> when, in seconds since the probe began: of a slow look, each second.
        looks: what -> how many looks it was given.
    """

    def __init__(self, checks: Mapping[str, Callable[[], bool]]) -> None:
        self.began = 0.0
        self.gaps: dict[str, list[float]] = {}
        self.looks: dict[str, int] = {}
        self._checks = checks
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to look."""
        self.began = time.monotonic()

        def repeat(name: str, check: Callable[[], bool]) -> None:
            due = self.began
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                at = time.monotonic() - self.began
                try:
                    answered = check()
                except Exception:  # of many kinds: refused, reset, timed out
                    answered = False
                self.looks[name] = self.looks.get(name, 0) + 1
                took = time.monotonic() - self.began - at
                due = max(due + SECONDS, time.monotonic())
                if not answered or took > LATE:
                    seconds = range(int(took) + 1)
                    self.gaps.setdefault(name, []).extend(round(at + each, 1) for each in seconds)

        for name, check in self._checks.items():
            thread = threading.Thread(target=repeat, args=(name, check), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Ends all looks."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def longest(self, name: str) -> float:
        """Seconds of the longest row of looks that had no answer."""
        return max((end - begin for begin, end in self.rows(name)), default=0.0)

    def rows(self, name: str) -> list[tuple[float, float]]:
        """(From, until) of each row of looks that had no answer, in seconds since the probe began."""
        found: list[tuple[float, float]] = []
        last = 0.0
        for at in self.gaps.get(name, []):
            begin = found.pop()[0] if found and at - last <= 2 * SECONDS else at
            found.append((begin, at + SECONDS))
            last = at
        return found

    def silences(self) -> list[str]:
        """A line for each look that had no answer at some time, to print."""
        return [
            f"no answer of {name}: {len(at)} s, {self.longest(name):.0f} s at most, at "
            + ", ".join(f"{begin:.0f}-{end:.0f}" for begin, end in self.rows(name))
            for name, at in self.gaps.items()
        ]


class KedaProbe(Probe):
    """The looks at what a change of KEDA's owner must not touch.

    Attributes:
        cluster: the API server.
        uids: every ScaledObject that must stay, and its uid.
        namespace: of the ScaledObject that the webhook and the metrics are asked about, and of the
            Deployments whose replicas are seen.
        scaled_object: its name.
        target: the Deployment that it scales.
        metric: the name of its first metric.
        lowest: Deployment -> the lowest (wanted, existing) replicas seen. Whether a pod is ready depends on
            the node too, which a busy machine may starve.
        gone: ScaledObjects that were not there with their uid at some look.
    """

    def __init__(
        self,
        cluster: Cluster,
        uids: dict[str, str],
        namespace: str,
        scaled_object: str,
        target: str,
        metric: str,
    ) -> None:
        super().__init__(
            {
                "webhook": self._webhook,
                "external metrics": self._metrics,
                "ScaledObjects": self._objects,
                "replicas": self._replicas,
            }
        )
        self.cluster, self.uids, self.namespace = cluster, uids, namespace
        self.scaled_object, self.target, self.metric = scaled_object, target, metric
        self.lowest: dict[str, tuple[int, int]] = {}
        self.gone: set[str] = set()

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
        for name, (wanted, existing) in replicas(self.cluster, self.namespace).items():
            low = self.lowest.get(name, (wanted, existing))
            self.lowest[name] = min(low[0], wanted), min(low[1], existing)
        return True


def replicas(cluster: Cluster, namespace: str) -> dict[str, tuple[int, int]]:
    """Deployment -> its (wanted, existing) replicas."""
    items = cluster.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    return {i["metadata"]["name"]: (i["spec"]["replicas"], i["status"].get("replicas", 0)) for i in items}


def uids(cluster: Cluster) -> dict[str, str]:
    """Every ScaledObject of the cluster, and its uid."""
    items = cluster.request("GET", f"{KEDA}/scaledobjects")["items"]
    return {f"{i['metadata']['namespace']}/{i['metadata']['name']}": i["metadata"]["uid"] for i in items}
