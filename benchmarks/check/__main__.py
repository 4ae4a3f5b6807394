"""Time and memory of `keda check`, and the ratio to conftest and the Kyverno CLI.

    python -m benchmarks.check [--objects 10000 100000] [--beside 500] [--files 17000] [--profile]

The objects are in `fleet.py`, the rules of the two others in `rego/` and `kyverno/`: four rules, which
`keda check` holds too, beside all its others. All run on the same file, one after another, in one run. The
unit is processor time (user and system, all threads of the process), because it hardly depends on what else
the machine does; wall time stands beside it.

End to end is the whole command. Of objects already parsed: ours is `keda.check` on parsed objects within one
process. The two others have no such call, so the same command is run once more with a policy that matches no
object (`nothing.rego`, `nothing.yaml`), and that time is taken off: start, parsing, loading of policies. What
is left is their time for the rules, and for printing the few findings.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keda
from benchmarks.check.fleet import EVERY, repository, write
from keda.checks.registry import ADMISSION, ADVICE, checks
from keda.checks.scaling import marks_of
from keda.manifests.documents import documents
from keda.manifests.objects import Item
from lab.toolchain import tools

FOUR = ("maximum_and_minimum", "default_max", "shape", "trigger_name_twice")
"""The functions of the rules in fleet.MISTAKES."""
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Cost:
    """Seconds of processor and wall, and the most memory held (bytes)."""

    processor: float
    wall: float
    memory: int

    def __str__(self) -> str:
        return f"{self.processor:8.2f} s   {self.wall:8.2f} s   {self.memory / 2**20:7.0f} MiB"


def run(arguments: Sequence[str], output: Path) -> Cost:
    """Run a command to its end, its output in a file. Raises SystemExit if it failed to judge."""
    began = time.perf_counter()
    with output.open("wb") as file:
        actions = [(os.POSIX_SPAWN_DUP2, file.fileno(), 1), (os.POSIX_SPAWN_DUP2, file.fileno(), 2)]
        process = os.posix_spawn(arguments[0], [*arguments], os.environ, file_actions=actions)
        _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{' '.join(arguments)} failed: {output.read_text()[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss * 1024)


def ours(file: Path) -> list[str]:
    return [sys.executable, "-m", "keda", "check", "--format", "github", str(file)]


def alone(counts: Sequence[int], folder: Path) -> None:
    """Cost by the number of objects: linear if the last column stays."""
    print("objects   processor      wall         memory     microseconds an object   bytes an object")
    start = Cost(0, 0, 0)
    for count in (1, *counts):
        file = folder / "fleet.yaml"
        write(count, file)
        cost = run(ours(file), folder / "out")
        if count == 1:
            start = cost
        each = (cost.processor - start.processor) / count * 1e6
        held = (cost.memory - start.memory) / count
        print(f"{count:7}  {cost}   {each:10.0f}   {held:24.0f}")


def tree(files: int, folder: Path) -> None:
    """Cost of a repository with an overlay for each place."""
    scaled = repository(files, folder / "repository")
    cost = run(ours(folder / "repository"), folder / "out")
    print(f"\n{files} files, {scaled} ScaledObjects as they are applied: {cost}")


def parsed(objects: list[Any]) -> float:
    """Seconds of processor that `keda.check` takes."""
    keda.check(objects[:10])  # loads what is loaded once
    began = time.process_time()
    keda.check(objects)
    return time.process_time() - began


def parsed_by_four(objects: list[Any]) -> float:
    """The same for the functions of the four rules that the other tools have; one checks the whole shape."""
    every = [Item(each, "") for each in objects]
    functions = [
        check.function
        for check in checks(True, "ScaledObject", marks_of(every[0]), ADMISSION, ADVICE)
        if check.function.__name__ in FOUR
    ]
    began = time.process_time()
    for item in every:
        for function in functions:
            list(function(item))
    return time.process_time() - began


def beside(count: int, folder: Path) -> None:
    """The three tools on one file."""
    found = tools.ensure(["conftest", "kyverno"])
    file, out = folder / "fleet.yaml", folder / "out"
    write(count, file)

    def conftest(policy: str) -> list[str]:
        return [
            str(found["conftest"]),
            "test",
            "--no-color",
            "--policy",
            str(HERE / "rego" / policy),
            str(file),
        ]

    def kyverno(policy: str) -> list[str]:
        return [str(found["kyverno"]), "apply", str(HERE / "kyverno" / policy), "--resource", str(file)]

    print(f"\n{count} objects   processor      wall         memory     wrong objects")
    costs: dict[str, Cost] = {}
    for name, arguments, mark in (
        ("keda check", ours(file), "::"),
        ("conftest", conftest("keda.rego"), "FAIL - "),
        ("conftest, no rule", conftest("nothing.rego"), "FAIL - "),
        ("kyverno", kyverno("keda.yaml"), " failed:"),
        ("kyverno, no rule", kyverno("nothing.yaml"), " failed:"),
    ):
        costs[name] = run(arguments, out)
        named = (re.search(r"app-\d+", line) for line in out.read_text().splitlines() if mark in line)
        wrong = len({match[0] for match in named if match})
        print(f"{name:18}{costs[name]}   {wrong:5}", flush=True)
        if wrong != (0 if "no rule" in name else count // EVERY):
            raise SystemExit(f"{name}: {wrong} objects are wrong for it, and {count // EVERY} are")
    objects = [document.value for document in documents(file.read_text())]
    judged, four = parsed(objects), parsed_by_four(objects)
    print(f"{'keda.check, parsed':18}{judged:8.2f} s, of which the four rules {four:.2f} s")
    for name in ("conftest", "kyverno"):
        whole = costs[name].processor / costs["keda check"].processor
        rules = (costs[name].processor - costs[f"{name}, no rule"].processor) / judged
        print(f"{name} / keda check: {whole:.1f} end to end, {rules:.1f} on parsed objects")


def profile(count: int, folder: Path) -> None:
    """Where the time of `keda.check` goes."""
    write(count, folder / "fleet.yaml")
    objects = [document.value for document in documents((folder / "fleet.yaml").read_text())]
    keda.check(objects[:10])
    profiler = cProfile.Profile()
    profiler.runcall(keda.check, objects)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.add_argument(
        "--objects", type=int, nargs="+", default=[10_000, 100_000], help="time and memory of"
    )
    parser.add_argument("--beside", type=int, default=500, help="objects for the comparison; 0: none")
    parser.add_argument("--files", type=int, default=17_000, help="files of a repository; 0: none")
    parser.add_argument("--profile", action="store_true", help="where the time goes, instead")
    options = parser.parse_args()
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        if options.profile:
            profile(2000, Path(folder))
            return
        alone(options.objects, Path(folder))
        if options.files:
            tree(options.files, Path(folder))
        if options.beside:
            beside(options.beside, Path(folder))


if __name__ == "__main__":
    main()
