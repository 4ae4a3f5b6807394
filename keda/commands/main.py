"""The command line: `python -m keda check PATH…`, explain, adopt, simulate, replay, decisions and why."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from keda.checks.output import FORMATS
from keda.checks.text import Look
from keda.commands.check import check, fix
from keda.commands.errors import NotThere
from keda.commands.options import Options, config, patterns, relative, rule_patterns
from keda.commands.watch import watch
from keda.core.defaults import KEDA_VERSION, PROMETHEUS

WIDEST = 110
"""Characters of a line on a terminal: longer ones are hard to read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0: no finding that fails; 1: some; 2: none, and something that was asked for could not be read."""
    parser = argparse.ArgumentParser(prog=_program(), description="Checks KEDA manifests without a cluster.")
    parser.add_argument("--version", action="version", version=f"keda-homelab for KEDA {KEDA_VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, prog=parser.prog)  # or it loads shutil
    _add_check(commands.add_parser("check", help="check manifests: files, directories, - for stdin"))
    explaining = commands.add_parser("explain", help="a scaler's parameters, or a rule")
    explaining.add_argument("name", metavar="NAME", help="a trigger's type, or a rule")
    adopting = commands.add_parser("adopt", help="the ScaledObject that takes an HPA over without a gap")
    adopting.add_argument("paths", nargs="+", metavar="HPA", help="its manifest; - for stdin")
    adopting.add_argument("--prometheus", metavar="URL", default=PROMETHEUS, help="default: %(default)s")
    adopting.add_argument("--adapter-config", metavar="FILE", help="Prometheus Adapter's rules")
    adopting.add_argument("--workload", action="store_true", help="print an entry of the stack file instead")
    _add_simulate(commands.add_parser("simulate", help="what KEDA and the HPA would do over time"))
    _add_why(commands.add_parser("why", help="why a workload of a cluster has the replicas it has"))
    _add_replay(commands.add_parser("replay", help="recorded replicas beside what KEDA would have done"))
    deciding = commands.add_parser("decisions", help="how many replicas follow from which value")
    deciding.add_argument("paths", nargs="+", metavar="FILE", help="with ScaledObjects; - for stdin")
    deciding.add_argument(
        "--against", nargs="+", default=[], metavar="OLD", help="only what differs from these"
    )
    deciding.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default: %(default)s"
    )
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "why":
            from keda.commands import why

            return why.run(chosen.names, chosen.context, json=chosen.format == "json")
        if chosen.command == "replay":
            return _replay(chosen)
        if chosen.command == "decisions":
            from keda.commands import decisions

            return decisions.run(chosen.paths, chosen.against, chosen.format)
        if chosen.command == "adopt":
            from keda.commands import adopt

            return adopt.run(chosen.paths, chosen.prometheus, chosen.adapter_config, workload=chosen.workload)
        if chosen.command == "simulate":
            return _simulate(chosen)
        if chosen.command == "explain":
            return _explain(chosen.name)
        if chosen.explain:
            return _explain(chosen.explain, rule=True)
        if chosen.watch:
            watch(_options(chosen).paths, lambda: _check(chosen))
        return _check(chosen)
    except NotThere as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # or Python complains while it ends
        return 1
    except KeyboardInterrupt:
        return 130


def _check(chosen: argparse.Namespace) -> int:
    options = _options(chosen)
    if chosen.fix:
        fix(options)
    return check(options)


def _add_check(checking: argparse.ArgumentParser) -> None:
    add = checking.add_argument
    add("paths", nargs="*", metavar="PATH", help="file or directory; - for stdin; default: this directory")
    add("--format", choices=FORMATS, default="text", help="default: %(default)s")
    add("--select", action="append", default=[], metavar="RULES", help="only these rules")
    add("--ignore", action="append", default=[], metavar="RULES", help="not these rules")
    add("--exclude", action="append", default=[], metavar="PATTERN", help="files and directories left out")
    add("--fail-on", choices=("error", "warning"), help="what gives exit code 1; default: error")
    add("--baseline", metavar="FILE", help="findings in this file are not reported")
    add("--write-baseline", action="store_true", help="write today's findings into it")
    add("--watch", action="store_true", help="judge again when a file changes, until Ctrl-C")
    add("--quiet", action="store_true", help="findings only")
    add("--statistics", action="store_true", help="the number of findings of each rule")
    add("--render", action="store_true", help="render charts with the helm on PATH")
    add("--values", action="append", default=[], metavar="FILE", help="values for --render")
    add("--partial", action="store_true", help="only a part of what is applied: nothing is called missing")
    add("--fix", action="store_true", help="correct the certain mistakes in the files")
    add("--explain", metavar="RULE", help="what a rule means, and what passes")


def _add_simulate(simulating: argparse.ArgumentParser) -> None:
    add = simulating.add_argument
    add("path", nargs="?", metavar="FILE", help="a manifest with a ScaledObject; - for stdin")
    add("--compare", nargs=2, default=[], metavar=("OLD", "NEW"), help="two files under one signal")
    add("--signal", action="append", default=[], metavar="[TRIGGER=]SIGNAL", help="what a trigger reads")
    add("--workload", metavar="NAME", help="the ScaledObject's name, where the file has several")
    add("--minutes", type=int, default=30, metavar="N", help="default: %(default)s")
    add("--fault", action="append", default=[], metavar="FAULT", help="what goes wrong, and when")
    add("--replicas", type=int, metavar="N", help="at the beginning; default: minReplicaCount")
    add("--start-up", default="0s", metavar="TIME", help="until a new pod is Ready; default: %(default)s")
    add("--cpu-request", default="1", metavar="CORES", help="of each pod, such as 500m; default: 1")
    add("--memory-request", default="", metavar="BYTES", help="of each pod, such as 256Mi")
    add("--gpus", type=int, metavar="N", help="GPUs of each pod; default: the ScaledObject's annotation")
    add("--seed", type=int, default=0, metavar="N", help="of the arrivals by chance")
    add("--every", action="store_true", help="each poll and sync, not only changes")
    add("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    add("--plot", action="append", default=[], metavar="FILE", help="a picture: FILE.svg, .html or .png")
    add("--recommend", metavar="GOAL", help='other settings, such as "p95 wait < 30s, min gpu-hours"')


def _add_why(asking: argparse.ArgumentParser) -> None:
    asking.description = "Exit code: 0 nothing is broken, 1 something is, 2 no cluster, dump or workload."
    add = asking.add_argument
    what = "NAMESPACE/NAME of a ScaledObject or ScaledJob, or NAMESPACE/; - or a file: a dump; default: all"
    add("names", nargs="*", metavar="NAME", help=what)
    add("--context", default="", metavar="NAME", help="of the kubeconfig; default: the current one")
    add("--format", choices=("text", "json"), default="text", help="default: %(default)s")


def _simulate(chosen: argparse.Namespace) -> int:
    from keda.commands import recommend, simulate

    arguments = simulate.Arguments(
        chosen.path,
        tuple(chosen.signal),
        chosen.workload,
        chosen.minutes,
        tuple(chosen.fault),
        chosen.replicas,
        chosen.start_up,
        chosen.cpu_request,
        chosen.memory_request,
        chosen.gpus,
        chosen.seed,
        chosen.every,
        chosen.format == "json",
        tuple(chosen.compare),
        tuple(chosen.plot),
    )
    return simulate.run(arguments) if chosen.recommend is None else recommend.run(arguments, chosen.recommend)


def _add_replay(replaying: argparse.ArgumentParser) -> None:
    add = replaying.add_argument
    add("path", metavar="FILE", help="a manifest with a ScaledObject; - for stdin")
    add("--workload", metavar="NAME", help="the ScaledObject's name, where the file holds several")
    add("--signal", action="append", default=[], metavar="[TRIGGER=]FILE", help="what a trigger read")
    add("--recorded", metavar="FILE", help="the target's replicas")
    add("--prometheus", metavar="URL", help="both from there: KEDA's own metric and kube-state-metrics")
    add("--signal-query", action="append", default=[], metavar="[TRIGGER=]PROMQL", help="in its place")
    add("--replicas-query", metavar="PROMQL", help="in place of kube-state-metrics")
    add("--since", default="24h", metavar="TIME", help="default: %(default)s")
    add("--step", default="15s", metavar="TIME", help="between two values; default: %(default)s")
    add("--start-up", default="0s", metavar="TIME", help="until a new pod is Ready; default: %(default)s")
    add("--cpu-request", default="1", metavar="CORES", help="of each pod, such as 500m; default: 1")
    add("--memory-request", default="", metavar="BYTES", help="of each pod, such as 256Mi")
    add("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    add("--plot", action="append", default=[], metavar="FILE", help="a picture: FILE.svg, .html or .png")


def _replay(chosen: argparse.Namespace) -> int:
    from keda.commands import replay

    live = chosen.prometheus is not None
    if live and (chosen.signal or chosen.recorded):
        raise NotThere(
            "keda replay: --prometheus, or files with --signal and --recorded. Write one of the two."
        )
    return replay.run(
        replay.Arguments(
            chosen.path,
            chosen.workload,
            tuple(chosen.signal_query if live else chosen.signal),
            chosen.replicas_query if live else chosen.recorded,
            chosen.prometheus,
            chosen.since,
            chosen.step,
            chosen.start_up,
            chosen.cpu_request,
            chosen.memory_request,
            chosen.format == "json",
            tuple(chosen.plot),
        )
    )


def _options(chosen: argparse.Namespace) -> Options:
    """The command line over the configuration file. Raises NotThere."""
    here = Path()
    found = config(here)
    baseline = chosen.baseline or found.baseline
    if chosen.write_baseline and not baseline:
        raise NotThere("keda check: --write-baseline needs a file. Write --baseline FILE.")
    return Options(
        tuple(dict.fromkeys(map(relative, chosen.paths))) or found.paths or (".",),
        chosen.format,
        rule_patterns(chosen.select, "--select") or found.select,
        (*found.ignore, *rule_patterns(chosen.ignore, "--ignore")),
        (*found.exclude, *patterns(chosen.exclude, here)),
        found.severity,
        chosen.fail_on or found.fail_on,
        chosen.quiet,
        chosen.statistics,
        baseline,
        chosen.write_baseline,
        chosen.render,
        tuple(chosen.values),
        chosen.partial,
        _look(),
        found.scalers,
        found.kinds,
    )


def _look() -> Look:
    """Colours and lines of its width on a terminal only. NO_COLOR: the convention of no-color.org."""
    if not sys.stdout.isatty():
        return Look()
    import shutil  # Slow to load, and a pipe needs none.

    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Look(colour, min(shutil.get_terminal_size().columns - 1, WIDEST))


def _program() -> str:
    """The command as it was typed: `keda` where the project is installed, else through Python."""
    return "keda" if Path(sys.argv[0]).name == "keda" else "python -m keda"


def _explain(name: str, *, rule: bool = False) -> int:
    from keda.commands.explain import explain, explain_rule

    print(explain_rule(name) if rule else explain(name))
    return 0
