"""What a lab needs of its machine, looked at before anything is downloaded, installed or built.

`python3 -m lab.machine` needs the standard library only: `make up` runs it before it makes its virtual
environment. All faults are found at once, a line each: what, why it matters to a lab, what to do.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PYTHON = (3, 11)
GIB = 1 << 30

# Measured on 2 cores, docs/lab.md: what a lab with its four workloads and their load holds, and what building
# every tool adds. Memory includes no page cache.
RUN_MEMORY, BUILD_MEMORY = 2 * GIB, 3 * GIB
RUN_DISK, BUILD_DISK = 3 * GIB, 12 * GIB

# Bits of CapEff (capabilities(7)): containers need devices, mounts, networks and changed roots.
_CAPABILITIES = {12: "CAP_NET_ADMIN", 18: "CAP_SYS_CHROOT", 21: "CAP_SYS_ADMIN", 27: "CAP_MKNOD"}

# As /proc shows them: MicroK8s' and k3s' single programs contain a kubelet.
_NODE_AGENTS = frozenset({"kubelet", "kubelite", "k3s", "k3s-server", "k3s-agent"})

# Rules as kube-proxy writes them (pkg/proxy/iptables/proxier.go), one for each kernel module behind them.
_RULES = (
    "-t nat -A POSTROUTING -m comment --comment lab -j MASQUERADE",
    "-t nat -A OUTPUT -m addrtype --dst-type LOCAL -j MARK --or-mark 0x4000",
    "-t nat -A OUTPUT -m mark --mark 0x4000/0x4000 -p tcp -j DNAT --to-destination 127.0.0.1:1",
    "-t nat -A OUTPUT -m statistic --mode random --probability 0.5 -j RETURN",
    "-t filter -A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "-t filter -A OUTPUT -p tcp -j REJECT",
)


def faults(name: str) -> list[str]:
    """Why lab `name` cannot run on this machine; empty when it can. Takes about a second, changes nothing."""
    if sys.platform != "linux":
        return [
            f"Linux: this is {sys.platform}, and a lab is made of Linux namespaces and cgroups. "
            "Use a Linux machine, or a cluster of your own: make up CLUSTER=<context>."
        ]
    if not Path("/proc/self/status").exists():
        return ["/proc: not mounted, so the machine cannot be examined. Run `mount -t proc proc /proc`."]
    found = list(_python())
    if found:
        # The rest of the lab's modules does not even load.
        return found
    from lab import paths
    from lab.node import processes

    lab = paths.Lab(name)
    found += [*_root(), *_packages(), *_cgroups(), *_node(), *_root_folder(), *_ports()]
    if os.geteuid() == 0:
        found += kernel_faults(lab.root.parent)
    if not processes.running(lab, "kube-apiserver"):
        # A running lab holds its share already.
        found += [*_inotify(), *_space(lab.root), *_memory(), *_route()]
    return found


def kernel_faults(state: Path) -> list[str]:
    """What the kernel refuses of what containers and Services need, tried in namespaces of their own.

    Nothing is tried while a package is missing: call it again when they are installed. Needs root.

    state: the folder of all labs, whose file system containers' layers will be on.
    """
    from lab.toolchain import packages

    if packages.missing():
        return []
    existing = next(folder for folder in (state, *state.parents) if folder.exists())
    with tempfile.TemporaryDirectory(prefix=".keda-homelab-trial-", dir=existing) as folder:
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--", "sh", "-c", _trial(), "sh", folder],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    if done.returncode:
        return [
            f"namespaces: the kernel refuses new mount and network namespaces ({_last(done.stderr)}), "
            "and a lab lives in them. Run it outside of a container, or in a privileged one."
        ]
    remedies = {
        "overlay": f"overlay file system in {existing}: %s. Containers are made of such mounts. Run "
        "`modprobe overlay`, or name another folder in KEDA_HOMELAB_STATE if that one is an overlay itself.",
        "veth": "virtual Ethernet devices: %s. Pods have no network without them. Run `modprobe veth`.",
        "forward": "net.ipv4.ip_forward: %s. Pods cannot be reached without it. Mount /proc/sys read-write.",
        "iptables": "iptables: %s. kube-proxy writes such rules for every Service. "
        "Use a kernel with this netfilter module.",
    }
    lines = [line.split("\t", 1) for line in done.stdout.splitlines()]
    return [remedies[feature] % reason for feature, reason in dict(reversed(lines)).items()]


def _trial() -> str:
    rules = "\n".join(f"try iptables iptables -w 5 {rule}" for rule in _RULES)
    return f"""
    try() {{ feature=$1; shift; words=$("$@" 2>&1) || printf '%s\\t%s: %s\\n' "$feature" "$*" \\
      "$(printf '%s' "$words" | tail -n 1)"; }}
    cd "$1" && mkdir lower upper work merged || exit 1
    try overlay mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
    try veth ip link add name lab0 type veth peer name lab1
    try forward sysctl -qw net.ipv4.ip_forward=1
    {rules}
    exit 0
    """


def _python() -> Iterator[str]:
    if sys.version_info < PYTHON:
        running, least = (".".join(map(str, version[:2])) for version in (sys.version_info, PYTHON))
        yield (
            f"Python: this is {running}, and the project needs {least} or newer. "
            f"Install it and name it: make up PYTHON=python{least}."
        )


def _root() -> Iterator[str]:
    if os.geteuid() != 0:
        yield "root: a lab makes network namespaces, mounts and cgroups. Run the command with sudo."
        return
    status = _text(Path("/proc/self/status"))
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    if lacking := [name for bit, name in _CAPABILITIES.items() if not effective >> bit & 1]:
        yield (
            f"root: this process lacks {', '.join(lacking)}, which containers need. "
            "Run it outside of a container, or in a privileged one."
        )


def _packages() -> Iterator[str]:
    """Only what cannot be installed on the way: root has apt-get do it where there is one."""
    from lab.toolchain import packages, tools, versions

    table = versions.load()
    old = {tool.debian for tool in table.tools.values() if tool.debian and not tools.locate(tool)}
    wanted = sorted(old | set(packages.missing()))
    if not wanted or (os.geteuid() == 0 and packages.installable()):
        return
    if packages.installable():
        yield (
            f"packages: {' '.join(wanted)} missing. Install them as root: {packages.install_command(wanted)}"
        )
        return
    files = sorted(file for name in wanted for file in table.debian[name] if not packages.there(file))
    needs = f" Files: {', '.join(file.replace('*', 's') for file in files)}." if files else ""
    yield (
        f"packages: the Debian packages {' '.join(wanted)} are missing, and this system has no apt-get. "
        f"Install what it offers in their place.{needs}"
    )


def _cgroups() -> Iterator[str]:
    from lab.node import cgroups

    if lacking := cgroups.missing_controllers():
        yield (
            f"cgroups: no {', '.join(lacking)} in /sys/fs/cgroup, so kubelet cannot start. "
            "Mount them, or boot with cgroup_enable=memory where it is only switched off."
        )
    elif os.geteuid() == 0 and not all(os.access(path, os.W_OK) for path in cgroups.hierarchies()):
        yield (
            "cgroups: /sys/fs/cgroup is mounted read-only, so pods cannot be made. "
            "Run the lab outside of a container, or in a privileged one."
        )
    if not Path("/dev/kmsg").exists():
        yield "/dev/kmsg: missing, and kubelet does not start without it. Give the container this device."


def _node() -> Iterator[str]:
    """A Kubernetes node of somebody else; nodes in containers (kind, k3d) and labs do not count."""
    here = _namespace("self")
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            agent = _agent(folder)
            if agent and _namespace(folder.name) == here and "/keda-homelab-" not in _text(folder / "cgroup"):
                yield (
                    f"node: {agent} (process {folder.name}) runs here, so this machine is a Kubernetes node, "
                    "and a second kubelet would share its folders. Use another machine, or that cluster "
                    "itself: make up CLUSTER=<context>."
                )
                return


def _agent(folder: Path) -> str:
    """The name of a process that makes a machine a node: a kubelet, or the parent of a pod's container."""
    name = _text(folder / "comm").strip()
    if name in _NODE_AGENTS:
        # A process that has ended and is not reaped yet has no command line, and is in no lab's cgroup.
        return name if _text(folder / "cmdline") else ""
    # An idle containerd, and Docker's, is not a node: what counts is a pod, and pods are in this namespace.
    arguments = _text(folder / "cmdline").split("\0") if name.startswith("containerd-shim") else []
    return "containerd with pods" if "k8s.io" in arguments else ""


def _namespace(pid: str) -> str:
    return str(Path(f"/proc/{pid}/ns/pid").readlink())


def _text(file: Path) -> str:
    return file.read_text(errors="replace")


def _root_folder() -> Iterator[str]:
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    if not any(line.split()[4] == "/" for line in mounts):
        yield (
            "chroot: its root folder is not a mount point, and kubelet measures disks by their mount points. "
            "Bind it to itself before: mount --bind FOLDER FOLDER."
        )


def _ports(count: int = 12, attempts: int = 200) -> Iterator[str]:
    """A lab leads fewer than `wanted` ports of the loopback into its network (lab/node/forward.py)."""
    free, reason = 0, "no reason given"
    for port in random.sample(range(20000, 32768), attempts):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                free += 1
            except OSError as error:
                reason = error.strerror or reason
        if free == count:
            return
    yield (
        f"ports: of {attempts} tried on 127.0.0.1 from 20000 to 32767, fewer than {count} are free "
        f"({reason}), and the cluster is reached through them. "
        "Run `ip link set lo up`, or end what holds them."
    )


def _inotify(count: int = 40) -> Iterator[str]:
    """A lab's kubelet, containerd and pods watch files, by 26 instances when nothing is scaled."""
    limit = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    used = 0
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            used += str(descriptor.readlink()) == "anon_inode:inotify"
    if limit - used < count:
        yield (
            f"inotify: {used} of {limit} instances are in use, and a lab needs {count}: its kubelet ends "
            f'with "too many open files". Run `sysctl fs.inotify.max_user_instances={max(512, 2 * limit)}`.'
        )


def _building() -> float:
    """The share of the tools, by building time, that this machine would have to build: 0 to 1."""
    from lab.toolchain import tools, versions

    table = versions.load()
    needed = [tool for tool in table.tools.values() if tool.group and not tool.extra]
    groups = {tool.group.name for tool in needed if tool.group}
    absent = {tool.group.name for tool in needed if tool.group and not tools.locate(tool)}
    total = sum(table.groups[name].seconds for name in groups)
    return sum(table.groups[name].seconds for name in absent) / total


def _space(root: Path) -> Iterator[str]:
    """Free disk for what a lab writes (`root`) and what building needs (the cache), by file system."""
    from lab import paths

    needs: dict[int, tuple[Path, float]] = {}
    for folder, need in ((root, RUN_DISK), (paths.cache(), BUILD_DISK * _building())):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        place, before = needs.get(existing.stat().st_dev, (existing, 0.0))
        needs[existing.stat().st_dev] = (place, before + need)
    for place, need in needs.values():
        free = shutil.disk_usage(place).free
        # What an interrupted build left in the cache is not written again. Counted last: it takes seconds.
        if free < need and free + _size(paths.cache()) < need:
            yield (
                f"disk: {free / GIB:.1f} GiB are free in {place}, and the lab needs {need / GIB:.1f} GiB. "
                "Free some, or set KEDA_HOMELAB_STATE (labs) or KEDA_HOMELAB_CACHE (tools) to another folder."
            )


def _size(folder: Path) -> int:
    done = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0]) * 1024 if done.stdout else 0


def _memory() -> Iterator[str]:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = sum(int(lines[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree"))
    need, purpose = (BUILD_MEMORY, "building the tools") if _building() else (RUN_MEMORY, "the lab")
    if free < need:
        yield (
            f"memory: {free / GIB:.1f} GiB are available, and {purpose} needs {need / GIB:.1f} GiB. "
            "End other programs, or use a larger machine."
        )


def _route() -> Iterator[str]:
    """Downloads without a way out: read from the routing table, since each client has its own registries."""
    from lab.toolchain import packages

    if not _building() and not packages.missing():
        return
    proxied = any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"))
    if not proxied and not default_route():
        yield (
            "network: this machine has no default route and no proxy is set, and tools or packages must be "
            "downloaded from their registries. Connect it for the first `make up`."
        )


def default_route() -> bool:
    """Whether a default route leaves the machine (route(8)'s tables, IPv4 and IPv6)."""
    with suppress(OSError):
        for line in _text(Path("/proc/net/route")).splitlines()[1:]:
            device, destination, _, flags, *_, mask = line.split()[:8]
            if destination == mask == "00000000" and device != "lo" and int(flags, 16) & 1:
                return True
    with suppress(OSError):
        for line in _text(Path("/proc/net/ipv6_route")).splitlines():
            fields = line.split()
            if set(fields[0]) == {"0"} and fields[1] == "00" and fields[9] != "lo":
                return True
    return False


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def main(arguments: list[str] | None = None) -> int:
    """Prints what stands in the way of a lab on this machine; 1 if there is something."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.machine", description=__doc__.partition("\n")[0])
    parser.add_argument("--name", default="homelab", help="which lab (default: %(default)s)")
    try:
        found = faults(parser.parse_args(arguments).name)
    except ValueError as error:
        found = [str(error).replace("--name", "LAB", 1)]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
