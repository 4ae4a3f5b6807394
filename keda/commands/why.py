"""`python -m keda why [NAMESPACE/NAME]`: why a workload has the replicas it has. The cluster is only read."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from io import BytesIO
from json import loads
from pathlib import Path
from typing import Any

from keda.api_server import Unreachable, connect
from keda.commands.errors import NotThere
from keda.diagnosis import cluster
from keda.diagnosis.diagnose import diagnose
from keda.diagnosis.render import as_json, as_text
from keda.diagnosis.snapshot import Snapshot, from_dump, utc_now
from keda.manifests.documents import Source, Unreadable, documents
from keda.manifests.reading import unlisted

DUMP = "kubectl get so,sj,hpa,deploy,pods,jobs,events -A -o json --show-managed-fields"


def add(parser: ArgumentParser) -> None:
    """The arguments."""
    parser.description = "Exit code: 0 nothing is broken, 1 something is, 2 no cluster, dump or workload."
    add = parser.add_argument
    what = "NAMESPACE/NAME of a ScaledObject or ScaledJob, or NAMESPACE/; - or a file: a dump; default: all"
    add("names", nargs="*", metavar="NAME", help=what)
    add("--context", default="", metavar="NAME", help="of the kubeconfig; default: the current one")
    add("--format", choices=("text", "json"), default="text", help="default: %(default)s")


def main(chosen: Namespace) -> int:
    """Runs it; the exit code. Raises NotThere."""
    return run(chosen.names, chosen.context, json=chosen.format == "json")


def run(names: list[str], context: str, *, json: bool) -> int:
    """Prints the answers, from the cluster of a context or, for `-` and for files, from a dump.

    Args:
        names: NAMESPACE/NAME, NAME or NAMESPACE/; and `-` or files with a dump.
        context: of the kubeconfig; "" for the current one.
        json: as JSON instead of text.

    Returns:
        0: nothing is broken. 1: something is.

    Raises:
        NotThere: no cluster, no dump or no such workload. One line.
    """
    dumps = [each for each in names if each == "-" or (Path(each).is_file())]
    wanted = [each for each in names if each not in dumps]
    if len(wanted) > 1:
        raise NotThere("keda why: more than one name. Write one NAMESPACE/NAME, or none for all.")
    namespace, name = _name(wanted[0]) if wanted else ("", "")
    if dumps:
        manifests = [manifest for path in dumps for manifest in _manifests(path)]
        snapshot, place = from_dump(manifests, utc_now()), ", ".join(dumps)
    else:
        snapshot, place = _live(context, namespace, name)
    found = diagnose(snapshot, namespace, name)
    if not found:
        raise NotThere(_none(snapshot, place, wanted))
    print(as_json(found) if json else as_text(found))
    return int(any(each.broken for each in found))


def _name(given: str) -> tuple[str, str]:
    """The namespace and the name, each "" for any."""
    namespace, slash, name = given.rpartition("/")
    if slash and "/" in namespace:
        raise NotThere(f"keda why: {given[:60]} is not a name. Write NAMESPACE/NAME.")
    return namespace, name


def _live(context: str, namespace: str, name: str) -> tuple[Snapshot, str]:
    try:
        get, used = connect("", context, ("KUBECONFIG", "--context"))
        return cluster.read(get, namespace, name), f"cluster {used}"
    except Unreachable as error:
        raise NotThere(f"keda why: {error} A dump needs no cluster: {DUMP} | keda why -") from None
    except cluster.NotInstalled:
        raise NotThere("keda why: the API server serves no ScaledObjects. Install KEDA first.") from None


def _none(snapshot: Snapshot, place: str, wanted: list[str]) -> str:
    here = ", ".join(f"{item.namespace}/{item.name}" for item in snapshot.scaled()[:10])
    refused = [str(each) for each in snapshot.unseen if each.what.startswith("scaled")]
    if refused:
        return f"keda why: {place}: {'; '.join(refused)}."
    if not wanted:
        return f"keda why: {place} has no ScaledObject and no ScaledJob."
    known = f" It has: {here}." if here else ""
    return (
        f"keda why: {place} has no ScaledObject or ScaledJob {wanted[0][:60]}.{known} If it was applied, "
        "KEDA's webhook "
        "or a policy refused it: apply it again and read the error."
    )


def _manifests(path: str) -> Iterator[Mapping[str, Any]]:
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        if content.lstrip()[:1] == b"{":  # kubectl's JSON; its YAML is a hundred times slower to read
            yield from unlisted(loads(content))
            return
        for document in documents(Source(BytesIO(content))):
            yield from unlisted(document.value)
    except ValueError:
        raise NotThere(f"{path}: is not valid JSON.") from None
    except OSError as error:
        raise NotThere(f"{path}: cannot be read: {error.strerror}.") from None
    except Unreadable as error:
        raise NotThere(f"{path}:{error.line}: is not valid YAML for Kubernetes: {error.why}.") from None
