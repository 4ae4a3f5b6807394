"""`make render OUT=folder`: the stack as a tree for Flux or Argo CD. No cluster is asked, none is changed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cli.errors import CommandError
from cli.render import argocd, flux, secrets
from cli.render.chart import rendered
from cli.render.files import Tree, differing, document, mark, write, written
from cli.render.layers import APPS, CONTROLLERS, Layers, flat, layered
from cli.render.program import Object, Stack, run
from components.settings import Settings
from keda import ScaledObject

Format = Literal["flux", "argocd"]
FORMATS: tuple[Format, ...] = ("flux", "argocd")
_TOOLS: Mapping[Format, str] = {"flux": "Flux", "argocd": "Argo CD"}
_GROUPS_OF_OTHERS = {
    "monitoring.coreos.com": "the Prometheus Operator",
    "grafana.integreatly.org": "the Grafana Operator",
}
_SHOWN = 20
"""Files that are listed by name."""


def render(stack_file: Path, out: Path, form: Format, check: bool) -> int:
    """Writes the tree, or compares it with what is there; returns the exit code.

    Args:
        stack_file: the stack's settings.
        out: the tree's folder.
        form: for which tool.
        check: write nothing; 1 if a file would change.

    Raises:
        CommandError: the settings are wrong, or something in the tree must not be in a repository.
    """
    if out.exists() and not out.is_dir():
        raise CommandError(f"OUT={out}: is a file. Write OUT=<a folder>.")
    for other in FORMATS:
        if other != form and written(out / other, stack_file.name):
            raise CommandError(
                f"OUT={out}: has the tree for {_TOOLS[other]}. Its files would be removed, and with them "
                f"what {_TOOLS[other]} applies, every ScaledObject included. Write OUT=<another folder>."
            )
    stack, root = run(stack_file), _root(out)
    if root is None and stack.settings.gitops.path is None:
        print(
            f"{out}: in no Git repository, so the paths in {form}/ begin at this folder. If it is synced as "
            "a part of something larger, write path under gitops: docs/gitops.md.",
            file=sys.stderr,
        )
    files = tree(stack, form, root or ".", stack_file.name)
    if not check:
        changed = write(files, out, stack_file.name)
        print(f"{out}: {len(files)} files, {len(changed)} changed.")
        named = [path if path in files else f"{path}: removed" for path in changed]
        print(*_listed(named), sep="\n", end="\n" if changed else "")
        return 0
    found = [f"{out / path}: {how}." for path, how in differing(files, out, stack_file.name)]
    if not found:
        print(f"{out}: current, {len(files)} files.")
        return 0
    print(*_listed(found), sep="\n")
    print(f"{out}: not current. What is applied is not what {stack_file.name} has. Run it without CHECK=1.")
    return 1


def tree(stack: Stack, form: Format, root: str, stack_file: str) -> Tree:
    """The files by their path.

    Args:
        stack: what the program makes.
        form: for which tool.
        root: the tree's folder, unless the settings name it.
        stack_file: the name of the stack file, for the first line of each.

    Raises:
        CommandError: what render() raises.
    """
    settings, gitops = stack.settings, stack.settings.gitops
    root = (gitops.path or root).strip("/").removeprefix("./") or "."
    as_files = gitops.chart == "rendered"
    controllers: Sequence[Object] = ()
    if as_files:
        controllers = rendered(stack.chart, settings.monitoring.service_monitors)
    elif form == "flux":
        controllers = flux.release(stack.chart)
    layers = layered(stack.objects, controllers)
    targets = scaled(settings)
    extra: dict[str, Mapping[str, Any]] = {}
    if form == "flux":
        folder, entries = "flux", flux.kustomizations(layers, gitops, root)
        if targets:
            extra["components/replicas/kustomization.yaml"] = flux.component(targets)
    else:
        chart = None if as_files else stack.chart
        folder, entries = "argocd", argocd.applications(layers, gitops, root, chart)
        extra["argocd-cm.yaml"] = argocd.configuration(targets, gitops.fallback == "failed")
    applied = {f"{folder}/{flat(layer)}.yaml": each for layer, each in entries.items()}
    content = {
        **{f"{layer}/{file}": each for layer, files in layers.items() for file, each in files.items()},
        **{f"{layer}/kustomization.yaml": _kustomization(files) for layer, files in layers.items()},
        **applied,
        **extra,
        "kustomization.yaml": _kustomization(applied),
    }
    secrets.refuse(content)
    found = {path: document(each, stack_file) for path, each in content.items()}
    found["README.md"] = "\n".join(_readme(layers, settings, form, root, stack_file)) + "\n"
    return dict(sorted(found.items()))


def scaled(settings: Settings) -> list[tuple[str, str, str, str]]:
    """(apiVersion, kind, namespace, name) of each target whose replicas are KEDA's, sorted."""
    return sorted(
        (target.api_version or "apps/v1", target.kind or "Deployment", workload.namespace, target.name)
        for workload in settings.workloads.values()
        if isinstance(workload.scaled, ScaledObject)
        for target in [workload.scaled.spec.scale_target_ref]
    )


def _root(out: Path) -> str | None:
    """The folder from the root of the Git repository that holds it; None without one."""
    folder = out.resolve()
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return folder.relative_to(parent).as_posix()
    return None


def _kustomization(files: Iterable[str]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(files),
    }


def _listed(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _readme(layers: Layers, settings: Settings, form: Format, root: str, stack_file: str) -> Iterator[str]:
    """What the tree needs that is not in it."""
    objects = [each for files in layers.values() for each in files.values()]
    yield f"<!-- {mark(stack_file)} -->"
    yield "# KEDA and its workloads\n"
    place = "the root of what is synced" if root == "." else f"`{root}`"
    yield f"Layers for {_TOOLS[form]}, in {place}. What must be there, and is not in this tree:\n"
    made = {settings.keda.namespace}
    namespaces = {each["metadata"].get("namespace") for each in objects} - made - {None}
    yield f"- namespaces: {', '.join(f'`{name}`' for name in sorted(map(str, namespaces))) or 'none'}"
    groups = {each["apiVersion"].partition("/")[0] for each in objects}
    for group, owner in _GROUPS_OF_OTHERS.items():
        if group in groups:
            yield f"- the kinds of `{group}`: {owner}"
    workloads = [each for layer, files in layers.items() if layer.startswith(APPS) for each in files.values()]
    if needed := secrets.required(workloads):
        yield "- Secrets, by SOPS, External Secrets or Sealed Secrets: no Secret is written here\n"
        yield "| Secret | keys |\n|---|---|"
        for name, keys in needed.items():
            yield f"| `{name}` | {', '.join(f'`{key}`' for key in keys)} |"
    if targets := scaled(settings):
        yield "\nKEDA sets the replicas of these; nothing else may write them:\n"
        for _, kind, namespace, name in targets:
            yield f"- {kind} `{namespace}/{name}`"
        if form == "flux":
            yield "\n`components/replicas` does that for what Flux applies: add it to `components` there."
        else:
            yield "\n`argocd-cm.yaml`, a patch of Argo CD's ConfigMap, does that in every Application."
    if settings.gitops.chart == "rendered":
        yield f"\nKEDA's chart is rendered into `{CONTROLLERS}`."
