"""`make handover`: what Flux applies already becomes Flux's alone, and Pulumi forgets it.

Nothing is deleted. Each step is safe to repeat, and the state goes last: whatever stops the command, the next
run goes on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cli import fields
from cli.engine import Engine
from cli.errors import CommandError
from cli.kubectl import Kubectl
from keda.manifests.installer import flux_owners
from lab.files import write_atomically

_MANAGERS = ("kustomize-controller", "helm-controller")
_OWN_KIND = "keda.sh/"
# Of a plain create; a server-side apply of Pulumi's has a random name for each object, which its state has.
_CREATOR = "pulumi-kubernetes"
_NAMED = 5
"""Objects that a refusal names."""


def handover(engine: Engine, kubectl: Kubectl, agree: Callable[[], None]) -> None:
    """Hands the stack's objects over to Flux, which has applied each of them.

    Args:
        engine: the stack that owns them so far.
        kubectl: of the same cluster.
        agree: asks the user, after the plan; raises CommandError if the answer is no.

    Raises:
        CommandError: Flux does not apply all of them, or a step failed.
    """
    deployment = engine.deployment()
    made = fields.made(deployment)
    if not made:
        print(f"Stack {engine.stack} has no objects: nothing to hand over.")
        return
    managers = {_CREATOR, *(str(each["__fieldManager"]) for each in made if "__fieldManager" in each)}
    there = fields.live(kubectl, made, "default")
    if alone := [item for item in there if _owner(item) is None]:
        raise CommandError(_refusal(alone))
    folder = engine.folder / "handover"
    print(_plan(engine.stack, there, str(folder)))
    agree()
    state = json.dumps({"version": 3, "deployment": deployment}, indent=1)
    write_atomically(folder / f"{engine.stack}.json", state, mode=0o600)
    count = sum(fields.give_up(kubectl, item, managers) for item in there)
    engine.forget()
    print(f"\nPulumi's fields given up on {count} objects, and stack {engine.stack} is forgotten.")


def _owner(item: Mapping[str, Any]) -> str | None:
    """What of Flux's applies an object, as `Kustomization namespace/name`."""
    managers = {entry["manager"] for entry in item["metadata"].get("managedFields") or ()}
    if managers.isdisjoint(_MANAGERS):
        return None
    return next((f"{kind} {namespace}/{name}" for kind, namespace, name in flux_owners(item)), None)


def _refusal(alone: Sequence[Mapping[str, Any]]) -> str:
    names = ", ".join(map(fields.title, alone[:_NAMED]))
    more = f" and {len(alone) - _NAMED} more" if len(alone) > _NAMED else ""
    them = "it" if len(alone) == 1 else "them"
    return (
        f"{names}{more}: Flux does not apply {them}, so nothing would own {them} any more. Render the tree "
        "from this stack's settings, push it, and wait until its Kustomizations are Ready."
    )


def _plan(stack: str, there: Sequence[Mapping[str, Any]], folder: str) -> str:
    lines = [f"Stack {stack}: {len(there)} objects, and Flux applies each of them."]
    owners = Counter(str(_owner(item)) for item in there)
    lines += [f"       {count:3} by {owner}" for owner, count in sorted(owners.items())]
    own = sorted(fields.title(item) for item in there if item["apiVersion"].startswith(_OWN_KIND))
    lines += [f"       {title}" for title in own]
    lines += [
        f"1. Back up the stack's state in {folder}.",
        "2. Give up Pulumi's fields: what Pulumi alone set on these objects is removed.",
        "3. Forget the stack: pulumi stack rm --force. Its state is deleted, no object is.",
    ]
    return "\n".join(lines)
