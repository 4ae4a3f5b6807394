"""What a lab needs of its machine: each fault is found, and is one line with a remedy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lab import machine
from lab.node import cgroups, forward, processes, programs
from lab.paths import Lab
from lab.toolchain import packages, tools, versions

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try what the kernel refuses")


@pytest.fixture(autouse=True)
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that has everything, whatever this one is: each test takes one thing away."""
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path))
    monkeypatch.setenv("KEDA_HOMELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    status = "CapEff:\t000001ffffffffff\n"
    monkeypatch.setattr(machine, "_text", lambda file: status if file.name == "status" else file.read_text())
    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(tools, "locate", lambda tool: tools.Found(Path("/bin/true"), "PATH"))
    monkeypatch.setattr(cgroups, "missing_controllers", list)
    monkeypatch.setattr(cgroups, "hierarchies", list)
    monkeypatch.setattr(machine, "kernel_faults", lambda state: [])
    monkeypatch.setattr(machine, "_node", lambda: iter(()))
    monkeypatch.setattr(machine, "_root_folder", lambda: iter(()))


def only() -> str:
    """The one line that is wrong, in the form that every one has: a subject, the reason, a remedy."""
    [line] = machine.faults("unit")
    assert re.fullmatch(r"[A-Za-z/. -]+( in /\S+)?: [^\n]+\.( [^\n]+)+", line)
    return line


def test_a_machine_that_has_everything_has_no_fault() -> None:
    assert machine.faults("unit") == []


def test_another_system_is_refused_with_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert only().startswith("Linux: this is darwin") and "CLUSTER=<context>" in only()


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PYTHON", (3, 99))
    assert re.match(r"Python: this is 3\.\d+, and the project needs 3\.99 or newer\.", only())


def test_without_root_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert only().endswith("Run the command with sudo.")


def test_a_root_without_privileges_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Docker leaves to root in an ordinary container.
    monkeypatch.setattr(machine, "_text", lambda file: "CapEff:\t00000000a80425fb\n")
    assert "lacks CAP_NET_ADMIN, CAP_SYS_ADMIN," in only()


def test_packages_are_no_fault_where_they_can_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", lambda: ["procps"])
    monkeypatch.setattr(packages, "installable", lambda: True)
    monkeypatch.setattr(machine, "default_route", lambda: True)
    assert machine.faults("unit") == []


def test_packages_are_named_where_nobody_may_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", lambda: ["mount", "procps"])
    monkeypatch.setattr(packages, "installable", lambda: True)
    monkeypatch.setattr(machine, "default_route", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    line = machine.faults("unit")[1]
    assert line.endswith("Install them as root: apt-get install --no-install-recommends mount procps")


def test_on_another_distribution_the_files_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", lambda: ["containernetworking-plugins"])
    monkeypatch.setattr(packages, "installable", lambda: False)
    monkeypatch.setattr(packages, "there", lambda file: "loopback" in file)
    monkeypatch.setattr(machine, "default_route", lambda: True)
    line = only()
    assert line.startswith("packages: the Debian packages containernetworking-plugins are missing")
    assert line.endswith("Files: /usr/lib/cni/host-local, /usr/lib/cni/ptp.")


def test_a_missing_controller_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "missing_controllers", lambda: ["pids", "freezer"])
    assert only().startswith("cgroups: no pids, freezer in /sys/fs/cgroup")


def test_read_only_cgroups_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [Path("/proc/self/ns")])
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert only().startswith("cgroups: /sys/fs/cgroup is mounted read-only")


def test_too_little_disk_names_place_and_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(0, 0, machine.GIB))  # type: ignore[attr-defined]
    need = machine.RUN_DISK / machine.GIB
    assert only().startswith(f"disk: 1.0 GiB are free in {tmp_path}, and the lab needs {need:.1f} GiB.")
    monkeypatch.setattr(tools, "locate", lambda tool: None if tool.group else tools.Found(Path(), ""))
    monkeypatch.setattr(machine, "default_route", lambda: True)
    more = (machine.RUN_DISK + machine.BUILD_DISK) / machine.GIB
    assert f"the lab needs {more:.1f} GiB." in only()
    # An interrupted build has written most of it.
    monkeypatch.setattr(machine, "_size", lambda folder: machine.RUN_DISK + machine.BUILD_DISK)
    assert machine.faults("unit") == []


def test_too_little_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "RUN_MEMORY", 1 << 60)
    assert only().startswith("memory: ")


def test_a_running_lab_has_its_disk_and_memory_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "RUN_MEMORY", 1 << 60)
    monkeypatch.setattr(processes, "running", lambda lab, name: processes.Identity(1, 1, ""))
    assert machine.faults("unit") == []


def test_no_way_out_is_a_fault_when_something_must_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "default_route", lambda: False)
    assert machine.faults("unit") == []
    monkeypatch.setattr(tools, "locate", lambda tool: None if tool.group else tools.Found(Path(), ""))
    assert only().startswith("network: this machine has no default route")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert machine.faults("unit") == []


def test_all_faults_are_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(cgroups, "missing_controllers", lambda: ["pids"])
    monkeypatch.setattr(machine, "RUN_MEMORY", 1 << 60)
    assert [line.partition(":")[0] for line in machine.faults("unit")] == ["root", "cgroups", "memory"]


def test_too_few_inotify_instances_are_a_fault() -> None:
    assert list(machine._inotify(count=1)) == []
    [line] = machine._inotify(count=10**6)
    assert re.fullmatch(
        r"inotify: \d+ of \d+ instances are in use, and a lab needs 1000000: its kubelet ends with "
        r'"too many open files"\. Run `sysctl fs\.inotify\.max_user_instances=\d+`\.',
        line,
    )


def test_taken_ports_are_a_fault() -> None:
    assert list(machine._ports(count=1)) == []
    [line] = machine._ports(count=201)
    assert line.startswith("ports: of 200 tried on 127.0.0.1 from 20000 to 32767, fewer than 201 are free")


def test_the_ports_are_enough_for_a_lab() -> None:
    wanted, attempts = machine._ports.__defaults__ or (0, 0)
    assert len(forward.TARGETS) < wanted < attempts


def test_a_command_that_finds_faults_prints_them_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.main([]) == 0
    assert machine.main(["--name", "UPPER"]) == 1
    assert capsys.readouterr().err.startswith("LAB: 'UPPER' cannot name a lab")


@AS_ROOT
def test_nothing_of_the_trial_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    assert machine.kernel_faults(tmp_path / "labs") == []
    assert list(tmp_path.iterdir()) == []


@AS_ROOT
def test_what_the_kernel_refuses_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(machine, "_RULES", ("-A OUTPUT -m nothing", "-A OUTPUT -j ACCEPT"))
    trial = machine._trial().replace("type veth", "type nothing").replace("lowerdir=lower", "lowerdir=absent")
    monkeypatch.setattr(machine, "_trial", lambda: trial)
    lines = machine.kernel_faults(tmp_path)
    assert [line.partition(":")[0] for line in lines] == [
        "iptables",
        "virtual Ethernet devices",
        f"overlay file system in {tmp_path}",
    ]
    assert "-m nothing: " in lines[0]


class TestNode:
    """A kubelet of somebody else makes the machine a node; a lab's, and one in a container, do not."""

    @pytest.fixture(autouse=True)
    def looking(self, monkeypatch: pytest.MonkeyPatch, healthy: None) -> None:
        monkeypatch.undo()

    @pytest.fixture
    def kubelet(self, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
        program = tmp_path / "kubelet"
        shutil.copy("/bin/sleep", program)
        with subprocess.Popen([program, "60"]) as process:
            folder, deadline = Path(f"/proc/{process.pid}"), time.monotonic() + 10

            def started() -> bool:
                # The kernel sets the name first, and the command line a moment later.
                return (folder / "comm").read_text() == "kubelet\n" and bool(
                    (folder / "cmdline").read_bytes()
                )

            while not started() and time.monotonic() < deadline:
                time.sleep(0.01)
            yield process
            process.kill()

    def test_a_foreign_kubelet_is_refused(self, kubelet: subprocess.Popen[bytes]) -> None:
        [line] = machine._node()
        assert line.startswith("node: kubelet (process ") and "so this machine is a Kubernetes node" in line

    def test_a_kubelet_that_has_ended_is_none(self, kubelet: subprocess.Popen[bytes]) -> None:
        kubelet.kill()
        os.waitid(os.P_PID, kubelet.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        assert list(machine._node()) == []

    def test_a_labs_kubelet_is_none(
        self, kubelet: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = machine._text
        in_a_lab = "4:freezer:/keda-homelab-test/system\n"
        monkeypatch.setattr(machine, "_text", lambda file: in_a_lab if file.name == "cgroup" else read(file))
        assert list(machine._node()) == []

    def test_a_kubelet_in_a_container_is_none(
        self, kubelet: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(machine, "_namespace", lambda pid: pid)
        assert list(machine._node()) == []

    @pytest.mark.parametrize(
        ("files", "agent"),
        [
            ({"comm": "k3s-server\n", "cmdline": "/usr/local/bin/k3s\0server"}, "k3s-server"),
            ({"comm": "containerd\n"}, ""),
            ({"comm": "containerd-shim\n", "cmdline": "shim\0-namespace\0moby\0-id\0a"}, ""),
            ({"comm": "containerd-shim\n", "cmdline": "shim\0-namespace\0k8s.io\0"}, "containerd with pods"),
        ],
    )
    def test_what_makes_a_machine_a_node(self, files: dict[str, str], agent: str, tmp_path: Path) -> None:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        assert machine._agent(tmp_path) == agent


class TestRoute:
    """The kernel's tables, as route(8) reads them."""

    IPV4 = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    TABLES: ClassVar[Mapping[str, tuple[str, str, bool]]] = {
        "none": (IPV4, "", False),
        "a network only": (IPV4 + "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", "", False),
        "IPv4": (IPV4 + "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", "", True),
        "IPv6": (IPV4, f"{'0' * 32} 00 {'0' * 32} 00 fe80 00000400 1 0 00000003 eth0\n", True),
        # What the kernel has where there is no other one.
        "IPv6 refused": (IPV4, f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 1 0 00200200 lo\n", False),
    }

    @pytest.mark.parametrize(("ipv4", "ipv6", "expected"), TABLES.values(), ids=TABLES)
    def test_a_default_route(
        self, ipv4: str, ipv6: str, expected: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = {"/proc/net/route": ipv4, "/proc/net/ipv6_route": ipv6}
        monkeypatch.setattr(machine, "_text", lambda file: answers[str(file)])
        assert machine.default_route() is expected


def test_the_plugins_of_the_pod_network_are_files_of_a_package() -> None:
    """A program of a plugin's name on PATH is another one: iproute2 has a `bridge`."""
    lab = Lab("unit")
    network: dict[str, Any] = programs.pod_network(lab)
    named = {plugin["type"] for plugin in network["plugins"]}
    named |= {plugin["ipam"]["type"] for plugin in network["plugins"]} | {"loopback"}
    [folder] = re.findall(r'bin_dir = "(.*)"', programs.containerd(lab))
    files = versions.load().debian["containernetworking-plugins"]
    assert sorted(files) == sorted(f"{folder}/{name}" for name in named)


def test_a_package_is_there_when_all_its_files_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin" / "ip").touch()
    files = [f"{tmp_path}/*bin/ip", f"{tmp_path}/lib/ptp"]
    fake = versions.Versions({}, {}, (), {"one": files[:1], "both": files}, "", "")
    monkeypatch.setattr(versions, "load", lambda: fake)
    assert packages.missing() == ["both"]
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "ptp").touch()
    assert packages.missing() == []
