"""`python -m keda adopt`: HPAs in, ScaledObjects that take them over out."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

from keda.adoption.prometheus_adapter import AdapterRules, read_rules
from keda.adoption.translate import Adoption, adopt
from keda.core.defaults import PROMETHEUS
from keda.core.errors import Refused, SpecError, is_secret_value, show
from keda.manifests.documents import Source, Unreadable, documents
from keda.manifests.reading import unlisted
from keda.triggers.parameters import address


def add(parser: ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="HPA", help="its manifest; - for stdin")
    add("--prometheus", metavar="URL", default=PROMETHEUS, help="default: %(default)s")
    add("--adapter-config", metavar="FILE", help="Prometheus Adapter's rules")
    add("--workload", action="store_true", help="print an entry of the stack file instead")


def main(chosen: Namespace) -> int:
    """Runs it; the exit code. Raises NotThere."""
    return run(chosen.paths, chosen.prometheus, chosen.adapter_config, workload=chosen.workload)


class Unusable(Exception):
    """An input that cannot be read, or holds nothing of use: one line."""


def run(paths: Sequence[str], prometheus: str, adapter_config: str | None, *, workload: bool) -> int:
    """The ScaledObjects (or, with `workload`, entries of the stack file) on stdout, notes on stderr.

    Returns 0; 1 if an HPA cannot be translated; 2 if an input cannot be read.
    """
    try:
        _check_address(prometheus)
        rules = _rules(adapter_config) if adapter_config else None
        hpas = [(path, manifest) for path in paths for manifest in _hpas(path)]
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    found, failed = [], False
    for path, manifest in hpas:
        try:
            adoption = adopt(manifest, prometheus, rules)
        except SpecError as error:
            failed = True
            for line in str(error).splitlines():
                print(f"{path}: {_name(manifest)} {line}", file=sys.stderr)
        else:
            found.append(adoption)
            for note in adoption.notes:
                print(f"{path}: {_name(manifest)} {note}", file=sys.stderr)
    print("---\n".join(_written(found, workload=workload)), end="")
    return int(failed)


def _written(adoptions: Sequence[Adoption], *, workload: bool) -> Iterator[str]:
    """YAML documents; what must be checked stands above each as a comment."""
    for adoption in adoptions:
        comments = "".join(f"# {note}\n" for note in adoption.notes if "CHECK" in note)
        value = adoption.workload() if workload else adoption.scaled_object.to_manifest()
        yield comments + yaml.safe_dump(value, sort_keys=False, width=10_000, allow_unicode=True)


def _check_address(prometheus: str) -> None:
    if is_secret_value(prometheus):
        raise Unusable(
            "--prometheus: carries a password, which everyone who may read the ScaledObject could read. "
            "Write the address without it, and name a TriggerAuthentication in the trigger."
        )
    try:
        address(prometheus)
    except Refused as refused:
        raise Unusable(f"--prometheus: {show(prometheus)} {refused.why} {refused.fix}") from None


def _hpas(path: str) -> list[Any]:
    found = [
        item
        for value in _read(path)
        for item in unlisted(value)
        if item.get("kind") == "HorizontalPodAutoscaler"
    ]
    if not found:
        raise Unusable(f"{path}: contains no HorizontalPodAutoscaler. Give `kubectl get hpa NAME -o yaml`.")
    return found


def _rules(path: str) -> AdapterRules:
    why = "is empty."
    for value in _read(path):
        try:
            return read_rules(value)
        except SpecError as error:
            why = str(error)
    raise Unusable(f"{path}: {why}")


def _read(path: str) -> list[Any]:
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return [document.value for document in documents(Source(BytesIO(content)))]
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {error.strerror}.") from None
    except Unreadable as error:
        raise Unusable(f"{path}:{error.line}: is not valid YAML for Kubernetes: {error.why}.") from None


def _name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return f"HorizontalPodAutoscaler {name if str(name).isprintable() else show(name)}:"
