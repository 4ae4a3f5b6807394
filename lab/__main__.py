"""`python -m lab up|down|status|kubeconfig|logs|add|load`: a real cluster on this machine."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab import chart_source, cluster, fleet, machine
from lab.errors import LabError
from lab.files import write_atomically
from lab.fleet import build, load
from lab.node import health, leftovers, processes, programs
from lab.paths import DEFAULT_NAME, Lab
from lab.progress import show, step, was_shown
from lab.toolchain import gobuild, packages, tools


def up(lab: Lab, options: argparse.Namespace) -> int:
    """Boots the lab or repairs it; 0, or 1 with a line for each thing that stands in the way."""
    if faults := machine.faults(lab.name):
        return _refused(faults)
    with _lock(lab):
        if packages.missing():
            packages.ensure()
            tools.look_again()
            if faults := machine.kernel_faults(lab.root.parent):
                return _refused(faults)
        found = tools.ensure()
        with step("the workloads' programs"):
            found |= build.build(gobuild.go())
        ports = cluster.boot(lab, found, programs.Timing(options.hpa_sync_period), options.gpus)
        with step("KEDA's chart"):
            crds = tools.module_dir("keda-operator") / "config" / "crd"
            chart = chart_source.choose_and_publish(
                lab, found, ports["registry"], crds=crds, chart=options.chart
            )
        with step("workloads to scale") as progress:
            bundle = tools.module_dir("prometheus-operator") / "bundle.yaml"
            fleet.install(lab, found["kubectl"], bundle, progress.update)
        with step("kube-state-metrics"):
            cluster.await_deployment(lab, found, "kube-state-metrics")
        record = {
            "name": lab.name,
            "kubeconfig": str(lab.kubeconfig),
            "ports": ports,
            "chart": chart,
            "gpus": options.gpus,
            "tools": {name: str(path) for name, path in found.items()},
        }
        write_atomically(lab.record, json.dumps(record, indent=2) + "\n")
    return 0


def _refused(faults: Sequence[str]) -> int:
    for line in faults:
        show(line)
    return 1


def down(lab: Lab, options: argparse.Namespace) -> int:
    """Removes the lab; 1 if something of it is left."""
    if not leftovers.leftovers(lab):
        return 0
    if os.geteuid() != 0:
        show(f"root: only root can remove the processes, mounts and cgroups of lab {lab.name}. Use sudo.")
        return 1
    with _lock(lab), step(f"removing lab {lab.name}"):
        leftovers.remove(lab)
    if left := leftovers.leftovers(lab):
        for line in left:
            show(f"left: {line}")
        return 1
    return 0


def status(lab: Lab, options: argparse.Namespace) -> int:
    """Prints programs, node, pods and ports; 0 if every program is healthy."""
    if not lab.root.exists():
        show(f"lab {lab.name}: not there. Run `python -m lab up`.")
        return 1
    names = [*health.ENDPOINTS, "containerd", cluster.FORWARDER]
    states = {name: (processes.running(lab, name), health.healthy(lab, name)) for name in names}
    for name, (identity, well) in sorted(states.items()):
        state = "healthy" if well else "not healthy" if identity else "not running"
        print(f"{name:<26}{identity.pid if identity else '-':<10}{state}")
    if not lab.record.exists():
        print("`lab up` has not finished: run it again.")
        return 1
    record = json.loads(lab.record.read_text())
    if states["kube-apiserver"][1] and states[cluster.FORWARDER][1]:
        kubectl = {"kubectl": Path(record["tools"]["kubectl"])}
        print("\n" + cluster.kubectl(lab, kubectl, "get", "nodes").rstrip())
        print("\npods not running: " + ("; ".join(cluster.pods_not_running(lab, kubectl)) or "none"))
    print("\n" + "\n".join(f"127.0.0.1:{port:<8}{name}" for name, port in record["ports"].items()))
    return 0 if all(well for _, well in states.values()) else 1


def kubeconfig(lab: Lab, options: argparse.Namespace) -> int:
    """Prints a line for the shell."""
    if not lab.kubeconfig.exists():
        show(f"lab {lab.name}: not up, so it has no kubeconfig. Run `python -m lab up`.")
        return 1
    print(f"export KUBECONFIG={lab.kubeconfig}")
    return 0


def logs(lab: Lab, options: argparse.Namespace) -> int:
    """Prints the log of one program; tail's exit code."""
    path = processes.log_path(lab, options.component)
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in lab.logs.glob("*.log"))) or "none: the lab is not up"
        show(f"logs {options.component}: no such component. There are: {known}.")
        return 1
    follow = ["--follow"] if options.follow else []
    return subprocess.run(["tail", f"--lines={options.lines}", *follow, str(path)], check=False).returncode


def add(lab: Lab, options: argparse.Namespace) -> int:
    """Runs one of `fleet.ON_DEMAND` in the lab."""
    if not lab.record.exists():
        show(f"lab {lab.name}: not up, so nothing can run in it. Run `python -m lab up`.")
        return 1
    with _lock(lab):
        found = tools.ensure([*fleet.ON_DEMAND[options.program].tools, "crane", "kubectl"])
        with step(options.program) as progress:
            fleet.add(lab, found, options.program, progress.update)
    return 0


def run_load(lab: Lab, options: argparse.Namespace) -> int:
    """Puts load on one workload; its options are the rest of the command line."""
    return load.main(lab, options.rest)


@contextlib.contextmanager
def _lock(lab: Lab) -> Iterator[None]:
    """Hold the lab for one `up` or `down`; another one waits for it and reports that."""
    path = lab.root / "lock"
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError), path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                show(f"Waiting for another `lab up` or `lab down` of {lab.name}.")
                fcntl.flock(file, fcntl.LOCK_EX)
            # `down` deletes the file, and a lock on a deleted one holds nothing.
            if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                yield
                return


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of GPUs. Write 0 or more.")
    return int(text)


def _duration(text: str) -> str:
    if not re.fullmatch(r"([0-9]+(\.[0-9]+)?(h|m|s|ms))+", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration. Write a number with its unit: 5s, 1m30s."
        )
    return text


def parser() -> argparse.ArgumentParser:
    """The command line, its functions as `run`."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=DEFAULT_NAME, help="which lab (default: %(default)s)")
    top = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, **more: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[common], help=text, allow_abbrev=False, **more)
        added.set_defaults(run=run)
        return added

    booting = command("up", up, "boot the lab, or repair it")
    booting.add_argument("--gpus", type=_count, default=4, help="GPUs the node offers (default: %(default)s)")
    booting.add_argument(
        "--hpa-sync-period",
        type=_duration,
        metavar="DURATION",
        help="how often the HPA controller computes, such as 5s (default: Kubernetes' own 15s)",
    )
    booting.add_argument(
        "--chart",
        choices=["auto", "registry", "archive", "own"],
        default="auto",
        help="where KEDA's chart comes from (default: what this lab chose before, else the first there is)",
    )
    command("down", down, "remove the lab; Debian packages and cached tools stay")
    command("status", status, "the lab's programs, node, pods and ports")
    command("kubeconfig", kubeconfig, "a line for your shell")
    reading = command("logs", logs, "the log of one of the lab's programs")
    reading.add_argument("component", help="such as kubelet")
    reading.add_argument("--lines", type=int, default=50, help="how many (default: %(default)s)")
    reading.add_argument("--follow", action="store_true", help="print new lines until Ctrl-C")
    adding = command("add", add, "run a program that the workloads do not need; built on first use")
    adding.add_argument("program", choices=sorted(fleet.ON_DEMAND))
    command("load", run_load, "put real load on one workload", add_help=False)
    return top


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. Failures are one line."""
    try:
        options, rest = parser().parse_known_args(arguments)
        if rest and options.run is not run_load:
            parser().error(f"unknown: {' '.join(rest)}")
        options.rest = rest
        return int(options.run(Lab(options.name), options))
    except (LabError, ValueError, RuntimeError) as error:
        if not was_shown(error):
            show(str(error))
        return 1
    except BrokenPipeError:
        # The reader has seen enough (`lab status | head`); nothing is left to flush into.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        show("Interrupted. The same command goes on from here.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
