"""`python -m keda adopt`: HPAs in, ScaledObjects that take them over out; with `--to hpa`, the way back.

A Knative Service is read as well: a Deployment, a Service and a ScaledObject are proposed for it.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from keda.adoption.knative import API_GROUP, propose
from keda.adoption.native import native
from keda.adoption.prometheus_adapter import AdapterRules, read_rules
from keda.adoption.translate import adopt
from keda.commands.errors import NotThere
from keda.core.defaults import PROMETHEUS
from keda.core.errors import MISSING, Fault, Refused, SpecError, is_secret_value, show
from keda.manifests.path import objects_of
from keda.manifests.reading import owner_references
from keda.triggers.parameters import address


def add(parser: ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="FILE", help="HPAs, Knative Services, or ScaledObjects; - for stdin")
    add("--prometheus", metavar="URL", help=f"default: {PROMETHEUS}")
    add("--namespace", metavar="NAME", help="of what has none; default: default")
    add("--adapter-config", metavar="FILE", help="Prometheus Adapter's rules")
    add("--workload", action="store_true", help="print an entry of the stack file instead")
    add("--to", choices=("hpa",), help="the way back: native HPAs of ScaledObjects, and the adapter's rules")
    add("--scale-to-zero", action="store_true", help="with --to hpa: the cluster has HPAScaleToZero")


def main(chosen: Namespace) -> int:
    """Runs it; the exit code. Raises NotThere."""
    return _back(chosen) if chosen.to else _there(chosen)


@dataclass(frozen=True)
class _Written:
    """What one object becomes: YAML documents, and notes of one line each."""

    documents: Sequence[Any]
    notes: Sequence[str]
    rules: Sequence[Any] = ()
    """Of Prometheus Adapter, that an HPA needs."""

    @property
    def identity(self) -> tuple[str, ...]:
        """What it may be made of once: the last object, or the entry of the stack file."""
        last = self.documents[-1]
        if "kind" not in last:
            return ("workload", *last)
        return (last["kind"], last["metadata"]["namespace"], last["metadata"]["name"])


@dataclass(frozen=True)
class _Wanted:
    """Which objects of the files are translated, and the namespace of those that have none."""

    fits: Callable[[Mapping[Any, Any]], bool]
    kinds: str
    namespace: str | None
    without_namespace: str = "has no namespace: `default` is taken. Give --namespace NAME for another."

    def of(self, path: str) -> list[Any]:
        """The objects of a file. Raises NotThere."""
        found = [item for item in objects_of(path, NotThere) if self.fits(item)]
        if not found:
            raise NotThere(f"{path}: contains no {self.kinds}. Give `kubectl get KIND NAME -o yaml`.")
        return found


def _there(chosen: Namespace) -> int:
    """The ScaledObjects (or, with --workload, entries of the stack file) on stdout, notes on stderr.

    Returns 0; 1 if an object cannot be translated. Raises NotThere if an input cannot be read.
    """
    prometheus = PROMETHEUS if chosen.prometheus is None else chosen.prometheus
    _check_address(prometheus)
    if chosen.adapter_config == "-" and "-" in chosen.paths:
        raise NotThere("--adapter-config: - is stdin, and so is FILE. Give one of them as a file.")
    rules = _rules(chosen.adapter_config) if chosen.adapter_config else None

    def translated(manifest: Mapping[str, Any]) -> _Written:
        if manifest["kind"] == "Configuration":
            why = "is a Service of Knative without its Route, and is not translated."
            fix = f"Write it as kind: Service of {API_GROUP}/v1: spec.template is the same."
            raise SpecError([Fault("", MISSING, why, fix)])
        if manifest["kind"] == "Service":
            if chosen.workload:
                why = "is not an entry of the stack file alone: its Deployment is yours."
                raise SpecError([Fault("", MISSING, why, "Leave --workload out.")])
            proposal = propose(manifest, prometheus)
            return _Written(proposal.manifests, proposal.notes)
        adoption = adopt(manifest, prometheus, rules)
        document = adoption.workload() if chosen.workload else adoption.scaled_object.to_manifest()
        return _Written([document], adoption.notes)

    wanted = _Wanted(
        _is_adoptable,
        "HorizontalPodAutoscaler or Knative Service",
        chosen.namespace,
        "has no namespace: `default` is taken, in the query too. Give --namespace NAME for another.",
    )
    found, code = _each(chosen.paths, wanted, translated)
    written = "---\n".join(_yaml(found))
    if chosen.prometheus is None and f"serverAddress: {PROMETHEUS}\n" in written:
        print(f"--prometheus: is not given, so the triggers read {PROMETHEUS}.", file=sys.stderr)
    print(written, end="")
    return code


def _back(chosen: Namespace) -> int:
    """The HPAs on stdout, then a ConfigMap with the adapter's rules; what is lost on stderr."""
    if chosen.workload or chosen.adapter_config:
        raise NotThere("--to hpa: takes neither --workload nor --adapter-config. Leave them out.")

    def translated(manifest: Mapping[str, Any]) -> _Written:
        made = native(manifest, scale_to_zero=chosen.scale_to_zero)
        return _Written([made.hpa], made.notes, made.rules)

    wanted = _Wanted(lambda each: each.get("kind") == "ScaledObject", "ScaledObject", chosen.namespace)
    found, code = _each(chosen.paths, wanted, translated)
    if rules := [rule for made in found for rule in made.rules]:
        config = yaml.safe_dump({"externalRules": rules}, sort_keys=False, width=10_000, allow_unicode=True)
        metadata = {"name": "prometheus-adapter-rules"}
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        found.append(_Written([{**config_map, "data": {"config.yaml": config}}], ()))
    print("---\n".join(_yaml(found)), end="")
    return code


def _each(
    paths: Sequence[str], wanted: _Wanted, translate: Callable[[Mapping[str, Any]], _Written]
) -> tuple[list[_Written], int]:
    """(What each wanted object of the files becomes, 1 if one cannot be translated). Raises NotThere."""
    given = [(path, manifest) for path in paths for manifest in wanted.of(path)]
    found, code = [], 0
    made_of: dict[tuple[str, ...], str] = {}
    for path, manifest in given:
        lines = []
        metadata = manifest.get("metadata")
        if isinstance(metadata, Mapping) and metadata.get("namespace") in (None, ""):
            if wanted.namespace:
                manifest = {**manifest, "metadata": {**metadata, "namespace": wanted.namespace}}
            else:
                lines.append(wanted.without_namespace)
        try:
            made = translate(manifest)
            if made.identity in made_of:
                raise SpecError([_second(made.identity, made_of[made.identity])])
            made_of[made.identity] = _name(manifest)
        except SpecError as error:
            code, lines = 1, str(error).splitlines()
        else:
            found.append(made)
            lines += made.notes
        for line in lines:
            print(f"{path}: {_name(manifest)}: {line}", file=sys.stderr)
    return found, code


def _second(identity: tuple[str, ...], first: str) -> Fault:
    """Two HPAs of one target, or of a Deployment and a StatefulSet of one name."""
    kind, *names = identity
    why = f"gives {kind} {'/'.join(names)}, as {first} does. Applied, the second would write over the first."
    fix = "Translate it alone and give it another name; of two HPAs on one target, put the metrics into one."
    return Fault("", MISSING, why, fix)


def _yaml(found: Sequence[_Written]) -> Iterator[str]:
    """YAML documents; what to check, and what is lost, stands above the last of an object as a comment."""
    for made in found:
        comments = "".join(f"# {note}\n" for note in made.notes if "CHECK" in note or "LOST" in note)
        for index, document in enumerate(made.documents, start=1):
            text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
            yield (comments if index == len(made.documents) else "") + text


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block, as people write a ConfigMap."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def _is_adoptable(manifest: Mapping[Any, Any]) -> bool:
    kind, version = manifest.get("kind"), str(manifest.get("apiVersion"))
    if version.startswith(f"{API_GROUP}/"):
        # Knative makes the Configuration of a Service itself.
        return kind == "Service" or (kind == "Configuration" and not owner_references(manifest))
    return kind == "HorizontalPodAutoscaler"


def _check_address(prometheus: str) -> None:
    if is_secret_value(prometheus):
        raise NotThere(
            "--prometheus: carries a password, which everyone who may read the ScaledObject could read. "
            "Write the address without it, and name a TriggerAuthentication in the trigger."
        )
    try:
        address(prometheus)
    except Refused as refused:
        raise NotThere(f"--prometheus: {show(prometheus)} {refused.why} {refused.fix}") from None


_EMPTY = "is empty."


def _rules(path: str) -> AdapterRules:
    why = _EMPTY
    for value in list(objects_of(path, NotThere)):
        try:
            return read_rules(value)
        except SpecError as error:
            # Beside another object, such as a HelmRepository, what is wrong in the rules counts.
            why = str(error) if why == _EMPTY or error.faults[0].path else why
    raise NotThere(f"{path}: {why}")


def _name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not name:
        return f"{manifest['kind']} without a name"
    return f"{manifest['kind']} {name if str(name).isprintable() else show(name)}"
