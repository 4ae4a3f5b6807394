"""`make dashboard`: the page in its healthy, empty and broken states, drawn by a real browser."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from cli.dashboard import boards, page
from cli.dashboard.prometheus import Prometheus, Series, Window
from cli.errors import CommandError
from components.monitoring.dashboards.panels import states
from lab.toolchain import packages

WINDOW = Window(1_700_000_000, 1_700_000_600, 30)
MODEL = {
    "title": "KEDA <b>bold</b>",
    "annotations": {"list": [{"name": "scaled", "expr": "event"}]},
    "panels": [
        {"type": "row", "title": "voice", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}},
        {
            "type": "timeseries",
            "title": "Replicas",
            "description": "By the HPA's name",
            "gridPos": {"x": 0, "y": 1, "w": 12, "h": 8},
            "targets": [{"expr": "up", "legendFormat": "{{ pod }} now"}, {"expr": "vector(4)"}],
        },
        {
            "type": "stat",
            "title": "Memory",
            "gridPos": {"x": 12, "y": 1, "w": 6, "h": 8},
            "targets": [{"expr": "up", "legendFormat": "memory"}],
            "fieldConfig": {"defaults": {"unit": "bytes"}},
        },
        {
            "type": "table",
            "title": "Versions",
            "gridPos": {"x": 18, "y": 1, "w": 6, "h": 8},
            "targets": [{"expr": "rate(up[$__rate_interval])", "legendFormat": "{{pod}}"}],
        },
        {
            "type": "row",
            "title": "closed",
            "gridPos": {"x": 0, "y": 9, "w": 24, "h": 1},
            "panels": [
                {
                    "type": "state-timeline",
                    "title": "Active",
                    "gridPos": {"x": 0, "y": 10, "w": 24, "h": 6},
                    "targets": [{"expr": "up", "legendFormat": "</script><script>alert(1)"}],
                }
            ],
        },
    ],
}


class Answers(http.server.BaseHTTPRequestHandler):
    """A Prometheus of one series, no series, or none that answers; it keeps what it was asked."""

    state = "healthy"
    asked: list[str] = []

    def do_GET(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)["query"][0]
        self.asked.append(query)
        points = [[WINDOW.start + i * 30, str(2048 if i > 5 else 0)] for i in range(20)] + [
            [WINDOW.end, "NaN"]
        ]
        result = (
            [{"metric": {"__name__": "up", "pod": "a"}, "values": points}] if self.state == "healthy" else []
        )
        status, body = 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}
        if self.state == "broken":
            status, body = 400, {"status": "error", "error": 'parse error: "<" unexpected\n'}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Answers.asked.clear()
    yield Prometheus(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def chromium() -> str:
    if not (found := shutil.which("chromium")):
        packages.ensure(["chromium"])
        found = shutil.which("chromium")
    assert found
    return found


def rendered(prometheus: Prometheus, state: str) -> tuple[str, page.Counts]:
    Answers.state = state
    return page.render("KEDA dashboards: lab test", [boards.parse(MODEL)], prometheus, WINDOW)


def dom(chromium: str, file: Path, *options: str) -> str:
    """The page after its scripts ran."""
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={file.parent / 'home'}",
    ]
    command += ["--virtual-time-budget=5000", "--host-resolver-rules=MAP * ~NOTFOUND", *options]
    done = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_browser_draws_every_panel_that_has_data(
    prometheus: Prometheus, chromium: str, tmp_path: Path
) -> None:
    text, counts = rendered(prometheus, "healthy")
    assert counts == page.Counts(drawn=4, empty=0, broken=0)
    file = tmp_path / "page.html"
    file.write_text(text)
    drawn = dom(chromium, file, "--dump-dom")
    assert re.search(r'<body[^>]* data-drawn="2"', drawn)
    assert drawn.count('class="main-svg"') >= 2
    assert "a now" in drawn and "2 KiB" in drawn
    assert "KEDA &lt;b&gt;bold&lt;/b&gt;" in drawn
    for theme in ("0", "1"):  # dark, light
        picture = tmp_path / f"{theme}.png"
        dom(chromium, file, f"--blink-settings=preferredColorScheme={theme}", f"--screenshot={picture}")
    assert (tmp_path / "0.png").read_bytes() != (tmp_path / "1.png").read_bytes()


def test_the_page_is_complete_in_itself(prometheus: Prometheus) -> None:
    text, _ = rendered(prometheus, "healthy")
    assert not re.search(r"<(?:script|link|img)[^>]*(?:src|href)=", text)


def test_grafanas_variables_are_filled_in(prometheus: Prometheus) -> None:
    rendered(prometheus, "healthy")
    assert "rate(up[120s])" in Answers.asked
    assert not any("$" in query for query in Answers.asked)
    filled = boards.filled('a{ns=~"$namespace",b="${pod:regex}"}[$__range]', WINDOW)
    assert filled == 'a{ns=~".*",b=".*"}[600s]'
    # Only a braced variable has a format; this is a subquery's step.
    assert boards.filled("a[$__range:30s]", WINDOW) == "a[600s:30s]"
    copied = 'label_replace(a, "b", "$1", "c", "(.*)")'
    assert boards.filled(copied, WINDOW) == copied


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_dashboard_that_is_none_is_one_line(text: str) -> None:
    found = {"metadata": {"namespace": "monitoring", "name": "own"}, "data": {"a.json": text}}
    with pytest.raises(CommandError, match=r"^ConfigMap monitoring/own a\.json: is not a Grafana dashboard"):
        boards.in_cluster(SimpleNamespace(items=lambda *_: [found]))  # type: ignore[arg-type]


def test_an_event_is_when_its_expression_stops_being_zero(prometheus: Prometheus) -> None:
    text, _ = rendered(prometheus, "healthy")
    figures = json.loads(re.search(r"const FIGURES = (\{.*\});\n", text)[1].replace("<\\/", "</"))  # type: ignore[index]
    marks = figures["plot0"]["layout"]["shapes"]
    assert [mark["x0"] for mark in marks] == ["2023-11-14T22:16:20Z"]


def test_an_empty_panel_says_so(prometheus: Prometheus) -> None:
    text, counts = rendered(prometheus, "empty")
    assert (counts.drawn, counts.broken) == (0, 0) and counts.empty == 4
    assert text.count("No data in this time.") == 4


def test_a_broken_panel_shows_prometheus_own_reason_in_one_line(prometheus: Prometheus) -> None:
    text, counts = rendered(prometheus, "broken")
    assert (counts.drawn, counts.empty, counts.broken) == (0, 0, 4)
    assert "parse error: &quot;&lt;&quot; unexpected" in text


def test_a_prometheus_that_does_not_answer_breaks_panels_not_the_command() -> None:
    _, counts = page.render("x", [boards.parse(MODEL)], Prometheus("http://127.0.0.1:9"), WINDOW)
    assert counts.broken == 4


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.25, "percentunit", "25 %"),
        (1536, "bytes", "1.5 KiB"),
        (5e9, "decbytes", "5 GB"),
        (3, "", "3"),
        (0.1234, "s", "0.123 s"),
        (12345678, "short", "12345678"),
        (0.5, "suffix: cores", "0.5 cores"),
        (2, "suffix:/s", "2/s"),
    ],
)
def test_numbers_are_written_with_their_unit(value: float, unit: str, shown: str) -> None:
    assert page.number(value, unit) == shown


def drawn_alone(panel: dict[str, Any], prometheus: Prometheus) -> str:
    """The HTML of a page of one panel, without Plotly's own code."""
    place = {"gridPos": {"x": 0, "y": 0, "w": 6, "h": 8}, "title": "it"}
    board = boards.parse({"title": "b", "panels": [{**place, **panel}]})
    Answers.state = "healthy"
    text, _ = page.render("x", [board], prometheus, WINDOW)
    return text.partition("<script>")[0]


def test_a_panel_of_names_shows_names_not_values(prometheus: Prometheus) -> None:
    target = {"expr": "up", "legendFormat": "{{pod}}"}
    shown = drawn_alone({"type": "stat", "targets": [target], "options": {"textMode": "name"}}, prometheus)
    assert "<b>a</b>" in shown and "2048" not in shown


def test_a_mapped_value_is_shown_as_its_word(prometheus: Prometheus) -> None:
    mapping = {"type": "value", "options": {"2048": {"text": "up"}}}
    defaults = {"fieldConfig": {"defaults": {"mappings": [mapping]}}}
    shown = drawn_alone({"type": "stat", "targets": [{"expr": "up"}], **defaults}, prometheus)
    assert "<b>up</b>" in shown


def test_a_line_of_zeros_is_a_sentence_not_an_axis(
    prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    zeros = Series({}, ((WINDOW.start, 0.0), (WINDOW.end, 0.0)))
    monkeypatch.setattr(prometheus, "range", lambda *_: [zeros])
    assert "0 all the time." in drawn_alone({"type": "timeseries", "targets": [{"expr": "up"}]}, prometheus)


def test_states_have_grafanas_colour(prometheus: Prometheus) -> None:
    """The dashboards' own colour is one that the page knows by its name."""
    yes = {"type": "value", "options": {"1": {"text": "yes", "color": "semi-dark-blue"}}}
    assert boards._mapped([yes])["1"]["color"] in page._NAMED
    made = states("State", [("up", "up")]).build().field_config
    assert made is not None
    used = json.loads(json.dumps(made, cls=JSONEncoder))["defaults"]["mappings"][0]["options"]["1"]["color"]
    assert used in page._NAMED


def test_the_dotted_lines_have_a_legend(prometheus: Prometheus) -> None:
    text, _ = rendered(prometheus, "healthy")
    assert '<p class="events"><i></i>scaled</p>' in text


def test_a_series_without_legend_is_named_by_its_labels() -> None:
    labels = Series({"__name__": "up", "pod": "a", "job": "b"}, ()).labels
    assert boards.named("", labels) == "job=b, pod=a"
    assert boards.named("", {"__name__": "up"}) == "up"
    assert boards.named("{{missing}}x", labels) == "x"
