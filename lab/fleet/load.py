"""`python -m lab load WORKLOAD`: real clients to drive a workload to its maximum, bounded in count and time.

They run on the node's network, so they reach Services by their address as pods do, and end with the command.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import cluster
from lab.fleet.build import build
from lab.paths import Lab
from lab.progress import show


@dataclass(frozen=True)
class Load:
    """One workload's client: the subcommand of `fleet`, the Service it talks to, its options and defaults."""

    command: str
    service: tuple[str, str, int]
    address: str  # the option that takes the Service's URL
    scheme: str
    options: dict[str, tuple[int, str]]  # option -> (default, what it means)
    expect: str


LOADS = {
    "voice": Load(
        "voice-publish",
        ("nats", "nats", 4222),
        "nats",
        "nats",
        {"messages": (40, "messages to publish")},
        "Deployment voice-pipeline in namespace voice: 0 -> 2 at 3 s a message, and back to 0",
    ),
    "ray-serve": Load(
        "load-ray-serve",
        ("ray", "ray-serve", 8000),
        "url",
        "http",
        {"concurrency": (30, "requests in flight"), "seconds": (90, "how long")},
        "Deployment ray-serve in namespace ray: 1 -> 4, and back to 1",
    ),
    "envoy-gateway": Load(
        "load-envoy",
        ("envoy-gateway-system", "envoy-default-eg-e41e7b31", 80),
        "url",
        "http",
        {"connections": (140, "connections held open"), "seconds": (90, "how long")},
        "Deployment envoy-default-eg-e41e7b31 in namespace envoy-gateway-system: 1 -> 3, and back to 1",
    ),
    "batch": Load(
        "batch-submit",
        ("batch", "batch-queue", 8080),
        "server",
        "http",
        {"jobs": (4, "jobs to add"), "seconds": (60, "seconds of work in each job")},
        "Deployment batch-inference in namespace batch: 0 -> 4, a GPU each, and back to 0",
    ),
}


def parser() -> argparse.ArgumentParser:
    """The command line after `load`."""
    top = argparse.ArgumentParser(
        prog="python -m lab load", description="Real load on one workload of the lab."
    )
    workloads = top.add_subparsers(dest="workload", required=True, metavar="|".join(LOADS))
    for name, load in LOADS.items():
        sub = workloads.add_parser(name, help=load.expect)
        for option, (default, meaning) in load.options.items():
            sub.add_argument(f"--{option}", type=int, default=default, help=f"{meaning} (default {default})")
    return top


def main(lab: Lab, argv: Sequence[str]) -> int:
    """Become one workload's client; 1 if there is no lab. Raises LabError when it is unreachable."""
    arguments = vars(parser().parse_args(argv))
    load = LOADS[arguments.pop("workload")]
    if not lab.record.exists():
        show(f"load: lab {lab.name!r} is not up: {lab.record} is missing. Run `make up`.")
        return 1
    kubectl = {"kubectl": Path(json.loads(lab.record.read_text())["tools"]["kubectl"])}
    namespace, service, port = load.service
    jsonpath = "--output=jsonpath={.spec.clusterIP}"
    address = cluster.kubectl(lab, kubectl, "get", "service", service, f"--namespace={namespace}", jsonpath)
    program = build()["fleet"]
    chosen = ", ".join(f"{option} {value}" for option, value in arguments.items())
    show(f"load: {chosen}. Expect {load.expect}.")
    show("Up within a minute: KEDA polls every 30 s, the HPA every 15 s. Down 5 minutes after the load ends.")
    client = [str(program), load.command, f"-{load.address}={load.scheme}://{address}:{port}"]
    client += [f"-{option}={value}" for option, value in arguments.items()]
    sys.stdout.flush()
    # In this process' place: a signal that ends it ends the client too.
    return os.execvp("nsenter", ["nsenter", f"--net={lab.netns_path}", *client])
