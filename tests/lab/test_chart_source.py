"""Which chart a lab gets, and that its registry then serves it."""

from __future__ import annotations

import json
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import chart_source
from lab.errors import LabError
from lab.paths import Lab

# Nothing listens on port 1: a final no at once, with or without internet.
ABSENT = "oci://127.0.0.1:1/kedacore/charts/keda"


@pytest.fixture(scope="module")
def registry(chart_tools: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    serving = subprocess.Popen(
        [chart_tools["crane"], "registry", "serve", "--address", f"127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": "", "PORT": str(port)},
        cwd=tmp_path_factory.mktemp("registry"),
    )
    try:
        deadline = time.monotonic() + 30
        while serving.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield port
    finally:
        serving.kill()
        serving.wait()


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path))
    return Lab("chart-test")


@pytest.fixture
def choose(lab: Lab, chart_tools: dict[str, Path], keda_crds: Path, registry: int) -> Any:
    def call(**options: Any) -> chart_source.Chart:
        options = {"configured": ABSENT, "archive": Path("absent.tgz"), "crds": keda_crds, **options}
        return chart_source.choose_and_publish(lab, chart_tools, registry, **options)

    return call


def served_description(chart_tools: dict[str, Path], source: str, folder: Path) -> str:
    """Pull what the registry serves and read its Chart.yaml."""
    folder.mkdir()
    chart_source._run(
        chart_tools["helm"],
        "pull",
        source,
        "--version",
        chart_source.VERSION,
        "--plain-http",
        "--destination",
        folder,
    )
    with tarfile.open(folder / f"keda-{chart_source.VERSION}.tgz") as archive:
        chart = archive.extractfile("keda/Chart.yaml")
        assert chart
        return str(yaml.safe_load(chart)["description"])


def test_own_chart_where_nothing_else_can_be_had(
    choose: Any, chart_tools: dict[str, Path], registry: int, tmp_path: Path
) -> None:
    chart = choose()
    assert chart == {"source": f"oci://127.0.0.1:{registry}/kedacore/charts/keda", "origin": "own"}
    assert "keda-homelab" in served_description(chart_tools, chart["source"], tmp_path / "pulled")


def test_archive_before_own_and_kept_once_chosen(
    choose: Any, lab: Lab, chart_tools: dict[str, Path], tmp_path: Path
) -> None:
    if not chart_source.ARCHIVE.is_file():
        pytest.skip("the published chart is not in charts/, nor named by KEDA_HOMELAB_CHART")
    chart = choose(archive=chart_source.ARCHIVE)
    assert chart["origin"] == "archive"
    assert "keda-homelab" not in served_description(chart_tools, chart["source"], tmp_path / "pulled")
    assert choose()["origin"] == "archive", "a lab keeps the chart it chose, even when the archive is gone"
    assert choose(chart="own")["origin"] == "own", "an explicit choice replaces it"
    assert choose(archive=chart_source.ARCHIVE)["origin"] == "own"
    assert json.loads((lab.root / "charts" / "origin.json").read_text())["origin"] == "own"


def test_a_changed_archive_is_not_used(choose: Any, tmp_path: Path) -> None:
    changed = tmp_path / "keda-2.19.0.tgz"
    changed.write_bytes(b"not the published chart")
    assert choose(archive=changed)["origin"] == "own"
    with pytest.raises(
        LabError,
        match=r"^lab up --chart archive: no KEDA chart is available \(archive: keda-2\.19\.0\.tgz is not the "
        r"published one \(its sha256 differs\)\)\. Without it nothing can be installed\. Use --chart own, or "
        r"put the archive at charts/keda-2\.19\.0\.tgz \(or its path into KEDA_HOMELAB_CHART\)\.$",
    ):
        choose(chart="archive", archive=changed)


def test_an_absent_registry_is_refused_when_asked_for(choose: Any) -> None:
    with pytest.raises(LabError, match=r"^lab up --chart registry: .*127\.0\.0\.1:1 does not answer"):
        choose(chart="registry")


def test_a_half_written_choice_is_made_again(choose: Any, lab: Lab) -> None:
    folder = lab.root / "charts"
    folder.mkdir(parents=True)
    (folder / "origin.json").write_text('{"origin": "arch')
    (folder / "keda-2.19.0.tgz").write_bytes(b"half")
    assert choose()["origin"] == "own"


def test_the_stack_file_names_the_registry() -> None:
    assert chart_source.configured_chart() == "oci://ghcr.io/kedacore/charts/keda"
