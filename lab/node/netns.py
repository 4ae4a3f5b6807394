"""The lab's network namespace: the node's own network, where every component listens.

The host's routes and packet filter stay as they are; what kube-proxy and CNI write vanishes with it.
Programs enter it with `nsenter --net`, not `ip netns exec`: that one remounts /sys without the cgroups.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.paths import Lab

NODE_ADDRESS = "10.200.0.1"

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

# kube-apiserver and kubelet look for a default route to learn their address; nothing leaves through loopback.
_SETUP = f"""
ip link set lo up
ip address replace {NODE_ADDRESS}/32 dev lo
ip route replace default dev lo
sysctl -qw net.ipv4.ip_forward=1
"""


def exists(lab: Lab) -> bool:
    """True when the path is a mounted namespace, which is on another file system than its folder."""
    try:
        return lab.netns_path.stat().st_dev != lab.netns_path.parent.stat().st_dev
    except OSError:
        return False


def create(lab: Lab) -> None:
    """Have the namespace, set up."""
    if not exists(lab):
        # After a machine restart the name may be left as an empty file.
        lab.netns_path.unlink(missing_ok=True)
        subprocess.run(["ip", "netns", "add", lab.netns], check=True)
    subprocess.run([*inside(lab), "sh", "-ec", _SETUP], check=True)


def delete(lab: Lab) -> None:
    """Deletes the network namespace, if it is there."""
    if exists(lab):
        subprocess.run(["ip", "netns", "delete", lab.netns], check=True)
    lab.netns_path.unlink(missing_ok=True)


def inside(lab: Lab) -> list[str]:
    """The start of a command line that runs the rest of it in the namespace."""
    return ["nsenter", f"--net={lab.netns_path}", "--"]


def enter(path: Path) -> None:
    """Move the calling thread into a network namespace; sockets that exist keep theirs."""
    with path.open("rb") as file:
        # os.setns comes with Python 3.12.
        if _libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))


@contextmanager
def entered(lab: Lab) -> Iterator[None]:
    """Run the body's own thread inside the lab's namespace, so that it reaches the components' ports."""
    # Opened, not named: the way back is the namespace as it is now.
    with Path("/proc/thread-self/ns/net").open("rb") as back:
        enter(lab.netns_path)
        try:
            yield
        finally:
            enter(Path(f"/proc/self/fd/{back.fileno()}"))


def pids(lab: Lab) -> set[int]:
    """Every process whose network is the lab's node: which a cgroup may not show (another tool's nsenter)."""
    if not exists(lab):
        return set()
    inode = lab.netns_path.stat().st_ino
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "ns/net").stat().st_ino == inode:
                found.add(int(entry.name))
        except OSError:
            continue
    return found
