"""`python -m cli.decisions`: how many replicas follow from which value, of each workload of a stack file.

python -m cli.decisions --since main --format markdown    what a branch alters, for its pull request
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cli import stackfile
from cli.errors import CommandError
from cli.keda import workloads
from keda.commands.decisions import FORMATS, printed
from keda.timelines.manifests import Manifests, Unread


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cli.decisions", description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, default=stackfile.SOURCE, help="default: the lab's")
    parser.add_argument("--since", metavar="REF", help="only what differs from this commit or branch of git")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    chosen = parser.parse_args(argv)
    try:
        now = workloads(stackfile.read(chosen.file), chosen.file.name)
        before = None if chosen.since is None else _since(chosen.since, chosen.file)
        print(printed(now, before, chosen.format))
    except (CommandError, Unread) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _since(ref: str, file: Path) -> Manifests:
    """The same of a commit's stack file, which need not be there. Raises CommandError."""
    if _git(file, "rev-parse", "-q", "--verify", f"{ref}^{{commit}}") is None:
        raise CommandError(f"--since {ref}: git has no such commit or branch. Fetch it, or write another.")
    text, name = _git(file, "show", f"{ref}:./{file.name}"), f"{file.name} of {ref}"
    return {} if text is None else workloads(stackfile.parsed(text, name), name)


def _git(file: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(file.resolve().parent), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return None if done.returncode else done.stdout


if __name__ == "__main__":
    sys.exit(main())
