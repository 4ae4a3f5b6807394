"""What three HPAs do while they change sides: a look a second, and the picture of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from keda.timelines import drawing
from tests.live.cluster import Cluster
from tests.live.probe import Probe, replicas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces"
_CUSTOM = "/apis/custom.metrics.k8s.io/v1beta1/namespaces"


class HpaProbe(Probe):
    """Of each HPA `<name>-hpa`: whether its last sync read its metrics, whether the API serves them now, and
    its Deployment's replicas.

    Attributes:
        replicas: Deployment -> (seconds since the probe began, wanted, existing) at each look.
        marks: what was done -> when.
    """

    def __init__(self, cluster: Cluster, namespace: str, names: Sequence[str]) -> None:
        checks: dict[str, Callable[[], bool]] = {"replicas": self._replicas}
        for name in names:
            checks[f"sync of {name}"] = partial(self._synced, name)
            checks[f"metric of {name}"] = partial(self._served, name)
        super().__init__(checks)
        self.cluster, self.namespace, self.names = cluster, namespace, names
        self.replicas: dict[str, list[tuple[float, int, int]]] = {name: [] for name in names}
        self.marks: dict[str, float] = {}

    def mark(self, what: str) -> None:
        """Notes that something is done now."""
        self.marks[what] = time.monotonic() - self.began

    def lowest(self, since: str = "") -> Mapping[str, tuple[int, int]]:
        """Deployment -> the lowest (wanted, existing) replicas seen since a mark, or ever."""
        found = {}
        for name, looks in self.replicas.items():
            seen = [each for each in looks if each[0] >= self.marks.get(since, 0)]
            found[name] = min(wanted for _, wanted, _ in seen), min(existing for *_, existing in seen)
        return found

    def uids(self) -> dict[str, str]:
        """Name -> uid of its HPA."""
        return {name: self._hpa(name)["metadata"]["uid"] for name in self.names}

    def _hpa(self, name: str) -> Any:
        path = f"/apis/autoscaling/v2/namespaces/{self.namespace}/horizontalpodautoscalers/{name}-hpa"
        return self.cluster.request("GET", path)

    def _synced(self, name: str) -> bool:
        conditions = self._hpa(name)["status"]["conditions"]
        return any(each["type"] == "ScalingActive" and each["status"] == "True" for each in conditions)

    def _served(self, name: str) -> bool:
        """Whether the API answers what the HPA controller asks it for."""
        [metric] = self._hpa(name)["spec"]["metrics"]
        match metric["type"]:
            case "External":
                metric = metric["external"]["metric"]
                labels = metric.get("selector", {}).get("matchLabels", {})
                selector = ",".join(f"{key}={value}" for key, value in labels.items())
                path = f"{_EXTERNAL}/{self.namespace}/{metric['name']}?labelSelector={selector}"
            case "Pods":
                path = f"{_CUSTOM}/{self.namespace}/pods/*/{metric['pods']['metric']['name']}"
                path += f"?labelSelector=app={name}"
            case _:
                path = f"{_CUSTOM}/{self.namespace}/services/{name}/{metric['object']['metric']['name']}"
        return bool(self.cluster.request("GET", path)["items"])

    def _replicas(self) -> bool:
        found = replicas(self.cluster, self.namespace)
        at = time.monotonic() - self.began
        for name, (wanted, existing) in found.items():
            self.replicas[name].append((at, wanted, existing))
        return True


def draw(probe: HpaProbe) -> str:
    """The run as SVG: replicas, syncs that read nothing, and times without a metric."""
    return drawing.svg(lambda: _figure(probe))


def _figure(probe: HpaProbe) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.5), layout="constrained", facecolor=drawing.PAPER)
    rows = figure.subplots(len(probe.names), 1, sharex=True)
    for axes, name in zip(rows, probe.names, strict=True):
        seen = probe.replicas[name]
        axes.set_facecolor(drawing.PAPER)
        axes.tick_params(colors=drawing.MUTED, labelsize=8)
        axes.grid(color=drawing.GRID, linewidth=0.6)
        for spine in axes.spines.values():
            spine.set_color(drawing.GRID)
        for index, (begin, end) in enumerate(probe.rows(f"sync of {name}")):
            label = "the last sync read nothing" if index == 0 else None
            axes.axvspan(begin, end, color=drawing.FAILING, label=label)
        for index, (begin, end) in enumerate(probe.rows(f"metric of {name}")):
            label = "no metric" if index == 0 else None
            axes.hlines(0.4, begin, end, color=drawing.THRESHOLD, linewidth=4, label=label)
        times = [at for at, *_ in seen]
        wanted, existing = [each for _, each, _ in seen], [each for *_, each in seen]
        axes.step(times, existing, where="post", color=drawing.REPLICAS, linewidth=1.6, label="replicas")
        axes.step(
            times, wanted, where="post", color=drawing.WANTED, linewidth=1, linestyle="--", label="wanted"
        )
        for index, (what, at) in enumerate(probe.marks.items()):
            axes.axvline(at, color=drawing.MUTED, linewidth=0.8, linestyle=":")
            if axes is rows[0]:
                height = 1.02 - 0.1 * (index % 2)  # two marks may be seconds apart
                axes.annotate(
                    what, (at, height), xycoords=("data", "axes fraction"), fontsize=8, color=drawing.INK
                )
        axes.set_ylim(0, 7)
        axes.set_title(name, loc="left", fontsize=9, color=drawing.INK)
        axes.legend(loc="lower right", fontsize=7, frameon=False, labelcolor=drawing.INK)
    rows[-1].set_xlabel("seconds", fontsize=8, color=drawing.MUTED)
    return figure
