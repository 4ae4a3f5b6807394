"""`make takeover`: a KEDA that Helm installed becomes this program's, and no ScaledObject is lost.

Each step is safe to repeat, and their order keeps every ScaledObject whatever stops the command: the CRDs are
kept before anything else changes, and the release is forgotten last. How far an earlier run came is read from
the cluster.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from cli import fields, stackfile
from cli.engine import Engine
from cli.errors import CommandError
from cli.helm_release import CRD, KEEP, POLICY, Object
from cli.kubectl import Kubectl
from cli.takeover.plan import Found, annotations_of, check_owner, differing, inspect, plan
from cli.takeover.refusals import applied_by_flux, refusals
from components.settings import Settings
from keda import SpecError
from keda.manifests.installer import FLUX, RELEASE_NAME, RELEASE_NAMESPACE, TAKEOVER
from lab.files import write_atomically

# Helm's field manager (cmd/helm/helm.go), and that of Flux's helm-controller, which runs Helm's code.
_MANAGERS = ("helm", "helm-controller")
_KUSTOMIZE = ("kustomize-controller",)
_MARKS = (RELEASE_NAME, RELEASE_NAMESPACE)
_LABELS = tuple(f"{group}/{part}" for group in FLUX for part in ("name", "namespace"))


def takeover(engine: Engine, kubectl: Kubectl, where: str, agree: Callable[[], None]) -> None:
    """Takes over the KEDA that Helm installed.

    Args:
        engine: the stack that is to own KEDA.
        kubectl: of the same cluster.
        where: what a make command needs to mean it: ` CLUSTER=name`, ` LAB=name` or nothing.
        agree: asks the user, after the plan; raises CommandError if the answer is no.

    Raises:
        CommandError: it is refused, or a step failed. Nothing is lost, and the next run goes on from there.
    """
    found = inspect(kubectl)
    if found.owner is None:
        print(f"No KEDA of another tool is on this cluster: nothing to take over. Run `make up{where}`.")
        return
    if not found.releases and found.marked and all(item["kind"] == CRD for item in found.marked):
        _unmark(kubectl, found.crds)
        print(
            f"Takeover finished: an earlier run was stopped in its last step. From here on: `make up{where}`."
        )
        return
    check_owner(found)
    settings = _settings(engine)
    refused = [
        *refusals(found.release, found.objects, settings),
        *applied_by_flux(found.objects, found.kustomizations, settings),
    ]
    if refused:
        raise CommandError("\n".join(refused))
    folder = engine.folder / "takeover"
    print(plan(found, settings.keda.version, _lost_values(found, settings), str(folder)))
    mark = f"{found.release.namespace}/{found.release.name}"
    engine = replace(engine, env={**engine.env, TAKEOVER: mark})
    print("\nStep 3 in preview:", flush=True)
    if engine.operate("preview").returncode:
        raise CommandError("The preview failed, as shown above. Nothing was changed.")
    agree()
    _run(engine, kubectl, found, folder, where)


def _run(engine: Engine, kubectl: Kubectl, found: Found, folder: Path, where: str) -> None:
    back_up(found, folder)
    _done(1, f"backup in {folder}")
    keep_crds(found, kubectl)
    _done(2, f"{len(found.crds)} CRDs are kept, whatever Helm does")
    if engine.operate("up", "--skip-preview").returncode:  # it has been shown
        raise CommandError(
            "pulumi up failed, as shown above. The CRDs are kept and the Helm release is still there. Mend "
            f"what it names and run `make takeover{where}` again."
        )
    _done(3, "KEDA is the program's")
    live = fields.live(kubectl, found.release.objects(), found.release.namespace)
    program = fields.made(engine.deployment())
    made = {fields.identity(each) for each in program}
    ours = [item for item in live if fields.identity(item) in made]
    count = sum(fields.give_up(kubectl, item, _MANAGERS) for item in ours)
    for item in filter(found.left_by_flux, fields.live(kubectl, program, "default")):
        count += fields.give_up(kubectl, item, _KUSTOMIZE)  # the labels go with the other fields
    hpas = kubectl.items("horizontalpodautoscalers", "--all-namespaces")
    copied = filter(found.left_by_flux, hpas)  # KEDA copies a ScaledObject's labels, and removes none
    _unmark(kubectl, [*(item for item in live if item["kind"] != CRD), *copied])
    _done(4, f"the fields of others given up on {count} objects")
    there = inspect(kubectl).uids()
    if lost := [name for name, uid in found.uids().items() if there.get(name) != uid]:
        raise CommandError(
            f"{', '.join(lost)}: deleted by somebody since the takeover began. The Helm release is still "
            f"there, and {folder} has a backup. Run `make takeover{where}` again once it is clear by whom."
        )
    for stored in found.releases:
        kubectl.call("delete", "--ignore-not-found", "-f", "-", stdin=json.dumps(fields.bare_of(stored.item)))
    _unmark(kubectl, found.crds)  # last: as long as they are marked, a run that was stopped is recognised
    _done(5, f"release {found.release.namespace}/{found.release.name} is forgotten")
    print(f"\nAll {len(there)} objects of KEDA's kinds are there; those from before have the same uid.")
    if left := [item for item in live if fields.identity(item) not in made]:
        print("Objects of the release that the program does not make. Nothing owns them now; to remove them:")
        for item in left:
            print(f"  kubectl delete {fields.argument(item)}")


def back_up(found: Found, folder: Path) -> None:
    """Writes the stored release and KEDA's objects, as lists for `kubectl create -f`, mode 600.

    A backup that an earlier run made of the same release stays: it was made before anything changed.
    """
    key = f"{found.release.name}-{found.release.item['metadata']['uid'][:8]}"
    content = {
        "release": [stored.item for stored in found.releases],
        "objects": [item for items in found.objects.values() for item in items],
    }
    for name, items in content.items():
        path = folder / f"{key}-{name}.json"
        if not path.exists():
            listed = {"apiVersion": "v1", "kind": "List", "items": [_portable(item) for item in items]}
            write_atomically(path, json.dumps(listed, indent=1), mode=0o600)


def keep_crds(found: Found, kubectl: Kubectl) -> None:
    """Annotates the live CRDs, and those in every stored revision of the release."""
    for crd in found.crds:
        if annotations_of(crd).get(POLICY) != KEEP:
            name = f"customresourcedefinition/{crd['metadata']['name']}"
            kubectl.call("annotate", "--overwrite", "--field-manager=helm", name, f"{POLICY}={KEEP}")
    for stored in found.releases:
        if kept := stored.keeping():
            # Its resourceVersion is in it: if a Helm command came between, this fails and undoes nothing.
            kubectl.call("replace", "-f", "-", stdin=json.dumps(kept))


def _unmark(kubectl: Kubectl, items: Sequence[Object]) -> None:
    """Removes the annotations of Helm's release and the labels of Flux's, wherever they still are."""
    if items:
        listed = fields.bare_list(items)
        kubectl.call("annotate", "-f", "-", *(f"{key}-" for key in _MARKS), stdin=listed)
        kubectl.call("label", "-f", "-", *(f"{key}-" for key in _LABELS), stdin=listed)


def _settings(engine: Engine) -> Settings:
    """The stack's settings as the program reads them. Raises CommandError, a line for each fault."""
    config = stackfile.read(engine.stack_file()).get("config", {})
    project, owned = "keda-homelab:", {}
    for key, value in config.items():
        if key.startswith(project):
            owned[key.removeprefix(project)] = value
    try:
        return Settings.parse(owned)
    except SpecError as error:
        raise CommandError(str(error)) from None


def _lost_values(found: Found, settings: Settings) -> list[str]:
    # It brings in pulumi_kubernetes, which takes seconds; no other command should pay for them.
    chart_values = import_module("components.platform").chart_values
    effective: Mapping[str, Any] = chart_values(
        settings.keda, settings.monitoring, settings.workloads.values()
    )
    return differing(found.release.values, effective)


def _portable(item: Object) -> Object:
    """Without what the API server writes, so that it can be created again."""
    servers = {"resourceVersion", "uid", "creationTimestamp", "managedFields", "generation"}
    metadata = {key: value for key, value in item["metadata"].items() if key not in servers}
    return {key: value for key, value in {**item, "metadata": metadata}.items() if key != "status"}


def _done(step: int, text: str) -> None:
    print(f"✓ {step}/5 {text}", file=sys.stderr, flush=True)
