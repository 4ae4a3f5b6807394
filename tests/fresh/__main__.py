"""`python -m tests.fresh [12] [13]`: what a newcomer does, on a Debian that has never seen the project.

A bare root file system is made by mmdebstrap from the machine's own package sources. In namespaces of its own
(mounts, processes) a plain user clones the current commit and runs `make test`, then root runs `make up` and
`make down`. Whatever ends this program, the kernel ends everything in there; what is left is one folder and a
cgroup, and the next run removes those too.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lab.errors import LabError
from lab.node import cgroups
from lab.paths import Lab
from lab.progress import show, step, was_shown
from lab.toolchain import packages
from tests.fresh import host

DEBIANS = {"12": "bookworm", "13": "trixie"}
# What the README says that a machine has before `git clone` and `make`.
INCLUDED = "python3,python3-venv,make,git,ca-certificates"
PROJECT = Path(__file__).parents[2]
# On a disk: /tmp may be memory.
PLACE = Path("/var/tmp")


def fresh(debian: str) -> None:
    """Runs the whole on one Debian. Raises LabError with the step that failed."""
    lab = Lab(f"fresh-{debian}")
    with _place(lab) as folder:
        root = folder / "root"
        with step(f"Debian {debian}: root file system"):
            _bootstrap(DEBIANS[debian], root, folder)
        clone = root / "home" / "user" / "keda-homelab"
        _run("git", "clone", "--quiet", "--no-hardlinks", PROJECT, clone)
        host.carry_configuration(root)
        # The kernel ends the first process inside with this one, and all others with the first.
        guard = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"]
        guard += ["--pid", "--fork", "--kill-child"]
        inside = [sys.executable, "-m", "tests.fresh.inside", str(root), lab.name]
        with subprocess.Popen([*guard, "--", *inside], cwd=PROJECT, env=os.environ) as process:
            try:
                code = process.wait()
            finally:
                process.kill()
    if code:
        raise LabError(f"Debian {debian}: failed; the lines above name the step.")
    if left := cgroups.roots(lab):
        raise LabError(f"Debian {debian}: `make down` left the cgroup {left[0]}.")


@contextlib.contextmanager
def _place(lab: Lab) -> Iterator[Path]:
    """A folder that is gone afterwards, with the cgroups of the lab, also if a run before this was killed."""
    folder = PLACE / f"keda-{lab.name}"
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(f"{folder}: another `make fresh` is at work there. Wait for its end.") from None
        try:
            _remove(folder, lab)
            folder.mkdir()
            yield folder
        finally:
            _remove(folder, lab)
            folder.with_suffix(".lock").unlink()


def _remove(folder: Path, lab: Lab) -> None:
    # The kernel ends what runs in there a moment after its first process.
    deadline = time.monotonic() + 10
    while _in_use(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    # The mounts in it were those of a namespace that is gone: nothing else can be deleted by this.
    mounts = Path("/proc/self/mountinfo").read_text()
    if f" {folder}/" in mounts:
        raise LabError(f"{folder}: something is mounted there, so it is not deleted. Unmount it first.")
    if folder.exists():
        shutil.rmtree(folder)
    cgroups.remove(lab)


def _in_use(folder: Path) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "root").readlink().is_relative_to(folder):
                return True
    return False


def _bootstrap(suite: str, root: Path, folder: Path) -> None:
    options = folder / "apt.conf"
    options.write_text(host.apt_options())
    sources = folder / f"{suite}.sources"
    sources.write_text(host.apt_sources(suite))
    # Without a source of its own mmdebstrap takes Debian's.
    mirror = [sources] if sources.read_text() else []
    made = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={INCLUDED}", f"--aptopt={options}"]
    _run(*made, suite, root, *mirror)


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LabError(f"{command[0]}: {host.without_addresses(reason)}")


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fresh", description=__doc__)
    parser.add_argument("debian", nargs="*", metavar="12|13", help="these only (default: both)")
    wanted = parser.parse_args().debian or list(DEBIANS)
    if unknown := [name for name in wanted if name not in DEBIANS]:
        show(f"DEBIAN={unknown[0]}: not a Debian that is tried. Write one of {', '.join(DEBIANS)}.")
        return 1
    if os.geteuid() != 0:
        show("root: `make fresh` makes a root file system, mounts and a lab. Run it with sudo.")
        return 1
    signal.signal(signal.SIGTERM, _interrupt)
    if subprocess.run(["git", "-C", PROJECT, "diff", "--quiet", "HEAD"], check=False).returncode:
        show("The last commit is tried, without the changes that are not committed.")
    try:
        if not shutil.which("mmdebstrap"):
            packages.ensure(["mmdebstrap"])
        for debian in wanted:
            fresh(debian)
            show(f"✓ Debian {debian}: make test, make up, four workloads Ready, make down, nothing left")
    except LabError as error:
        if not was_shown(error):
            show(str(error))
        return 1
    except KeyboardInterrupt:
        show("Stopped; nothing is left.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
