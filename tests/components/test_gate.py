"""The recipe `gate`: its objects, and its times in the simulation at every phase of probe and poll."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from components.recipes import RECIPES
from components.recipes.gate import Gate
from components.workload import Workload
from keda import Fallback, ScaledObject
from keda.adoption.prometheus_adapter import read_rules
from keda.adoption.translate import adopt
from keda.scaling.controller import ControllerSettings
from keda.scaling.simulation import Options, Sample, Simulation
from keda.testing import assert_scales, timeline
from keda.timelines.manifests import read
from tests.support import CORPUS, ROOT, settings_of

PROMETHEUS = "http://prometheus.monitoring.svc:9090"
WORKLOADS = settings_of((CORPUS / "valid" / "settings" / "gate.yaml").read_text(encoding="utf-8")).workloads
GATES = {
    "the test's lab": {"probeInterval": 5, "blip": 5},
    "the defaults": {"probeInterval": 15},
    "no blip": {"probeInterval": 10, "blip": 0},
    "polled more often": {"probeInterval": 30, "blip": 45, "pollingInterval": 10},
    "polled less often": {"probeInterval": 5, "blip": 25, "pollingInterval": 15},
}


def gate(**settings: object) -> Gate:
    """With three replicas of one target."""
    given = {
        "recipe": "gate",
        "namespace": "media",
        "probe": 'probe_success{job="nas"}',
        "probeInterval": 5,
        "targets": [{"name": "jellyfin", "replicas": 3}],
        **settings,
    }
    recipe = RECIPES["gate"].parse(given)
    assert isinstance(recipe, Gate)
    return recipe


def scaled(recipe: Gate) -> ScaledObject:
    [workload] = recipe.workloads("nas", PROMETHEUS).values()
    assert isinstance(workload.scaled, ScaledObject)
    return workload.scaled


def spec_of(workload: Workload) -> dict[str, Any]:
    spec: dict[str, Any] = workload.scaled.to_manifest()["spec"]
    return spec


def test_one_gate_is_a_scaled_object_for_each_target() -> None:
    assert {name: each.namespace for name, each in WORKLOADS.items()} == {
        "nas-jellyfin": "media",
        "nas-immich": "photos",
        "database-web": "shop",
    }
    assert spec_of(WORKLOADS["nas-jellyfin"]) == {
        "scaleTargetRef": {"name": "jellyfin"},
        "pollingInterval": 5,
        "cooldownPeriod": 11,
        "initialCooldownPeriod": 11,
        "idleReplicaCount": 0,
        "minReplicaCount": 2,
        "maxReplicaCount": 2,
        "fallback": {"failureThreshold": 2, "replicas": 2},
        "advanced": {"restoreToOriginalReplicaCount": True},
        "triggers": [
            {
                "type": "prometheus",
                "metadata": {
                    "serverAddress": PROMETHEUS,
                    "query": 'min(max_over_time(probe_success{job="nas"}[12s])) or vector(1)',
                    "threshold": "1",
                    "ignoreNullValues": "false",
                },
            }
        ],
    }


def test_a_closed_gate_counts_no_data_as_away_and_never_falls_back() -> None:
    spec = spec_of(WORKLOADS["database-web"])
    assert spec["triggers"][0]["metadata"]["query"].endswith(" or vector(0)")
    assert spec["fallback"] == {"failureThreshold": 2**31 - 1, "replicas": 0}


def test_one_monitor_and_an_authentication_for_each_target() -> None:
    recipe = gate(
        targets=[{"name": "a"}, {"name": "b"}],
        monitor={"selector": {"app": "blackbox"}},
        authentication={"secret": "prometheus", "modes": ["bearer"]},
    )
    workloads = recipe.workloads("nas", PROMETHEUS)
    assert [each.monitor is not None for each in workloads.values()] == [True, False]
    names = [each.metadata.name for workload in workloads.values() for each in workload.authentications]
    assert names == ["nas-a-prometheus", "nas-b-prometheus"]


def test_a_gate_is_no_maximum_to_warn_of() -> None:
    workload = gate().workloads("nas", PROMETHEUS)["nas-jellyfin"]
    assert workload.bounds == (0, 3)
    [table] = workload.decisions
    assert str(table) == (
        "0 -> 0; 3 at most, from 1 on, within 5 s; back to 0 "
        f"{gate().cooldown + gate().interval - 1} s after the last"
    )
    assert table.warnings == ()


@dataclass
class Probed:
    """The gate's query over an outage. A probe begins every `every` from `phase` on and takes `lasts`; it
    succeeds if the NAS is there for all of it. Milliseconds.
    """

    window: int
    every: int
    phase: int
    lasts: int
    away: int
    back: int

    def at(self, now: int, ready: int) -> float | None:
        newest = (now - self.lasts - self.phase) // self.every * self.every + self.phase
        begun = range(newest, now - self.window, -self.every)
        return float(any(at + self.lasts <= self.away or at >= self.back for at in begun))


def changes(recipe: Gate, phase: int, lasts: int, away: int, outage: int) -> list[Sample]:
    """What becomes of three replicas."""
    manifest = scaled(recipe).to_manifest()
    [window] = re.findall(r"\[(\d+)s]", manifest["spec"]["triggers"][0]["metadata"]["query"])
    every = recipe.probe_interval * 1000
    signal = Probed(int(window) * 1000, every, phase, lasts, away, away + outage)
    until = away + outage + (recipe.starts_within + recipe.stops_within) * 1000
    samples = list(Simulation(read(manifest, "the gate"), [signal], Options(replicas=3)).run(until))
    return [sample for sample in samples if sample.replicas != sample.before]


def phases(recipe: Gate) -> list[tuple[int, int, int]]:
    """(Phase of the probes, how long each takes, when the outage begins), over all that recurs."""
    longest = max(recipe.probe_interval, recipe.interval)
    step = max(longest // 5, 1) * 1000
    begins = range(300_001, 300_001 + longest * 1000, step // 2)
    probes = range(0, recipe.probe_interval * 1000, step)
    return [(phase, lasts, away) for phase in probes for lasts in (0, 999) for away in begins]


@pytest.mark.parametrize("settings", GATES.values(), ids=GATES)
def test_a_blip_changes_nothing(settings: dict[str, Any]) -> None:
    recipe = gate(**settings)
    for phase, lasts, away in phases(recipe):
        assert changes(recipe, phase, lasts, away, recipe.blip * 1000) == [], (phase, lasts, away)


@pytest.mark.parametrize("settings", GATES.values(), ids=GATES)
def test_an_outage_stops_all_and_its_end_starts_all(settings: dict[str, Any]) -> None:
    """Each in one step, within the stated times, which are not longer than they must be."""
    recipe = gate(**settings)
    outage = (recipe.stops_within + 30) * 1000
    stops, starts = [], []
    for phase, lasts, away in phases(recipe):
        stop, start = changes(recipe, phase, lasts, away, outage)
        assert (stop.before, stop.replicas, start.replicas) == (3, 0, 3)
        stops.append(stop.at - away)
        starts.append(start.at - away - outage)
    assert recipe.stops_within * 0.75 <= max(stops) / 1000 <= recipe.stops_within
    assert recipe.starts_within * 0.75 <= max(starts) / 1000 <= recipe.starts_within


def test_open_keeps_pods_while_prometheus_is_away() -> None:
    found = assert_scales(scaled(gate()), "constant:1", reaches=3, replicas=3, faults=["source-down@5m-20m"])
    assert found.changes == []


def test_open_starts_pods_only_after_more_than_a_blip_of_prometheus() -> None:
    recipe = gate(blip=15)
    assert scaled(recipe).spec.fallback == Fallback(failure_threshold=4, replicas=3)
    blip = timeline(scaled(recipe), "constant:0", replicas=0, faults=["source-down@5m-5m15s"])
    assert blip.changes == []
    away = timeline(scaled(recipe), "constant:0", replicas=0, faults=["source-down@5m-20m"], lasts="30m")
    assert [(each.replicas, each.at < 340_000) for each in away.changes] == [(3, True), (0, False)]


def test_closed_stops_pods_while_prometheus_is_away_but_not_for_a_blip() -> None:
    recipe = gate(unknown="closed", blip=15)
    blip = timeline(scaled(recipe), "constant:1", replicas=3, faults=["source-down@5m-5m15s"], lasts="10m")
    assert blip.changes == []
    away = timeline(scaled(recipe), "constant:1", replicas=3, faults=["source-down@5m-20m"], lasts="30m")
    [stop, start] = away.changes
    assert (stop.replicas, start.replicas) == (0, 3)
    latest = recipe.cooldown + recipe.interval
    assert 300_000 < stop.at <= 300_000 + latest * 1000
    assert 0 <= start.at - 1_200_000 <= recipe.interval * 1000


def blocks(first: str) -> dict[str, Any]:
    """The YAML block of docs/gate.md that begins so."""
    page = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    [text] = re.findall(rf"```yaml\n({re.escape(first)}.*?)```", page, re.DOTALL)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_page_has_the_times_of_the_recipe() -> None:
    page = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) s \| (\d+) s \|$", page, re.MULTILINE)
    assert len(rows) >= 4
    for probe, poll, blip, stopped, started in (map(int, row) for row in rows):
        recipe = gate(probeInterval=probe, pollingInterval=poll, blip=blip)
        assert (recipe.stops_within, recipe.starts_within) == (stopped, started)
    [stop] = re.findall(r"0 replicas \| `([^`]+)` seconds", page)
    [start] = re.findall(r"in one step \| `([^`]+)` seconds", page)
    for settings in GATES.values():
        recipe = gate(**settings)
        names = {
            "probeInterval": recipe.probe_interval,
            "pollingInterval": recipe.interval,
            "blip": recipe.blip,
        }
        assert (recipe.stops_within, recipe.starts_within) == (eval(stop, names), eval(start, names))


def test_the_page_shows_what_the_recipe_makes() -> None:
    settings = blocks("keda-homelab:workloads:")["keda-homelab:workloads"]["nas"]
    spec = spec_of(RECIPES["gate"].parse(settings).workloads("nas", PROMETHEUS)["nas-jellyfin"])
    shown = blocks("pollingInterval: 15")
    [trigger], [wanted] = shown.pop("triggers"), spec["triggers"]
    assert shown.items() <= spec.items()
    assert trigger["metadata"].items() <= wanted["metadata"].items()


def test_the_native_form_has_the_query_and_the_blip_of_the_recipe() -> None:
    hpa = blocks("apiVersion: autoscaling/v2")
    rules = read_rules(blocks("externalRules:"))
    translated = adopt(hpa, PROMETHEUS, rules).scaled_object.to_manifest()["spec"]
    settings = blocks("keda-homelab:workloads:")["keda-homelab:workloads"]["nas"]
    recipe = RECIPES["gate"].parse(settings)
    assert isinstance(recipe, Gate)
    spec = spec_of(recipe.workloads("nas", PROMETHEUS)["nas-jellyfin"])
    assert translated["triggers"][0]["metadata"]["query"] == spec["triggers"][0]["metadata"]["query"]
    assert (translated["minReplicaCount"], translated["maxReplicaCount"]) == (0, spec["maxReplicaCount"])
    down = hpa["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
    assert down == recipe.blip + ControllerSettings().sync_period // 1000
    [trigger] = translated["triggers"]
    assert math.ceil(1 / float(trigger["metadata"]["threshold"])) == spec["maxReplicaCount"]
