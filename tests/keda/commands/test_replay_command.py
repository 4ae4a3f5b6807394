"""`keda replay`: from files and from a server that answers as Prometheus does; one line for a mistake."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from keda.commands.main import main
from keda.timelines import prometheus

START = 1_767_225_600
MANIFEST = """
kind: ScaledObject
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {name: web}
  maxReplicaCount: 4
  triggers:
    - {type: kafka, name: lag, metadata: {}}
"""
SIGNAL = [0] * 40 + [35] * 80 + [0] * 80
"""Every 15 s; the threshold is 10."""
REPLICAS = [0] * 40 + [4] * 60 + [2] + [4] * 39 + [0] * 60
"""As the algorithm has it, but for one kubectl scale."""


def csv(values: list[int], offset: int = 0) -> str:
    return "".join(f"{START + offset + 15 * index},{value}\n" for index, value in enumerate(values))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("web.yaml").write_text(MANIFEST)
    Path("lag.csv").write_text(csv(SIGNAL))
    Path("replicas.csv").write_text(csv(REPLICAS, 2))
    return "web.yaml"


def test_files(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", file, "--signal", "lag.csv", "--recorded", "replicas.csv"]) == 1
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0].split() == ["time", "(UTC)", "lag", "replicas", "reason"]
    assert lines[1:5] == [
        "2026-01-01 00:10:02   35    0 -> 4  HPA: lag asks for 4",
        "2026-01-01 00:25:02   35    4 -> 2  UNEXPLAINED: neither KEDA nor the HPA; perhaps kubectl scale, "
        "or another writer of spec.replicas",
        "2026-01-01 00:25:17   35    2 -> 4  HPA: lag asks for 4",
        "2026-01-01 00:35:02    0    4 -> 0  KEDA: inactive, 300 s passed of the cooldown of 300 s",
    ]
    assert lines[-1] == ("2026-01-01 00:00:02 to 2026-01-01 00:49:45: 4 changes, 3 explained, 1 unexplained.")
    assert "pod hours       " in printed


def test_json_and_a_picture(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["replay", file, "--signal", "lag=lag.csv", "--recorded", "replicas.csv", "--format", "json"]
    assert main([*command, "--plot", "a.svg", "--plot", "a.html"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(each["verdict"], each["by"]) for each in found["changes"]] == [
        ("explained", "hpa"),
        ("unexplained", None),
        ("explained", "hpa"),
        ("explained", "keda"),
    ]
    assert found["missing"] == []
    assert found["recorded"]["highest"] == found["simulated"]["highest"] == 4
    picture = Path("a.svg").read_text()
    assert "simulated" in picture and "by another owner" in picture
    assert (
        "<td>recorded</td>" in Path("a.html").read_text() or "<th>recorded</th>" in Path("a.html").read_text()
    )


def test_nothing_to_object(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("replicas.csv").write_text(csv([4 if count == 2 else count for count in REPLICAS], 2))
    assert main(["replay", file, "--signal", "lag.csv", "--recorded", "replicas.csv"]) == 0
    assert capsys.readouterr().out.endswith("2 changes, 2 explained.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--signal", "lag.csv"],
            "keda replay: no recorded replicas. Write --recorded FILE, or --prometheus",
        ),
        (
            ["--recorded", "replicas.csv"],
            "keda replay: no signal for lag. Write --signal NAME=FILE for each trigger.",
        ),
        (
            ["--signal", "none.csv", "--recorded", "replicas.csv"],
            "keda replay: none.csv: cannot be read: No such file or directory.",
        ),
        (
            ["--signal", "constant:3", "--recorded", "replicas.csv"],
            "keda replay: constant:3 is not a recording. Write a file that ends with .csv or .json.",
        ),
        (
            ["--signal", "lag.csv", "--recorded", "half.csv"],
            "keda replay: the recorded replicas, value 1: 1.5 is not a whole number.",
        ),
        (
            ["--signal", "lag.csv", "--prometheus", "http://127.0.0.1:1"],
            "keda replay: --prometheus, or files with --signal and --recorded. Write one of the two.",
        ),
        (
            ["--prometheus", "http://127.0.0.1:1"],
            "keda replay: http://127.0.0.1:1 does not answer as Prometheus: [Errno 111] Connection refused.",
        ),
        (
            ["--prometheus", "http://me:hunter2@127.0.0.1:1"],
            "keda replay: --prometheus: credentials in the address are not sent. Write it without them.",
        ),
        (
            ["--prometheus", "file:///etc/passwd"],
            "keda replay: --prometheus 'file:///etc/passwd' is not an address. Write http://HOST:PORT.",
        ),
        (
            ["--prometheus", "http://127.0.0.1:1", "--since", "9999999d"],
            "keda replay: --since 9999999d --step 15s: no values, or more than 1000000. Write a --step from",
        ),
        (
            ["--signal", "lag.csv", "--recorded", "replicas.csv", "--signal-query", "up"],
            "keda replay: --signal-query and --replicas-query need --prometheus URL. Write it.",
        ),
        (
            ["--signal", "lag.csv", "--recorded", "lots.csv"],
            "keda replay: the recorded replicas, value 1: 1e+06 is more than 100000. Is it the signal?",
        ),
        (
            ["--workload", "api", "--recorded", "a.csv"],
            "web.yaml: holds no ScaledObject api. Write one of: web.",
        ),
        (
            ["--signal", "lag.csv", "--recorded", "replicas.csv", "--plot", "a.gif"],
            "keda replay: --plot a.gif: write a file that ends with .svg, .html or .png.",
        ),
    ],
)
def test_one_line(file: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("lots.csv").write_text(f"{START},1000000\n{START + 15},2\n")
    Path("half.csv").write_text(f"{START},1.5\n{START + 15},2\n")
    assert main(["replay", file, *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(message) and printed.err.count("\n") == 1


class Answers(BaseHTTPRequestHandler):
    """The two series, at whatever time they are asked for; the queries as they came."""

    asked: list[dict[str, str]] = []
    series: int = 1

    def do_GET(self) -> None:  # noqa: N802
        asked = {key: value[0] for key, value in parse_qs(urlparse(self.path).query).items()}
        self.asked.append(asked)
        if asked["query"] == "broken(":
            self._answer(400, {"status": "error", "error": "parse error: unclosed left parenthesis"})
            return
        values = REPLICAS if "replicas" in asked["query"] else SIGNAL
        start, end, step = (int(asked[key]) for key in ("start", "end", "step"))
        samples: list[Any] = [
            [now, str(values[min((now - start) // 15, len(values) - 1)])]
            for now in range(start, end + 1, step)
        ]
        samples[-1] = [samples[-1][0], "NaN"]
        result = [{"metric": {}, "values": samples}] * self.series
        self._answer(200, {"status": "success", "data": {"resultType": "matrix", "result": result}})

    def _answer(self, code: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Answers.asked, Answers.series = [], 1
    found = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    thread.join()
    found.server_close()


def test_from_prometheus(file: str, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", file, "--prometheus", server, "--since", "50m"]) == 1
    assert capsys.readouterr().out.endswith("4 changes, 3 explained, 1 unexplained.\n")
    signal, replicas = (asked["query"] for asked in Answers.asked)
    assert signal == (
        'max(keda_scaler_metrics_value{exported_namespace="shop",scaledObject="web",triggerIndex="0"} or '
        'keda_scaler_metrics_value{exported_namespace="",namespace="shop",scaledObject="web",triggerIndex="0"})'
    )
    assert replicas == (
        'max(kube_deployment_spec_replicas{exported_namespace="shop",deployment="web"} or '
        'kube_deployment_spec_replicas{exported_namespace="",namespace="shop",deployment="web"})'
    )
    assert int(Answers.asked[0]["end"]) - int(Answers.asked[0]["start"]) == 3000


def test_own_queries(file: str, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["--signal-query", "lag=sum(lag)", "--replicas-query", "my_replicas"]
    assert main(["replay", file, "--prometheus", server, "--since", "50m", *own]) == 1
    assert [asked["query"] for asked in Answers.asked] == ["sum(lag)", "my_replicas"]
    assert main(["replay", file, "--prometheus", server, "--signal-query", "broken("]) == 2
    assert capsys.readouterr().err == (
        f"keda replay: {server} refuses the query: parse error: unclosed left parenthesis.\n"
    )
    Answers.series = 2
    assert main(["replay", file, "--prometheus", server, "--signal-query", "sum by (pod) (lag)"]) == 2
    assert "sum by (pod) (lag) has 2 series. Write a query with one" in capsys.readouterr().err


def test_a_long_time_is_asked_for_in_parts(server: str) -> None:
    points = prometheus.query(server, "sum(lag)", START, START + 400_000, 15)
    assert [(int(asked["start"]) - START, int(asked["end"]) - START) for asked in Answers.asked] == [
        (0, 149_985),
        (150_000, 299_985),
        (300_000, 400_000),
    ]
    times = [time for time, _ in points]
    assert times == sorted(set(times))


def test_a_kind_without_a_series_needs_a_query(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("web.yaml").write_text(MANIFEST.replace("{name: web}\n  max", "{kind: Rollout, name: web}\n  max"))
    assert main(["replay", file, "--prometheus", "http://127.0.0.1:1"]) == 2
    assert capsys.readouterr().err == (
        "keda replay: kube-state-metrics has no replicas of a Rollout. Write --replicas-query PROMQL.\n"
    )


def test_in_shadow_mode_both_are_shown(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The present owner holds 2 all day; KEDA would have gone from 0 to 4 and back."""
    both = ", ".join(f'autoscaling.keda.sh/paused-scale-{way}: "true"' for way in ("in", "out"))
    Path(file).write_text(MANIFEST.replace("namespace: shop}", f"namespace: shop, annotations: {{{both}}}}}"))
    Path("replicas.csv").write_text(csv([1] * 20 + [2] * 180, 2))
    command = ["replay", file, "--signal", "lag.csv", "--recorded", "replicas.csv"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[:4] == [
        "         time (UTC)  recorded  simulated  reason",
        "2026-01-01 00:00:02         1          0  simulated: KEDA: inactive, 300 s passed of the cooldown "
        "of 300 s",
        "2026-01-01 00:05:02         2          0  recorded: another owner set 2",
        "2026-01-01 00:10:02         2          4  simulated: KEDA: lag is active; simulated: HPA: lag asks "
        "for 4",
    ]
    assert printed.endswith("1 change, 0 explained, 1 not judged.\n")
    assert main([*command, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["before"], each["after"], each["by"]) for each in found["simulatedChanges"]] == [
        (1, 0, "keda"),
        (0, 1, "keda"),
        (1, 4, "hpa"),
        (4, 0, "keda"),
    ]
    assert (found["recorded"]["highest"], found["simulated"]["highest"]) == (2, 4)
