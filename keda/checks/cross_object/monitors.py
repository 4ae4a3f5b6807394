"""Which ServiceMonitors and PodMonitors the Prometheus objects select.

Source: prometheus-operator v0.85.0, Documentation/api-reference: a selector that is not set selects nothing,
an empty one everything; a namespace selector that is not set means the Prometheus object's own namespace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keda.checks.registry import OTHERS, SETTINGS, Problem, warning
from keda.checks.scaling import holds_unknown
from keda.core.errors import MISSING
from keda.manifests.objects import Item, Objects, selects
from keda.manifests.reading import dig, mapping

KINDS = ("ServiceMonitor", "PodMonitor")
COLLECTORS = ("Prometheus", "PrometheusAgent")


def is_monitor(item: Item) -> bool:
    """Whether it is a monitor of the Prometheus Operator."""
    return item.kind in KINDS and item.group == "monitoring.coreos.com"


def reads(
    collector: Item, kind: str, namespace: str, labels: Mapping[Any, Any], of_namespace: object
) -> bool:
    """Whether a Prometheus object selects a monitor of these labels in `namespace`. `of_namespace`: the
    namespace's labels; None, if they are not known, counts as selected.
    """
    word = kind[0].lower() + kind[1:]
    selector = collector.spec.get(f"{word}Selector")
    if selector is None or (mapping(selector) and not selects(selector, labels)):
        return False
    of_namespaces = collector.spec.get(f"{word}NamespaceSelector")
    if of_namespaces is None:
        return namespace == collector.namespace
    if not mapping(of_namespaces) or of_namespace is None:
        return True
    return selects(of_namespaces, {**mapping(of_namespace), "kubernetes.io/metadata.name": namespace})


def wanted(collectors: Sequence[Item], kind: str) -> str:
    """What the first of them asks of a monitor's labels: `release: prometheus`."""
    word = kind[0].lower() + kind[1:]
    asked = mapping(dig(collectors[0].spec, f"{word}Selector", "matchLabels"))
    return ", ".join(f"{key}: {value}" for key, value in asked.items())


@warning(
    "monitor-unselected",
    SETTINGS,
    summary="A ServiceMonitor or PodMonitor that no Prometheus selects",
    why=(
        "Reported where Prometheus objects are given (kubectl get prometheus -A -o yaml). It is the most "
        "frequent reason for missing data: a Prometheus reads the monitors that its selectors match by "
        "label and namespace, and kube-prometheus-stack selects only monitors with its release label. A "
        "Prometheus trigger then scales on nothing."
    ),
    passes="""
        metadata:
          labels: {release: kube-prometheus-stack}
    """,
    see="dashboards.md",
).among(OTHERS)
def monitor_unselected(item: Item, objects: Objects) -> Iterator[Problem]:
    """A monitor that none of the Prometheus objects given selects."""
    if not is_monitor(item):
        return
    collectors = list(objects.everywhere(*COLLECTORS))
    labels = mapping(dig(item.manifest, "metadata", "labels"))
    namespace = objects.get("", "Namespace", "", item.namespace)
    deciding = [item.manifest.get("metadata"), namespace and namespace.manifest.get("metadata")]
    deciding += [each.manifest.get("spec") for each in collectors]
    if any(map(holds_unknown, deciding)) or objects.unidentified(*COLLECTORS, "Namespace"):
        return
    of_namespace = None if namespace is None else mapping(dig(namespace.manifest, "metadata", "labels"))
    if (
        not collectors
        or not objects.are_all
        or any(reads(each, item.kind, item.namespace, labels, of_namespace) for each in collectors)
    ):
        return
    first, asked = collectors[0].ref, wanted(collectors, item.kind)
    yield Problem(
        ("metadata", "labels"),
        MISSING,
        f"{first} does not select it, nor does any other that is given.",
        f"Write {{{asked}}}." if asked else f"Let {first} select it.",
        why="It reads nothing: no data.",
    )
