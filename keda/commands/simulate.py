"""`python -m keda simulate FILE --signal …`: what KEDA and the HPA would do over time."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from keda.commands.arguments import Arguments
from keda.commands.errors import NotThere
from keda.commands.pictures import draw, plots
from keda.scaling.job_simulation import JobOptions
from keda.scaling.jobs import ScaledJob
from keda.scaling.scaled_object import MOST, ScaledObject
from keda.scaling.signals import SignalError
from keda.scaling.simulation import Options
from keda.timelines import comparison, tables
from keda.timelines.manifests import KINDS, Unread, find, gpus_per_pod, read, read_job, scaled
from keda.timelines.notation import disturbances, milliseconds, request, service_time, signals
from keda.timelines.timeline import Outcome, Timeline, check_units, simulate, simulate_jobs

LONGEST = 90 * 24 * 60
"""Minutes: each poll and sync is kept."""


def add(parser: ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("path", nargs="?", metavar="FILE", help="a manifest with a ScaledObject or ScaledJob; - for stdin")
    add("--compare", nargs=2, default=[], metavar=("OLD", "NEW"), help="two files under one signal")
    add("--signal", action="append", default=[], metavar="[TRIGGER=]SIGNAL", help="what a trigger reads")
    add("--workload", metavar="NAME", help="the object's name, where the file has several")
    add("--minutes", type=int, default=30, metavar="N", help="default: %(default)s")
    add("--fault", action="append", default=[], metavar="FAULT", help="what goes wrong, and when")
    add("--replicas", type=int, metavar="N", help="at the beginning; default: minReplicaCount")
    add("--start-up", default="0s", metavar="TIME", help="until a new pod is Ready; default: %(default)s")
    add(
        "--job-time",
        metavar="TIME",
        help="how long a Job runs; default: the service time of the queue",
    )
    add("--cpu-request", default="1", metavar="CORES", help="of each pod, such as 500m; default: 1")
    add("--memory-request", default="", metavar="BYTES", help="of each pod, such as 256Mi")
    add("--gpus", type=int, metavar="N", help="GPUs of each pod; default: the annotation")
    add("--seed", type=int, default=0, metavar="N", help="of the random arrivals")
    add("--every", action="store_true", help="each poll and sync, not only changes")
    add("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    add("--plot", action="append", default=[], metavar="FILE", help="a picture: FILE.svg, .html or .png")
    add("--recommend", metavar="GOAL", help='other settings, such as "p95 wait < 30s, min gpu-hours"')


def main(chosen: Namespace) -> int:
    """Runs it; the exit code. Raises NotThere."""
    arguments = Arguments(
        chosen.path,
        tuple(chosen.signal),
        chosen.workload,
        chosen.minutes,
        tuple(chosen.fault),
        chosen.replicas,
        chosen.start_up,
        chosen.job_time,
        chosen.cpu_request,
        chosen.memory_request,
        chosen.gpus,
        chosen.seed,
        chosen.every,
        chosen.format == "json",
        tuple(chosen.compare),
        tuple(chosen.plot),
        chosen.read or scaled,
    )
    if chosen.recommend is None:
        return run(arguments)
    from keda.commands import recommend  # Slow to load.

    return recommend.run(arguments, chosen.recommend)


def run(arguments: Arguments) -> int:
    """Prints the changes (with `every`: each poll and sync) and what they come to, and draws. Returns 0.

    Raises NotThere, one line, for input that cannot be simulated.
    """
    numbers = {
        "--minutes": (arguments.minutes, 1, LONGEST),
        "--replicas": (arguments.replicas or 0, 0, MOST),
        "--gpus": (arguments.gpus or 0, 0, MOST),
    }
    for option, (number, lowest, highest) in numbers.items():
        if not lowest <= number <= highest:
            raise NotThere(f"keda simulate: {option} {number}: write a number from {lowest} to {highest}.")
    if (arguments.path is None) == (not arguments.compare):
        raise NotThere("keda simulate: write one FILE, or --compare OLD NEW.")
    plots(arguments.plots, "keda simulate")
    try:
        found = [_run(path, arguments) for path in arguments.compare or (str(arguments.path),)]
    except SignalError as error:
        raise NotThere(f"keda simulate: {error}") from None
    except Unread as error:
        raise NotThere(str(error)) from None
    timelines, outcomes = [each[0] for each in found], [each[1] for each in found]
    for path in arguments.plots:
        draw(path, timelines, outcomes)
    print(_json(timelines, outcomes, arguments) if arguments.json else _text(timelines, outcomes, arguments))
    return 0


def _run(path: str, arguments: Arguments) -> tuple[Timeline, Outcome]:
    manifest = find(path, arguments.workload, arguments.read, KINDS)
    if manifest["kind"] == "ScaledJob":
        timeline = _jobs(read_job(manifest, path), arguments)
    else:
        timeline = _timeline(read(manifest, path), arguments)
    gpus = gpus_per_pod(manifest) if arguments.gpus is None else arguments.gpus
    return timeline, Outcome.of(timeline, gpus)


def _timeline(scaled_object: ScaledObject, arguments: Arguments) -> Timeline:
    found = disturbances(arguments.faults)
    given = signals(scaled_object, arguments.signals, tuple(found.sources), arguments.seed)
    options = Options(
        scaled_object.minimum if arguments.replicas is None else arguments.replicas,
        milliseconds(arguments.start_up),
        cpu_request=request("cpu", arguments.cpu_request),
        memory_request=request("memory", arguments.memory_request),
        owners=tuple(found.owners),
        controller_outages=tuple(found.controller),
        operator_outages=tuple(found.operator),
    )
    timeline = simulate(scaled_object, given, options, arguments.minutes * 60_000)
    check_units(timeline, options)
    return timeline


def _jobs(job: ScaledJob, arguments: Arguments) -> Timeline:
    found = disturbances(arguments.faults)
    if found.owners or found.controller:
        raise SignalError("a ScaledJob has neither replicas nor an HPA. Leave out the faults of those.")
    if arguments.replicas is not None:
        raise SignalError("--replicas: a ScaledJob begins without Jobs. Leave it out.")
    given = signals(job, arguments.signals, tuple(found.sources), arguments.seed)
    service = service_time(given)
    lasting = service if arguments.job_time is None else milliseconds(arguments.job_time)
    if not lasting:
        raise SignalError("the time that a Job runs is missing or 0. Write --job-time TIME, such as 90s.")
    if service is not None and lasting < service:
        raise SignalError("--job-time is shorter than the service time of the queue. Write a longer one.")
    pending = milliseconds(arguments.start_up)
    options = JobOptions(pending + lasting, pending, tuple(found.operator))
    return simulate_jobs(job, given, options, arguments.minutes * 60_000)


def _text(timelines: Sequence[Timeline], outcomes: Sequence[Outcome], arguments: Arguments) -> str:
    if len(timelines) > 1:
        sums = [("", "old", "new"), *tables.sums(outcomes)]
        return f"{comparison.text(timelines[0], timelines[1])}\n\n{tables.columns(sums, left=3)}"
    changes = tables.changes(timelines[0], every=arguments.every)
    return f"{changes}\n\n{tables.columns(tables.sums(outcomes), left=2)}"


def _json(timelines: Sequence[Timeline], outcomes: Sequence[Outcome], arguments: Arguments) -> str:
    found = [
        tables.as_json(timeline, outcome, every=arguments.every)
        for timeline, outcome in zip(timelines, outcomes, strict=True)
    ]
    result = {"old": found[0], "new": found[1]} if arguments.compare else found[0]
    return json.dumps(result, indent=2, ensure_ascii=False)
