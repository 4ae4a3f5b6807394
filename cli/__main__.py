"""What the Makefile calls: `python -m cli COMMAND`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from cli import clusters, running, stackfile, targets, waiting
from cli.dashboard import boards, page
from cli.dashboard.prometheus import Prometheus, Window
from cli.engine import Engine
from cli.errors import CommandError
from cli.handover import handover
from cli.kubectl import Kubectl
from cli.status import table
from lab import __main__ as lab_command
from lab.errors import LabError
from lab.files import write_atomically
from lab.paths import Lab

MAX_MINUTES = 24 * 60


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m cli", description=__doc__)
    commands = ["up", "preview", "status", "dashboard", "init", "render", "takeover", "leave-adapter"]
    commands += ["handover", "down"]
    parser.add_argument("command", choices=commands)
    parser.add_argument("--lab", default="homelab", metavar="NAME", help="the lab to use (default: homelab)")
    parser.add_argument("--cluster", metavar="CONTEXT", help="a cluster of your own instead of a lab")
    parser.add_argument(
        "--stack", metavar="NAME", help="your cluster's stack (default: named by the context)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before changing your own cluster")
    parser.add_argument(
        "--standin",
        action="store_true",
        help="use the lab's stand-ins for Pulumi's plugins on your own cluster",
    )
    parser.add_argument(
        "--minutes", type=int, default=30, help="dashboard: the time range, in minutes (default: 30)"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="render: the tree's folder")
    parser.add_argument("--from", dest="stack_file", type=Path, metavar="FILE", help="render: the stack file")
    parser.add_argument(
        "--format", choices=["flux", "argocd"], default="flux", help="render: for which tool (default: flux)"
    )
    parser.add_argument(
        "--check", action="store_true", help="render: write nothing; fail if a file would change"
    )
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="leave-adapter: what `keda adopt` has written"
    )
    parser.add_argument(
        "--back", action="store_true", help="leave-adapter: from KEDA to the adapter; FILE has the HPAs"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="down: remove KEDA even if ScaledObjects of others remain; init: overwrite the stack file",
    )
    args = parser.parse_args(argv)
    try:
        lab = Lab(args.lab)
    except ValueError as error:
        print(str(error).replace("--name", "LAB", 1), file=sys.stderr)
        return 1
    try:
        if args.command == "dashboard":
            code = _dashboard(args, lab)
        elif args.command in {"takeover", "handover"}:
            code = _change_owner(args, lab)
        elif args.command == "leave-adapter":
            code = _leave_adapter(args, lab)
        elif args.command == "init":
            code = _init(args)
        elif args.command == "render":
            code = _render(args)
        else:
            code = _on_cluster(args) if args.cluster else _on_lab(args.command, lab)
        sys.stdout.flush()
        return code
    except (CommandError, LabError) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader has seen enough (`make status | head`); nothing is left to flush into.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to go on from here.", file=sys.stderr)
        return 130


def _on_lab(command: str, lab: Lab) -> int:
    if command == "down":
        running.stop(lab, lambda text: print(text, file=sys.stderr))
        return lab_command.main(["down", "--name", lab.name])
    code, rows = 0, None
    if command in {"up", "preview"}:
        with running.at_work(lab):
            failed = lab_command.main(["up", "--name", lab.name])
            if failed:
                return failed
            engine = targets.lab_engine(lab)
            print(engine.notice, file=sys.stderr)
            done = engine.operate(command)
            if done.returncode or command == "preview":
                return 1 if done.returncode else 0
            try:
                rows = waiting.until_ready(targets.lab_kubectl(lab))
            except waiting.NotReady as error:
                rows, code = error.rows, 1
    print("\n" + _table(targets.lab_kubectl(lab), rows))
    argument = targets.named(lab)
    print(
        f"\nTry next:  make load WORKLOAD=voice{argument}    then  make status{argument}\n"
        f"           export KUBECONFIG={lab.kubeconfig}    then  .venv/bin/python -m keda why voice/voice\n"
        f"           make preview{argument}, make down{argument}"
    )
    return code


def _dashboard(args: argparse.Namespace, lab: Lab) -> int:
    """Writes the lab's dashboards as a page."""
    if args.cluster:
        raise CommandError(
            f"CLUSTER={args.cluster}: the page is of a lab's Prometheus, which listens on this machine. "
            "Open your own cluster's Grafana: the same dashboards are in it."
        )
    if not 1 <= args.minutes <= MAX_MINUTES:
        raise CommandError(f"--minutes: {args.minutes} is not from 1 to {MAX_MINUTES}. Write e.g. 30.")
    record = targets.lab_record(lab)
    found = boards.in_cluster(targets.lab_kubectl(lab))
    if not found:
        raise CommandError(
            f"lab {lab.name}: no dashboard is in the cluster, so there is nothing to show. "
            "Run `make up` with keda-homelab:monitoring.dashboards at configMap or both."
        )
    end = time.time()
    window = Window(end - 60 * args.minutes, end, max(5, 60 * args.minutes // 360))
    prometheus = Prometheus(f"http://127.0.0.1:{record['ports']['prometheus']}")
    text, counts = page.render(f"KEDA dashboards: lab {lab.name}", found, prometheus, window)
    file = lab.root / "dashboard.html"
    write_atomically(file, text)
    print(f"{counts}, over the last {args.minutes} minutes:\n{file.as_uri()}")
    return 0


def _change_owner(args: argparse.Namespace, lab: Lab) -> int:
    """Takes over a KEDA that Helm installed, or hands ours to Flux, on a cluster of one's own or a lab."""
    question = "take KEDA over" if args.command == "takeover" else "hand KEDA over to Flux"
    if args.cluster:
        own = clusters.OwnCluster.named(args.cluster, args.stack)
        kubectl, engine, words = own.kubectl(), _own_engine(own, args, question), f" {own.words}"
    else:
        words = targets.named(lab)
        engine, kubectl = targets.lab_engine(lab), targets.lab_kubectl(lab)
        print(engine.notice, file=sys.stderr)
    agree = _agreement(args, question)
    if args.command == "handover":
        handover(engine, kubectl, agree)
    else:
        # It reads the settings as the program does, and no other command needs what that imports.
        import_module("cli.takeover.command").takeover(engine, kubectl, words, agree)
    return 0


def _agreement(args: argparse.Namespace, question: str) -> Callable[[], None]:
    """Asks before a cluster of one's own is changed. A lab is nobody's to lose."""

    def agree() -> None:
        if args.cluster:
            clusters.confirm(args.cluster, question, args.yes)

    return agree


def _leave_adapter(args: argparse.Namespace, lab: Lab) -> int:
    """Moves HPAs between Prometheus Adapter and KEDA, on a cluster of one's own or in a lab that is up."""
    adapter = import_module("cli.adapter.command")  # it needs the models
    if args.file is None:
        raise CommandError(
            "leave-adapter: no file of HPAs. Pass FILE=<file>, which `keda adopt` writes: docs/migrate.md."
        )
    question = "give HPAs back" if args.back else "leave the adapter"
    if args.cluster:
        own = clusters.OwnCluster.named(args.cluster, args.stack)
        clusters.check_terminal(own.context, args.yes)
        kubectl, folder = own.kubectl(), own.folder
    else:
        kubectl, folder = targets.lab_kubectl(lab), lab.root
    move = adapter.back if args.back else adapter.leave
    move(kubectl, args.file, folder / "leave-adapter", _agreement(args, question))
    return 0


def _init(args: argparse.Namespace) -> int:
    """Writes a stack file for a cluster of one's own."""
    init_stack = import_module("cli.init.command")  # it needs the models
    if not args.cluster:
        raise CommandError(
            "init: which cluster? The lab has its stack file. Pass CLUSTER=<context>; "
            "`kubectl config get-contexts` lists them."
        )
    print(init_stack.write(clusters.OwnCluster.named(args.cluster, args.stack), args.force))
    return 0


def _render(args: argparse.Namespace) -> int:
    """Writes the stack as a tree of files; needs its stack file only."""
    render = import_module("cli.render.command").render  # it imports Pulumi, which no other command does
    if args.out is None:
        raise CommandError(
            "render: where to? Pass OUT=<folder>, in the repository that Flux or Argo CD applies."
        )
    if args.stack_file:
        file = args.stack_file
    elif args.cluster or args.stack:
        file = clusters.OwnCluster.named(args.cluster or args.stack, args.stack).file
    else:
        file = stackfile.SOURCE
    if not file.exists():
        raise CommandError(
            f"{file.name}: no such file, so there is nothing to render. `make init CLUSTER=<context>` writes "
            f"a first one; or write it as {stackfile.SOURCE.name} shows."
        )
    return int(render(file, args.out, args.format, args.check))


def _on_cluster(args: argparse.Namespace) -> int:
    own = clusters.OwnCluster.named(args.cluster, args.stack)
    kubectl = own.kubectl()
    if args.command == "status":
        own.server()
        print(_table(kubectl))
        return 0
    verb = "destroy" if args.command == "down" else args.command
    engine = _own_engine(own, args, "" if verb == "preview" else f"pulumi {verb}")
    if verb == "destroy" and not args.force:
        foreign = targets.foreign_keda_objects(engine, kubectl)
        if foreign:
            raise CommandError(
                f"CLUSTER={args.cluster}: {', '.join(foreign)} still carry KEDA's finalizer. Without KEDA, "
                "deleting them or their namespace would hang. Delete them first, or pass FORCE=1."
            )
    done = engine.operate(verb, assume_yes=args.yes)
    if done.returncode == 0 and verb == "up":
        print("\n" + _table(kubectl))
    return 1 if done.returncode else 0


def _table(kubectl: Kubectl, rows: Sequence[table.Row] | None = None) -> str:
    """The workloads, with the answer of `keda why` below each that is broken or held back."""
    answers = import_module("cli.status.answers").answers(kubectl)  # it needs what only this command does
    return table.rendered(rows or table.rows(kubectl), answers)


def _own_engine(own: clusters.OwnCluster, args: argparse.Namespace, question: str) -> Engine:
    """The engine on a stack of one's own, once everything is in order.

    Args:
        own: the cluster.
        args: the command line.
        question: what the user will be asked to agree to; "" if nothing.

    Raises:
        CommandError: what is not in order.
    """
    server = own.server()
    engine = own.engine(args.standin)
    uid = own.uid()
    own.check_file(uid)
    if question:
        clusters.check_terminal(own.context, args.yes)
    clusters.announce(own, server, uid)
    if engine.notice:
        print(engine.notice, file=sys.stderr)
    if uid:
        engine.claim(uid)
    return engine


if __name__ == "__main__":
    sys.exit(main())
