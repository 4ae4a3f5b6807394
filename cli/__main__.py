"""`python -m cli up|preview|status|down`: what the Makefile calls."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from cli import report, targets
from cli.errors import CommandError
from lab import __main__ as lab_command
from lab.errors import LabError
from lab.paths import DEFAULT_NAME, Lab


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m cli", description=__doc__)
    parser.add_argument("command", choices=["up", "preview", "status", "down"])
    parser.add_argument("--lab", default="homelab", metavar="NAME", help="the lab to use (default: homelab)")
    parser.add_argument("--cluster", metavar="CONTEXT", help="a cluster of your own instead of a lab")
    parser.add_argument("--yes", action="store_true", help="do not ask before touching your own cluster")
    parser.add_argument(
        "--force", action="store_true", help="down: remove KEDA though others' ScaledObjects remain"
    )
    args = parser.parse_args(argv)
    try:
        lab = Lab(args.lab)
    except ValueError as error:
        print(str(error).replace("--name", "LAB", 1), file=sys.stderr)
        return 1
    try:
        return _on_cluster(args) if args.cluster else _on_lab(args.command, lab)
    except (CommandError, LabError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to go on from here.", file=sys.stderr)
        return 130


def _on_lab(command: str, lab: Lab) -> int:
    if command == "down":
        return lab_command.main(["down", "--name", lab.name])
    if command in {"up", "preview"}:
        failed = lab_command.main(["up", "--name", lab.name])
        if failed:
            return failed
        engine = targets.lab_engine(lab)
        print(engine.notice, file=sys.stderr)
        done = engine.operate(command)
        if done.returncode or command == "preview":
            return 1 if done.returncode else 0
    print("\n" + report.table(report.rows(targets.lab_kubectl(lab))))
    named = "" if lab.name == DEFAULT_NAME else f" LAB={lab.name}"
    print(
        f"\nTry next:  make load WORKLOAD=voice{named}    then  make status{named}\n"
        f"           export KUBECONFIG={lab.kubeconfig}    then  kubectl get scaledobjects -A\n"
        f"           make preview{named}, make down{named}"
    )
    return 0


def _on_cluster(args: argparse.Namespace) -> int:
    kubectl = targets.cluster_kubectl(args.cluster)
    if args.command == "status":
        print(report.table(report.rows(kubectl)))
        return 0
    verb = "destroy" if args.command == "down" else args.command
    if verb != "preview":
        targets.confirm_cluster(args.cluster, f"pulumi {verb}", args.yes)
    engine = targets.cluster_engine(args.cluster)
    print(engine.notice, file=sys.stderr)
    if verb == "destroy" and not args.force:
        foreign = targets.foreign_keda_objects(engine, kubectl)
        if foreign:
            raise CommandError(
                f"CLUSTER={args.cluster}: {', '.join(foreign)} still carry KEDA's finalizer. Without KEDA, "
                "deleting them or their namespace would hang. Delete them first, or pass FORCE=1."
            )
    done = engine.operate(verb)
    if done.returncode == 0 and verb == "up":
        print("\n" + report.table(report.rows(kubectl)))
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
