"""What belongs to a lab is found, and what belongs to its neighbour is not."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from lab.node import cgroups, leftovers, netns
from lab.paths import Lab

POD = "a" * 64
OTHER = "b" * 64


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The places outside a lab's folder, in a folder of the test's own."""
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path / "state"))
    places = {
        "_CNI_RESULTS": tmp_path / "cni" / "results",
        "_CONTAINER_LOGS": tmp_path / "log" / "containers",
        "_SHIM_SOCKETS": tmp_path / "containerd" / "s",
        "_DEVICE_PLUGINS": tmp_path / "kubelet" / "device-plugins" / "kubelet.sock",
    }
    for name, place in places.items():
        monkeypatch.setattr(leftovers, name, place)
        (place.parent if place.suffix else place).mkdir(parents=True)
    return tmp_path


def test_network_results_of_a_lab_are_not_those_of_one_whose_name_begins_alike(shared: Path) -> None:
    results = shared / "cni" / "results"
    names = [f"keda-homelab-lab-{POD}-eth0", f"cni-loopback-{POD}-lo"]
    others = [f"keda-homelab-lab-two-{OTHER}-eth0", f"cni-loopback-{OTHER}-lo", "someone-else"]
    for name in names + others:
        (results / name).touch()
    assert sorted(path.name for path in leftovers.files(Lab("lab"))) == sorted(names)


def test_log_links_are_told_by_where_they_lead(shared: Path) -> None:
    links = shared / "log" / "containers"
    for name in ("lab", "lab-two"):
        (links / f"{name}.log").symlink_to(Lab(name).root / "pods" / "0.log")
    (links / "foreign.log").symlink_to("/var/log/pods/0.log")
    assert list(leftovers.files(Lab("lab"))) == [links / "lab.log"]


def test_shim_sockets_are_those_its_tasks_name(shared: Path) -> None:
    task = Lab("lab").root / "containerd/state/io.containerd.runtime.v2.task/k8s.io" / POD
    task.mkdir(parents=True)
    ours, foreign = shared / "containerd" / "s" / "1", shared / "containerd" / "s" / "2"
    ours.touch()
    foreign.touch()
    (task / "address").write_text(f"unix://{ours}")
    assert list(leftovers.files(Lab("lab"))) == [ours]


def test_removing_an_absent_lab_leaves_a_living_kubelets_socket(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shared / "kubelet" / "device-plugins" / "kubelet.sock"
    monkeypatch.chdir(path.parent)  # a socket's address is short, a test's folder is not
    with socket.socket(socket.AF_UNIX) as kubelet:
        kubelet.bind(path.name)
        kubelet.listen()
        monkeypatch.setattr(leftovers, "_DEVICE_PLUGINS", Path(path.name).resolve().relative_to(Path.cwd()))
        leftovers._prune_shared()
        assert path.exists()
    leftovers._prune_shared()
    assert not path.exists()


def test_an_absent_lab_has_no_leftovers(shared: Path) -> None:
    assert leftovers.leftovers(Lab("nobody-made-this")) == []


def test_a_folder_alone_is_a_leftover_and_goes(shared: Path) -> None:
    lab = Lab("half-made")
    (lab.root / "pki.half").mkdir(parents=True)
    assert leftovers.leftovers(lab) == [f"folder {lab.root}"]
    leftovers.remove(lab)
    assert leftovers.leftovers(lab) == []


def test_the_command_that_looks_is_never_among_the_labs_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "pids", lambda lab: {os.getpid(), os.getppid()})
    assert leftovers.processes(Lab("nobody-made-this")) == []


def test_a_cgroup_that_goes_while_the_lab_is_removed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubepods" / "pod" / "container").mkdir(parents=True)
    scandir, gone = os.scandir, tmp_path / "kubepods" / "pod"

    def scan(path: Any) -> Any:
        if os.fspath(path) == os.fspath(gone):
            raise FileNotFoundError(path)
        return scandir(path)

    monkeypatch.setattr(cgroups, "roots", lambda lab: [tmp_path])
    lab = Lab("any")
    assert list(cgroups.folders(lab)) == [gone / "container", gone, gone.parent, tmp_path]
    monkeypatch.setattr(os, "scandir", scan)
    assert list(cgroups.folders(lab)) == [gone.parent, tmp_path]
