"""A client of the API server works with inline certificates and leaves no key on the disk."""

import http.server
import io
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from keda.api_client import api_client
from lab.node import pki
from lab.paths import Lab


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path / "labs"))
    return pki.ensure(Lab("keys"), pki.certificates("node", "10.0.0.1", "10.0.0.2"))


@pytest.fixture
def server(keys: Path) -> Iterator[str]:
    """An address that answers those alone who show a certificate of the cluster's."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.crt"))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(keys / "apiserver.crt", keys / "apiserver.key")
    answering = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    answering.socket = tls.wrap_socket(answering.socket, server_side=True)
    thread = threading.Thread(target=answering.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{answering.server_port}"
    answering.shutdown()
    answering.server_close()


def test_no_key_stays_on_the_disk(
    keys: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    text = yaml.safe_dump(pki.kubeconfig(keys, "admin", server, "test"))
    for _ in range(2):  # the library keeps the names of its files from one call to the next
        client = api_client(io.StringIO(text), None)
        assert not list(folder.iterdir())
        assert client.call_api("GET", server).status == 200


def test_a_server_of_another_authority_is_not_trusted(
    keys: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path / "others"))
    others = pki.ensure(Lab("others"), pki.certificates("node", "10.0.0.1", "10.0.0.2"))
    client = api_client(io.StringIO(yaml.safe_dump(pki.kubeconfig(others, "admin", server, "test"))), None)
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        client.call_api("GET", server)
