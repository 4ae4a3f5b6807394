"""An API server of the tests' own, and stacks on it: the real engine, the stand-in plugins, no nodes."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.targets import in_folder
from lab.toolchain import tools
from pulumi_plugins import plugin_environment

NEEDED = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "helm", "pulumi"]
READY = 60.0  # seconds for the API server
COMMAND = 120.0  # seconds for one command, which takes a few
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "names": {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


@dataclass(frozen=True)
class Cluster:
    """An API server with the controllers that deletion needs."""

    kubeconfig: Path
    binary: Path

    def kubectl(self, *arguments: str, stdin: Any = None) -> str:
        """Runs kubectl; `stdin` is an object for `-f -`."""
        done = subprocess.run(
            [self.binary, "--kubeconfig", self.kubeconfig, *arguments],
            input=json.dumps(stdin) if stdin is not None else None,
            capture_output=True,
            text=True,
            timeout=COMMAND,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any] | None:
        text = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else None


@dataclass
class Result:
    """What a pulumi command printed, and its exit code."""

    code: int
    text: str

    def lines(self, part: str) -> list[str]:
        """The lines with `part`, of the diagnostics that end the output when there are any."""
        shown = self.text.partition("Diagnostics:")[2] or self.text
        return [line.strip() for line in shown.splitlines() if part in line]


@dataclass
class Stack:
    """A stack with a program of its own and a file backend beside it."""

    folder: Path
    environment: dict[str, str]
    cluster: Cluster
    created: bool = field(default=False, init=False)

    def program(self, body: str) -> None:
        (self.folder / "__main__.py").write_text(body, encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    def pulumi(self, *arguments: str, traceback: bool = False) -> Result:
        """Runs a command to its end; `traceback` says that one may be in its output."""
        if not self.created:
            self.created = True
            assert self.pulumi("stack", "init", "test").code == 0
        process = self.start(*arguments)
        try:
            text, _ = process.communicate(timeout=COMMAND)
        finally:
            process.kill()
        assert traceback or "Traceback" not in text, text
        return Result(process.returncode, text)

    def up(self, *arguments: str) -> Result:
        return self.pulumi("up", "--yes", "--skip-preview", *arguments)

    def preview(self, *arguments: str, traceback: bool = False) -> Result:
        return self.pulumi("preview", *arguments, traceback=traceback)

    def destroy(self) -> Result:
        return self.pulumi("destroy", "--yes", "--skip-preview")

    def resources(self) -> list[dict[str, Any]]:
        """The resources of the state."""
        return json.loads(self.pulumi("stack", "export").text)["deployment"].get("resources", [])


@pytest.fixture(scope="session")
def found() -> dict[str, Path]:
    return tools.ensure(NEEDED)


@pytest.fixture(scope="session")
def cluster(found: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    api, client, peer = _free_ports(3)
    _certificates(folder)
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(_kubeconfig(folder, api)), encoding="utf-8")
    commands = {
        "etcd": [
            f"--data-dir={folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
        ],
        "kube-apiserver": [
            f"--etcd-servers=http://127.0.0.1:{client}",
            f"--secure-port={api}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--client-ca-file={folder / 'ca.crt'}",
            f"--tls-cert-file={folder / 'server.crt'}",
            f"--tls-private-key-file={folder / 'server.key'}",
            f"--service-account-key-file={folder / 'server.crt'}",
            f"--service-account-signing-key-file={folder / 'server.key'}",
            "--service-account-issuer=https://tests",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
        ],
        "kube-controller-manager": [
            f"--kubeconfig={kubeconfig}",
            "--controllers=garbage-collector-controller,namespace-controller",
            "--leader-elect=false",
            "--secure-port=0",
        ],
    }
    cluster = Cluster(kubeconfig, found["kubectl"])
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name, arguments in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                running.append(subprocess.Popen([found[name], *arguments], stdout=log, stderr=log))
            if name == "kube-apiserver":
                _until_ready(cluster, folder)
        yield cluster
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def plugins(found: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return plugin_environment(found["pulumi"], tmp_path_factory.mktemp("pulumi"))[0]


@pytest.fixture
def stack(cluster: Cluster, found: dict[str, Path], plugins: dict[str, str], tmp_path: Path) -> Stack:
    folders = [Path(sys.executable).parent, found["pulumi"].parent, found["helm"].parent]
    environment = os.environ | {
        "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]]),
        "NO_COLOR": "1",
        "KUBECONFIG": str(cluster.kubeconfig),
        "PULUMI_BACKEND_URL": in_folder(tmp_path / "state"),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **plugins,
    }
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: engine-test\nruntime: python\n", encoding="utf-8")
    return Stack(tmp_path, environment, cluster)


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[:60].strip("-")
    cluster.kubectl("create", "namespace", name)
    return name


@pytest.fixture
def scaled_objects(cluster: Cluster) -> Iterator[None]:
    """The API server serves ScaledObjects."""
    cluster.kubectl("apply", "-f", "-", stdin=CRD)
    cluster.kubectl("wait", "--for=condition=Established", "crd/scaledobjects.keda.sh", "--timeout=60s")
    yield
    cluster.kubectl("delete", "crd", "scaledobjects.keda.sh")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _until_ready(cluster: Cluster, folder: Path) -> None:
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        try:
            cluster.kubectl("get", "namespace", "default")
            return
        except AssertionError:
            time.sleep(0.2)
    pytest.fail((folder / "kube-apiserver.log").read_text()[-2000:])


def _certificates(folder: Path) -> None:
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    for name, group in (("ca", None), ("server", None), ("admin", "system:masters")):
        key = authority if name == "ca" else ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        attributes += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
        now = datetime.datetime.now(datetime.UTC)
        hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(issuer if name == "ca" else x509.Name(attributes))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
            )
            .sign(authority, hashes.SHA256())
        )
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}.key").write_bytes(private)


def _kubeconfig(folder: Path, port: int) -> dict[str, Any]:
    files = {"client-certificate": str(folder / "admin.crt"), "client-key": str(folder / "admin.key")}
    server = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(folder / "ca.crt")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
        "clusters": [{"name": "tests", "cluster": server}],
        "users": [{"name": "admin", "user": files}],
    }
