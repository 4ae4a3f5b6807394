"""`python -m tests.live.interrupted`: kill -9 of `make up` at random moments; the next run must converge.

Every other round begins with nothing, the ones between with the lab that the round before left.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab.paths import Lab
from lab.progress import duration, show

PROJECT = Path(__file__).resolve().parents[2]
LONGEST = 600.0  # seconds for one `make up`


@dataclass(frozen=True)
class Round:
    """One kill and the run after it.

    Attributes:
        moment: seconds after which everything of the run was killed.
        where: the last line that the killed run had printed.
        took: seconds of the run after it.
        ready: how many workloads were Ready at its end.
        code: its exit code.
        text: its output.
    """

    moment: float
    where: str
    took: float
    ready: int
    code: int
    text: str

    @property
    def converged(self) -> bool:
        return self.code == 0 and self.ready == 4


def killed_and_run_again(lab: Lab, moment: float) -> Round:
    """Starts `make up`, kills its process group `moment` seconds later, and runs it again to its end."""
    _, printed = _up(lab, moment)
    began = time.monotonic()
    code, text = _up(lab, LONGEST)
    ready = len(re.findall(r" True$", text, re.MULTILINE))
    where = (printed.splitlines() or ["nothing printed"])[-1].strip()
    return Round(moment, where, time.monotonic() - began, ready, code, text)


def _up(lab: Lab, seconds: float) -> tuple[int, str]:
    """The exit code and the output of `make up`, killed when the time is over."""
    # To a file: a process that outlives the kill would hold a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        with subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--lab", lab.name],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        return process.returncode, output.read()


def down(lab: Lab) -> None:
    subprocess.run([sys.executable, "-m", "cli", "down", "--lab", lab.name], cwd=PROJECT, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.live.interrupted", description=__doc__)
    parser.add_argument("--lab", default="interrupted", help="its lab (default: %(default)s)")
    parser.add_argument("--count", type=int, default=10, help="rounds (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=90, help="latest moment (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(1000), help="for the same moments again")
    options = parser.parse_args()
    lab, moments = Lab(options.lab), random.Random(options.seed)
    show(f"seed {options.seed}")
    failed = 0
    try:
        for number in range(options.count):
            if number % 2 == 0:
                down(lab)
            found = killed_and_run_again(lab, moments.uniform(0.5, options.seconds))
            mark = "✓" if found.converged else "✗"
            show(
                f"{mark} {number + 1}: killed after {found.moment:.1f} s ({found.where.strip()}); "
                f"the next run took {duration(found.took)}, {found.ready} Ready"
            )
            if not found.converged:
                failed += 1
                show(found.text)
    finally:
        down(lab)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
