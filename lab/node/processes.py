"""The lab's host processes: started once, recorded by an identity that no reused pid can take over.

A process is started through a small shell that joins the lab's cgroup, writes its own identity and then
becomes the program. So no program of ours ever runs unrecorded, even if `up` is killed meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lab.node import netns
from lab.node.cgroups import tracking_path
from lab.paths import Lab

# $0 is the record, $1 the digest of the specification, $2 the cgroup; the rest is the command.
# Field 22 of stat is the start time; the program's name, field 2, may hold spaces, so cut what is before it.
_LAUNCHER = """
record=$0 digest=$1 cgroup=$2; shift 2
echo $$ >"$cgroup/cgroup.procs" || exit 125
stat=$(cat /proc/$$/stat); start=$(echo "${stat##*) }" | cut -d' ' -f20)
printf '{"pid": %s, "start": %s, "boot": "%s", "digest": "%s"}' \\
  $$ "$start" "$(cat /proc/sys/kernel/random/boot_id)" "$digest" >"$record.$$" || exit 125
mv "$record.$$" "$record" || exit 125
exec "$@"
"""


# Nothing of the caller's environment: a user's proxy or kubeconfig is not for the node. Its programs call
# iptables, mount, runc and the like, which a user's PATH may lack.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Identity:
    """A process for all time: a pid is reused, a pid with its start time (clock ticks since boot) is not."""

    pid: int
    start: int
    boot: str

    def alive(self) -> bool:
        """Whether this very process runs."""
        return self.boot == boot_id() and start_time(self.pid) == self.start

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the process unless it is gone: never another one that got its pid."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # Checked after the descriptor is held: from here on the pid cannot change hands.
            if self.alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class Program:
    """A host process of the lab: what to run, and the files whose change requires a restart."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    configuration: Sequence[Path] = ()
    in_namespace: bool = True

    def digest(self) -> str:
        """Changes with the command line, the environment and the content of the configuration."""
        content = [file.read_text() for file in self.configuration]
        text = json.dumps([list(self.argv), dict(self.env), content, self.in_namespace])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def boot_id() -> str:
    """The kernel's, new at each boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """The start time of a running process, None when there is none (or it is a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def record_path(lab: Lab, name: str) -> Path:
    """Where the identity of a program is kept."""
    return lab.root / "run" / f"{name}.json"


def log_path(lab: Lab, name: str) -> Path:
    """Standard output and error of a program."""
    return lab.logs / f"{name}.log"


def recorded(lab: Lab, name: str) -> tuple[Identity, str] | None:
    """The identity and specification digest last recorded under `name`."""
    try:
        data = json.loads(record_path(lab, name).read_text())
        return Identity(data["pid"], data["start"], data["boot"]), data["digest"]
    except (OSError, ValueError, KeyError):
        return None


def running(lab: Lab, name: str) -> Identity | None:
    """The identity of the live process recorded under `name`, if there is one in the lab's own namespace."""
    found = recorded(lab, name)
    return found[0] if found and found[0].alive() else None


def start(lab: Lab, program: Program) -> bool:
    """Have `program` running as specified: True when it had to be started.

    A live process that another specification started, or that is in a network namespace which was deleted and
    made again, is ended first.
    """
    digest = program.digest()
    if found := recorded(lab, program.name):
        identity, was = found
        if identity.alive():
            if was == digest and (not program.in_namespace or in_namespace_of(lab, identity.pid)):
                return False
            end([identity])
    enter = netns.inside(lab) if program.in_namespace else []
    record = record_path(lab, program.name)
    record.parent.mkdir(parents=True, exist_ok=True)
    lab.logs.mkdir(parents=True, exist_ok=True)
    with log_path(lab, program.name).open("ab") as log:
        child = subprocess.Popen(
            ["sh", "-c", _LAUNCHER, str(record), digest, str(tracking_path(lab)), *enter, *program.argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=lab.root,
            env={"PATH": _PATH, **program.env},
        )
    # Until the record names the child, a look at it would see its predecessor.
    deadline = time.monotonic() + 10
    while child.poll() is None and time.monotonic() < deadline:
        if (found := recorded(lab, program.name)) and found[0].pid == child.pid:
            break
        time.sleep(0.01)
    return True


def in_namespace_of(lab: Lab, pid: int) -> bool:
    """Whether the process is in the lab's network namespace."""
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino == lab.netns_path.stat().st_ino
    except OSError:
        return False


def end(identities: Sequence[Identity], grace: float = 0) -> None:
    """End processes: SIGTERM and up to `grace` seconds for all of them together, then SIGKILL."""
    if grace:
        for identity in identities:
            identity.kill(signal.SIGTERM)
        _wait(identities, grace)
    for identity in identities:
        identity.kill()
    _wait(identities, 10)


def _wait(identities: Sequence[Identity], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(identity.alive() for identity in identities) and time.monotonic() < deadline:
        time.sleep(0.02)


def identify(pid: int) -> Identity | None:
    """The identity of a running process, None when it is gone."""
    started = start_time(pid)
    return None if started is None else Identity(pid, started, boot_id())


def last_lines(lab: Lab, name: str, count: int = 1) -> list[str]:
    """The last lines of a component's log: the reason of a failure in its own words."""
    try:
        text = log_path(lab, name).read_bytes()[-16384:].decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]
