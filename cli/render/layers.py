"""Which folder each object belongs to: KEDA, what stands around it, and the workloads by namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from cli.errors import CommandError
from cli.render.program import Object

CONTROLLERS = "infrastructure/controllers"
"""KEDA and its namespace."""
CONFIGS = "infrastructure/configs"
"""Guard, monitors, alerts, dashboards, the configuration of kube-state-metrics."""
APPS = "apps"
"""A folder for each namespace with workloads: TriggerAuthentications, ScaledObjects, ScaledJobs."""
KEDA_GROUP = "keda.sh"

Layers = Mapping[str, Mapping[str, Object]]
"""Layer -> file in it -> object, both in the order of their names, which is the order of installation."""


def layered(objects: Iterable[Object], controllers: Sequence[Object]) -> Layers:
    """The objects of the program by layer; `controllers` are those that make KEDA.

    Raises:
        CommandError: two objects have one file.
    """
    found: dict[str, dict[str, Object]] = {}
    for layer, each in [*((CONTROLLERS, each) for each in controllers), *_placed(objects)]:
        file = file_of(each, layer)
        if file in found.setdefault(layer, {}):
            raise CommandError(f"{layer}/{file}: two objects have this name. One of them would be lost.")
        found[layer][file] = each
    order = [CONTROLLERS, CONFIGS, *sorted(layer for layer in found if layer.startswith(f"{APPS}/"))]
    return {layer: dict(sorted(found[layer].items())) for layer in order if layer in found}


def flat(layer: str) -> str:
    """The layer as one word, for the name of an object or a file."""
    return layer.replace("/", "-")


def _placed(objects: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    for each in objects:
        namespace = each["metadata"].get("namespace")
        if each["kind"] == "Namespace":
            yield CONTROLLERS, each
        elif namespace and each["apiVersion"].startswith(f"{KEDA_GROUP}/"):
            yield f"{APPS}/{namespace}", each
        else:
            yield CONFIGS, each


def file_of(item: Object, layer: str) -> str:
    """`<namespace>/<kind>-<name>.yaml` within the layer; no folder without a namespace or in the namespace's
    own layer.
    """
    metadata = item["metadata"]
    name = f"{item['kind'].lower()}-{metadata['name'].replace(':', '-')}.yaml"
    folder = "" if layer.startswith(f"{APPS}/") else metadata.get("namespace", "")
    return str(PurePosixPath(folder, name))
