"""`make init CLUSTER=x`: a stack file from what the cluster has. The cluster is read, never written."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from cli import stackfile
from cli.clusters import OwnCluster
from cli.engine import another_cluster
from cli.errors import CommandError
from cli.init.survey import Guess, Survey, ref, survey
from components.preflight.check import obstacles
from components.preflight.cluster import ClusterReader, api
from components.settings import Cluster, Settings, decode
from keda import SpecError
from keda.adoption.translate import adopt
from lab.files import write_atomically

_WIDTH = 118
_KEPT = ("encryptionsalt", "secretsprovider", "encryptedkey")
"""What Pulumi itself writes at the top of a stack file: without it the config's secrets cannot be read."""
_NO_PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"


def write(cluster: OwnCluster, force: bool) -> str:
    """Writes the stack file and, where there are GPUs, the stack's policy config.

    Returns:
        What to print: the files, what stands in the way of `make up`, and the next command.

    Raises:
        CommandError: no such context, no answer, a file is there already, or it is another cluster's.
    """
    cluster.server()
    files = [file for file in (cluster.file, cluster.policy_config) if file.exists()]
    if files and not force:
        raise CommandError(
            f"{files[0].name}: is there already, with what you have set. FORCE=1 overwrites it; "
            "STACK=<name> writes another one."
        )
    kubeconfig = cluster.settings().get("kubeconfig")
    get = api(Cluster(context=cluster.context, kubeconfig=kubeconfig))
    if get is None:
        raise CommandError(f"CLUSTER={cluster.context}: its entry in the kubeconfig cannot be used.")
    reader = ClusterReader(get)
    try:
        found = survey(reader)
        bound = cluster.settings().get("uid")
        if bound and found.uid and bound != found.uid:
            raise CommandError(another_cluster(cluster.stack, str(bound), found.uid))
        header = {key: value for key, value in _before(cluster).items() if key in _KEPT}
        text = stack_file(cluster, found, kubeconfig, header)
        stands = list(map(str, obstacles(_settings(text), reader)))
    except OSError as error:
        raise CommandError(f"CLUSTER={cluster.context}: does not answer: {error}") from None
    write_atomically(cluster.file, text)
    names = [cluster.file.name]
    if config := policy_config(found):
        write_atomically(cluster.policy_config, json.dumps(config, indent=2) + "\n")
        names.append(f"policies/{cluster.policy_config.name}")
    return "\n".join(_report(cluster, found, names, stands))


def _report(cluster: OwnCluster, found: Survey, written: list[str], stands: list[str]) -> Iterator[str]:
    yield f"{cluster.context}: Kubernetes {found.version}, {found.distribution.value}, nodes: {found.nodes}"
    yield f"Written: {', '.join(written)}. Every guess has its reason above it."
    if found.unseen:
        yield f"Not seen, since this account may not read them (403): {_named(found.unseen)}."
    if stands:
        yield "In the way of a first `make up`:"
        yield from (f"  {line}" for line in stands)
    yield f"Next: make preview {cluster.words}"


def _before(cluster: OwnCluster) -> Mapping[str, Any]:
    return stackfile.read(cluster.file) if cluster.file.exists() else {}


def _settings(text: str) -> Settings:
    """What the written file means to the program. Raises SpecError, which would be a bug of this module."""
    config = yaml.safe_load(text)["config"]
    return Settings.parse(decode({key: json.dumps(value) for key, value in config.items()}, "keda-homelab"))


def policy_config(found: Survey) -> dict[str, Any]:
    """The policy config for the GPUs of the cluster; empty without any."""
    if not found.gpus:
        return {}
    resource, capacity = max(found.gpus.items(), key=lambda each: each[1])
    config = {} if resource == "nvidia.com/gpu" else {"resource": resource}
    return {"keda-gpu-budget": {"capacity": capacity, **config}}


def stack_file(
    cluster: OwnCluster, found: Survey, kubeconfig: object = None, header: Mapping[str, Any] | None = None
) -> str:
    """The stack file's text. `kept` are top-level keys of an earlier one."""
    return "\n".join(_lines(cluster, found, kubeconfig, header or {})) + "\n"


def _lines(cluster: OwnCluster, found: Survey, kubeconfig: object, kept: Mapping[str, Any]) -> Iterator[str]:
    yield "# yaml-language-server: $schema=schemas/stack.schema.json"
    yield from _comment(
        f"The stack {cluster.stack}, from what `make init` saw of the cluster. It is yours: edit it. Every "
        "guess has its reason above it. Pulumi.homelab.yaml has every key with its meaning, "
        "docs/cluster.md the way on."
    )
    yield from _comment(
        f"Kubernetes {found.version}, {found.distribution.value} ({found.distribution.why}), nodes: "
        f"{found.nodes}."
    )
    if found.namespaces:
        yield from _comment(f"Namespaces: {', '.join(found.namespaces)}.")
    if found.unseen:
        yield from _comment(f"Not seen, since the account may not read them (403): {_named(found.unseen)}.")
    if kept:
        yield yaml.safe_dump(dict(kept), sort_keys=False).rstrip()
    yield "config:"
    yield "  keda-homelab:cluster:"
    yield from _setting("context", cluster.context)
    if kubeconfig:
        yield from _setting("kubeconfig", kubeconfig)
    if found.uid:
        yield from _comment(
            "Of the namespace kube-system. Another cluster behind this context is refused.", 4
        )
        yield from _setting("uid", found.uid)
    yield ""
    yield from _keda(found)
    yield ""
    yield from _monitoring(found)
    yield ""
    yield from _workloads(found)


def _keda(found: Survey) -> Iterator[str]:
    guard = found.served["ValidatingAdmissionPolicy"]
    yield "  keda-homelab:keda:"
    if "namespace" not in dict(found.keda):
        yield from _setting("namespace", "keda")
    for key, guess in found.keda:
        yield from _guess(key, guess)
    why = "The cluster serves" if guard else "Needs Kubernetes 1.30: the cluster does not serve"
    yield from _comment(f"{why} ValidatingAdmissionPolicies. docs/cluster-guard.md", 4)
    yield from _setting("clusterGuard", "deny" if guard else "off")


def _monitoring(found: Survey) -> Iterator[str]:
    yield "  keda-homelab:monitoring:"
    if found.prometheus:
        yield from _guess("prometheus", found.prometheus)
    else:
        why = "A placeholder: no Prometheus was found. Correct it before the first trigger that reads it"
        yield from _guess("prometheus", Guess(_NO_PROMETHEUS, why))
    operator = found.served["ServiceMonitor"] and found.served["PrometheusRule"]
    why = "The cluster has" if operator else "The cluster lacks"
    yield from _comment(f"{why} the kinds ServiceMonitor and PrometheusRule of the Prometheus Operator.", 4)
    yield from _setting("serviceMonitors", found.served["ServiceMonitor"])
    yield from _setting("alerts", found.served["PrometheusRule"])
    yield from _guess("monitorLabels", found.monitor_labels)
    yield from _comment(f"{_sentence(found.dashboards.why)}", 4)
    for key, value in found.dashboards.value.items():
        yield from _setting(key, value)
    if found.state_metrics:
        yield from _comment(
            f"{_sentence(found.state_metrics.why)} With this, and arguments of its own, it exports the "
            "conditions of ScaledObjects: docs/dashboards.md",
            4,
        )
        yield f"    # stateMetrics: {_flow(found.state_metrics.value)}"


def _workloads(found: Survey) -> Iterator[str]:
    yield from _comment("Nothing is scaled yet. Replace `{}` by one entry per workload.", 2)
    yield "  keda-homelab:workloads: {}"
    for gateway, proxies in found.gateways:
        metadata = gateway["metadata"]
        yield ""
        yield from _comment(
            f"Gateway {ref(gateway)} of Envoy Gateway. The numbers are examples: choose yours.", 4
        )
        entry = {
            "recipe": "envoy-gateway",
            "gateway": {"namespace": metadata["namespace"], "name": metadata["name"]},
            **({"namespace": proxies} if proxies else {}),
            **({"monitor": {}} if found.served["PodMonitor"] else {}),
            "connectionsPerReplica": 50,
            "maxReplicas": 3,
        }
        yield from _entry({metadata["name"]: entry})
    for service in found.nats:
        metadata = service["metadata"]
        yield ""
        yield from _comment(
            f"NATS: Service {ref(service)} has the monitoring port. Stream, consumer, target and numbers are "
            "yours to write; KEDA reads NATS itself.",
            4,
        )
        endpoint = f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local:8222"
        entry = {
            "recipe": "nats-jetstream",
            "namespace": "my-namespace",
            "target": {"name": "my-deployment"},
            "monitoringEndpoint": endpoint,
            "stream": "MY_STREAM",
            "consumer": "my-consumer",
            "maxReplicas": 3,
        }
        yield from _entry({"my-consumer": entry})
    for each in found.ray:
        yield ""
        yield from _comment(
            f"{each['kind']} {ref(each)}: Ray scales its own workers, and the kind has no /scale. Recipe "
            "ray-serve is for Serve in a Deployment of yours. docs/who-owns-replicas.md",
            4,
        )
    for hpa in found.hpas:
        yield ""
        yield from _adoptable(hpa, found)


def _adoptable(hpa: Mapping[str, Any], found: Survey) -> Iterator[str]:
    address = found.prometheus.value if found.prometheus else _NO_PROMETHEUS
    try:
        adoption = adopt(hpa, address)
    except SpecError as error:
        first = str(error).splitlines()[0]
        yield from _comment(f"HorizontalPodAutoscaler {ref(hpa)} cannot be translated: {first}", 4)
        return
    notes = " ".join(adoption.notes)
    yield from _comment(
        f"HorizontalPodAutoscaler {ref(hpa)}: with this KEDA takes it over, and replicas stay. "
        "docs/adoption.md "
        f"{notes}".rstrip(),
        4,
    )
    yield from _entry(adoption.workload())


def _entry(entry: Mapping[str, Any]) -> Iterator[str]:
    """A workload, as a comment."""
    text = yaml.safe_dump(dict(entry), sort_keys=False, width=10_000, allow_unicode=True)
    yield from (f"    # {line}" for line in text.splitlines())


def _guess(key: str, guess: Guess) -> Iterator[str]:
    yield from _comment(_sentence(guess.why), 4)
    yield from _setting(key, guess.value)


def _setting(key: str, value: Any) -> Iterator[str]:
    yield f"    {key}: {_flow(value)}"


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _named(paths: Iterable[str]) -> str:
    """The resources at the ends of paths, each once."""
    return ", ".join(dict.fromkeys(path.partition("?")[0].rpartition("/")[2] for path in paths))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    prefix = " " * indent + "# "
    # A name from the cluster is data: it cannot end the comment.
    yield from textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=prefix,
        subsequent_indent=prefix,
        break_long_words=False,
        break_on_hyphens=False,
    )
