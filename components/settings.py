"""The stack's settings, typed. Pulumi.homelab.yaml explains each key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from components.access import Access
from components.gitops import GitOps
from components.recipes import RECIPES, Recipe
from components.setting import Setting
from components.workload import Workload
from keda import MISSING, Fault, Faults, Labels, SpecError, TriggerAuthentication
from keda.core.defaults import KEDA_VERSION
from keda.core.errors import PLAIN_TEXT, Refused, did_you_mean, is_secret_value, join
from keda.core.model import Flag, Namespace, ObjectName
from keda.core.names import label_name
from keda.scalers.vault import listed, sends_token, vault_address
from keda.triggers.parameters import Address

_INTO_A_SECRET = "Take it out, and put it into a Secret that a TriggerAuthentication names."

SECTIONS = ("cluster", "keda", "monitoring", "gitops", "workloads")

# YAML 1.1 reads a bare `off` as false.
GuardMode = Annotated[
    Literal["deny", "warn", "audit", "off"], BeforeValidator(lambda value: "off" if value is False else value)
]


def _vault_address(value: object) -> str:
    if isinstance(value, str) and (address := vault_address(value)):
        return address
    raise Refused("is not scheme://host or scheme://host:port.", "Write https://vault.example.org:8200.")


VaultAddress = Annotated[str, BeforeValidator(_vault_address)]


class Cluster(Setting):
    """Which cluster. Unset, it is the one kubectl would talk to."""

    consequence = "The program could not check its cluster."

    kubeconfig: str | None = Field(default=None, min_length=1, examples=["~/.kube/config"])
    context: str | None = Field(default=None, min_length=1, examples=["homelab"])
    uid: str | None = Field(
        default=None, pattern=r"^[0-9a-f-]{36}$", examples=["6c1f0c9e-8f55-4a3c-9d6e-2f1f0a7c1b11"]
    )


class Keda(Access):
    """KEDA's chart, and what KEDA may do."""

    consequence = "KEDA could not be installed."

    chart: str = Field(
        default="oci://ghcr.io/kedacore/charts/keda",
        min_length=1,
        examples=["oci://ghcr.io/kedacore/charts/keda"],
    )
    version: str = Field(default=KEDA_VERSION, min_length=1, examples=['"2.19.0"'])
    cluster_guard: GuardMode = Field(
        default="deny",
        examples=["deny"],
        json_schema_extra={"consequence": "Nothing would keep a second owner off a ScaledObject's target."},
    )
    vault_addresses: tuple[VaultAddress, ...] = Field(
        default=(),
        examples=["[https://vault.vault.svc:8200]"],
        json_schema_extra={"consequence": "The cluster guard could not compare a Vault's address with it."},
    )
    values: dict[str, Any] = Field(default_factory=dict)

    def faults(self) -> Iterator[Fault]:
        """A credential in the chart's address."""
        yield from super().faults()
        if is_secret_value(self.chart):
            why = "a secret in plain text. It would be written into the stack's state."
            yield Fault("chart", MISSING, why, "Take it out, and log in with `helm registry login`.")


class StateMetrics(Setting):
    """Where kube-state-metrics runs, for metrics of KEDA's objects."""

    consequence = "There would be no metrics of conditions: Ready, Active, Fallback, Paused."

    namespace: Namespace = Field(examples=["monitoring"])
    service_account: ObjectName = Field(default="kube-state-metrics", examples=["kube-state-metrics"])


class Monitoring(Setting):
    """Where metrics are read and dashboards are put."""

    consequence = "KEDA's triggers and the dashboards need it."

    prometheus: Address = Field(examples=["http://prometheus-operated.monitoring.svc:9090"])
    service_monitors: Flag = Field(default=True, examples=[True])
    monitor_labels: Labels = Field(default_factory=dict, examples=["{release: kube-prometheus-stack}"])
    state_metrics: StateMetrics | None = None
    alerts: Flag = Field(default=True, examples=[True])
    runbooks: Address | None = Field(
        default=None, examples=["https://git.example.org/me/keda-homelab/docs/runbooks"]
    )
    dashboards: Literal["configMap", "grafanaDashboard", "both", "none"] = Field(
        default="configMap", examples=["configMap"]
    )
    dashboard_namespace: Namespace = Field(default="monitoring", examples=["monitoring"])
    dashboard_labels: Labels = {"grafana_dashboard": "1"}
    dashboard_folder: str = Field(default="KEDA", min_length=1, examples=["KEDA"])
    dashboard_datasource: str | None = Field(default=None, min_length=1, examples=["prometheus"])
    grafana_selector: Labels = {"dashboards": "grafana"}

    def faults(self) -> Iterator[Fault]:
        """A credential in the address of Prometheus or of the runbooks."""
        for key, address in (("prometheus", self.prometheus), ("runbooks", self.runbooks)):
            if is_secret_value(address or ""):
                yield Fault(key, MISSING, PLAIN_TEXT, _INTO_A_SECRET)


@dataclass(frozen=True)
class Settings:
    """All settings, and what they make of the workloads."""

    cluster: Cluster
    keda: Keda
    monitoring: Monitoring
    workloads: Mapping[str, Workload]
    gitops: GitOps = field(default_factory=GitOps)

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> Settings:
        """From the stack's config, by section (`keda`, `monitoring`, …), as plain data.

        Raises SpecError with every fault of every section and workload.
        """
        faults = Faults(_unknown_sections(config))
        # Where a section has faults of its own, none should follow from the default in its place.
        cluster, keda, gitops = Cluster(), Keda(secrets="watched"), GitOps()
        monitoring = Monitoring.model_construct(prometheus="http://unset")
        with faults.under(""):
            cluster = Cluster.parse(config.get("cluster", {}), at="cluster")
        with faults.under(""):
            keda = Keda.parse(config.get("keda", {}), at="keda")
        with faults.under(""):
            monitoring = Monitoring.parse(config.get("monitoring", {}), at="monitoring")
        with faults.under(""):
            gitops = GitOps.parse(config.get("gitops", {}), at="gitops")
        workloads: dict[str, Workload] = {}
        for name, recipe in _recipes(config.get("workloads", {}), faults).items():
            with faults.under(join("workloads", name)):
                for each, workload in recipe.workloads(name, monitoring.prometheus).items():
                    faults.extend(_same_name(workloads.get(each), workload))
                    workloads[each] = workload
        with faults.under(""):
            keda.check(workloads)
        faults.extend(_shared_targets(workloads))
        faults.extend(_shared_authentications(workloads))
        faults.extend(_shared_monitors(workloads))
        faults.extend(_unlisted_vaults(keda, workloads))
        faults.raise_if_any()
        return cls(cluster, keda, monitoring, workloads, gitops)


def decode(
    config: Mapping[str, str], project: str, secrets: frozenset[str] = frozenset()
) -> dict[str, object]:
    """Pulumi's flat config (`project:section` to JSON text) as plain data by section; other projects' keys
    are left out.

    Raises SpecError for a section that Pulumi holds as a secret: it would end up in objects anyone may read.
    """
    faults, sections = Faults(), {}
    for key, value in config.items():
        owner, _, section = key.partition(":")
        if owner != project:
            continue
        if key in secrets:
            faults.append(
                Fault(
                    section,
                    MISSING,
                    "contains a secret. It would be written in plain text into objects that many may read.",
                    "Put it into a Kubernetes Secret, and name that.",
                )
            )
            continue
        try:
            sections[section] = json.loads(value)
        except ValueError:
            sections[section] = value
    faults.raise_if_any()
    return sections


def _unknown_sections(config: Mapping[str, object]) -> list[Fault]:
    unknown = [key for key in config if key not in SECTIONS]
    return [
        Fault(
            key,
            MISSING,
            "unknown key. It would be silently ignored.",
            f"Write {guess}."
            if (guess := did_you_mean(key, SECTIONS))
            else f"Known here: {', '.join(SECTIONS)}.",
        )
        for key in unknown
    ]


def _recipes(workloads: object, faults: Faults) -> dict[str, Recipe]:
    """The settings of each workload that is in order."""
    if not isinstance(workloads, Mapping):
        faults.append(
            Fault(
                "workloads",
                workloads,
                "is not a mapping of keys. Nothing would scale.",
                "Write one key per workload.",
            )
        )
        return {}
    recipes = {}
    for name, settings in workloads.items():
        with faults.under(join("workloads", str(name))):
            _check_name(str(name))
            recipes[str(name)] = _recipe(settings)
    return recipes


def _check_name(name: str) -> None:
    """The key becomes the ScaledObject's name. Raises SpecError."""
    try:
        label_name(name)
    except Refused as refused:
        why = f"{refused.why} It names the ScaledObject, and KEDA writes that name as a label."
        raise SpecError([Fault("", name, why, refused.fix or "")]) from None


def _recipe(settings: object) -> Recipe:
    """Raises SpecError."""
    if not isinstance(settings, Mapping):
        raise SpecError(
            [
                Fault(
                    "",
                    settings,
                    "is not a mapping of keys. The workload could not be set up.",
                    "Write recipe.",
                )
            ]
        )
    word, known = settings.get("recipe", MISSING), ", ".join(RECIPES)
    if word is MISSING:
        why = "missing, and required. The workload could not be set up."
        raise SpecError([Fault("recipe", MISSING, why, f"Write one of {known}.")])
    if not isinstance(word, str) or word not in RECIPES:
        fix = f"Write {did_you_mean(str(word), RECIPES) or f'one of {known}'}."
        raise SpecError([Fault("recipe", word, "is not a recipe. The workload could not be set up.", fix)])
    return RECIPES[word].parse(settings)


def _same_name(first: Workload | None, second: Workload) -> list[Fault]:
    """A gate's target whose ScaledObject has the name of another workload."""
    if first is None:
        return []
    why = f"makes the ScaledObject {second.name}, as {first.place()} does. One of the two would be lost."
    place = second.place("target") if second.entry else second.place()
    return [Fault(place, MISSING, why, "Give one of the two another key.")]


def _shared_targets(workloads: Mapping[str, Workload]) -> list[Fault]:
    """Two ScaledObjects on one target: KEDA's webhook rejects the second, unless they come together."""
    faults: list[Fault] = []
    owners: dict[tuple[str, ...], str] = {}
    for name, workload in workloads.items():
        if workload.scaled.kind != "ScaledObject":
            continue
        target = workload.scaled.spec.scale_target_ref
        owner = owners.setdefault((workload.namespace, *target.identity), name)
        if owner != name:
            faults.append(
                Fault(
                    workload.place("target"),
                    target.name,
                    f"is already scaled by {workloads[owner].place()}. Two HPAs would pull it up and down.",
                    "Write one gate whose probe selects the metrics of both."
                    if workload.entry and workloads[owner].entry
                    else "Put the triggers of both into one workload.",
                )
            )
    return faults


def _shared_authentications(workloads: Mapping[str, Workload]) -> list[Fault]:
    """Workloads may share a TriggerAuthentication that all define alike: it is one object, with one owner."""
    faults: list[Fault] = []
    first: dict[tuple[str, str], tuple[str, TriggerAuthentication]] = {}
    for name, workload in workloads.items():
        for each in workload.authentications:
            key = (workload.namespace, each.metadata.name)
            owner, definition = first.setdefault(key, (name, each))
            if definition != each:
                faults.append(
                    Fault(
                        workload.place("authentications", each.metadata.name),
                        MISSING,
                        f"differs from that of {workloads[owner].place()}, in the same namespace. It is one "
                        "TriggerAuthentication: one of the two workloads would read the other's.",
                        "Give it another name, or write the same in both.",
                    )
                )
    return faults


def _shared_monitors(workloads: Mapping[str, Workload]) -> list[Fault]:
    """Two monitors of the same endpoints: each series would be there twice, and every sum doubled."""
    faults: list[Fault] = []
    owners: dict[tuple[object, ...], str] = {}
    for name, workload in workloads.items():
        if workload.monitor is None:
            continue
        owner = owners.setdefault(workload.monitor.identity, name)
        if owner != name:
            faults.append(
                Fault(
                    workload.place("monitor"),
                    MISSING,
                    f"reads what {workloads[owner].place('monitor')} reads. "
                    "Every sum over it would be doubled.",
                    "Remove one of the two.",
                )
            )
    return faults


def _unlisted_vaults(keda: Keda, workloads: Mapping[str, Workload]) -> list[Fault]:
    """Vaults of the workloads that the cluster guard refuses."""
    if keda.cluster_guard != "deny":
        return []
    return [
        Fault(
            workload.place("authentications", each.metadata.name, "hashiCorpVault", "address"),
            vault.address,
            "is not in keda.vaultAddresses. The cluster guard would refuse the TriggerAuthentication.",
            f"Add {address} to keda.vaultAddresses."
            if (address := vault_address(vault.address))
            else "Write scheme://host:port, and the same in keda.vaultAddresses.",
        )
        for workload in workloads.values()
        for each in workload.authentications
        if (vault := each.spec.hashi_corp_vault)
        and sends_token(vault.dump())
        and not listed(vault.address, keda.vault_addresses)
    ]
