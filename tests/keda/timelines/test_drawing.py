"""Pictures: what is in them, in both sets of colours, and what a machine without matplotlib prints."""

from __future__ import annotations

import math
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib
import pytest

from keda.commands.main import main
from keda.timelines import drawing
from keda.timelines.notation import short

ROOT = Path(__file__).parents[3]
VOICE = "examples/simulate/voice.yaml"
SHOWN = ROOT / "docs" / "pictures" / "simulate.svg"
DRAWN = [VOICE, "--signal", "pulse:0:42@2m-12m", "--start-up", "40s", "--fault", "second-owner:1@8m"]


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def text_of(file: Path) -> str:
    return " ".join("".join(ET.parse(file).getroot().itertext()).replace("\u00a0", " ").split())


def test_the_picture_of_the_page_is_what_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    assert main(["simulate", *DRAWN, "--plot", str(file)]) == 0
    text = text_of(file)
    for part in (
        "s0-nats-jetstream",
        "threshold 10 for each replica",
        "active above 0",
        "wanted, up to 5",
        "maximum 4",
        "by another owner",
        "3 0:08:00 4 -> 1 another owner set 1",
    ):
        assert part in text
    assert text_of(SHOWN) == text, f"python -m keda simulate {' '.join(DRAWN)} --plot {SHOWN}"


def test_every_colour_has_one_for_the_dark(tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    faults = ["--fault", "source-down@15m-20m"]
    assert main(["simulate", "--compare", VOICE, *DRAWN, *faults, "--plot", str(file)]) == 0
    head, style, picture = re.split(r"</?style>", file.read_text(), maxsplit=2)
    assert "prefers-color-scheme:dark" in style
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", picture))
    assert used == drawing.DARK.keys()
    assert len(set(drawing.DARK.values())) == len(drawing.DARK)


def test_the_html_page_is_complete_in_itself(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    assert main(["simulate", *DRAWN, "--plot", str(file)]) == 0
    page = file.read_text()
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert page.count("<svg ") == 1 and "<td class=n>4 -&gt; 0</td>" in page
    assert "<td>cold starts</td><td>1</td>" in page


def test_png(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    assert main(["simulate", *DRAWN, "--plot", str(file)]) == 0
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("signal", ["constant:0", "constant:1e15", "day:0:1e9"])
def test_empty_and_extreme_signals(signal: str, tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    minutes = ["--minutes", "4320"] if signal.startswith("day") else []
    assert main(["simulate", VOICE, "--signal", signal, *minutes, "--plot", str(file)]) == 0
    assert "threshold 10" in text_of(file)
    assert file.stat().st_size < 300_000


def test_a_name_is_no_formula(tmp_path: Path) -> None:
    manifest, file = tmp_path / "a.yaml", tmp_path / "a.svg"
    manifest.write_text(Path(VOICE).read_text().replace("- type:", "- name: a$b$\n      type:"))
    assert main(["simulate", str(manifest), "--signal", "constant:1", "--plot", str(file)]) == 0
    assert "a$b$" in text_of(file)


def test_the_machines_own_settings_do_not_matter(tmp_path: Path) -> None:
    files = tmp_path / "a.svg", tmp_path / "b.svg"
    assert main(["simulate", *DRAWN, "--plot", str(files[0])]) == 0
    with matplotlib.rc_context({"figure.facecolor": "red", "svg.fonttype": "path", "lines.linewidth": 9}):
        assert main(["simulate", *DRAWN, "--plot", str(files[1])]) == 0
    assert files[0].read_text() == files[1].read_text()


def test_without_matplotlib_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["simulate", *DRAWN, "--plot", "never/a.png"]) == 2
    assert capsys.readouterr().err == (
        "keda simulate: --plot never/a.png: matplotlib is not installed, which draws the pictures. "
        "Run: pip install matplotlib.\n"
    )


@pytest.mark.parametrize(
    ("seconds", "step", "expected"),
    [
        (45, 15, "45 s"),
        (600, 300, "10 min"),
        (5400, 900, "90 min"),
        (9000, 1800, "2 h 30"),
        (0, 7200, "0 h"),
        (86_400, 21_600, "1 d"),
        (108_000, 21_600, "1 d 6 h"),
    ],
)
def test_times_on_the_axis(seconds: int, step: int, expected: str) -> None:
    assert drawing.tick(seconds, step) == expected


def test_few_points_keep_the_heights() -> None:
    values = [float(index % 7) for index in range(100_000)]
    values[5000], values[60_000] = 99.0, math.nan
    times, shown = drawing.thinned(range(100_000), values)
    assert len(shown) < 4000
    assert max(value for value in shown if value == value) == 99.0
    assert any(value != value for value in shown)
    assert times == sorted(times)


def test_short_numbers() -> None:
    found = [short(value) for value in (0, 0.25, 9999, 12_345, 2_500_000, 3e9, 1e15)]
    assert found == ["0", "0.25", "9999", "12.3k", "2.5M", "3G", "1P"]
