"""`python -m cli` as a shell uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *(["-c", code] if code else ["-m", "cli"]), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=os.environ)


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    """`make status | head -1`"""
    code = """
import os, sys
from cli import __main__ as command
command._on_lab = lambda *_: print("x" * 1_000_000) or 0
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
sys.exit(command.main(["status"]))
"""
    done = run(code=code)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_dashboard_of_more_than_a_day_is_refused_in_one_line() -> None:
    done = run("dashboard", "--minutes", "99999")
    assert done.returncode == 1
    assert done.stderr == "--minutes: 99999 is not from 1 to 1440. Write e.g. 30.\n"


def test_a_lab_that_is_not_up_is_one_line() -> None:
    done = run("dashboard", "--lab", "no-such-lab")
    assert done.returncode == 1
    said = "lab no-such-lab: not up, so there is no cluster to talk to. Run `make up LAB=no-such-lab`.\n"
    assert done.stderr == said
