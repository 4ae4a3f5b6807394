"""Everything on the machine that belongs to a lab, found by looking: `down` removes it and looks again."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.node import cgroups, netns
from lab.node.processes import Identity, identify
from lab.paths import Lab

# Fixed places outside the lab's folder that containerd, CNI and kubelet write to.
_CNI_RESULTS = Path("/var/lib/cni/results")
_CONTAINER_LOGS = Path("/var/log/containers")
_SHIM_SOCKETS = Path("/run/containerd/s")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins/kubelet.sock")


def leftovers(lab: Lab) -> list[str]:
    """One line for each process, mount, namespace, cgroup and file of the lab; empty when nothing is left."""
    found = [f"process {identity.pid}: {_command(identity.pid)}" for identity in processes(lab)]
    found += [f"mount {path}" for path in mounts(lab)]
    found += [f"network namespace {lab.netns_path}"] if lab.netns_path.exists() else []
    found += [f"cgroup {path}" for path in cgroups.roots(lab)]
    found += [f"file {path}" for path in files(lab)]
    found += [f"folder {lab.root}"] if lab.root.exists() else []
    return found


def remove(lab: Lab) -> None:
    """Remove it all, in the order that works: processes, mounts, namespaces, cgroups, files, the folder."""
    end_processes(lab)
    outside = list(files(lab))
    unmount(lab)
    netns.delete(lab)
    cgroups.remove(lab)
    for path in outside:
        path.unlink(missing_ok=True)
    _prune_shared()
    shutil.rmtree(lab.root, ignore_errors=True)


def processes(lab: Lab) -> list[Identity]:
    """The lab's processes: those in its cgroup or in its network.

    The calling process and those that started it are never among them.
    """
    found = (cgroups.pids(lab) | netns.pids(lab)) - _own_line()
    return [identity for pid in sorted(found) if (identity := identify(pid))]


def end_processes(lab: Lab, seconds: float = 10) -> None:
    """SIGKILL until none is left: a container may start one while its siblings end."""
    deadline = time.monotonic() + seconds
    while (remaining := processes(lab)) and time.monotonic() < deadline:
        for identity in remaining:
            identity.kill()
        time.sleep(0.02)


def mounts(lab: Lab) -> list[Path]:
    """Mount points in the lab's folder, innermost first."""
    inside = f"{lab.root.resolve()}/"
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # A path's odd characters are octal escapes; a lab's paths have none.
    points = [line.split()[4] for line in lines]
    return [Path(point) for point in reversed(points) if point.startswith(inside)]


def unmount(lab: Lab) -> None:
    """Unmounts everything below the lab's folders."""
    for point in mounts(lab):
        # Lazily: a process of someone else may look into it.
        subprocess.run(["umount", "--lazy", str(point)], capture_output=True, check=False)


def files(lab: Lab) -> Iterator[Path]:
    """What the lab's programs wrote outside its folder. Ask while the folder, which names some, is there."""
    ours = re.compile(rf"{re.escape(lab.netns)}-([0-9a-f]{{64}})-eth0")
    for path in _children(_CNI_RESULTS):
        if pod := ours.fullmatch(path.name):
            yield path
            loopback = _CNI_RESULTS / f"cni-loopback-{pod.group(1)}-lo"
            if loopback.exists():
                yield loopback
    inside = f"{lab.root.resolve()}/"
    yield from (
        path
        for path in _children(_CONTAINER_LOGS)
        if path.is_symlink() and str(path.readlink()).startswith(inside)
    )
    # Each task's folder keeps the address of its shim's socket.
    addresses = (lab.root / "containerd" / "state").glob("io.containerd.runtime.v2.task/*/*/address")
    sockets = {Path(address.read_text().strip().removeprefix("unix://")) for address in addresses}
    yield from (path for path in sockets if path.parent == _SHIM_SOCKETS and path.exists())


def _prune_shared() -> None:
    """Remove what labs share: a socket that nobody listens on any more, and folders that are empty."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(_DEVICE_PLUGINS))
        except ConnectionRefusedError:
            _DEVICE_PLUGINS.unlink()
    for place in (_DEVICE_PLUGINS.parent, _CNI_RESULTS, _CONTAINER_LOGS, _SHIM_SOCKETS):
        with suppress(OSError):
            place.rmdir()
            if place != _CONTAINER_LOGS:
                place.parent.rmdir()


def _children(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def _own_line() -> set[int]:
    """This process and its ancestors."""
    line, pid = set(), os.getpid()
    while pid > 1:
        line.add(pid)
        stat = Path(f"/proc/{pid}/stat").read_text()
        pid = int(stat.rpartition(")")[2].split()[1])
    return line


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120]
    return "gone"
