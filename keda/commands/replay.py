"""`python -m keda replay FILE …`: recorded replicas, compared with what the recorded signal calls for."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from keda.commands.errors import NotThere
from keda.commands.pictures import draw, plots
from keda.core.errors import counted
from keda.scaling.recordings import Points, csv_points, prometheus_points
from keda.scaling.scaled_object import ScaledObject
from keda.scaling.signals import SignalError
from keda.scaling.simulation import Options, reason_of
from keda.timelines import comparison, prometheus, tables
from keda.timelines.manifests import Read, Unread, find, gpus_per_pod, read, scaled
from keda.timelines.notation import by_trigger, milliseconds, request
from keda.timelines.replay import Judged, Missing, Replay, series
from keda.timelines.timeline import Outcome

MOST = 1_000_000
"""Values of one series."""


def add(parser: ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("path", metavar="FILE", help="a manifest with a ScaledObject; - for stdin")
    add("--workload", metavar="NAME", help="the ScaledObject's name, where the file has several")
    add("--signal", action="append", default=[], metavar="[TRIGGER=]FILE", help="what a trigger read")
    add("--recorded", metavar="FILE", help="the target's replicas")
    add("--prometheus", metavar="URL", help="the server that has both")
    add(
        "--signal-query",
        action="append",
        default=[],
        metavar="[TRIGGER=]PROMQL",
        help="instead of KEDA's own metric",
    )
    add("--replicas-query", metavar="PROMQL", help="instead of kube-state-metrics")
    add("--since", default="24h", metavar="TIME", help="default: %(default)s")
    add("--step", default="15s", metavar="TIME", help="between two values; default: %(default)s")
    add("--start-up", default="0s", metavar="TIME", help="until a new pod is Ready; default: %(default)s")
    add("--cpu-request", default="1", metavar="CORES", help="of each pod, such as 500m; default: 1")
    add("--memory-request", default="", metavar="BYTES", help="of each pod, such as 256Mi")
    add("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    add("--plot", action="append", default=[], metavar="FILE", help="a picture: FILE.svg, .html or .png")


def main(chosen: Namespace) -> int:
    """Runs it; the exit code. Raises NotThere."""
    live = chosen.prometheus is not None
    if not live and (chosen.signal_query or chosen.replicas_query):
        raise NotThere("keda replay: --signal-query and --replicas-query need --prometheus URL. Write it.")
    if live and (chosen.signal or chosen.recorded):
        raise NotThere(
            "keda replay: --prometheus, or files with --signal and --recorded. Write one of the two."
        )
    return run(
        Arguments(
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
            chosen.read or scaled,
        )
    )


@dataclass(frozen=True)
class Arguments:
    """The command line. `signals`: files, or with `address` queries, `[NAME=]…` for each trigger.

    `replicas` is a file, or with `address` a query; None asks for the target's spec.replicas.
    """

    path: str
    workload: str | None = None
    signals: tuple[str, ...] = ()
    replicas: str | None = None
    address: str | None = None
    since: str = "24h"
    step: str = "15s"
    start_up: str = "0s"
    cpu_request: str = "1"
    memory_request: str = ""
    json: bool = False
    plots: tuple[str, ...] = ()
    read: Read = scaled


def run(arguments: Arguments) -> int:
    """Prints each recorded change with its reason. Returns 1 if one has none, or a change is missing; else 0.

    Raises NotThere, one line, for input that cannot be replayed.
    """
    try:
        plots(arguments.plots, "keda replay")
        manifest = find(arguments.path, arguments.workload, arguments.read)
        replay = _replay(manifest, read(manifest, arguments.path), arguments)
    except SignalError as error:
        raise NotThere(f"keda replay: {error}") from None
    except Unread as error:
        raise NotThere(str(error)) from None
    timelines = [replay.recorded(), replay.simulated()]
    outcomes = [Outcome.of(each, gpus_per_pod(manifest)) for each in timelines]
    for path in arguments.plots:
        draw(path, timelines[::-1], outcomes[::-1], "keda replay", ("simulated", "recorded"))
    print(_json(replay, outcomes) if arguments.json else _text(replay, outcomes))
    return int(any(each.verdict == "unexplained" for each in replay.judged) or bool(replay.missing))


def _replay(manifest: Mapping[str, Any], scaled_object: ScaledObject, arguments: Arguments) -> Replay:
    options = Options(
        start_up=milliseconds(arguments.start_up),
        cpu_request=request("cpu", arguments.cpu_request),
        memory_request=request("memory", arguments.memory_request),
    )
    if arguments.address is None:
        if arguments.replicas is None:
            raise SignalError("no recorded replicas. Write --recorded FILE, or --prometheus URL.")
        take: Callable[[str], Points] = _file
        signals = by_trigger(scaled_object, arguments.signals, example="NAME=FILE for each trigger")
        replicas = arguments.replicas
    else:
        take = _query(arguments)
        known = {
            name: prometheus.signal_query(manifest, index)
            for index, name in enumerate(scaled_object.metric_names)
        }
        signals = by_trigger(scaled_object, arguments.signals, known)
        replicas = arguments.replicas or prometheus.replicas_query(manifest)
    read_signals = tuple(series(take(source), source) for source in signals)
    return Replay(scaled_object, read_signals, series(take(replicas), replicas), options)


def _query(arguments: Arguments) -> Callable[[str], Points]:
    address = prometheus.checked(str(arguments.address))
    ends, step = int(time.time()), milliseconds(arguments.step) // 1000
    since = milliseconds(arguments.since) // 1000
    if step < 1 or not 0 < since <= MOST * step:
        raise SignalError(
            f"--since {arguments.since[:40]} --step {arguments.step[:40]}: no values, or more than {MOST}. "
            "Write a --step from 1s on, and a --since above it."
        )
    begins = ends - since
    return lambda promql: prometheus.query(address, promql, begins, ends, step)


def _file(path: str) -> Points:
    if Path(path).suffix not in (".csv", ".json"):
        raise SignalError(f"{path[:60]} is not a recording. Write a file that ends with .csv or .json.")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SignalError(f"{path}: cannot be read: {why}.") from None
    return csv_points(text, path) if path.endswith(".csv") else prometheus_points(text, path)


def _text(replay: Replay, outcomes: Sequence[Outcome]) -> str:
    sums = tables.columns([("", "recorded", "simulated"), *tables.sums(outcomes)], left=3)
    if replay.shadow:
        both, names = (replay.recorded(), replay.simulated()), ("recorded", "simulated")
        since = ("time (UTC)", lambda at: _moment(replay.begins + at))
        return f"{comparison.text(*both, names, since)}\n\n{sums}\n\n{_summary(replay)}"
    lines = [("time (UTC)", *replay.scaled_object.metric_names, "replicas", "reason"), *_rows(replay)]
    return f"{tables.columns(lines)}\n\n{sums}\n\n{_summary(replay)}"


def _rows(replay: Replay) -> Iterator[tuple[str, ...]]:
    rows = [(each.at, (f"{each.before} -> {each.after}", _reason(replay, each))) for each in replay.judged]
    rows += [(each.at, (str(each.replicas), _absent(replay, each))) for each in replay.missing]
    for at, cells in sorted(rows):
        values = [each.at(at) for each in replay.signals]
        yield _moment(at), *("none" if value is None else f"{value:.6g}" for value in values), *cells


def _reason(replay: Replay, judged: Judged) -> str:
    if judged.sample is not None:
        return str(reason_of(judged.sample, replay.scaled_object))
    if judged.verdict == "not judged":
        return f"not judged: {judged.why}"
    return f"UNEXPLAINED: neither KEDA nor the HPA; perhaps {judged.why}"


def _absent(replay: Replay, missing: Missing) -> str:
    lasting = tables.duration((missing.ends - missing.at) // 1000)
    return (
        f"MISSING: {reason_of(missing.sample, replay.scaled_object)}, so {missing.wanted}; nothing happens "
        f"for {lasting}. The HPA or KEDA cannot act, or another owner holds the count"
    )


def _summary(replay: Replay) -> str:
    verdicts = [each.verdict for each in replay.judged]
    parts = [counted(len(verdicts), "change"), f"{verdicts.count('explained')} explained"]
    parts += [f"{verdicts.count('unexplained')} unexplained"] if "unexplained" in verdicts else []
    parts += [f"{verdicts.count('not judged')} not judged"] if "not judged" in verdicts else []
    parts += [f"{len(replay.missing)} missing"] if replay.missing else []
    return f"{_moment(replay.begins)} to {_moment(replay.ends)}: {', '.join(parts)}."


def _json(replay: Replay, outcomes: Sequence[Outcome]) -> str:
    changes = [
        {
            "time": _moment(each.at),
            "before": each.before,
            "after": each.after,
            "verdict": each.verdict,
            "by": None if each.sample is None else each.sample.by,
            "reason": _reason(replay, each),
        }
        for each in replay.judged
    ]
    missing = [
        {
            "from": _moment(each.at),
            "to": _moment(each.ends),
            "replicas": each.replicas,
            "wanted": each.wanted,
            "reason": str(reason_of(each.sample, replay.scaled_object)),
        }
        for each in replay.missing
    ]
    simulated = [
        {
            "time": _moment(replay.begins + each.at),
            "before": each.before,
            "after": each.replicas,
            "by": each.by,
            "reason": str(reason_of(each, replay.scaled_object)),
        }
        for each in (replay.simulated().changes if replay.shadow else ())
    ]
    found = {
        "workload": replay.scaled_object.name,
        "keda": replay.scaled_object.version,
        "from": _moment(replay.begins),
        "to": _moment(replay.ends),
        "changes": changes,
        "missing": missing,
        **({"simulatedChanges": simulated} if replay.shadow else {}),
        "recorded": tables.outcome_json(outcomes[0]),
        "simulated": tables.outcome_json(outcomes[1]),
    }
    return json.dumps(found, indent=2, ensure_ascii=False)


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
