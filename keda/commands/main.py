"""The command line: `python -m keda check PATH…`, explain, adopt, simulate, replay, decisions and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from keda.commands.errors import NotThere
from keda.core.defaults import KEDA_VERSION

if TYPE_CHECKING:
    from keda.timelines.manifests import Read

COMMANDS = {
    "check": "check manifests: files, directories, - for stdin",
    "explain": "a scaler's parameters, or a rule; without a name: the list of both",
    "adopt": "what an HPA or a Knative Service becomes, and the way back",
    "simulate": "what KEDA and the HPA would do over time",
    "why": "why a workload of a cluster has the replicas it has",
    "replay": "recorded replicas, compared with what KEDA would have done",
    "decisions": "how many replicas follow from which value",
}
"""Each is a module of this package with `add`, for its arguments, and `main`."""
ABOUT = "Checks, explains and simulates KEDA manifests. Only `why` and `replay --prometheus` need a cluster."


def main(arguments: Sequence[str] | None = None, read: Read | None = None) -> int:
    """0: no finding that fails; 1: some; 2: none, and something that was asked for could not be read.

    `read` takes the place of `manifests.scaled` in the commands that simulate: it reads other files too.
    """
    words = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog=_program(), description=ABOUT)
    parser.add_argument("--version", action=_Version, nargs=0, help="the release, and the KEDA it is for")
    commands = parser.add_subparsers(dest="command", required=True, prog=parser.prog)  # or it loads shutil
    name = next((word for word in words if not word.startswith("-")), "")
    for each, about in COMMANDS.items():
        command = commands.add_parser(each, help=about)
        if each == name:  # the others' modules are not needed
            import_module(f"{__package__}.{each}").add(command)
    chosen = parser.parse_args(words, argparse.Namespace(read=read))
    try:
        return int(import_module(f"{__package__}.{chosen.command}").main(chosen))
    except NotThere as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # or Python complains while it ends
        return 1
    except KeyboardInterrupt:
        return 130


class _Version(argparse.Action):
    """Prints it and ends; slow to find, so only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            release = f" {version('keda-homelab')}"
        except PackageNotFoundError:  # run from a clone
            release = ""
        print(f"keda-homelab{release} for KEDA {KEDA_VERSION}")
        parser.exit()


def _program() -> str:
    """The command as it was typed: `keda` where the project is installed, else through Python."""
    return "keda" if Path(sys.argv[0]).name == "keda" else "python -m keda"
