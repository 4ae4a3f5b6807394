"""`make fresh` finds the machine's own package sources and turns them to another Debian."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fresh import host

DEB822 = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://others.example/linux/debian
Suites: bookworm
Components: stable

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""
LINES = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm main contrib # a comment
deb-src http://mirror.example/debian bookworm main
deb https://others.example/apt bookworm-pgdg main
"""
TURNED = """\
Types: deb
URIs: http://mirror.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: trixie-security
Components: main
"""
ONE = """\
Types: deb
URIs: http://mirror.example/debian
Suites: trixie
Components: main
Signed-By: /keys/debian.gpg
"""


@pytest.mark.parametrize(
    ("name", "text", "codename", "expected"),
    [
        ("sources.list.d/debian.sources", DEB822, "bookworm", TURNED),
        ("sources.list", LINES, "bookworm", ONE),
        ("sources.list", LINES, "noble", ""),
    ],
)
def test_the_machines_sources_serve_another_debian(
    name: str, text: str, codename: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    release = tmp_path / "os-release"
    release.write_text(f'ID=debian\nVERSION_CODENAME={codename}\nPRETTY_NAME="x"\n')
    assert host.apt_sources("trixie", tmp_path, release) == expected


def test_only_what_leads_to_registries_is_carried_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTPS_PROXY",
        "no_proxy",
        "PIP_INDEX_URL",
        "GOPROXY",
        "SSL_CERT_FILE",
        "KUBECONFIG",
        "GOPATH",
    ):
        monkeypatch.setenv(name, "x")
    found = host.environment()
    assert {"HTTPS_PROXY", "no_proxy", "PIP_INDEX_URL", "GOPROXY", "SSL_CERT_FILE"} <= found.keys()
    assert not {"KUBECONFIG", "GOPATH", "PATH", "HOME"} & found.keys()
