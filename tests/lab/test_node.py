"""What the node's programs are told: command lines, files, certificates and ports."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import json
import socket
import ssl
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from lab.files import write_atomically
from lab.node import forward, images, netns, pki, programs
from lab.node.programs import Timing
from lab.paths import Lab

TOOLS: Mapping[str, Path] = {
    name: Path("/bin") / name
    for name in (
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "containerd",
        "kubelet",
        "kube-proxy",
        "crane",
    )
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path))
    return Lab("unit")


@pytest.fixture
def certificates(lab: Lab) -> Path:
    return pki.ensure(lab, pki.certificates("unit", netns.NODE_ADDRESS, programs.API_SERVICE_ADDRESS))


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def test_the_api_server_is_valid_under_every_address_it_is_called_by(certificates: Path) -> None:
    names = certificate(certificates, "apiserver").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert set(names.value.get_values_for_type(x509.DNSName)) == {
        "localhost",
        "unit",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    }
    addresses = ["127.0.0.1", netns.NODE_ADDRESS, programs.API_SERVICE_ADDRESS]
    assert names.value.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(one) for one in addresses]


def test_every_certificate_is_signed_by_its_authority(certificates: Path) -> None:
    for name, leaf in pki.certificates("unit", "10.0.0.1", "10.0.0.2").items():
        certificate(certificates, name).verify_directly_issued_by(certificate(certificates, leaf.issuer))


def test_a_strict_client_trusts_the_api_server(certificates: Path) -> None:
    """Python 3.13 verifies strictly by default (RFC 5280: key identifiers, key usage)."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificates / "apiserver.crt", certificates / "apiserver.key")
    client = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    ours = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    for _ in range(3):
        for side in (ours, theirs):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert ours.version() == "TLSv1.3"


def test_kubelet_is_the_node_it_registers(certificates: Path) -> None:
    subject = certificate(certificates, "kubelet").subject.rfc4514_string()
    assert subject == "CN=system:node:unit,O=system:nodes"


def test_keys_are_for_root_only(certificates: Path) -> None:
    keys = list(certificates.glob("*.key"))
    assert len(keys) == len(pki.certificates("", "10.0.0.1", "10.0.0.2")) + 3
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_certificates_are_made_once_and_whole(lab: Lab, certificates: Path) -> None:
    before = (certificates / "ca.crt").read_bytes()
    (lab.root / "pki.half").mkdir()
    assert pki.ensure(lab, {}) == certificates
    assert (certificates / "ca.crt").read_bytes() == before


def test_a_kubeconfig_is_complete_in_itself(lab: Lab, certificates: Path) -> None:
    pki.write_kubeconfig(lab.kubeconfig, certificates, "admin", "https://127.0.0.1:1", "unit")
    written = yaml.safe_load(lab.kubeconfig.read_text())
    assert written["current-context"] == "unit"
    assert written["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    user = written["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == (certificates / "admin.key").read_bytes()
    assert stat.S_IMODE(lab.kubeconfig.stat().st_mode) == 0o600


def test_an_equal_file_is_left_alone_and_no_half_of_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_atomically(path, "one")
    before = path.stat()
    write_atomically(path, "one")
    assert path.stat().st_mtime_ns == before.st_mtime_ns and path.stat().st_ino == before.st_ino
    write_atomically(path, "two")
    assert [entry.name for entry in path.parent.iterdir()] == ["file"] and path.read_text() == "two"


def test_two_labs_share_nothing_outside_the_namespace(lab: Lab) -> None:
    def everything(lab: Lab) -> list[str]:
        found = programs.programs(lab, TOOLS, Timing()).values()
        return [*programs.files(lab).values(), *(word for program in found for word in program.argv)]

    mine, other = everything(lab), everything(Lab("other"))
    assert [text.replace("unit", "other") for text in mine] == other
    for folder in ("root = ", "state = ", "address = ", "Root = "):
        assert f'{folder}"{lab.root}' in programs.containerd(lab)


def test_containerd_reads_its_configuration_as_meant(lab: Lab) -> None:
    parsed: dict[str, Any] = tomllib.loads(programs.containerd(lab))
    cri = parsed["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] and cri["netns_mounts_under_state_dir"]
    assert cri["sandbox_image"] in images.IMAGES


def test_every_image_comes_from_a_registry_that_is_mirrored(lab: Lab) -> None:
    mirrored = {path.parent.name for path in programs.files(lab) if path.name == "hosts.toml"}
    assert {reference.partition("/")[0] for reference in images.IMAGES} <= mirrored


def test_the_sockets_of_the_longest_name_fit_a_unix_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEDA_HOMELAB_STATE", raising=False)
    assert len(f"{programs.containerd_socket(Lab('x' * 24))}.ttrpc") < 108


def test_there_are_addresses_for_all_pods(lab: Lab) -> None:
    subnet = programs.pod_network(lab)["plugins"][0]["ipam"]["ranges"][0][0]["subnet"]
    assert ipaddress.ip_network(subnet).num_addresses > 2 * programs.kubelet(lab)["maxPods"]
    assert ipaddress.ip_network(subnet).subnet_of(ipaddress.ip_network(programs.POD_RANGE))  # type: ignore[arg-type]


def test_the_autoscalers_clock_is_kubernetes_own_unless_asked_for(lab: Lab) -> None:
    flag = "--horizontal-pod-autoscaler-sync-period"
    default = programs.programs(lab, TOOLS, Timing())["kube-controller-manager"].argv
    quick = programs.programs(lab, TOOLS, Timing("5s"))["kube-controller-manager"].argv
    assert not any(word.startswith(flag) for word in default)
    assert [*default, f"{flag}=5s"] == list(quick)


@pytest.mark.parametrize("name", ["", "UPPER", "-a", "a-", "a.b", "../x", "x" * 25])
def test_a_name_that_cannot_name_a_lab_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^--name: .* cannot name a lab"):
        Lab(name)


def test_ports_stay_unless_another_program_took_them() -> None:
    first = forward.choose_ports(["a", "b"], {}, in_use=False)
    assert len(set(first.values())) == 2
    assert forward.choose_ports(["a", "b"], first, in_use=False) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["a"]))
        taken.listen()
        assert forward.choose_ports(["a", "b"], first, in_use=True) == first
        moved = forward.choose_ports(["a", "b", "c"], first, in_use=False)
        assert moved["a"] != first["a"] and moved["b"] == first["b"]
        assert len(set(moved.values())) == 3


def test_the_pod_network_is_json_with_the_labs_name(lab: Lab) -> None:
    text = next(text for path, text in programs.files(lab).items() if path.suffix == ".conflist")
    assert json.loads(text)["name"] == lab.netns
