"""The lab's cgroup: kubelet puts pods below it, and our own processes are in it to be found and ended.

With cgroup v1 every controller is a hierarchy of its own. Pods are in all of them; our own processes only
in `freezer`, which limits nothing, so that a caller's memory limit goes on holding. With v2 there is one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.paths import Lab

_MOUNT = Path("/sys/fs/cgroup")
_NEEDED = ("cpu", "cpuset", "memory", "pids")


def unified() -> bool:
    """True when the machine has cgroup v2 only, False for v1 or the hybrid layout."""
    return (_MOUNT / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """The mount point of each hierarchy the lab uses."""
    if unified():
        return [_MOUNT]
    return sorted(path.parent for path in _MOUNT.glob("*/cgroup.procs") if path.parent.name != "unified")


def missing_controllers() -> list[str]:
    """What kubelet needs and this machine lacks."""
    if unified():
        have = (_MOUNT / "cgroup.controllers").read_text().split()
        return [name for name in _NEEDED if name not in have]
    return [name for name in (*_NEEDED, "freezer") if not (_MOUNT / name / "cgroup.procs").exists()]


def tracking_path(lab: Lab) -> Path:
    """The cgroup of the lab's own host processes and of the containers' shims."""
    return (_MOUNT if unified() else _MOUNT / "freezer") / lab.cgroup / "system"


def create(lab: Lab) -> None:
    """Make the lab's cgroup in every hierarchy, as kubelet's `cgroupRoot` must exist before it starts."""
    for hierarchy in hierarchies():
        root = hierarchy / lab.cgroup
        root.mkdir(exist_ok=True)
        if unified():
            for folder in (hierarchy, root):
                (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in _NEEDED))
        elif hierarchy.name == "cpuset":
            # A new v1 cpuset is empty and takes no process until it has CPUs and memory nodes.
            for knob in ("cpuset.cpus", "cpuset.mems"):
                (root / knob).write_text((hierarchy / knob).read_text())
    tracking_path(lab).mkdir(exist_ok=True)


def roots(lab: Lab) -> list[Path]:
    """The lab's cgroup in each hierarchy that has it; runc also uses the empty v2 one of a hybrid layout."""
    found = [hierarchy / lab.cgroup for hierarchy in [*hierarchies(), _MOUNT / "unified"]]
    return [root for root in found if root.is_dir()]


def folders(lab: Lab) -> Iterator[Path]:
    """Every cgroup of the lab, children before their parents; one that goes meanwhile is left out."""
    for root in roots(lab):
        yield from (Path(folder) for folder, _, _ in os.walk(root, topdown=False))


def pids(lab: Lab) -> set[int]:
    """Every process in a cgroup of the lab: our own, the shims and the containers."""
    found: set[int] = set()
    for folder in folders(lab):
        with suppress(OSError):
            found.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
    return found


def remove(lab: Lab, seconds: float = 5) -> None:
    """Remove the lab's cgroups once their processes are gone: the kernel may need a moment to notice."""
    deadline = time.monotonic() + seconds
    while remaining := list(folders(lab)):
        for folder in remaining:
            with suppress(OSError):
                folder.rmdir()
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)
