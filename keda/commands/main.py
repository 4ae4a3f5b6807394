"""The command line: `python -m keda check PATH…`, `explain NAME` and `adopt HPA…`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from keda.commands.check import FORMATS, check, fix
from keda.commands.errors import NotThere
from keda.core.defaults import KEDA_VERSION, PROMETHEUS


def main(arguments: Sequence[str] | None = None) -> int:
    """0: no finding of severity error; 1: some; 2: something could not be read."""
    parser = argparse.ArgumentParser(prog=_program(), description="Checks KEDA manifests without a cluster.")
    parser.add_argument("--version", action="version", version=f"keda-homelab for KEDA {KEDA_VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="check manifests: files, directories, - for stdin")
    checking.add_argument("paths", nargs="*", metavar="PATH", help="file or directory; - for stdin")
    checking.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    checking.add_argument("--fix", action="store_true", help="correct the certain mistakes in the files")
    checking.add_argument("--explain", metavar="RULE", help="what a rule means, and what passes")
    explaining = commands.add_parser("explain", help="a scaler's parameters, or a rule")
    explaining.add_argument("name", metavar="NAME", help="a trigger's type, or a rule")
    adopting = commands.add_parser("adopt", help="the ScaledObject that takes an HPA over without a gap")
    adopting.add_argument("paths", nargs="+", metavar="HPA", help="its manifest; - for stdin")
    adopting.add_argument("--prometheus", metavar="URL", default=PROMETHEUS, help="default: %(default)s")
    adopting.add_argument("--adapter-config", metavar="FILE", help="Prometheus Adapter's rules")
    adopting.add_argument("--workload", action="store_true", help="print an entry of the stack file instead")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "adopt":
            from keda.commands import adopt

            return adopt.run(chosen.paths, chosen.prometheus, chosen.adapter_config, workload=chosen.workload)
        if chosen.command == "explain":
            return _explain(chosen.name)
        if chosen.explain:
            return _explain(chosen.explain, rule=True)
        if not chosen.paths:
            raise NotThere(f"keda check: no path given. Write `{_program()} check PATH…`, or - for stdin.")
        if chosen.fix:
            fix(chosen.paths)
        return check(chosen.paths, chosen.format)
    except NotThere as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # or Python complains while it ends
        return 1


def _program() -> str:
    """The command as it was typed: `keda` where the project is installed, else through Python."""
    return "keda" if Path(sys.argv[0]).name == "keda" else "python -m keda"


def _explain(name: str, *, rule: bool = False) -> int:
    from keda.commands.explain import explain, explain_rule

    print(explain_rule(name) if rule else explain(name))
    return 0
