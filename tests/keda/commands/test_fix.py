"""`python -m keda check --fix`: what it corrects, what it leaves, and that the rest of the file stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from keda.commands.main import main

BEFORE = """\
# the shop's
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: web   # as the Deployment
  annotations: {autoscaling.keda.sh/paused: true}
spec:
  scaleTargetRef: {name: web, kind: deployment}
  minReplicaCount: "1"     # never none
  maxReplicacount: 5
  triggers:
    - type: Prometheus
      metricType: averagevalue
      metadata:
        serverAddress: http://prometheus.monitoring:9090
        query: sum(rate(http_requests_total{job="gateway"}[2m]))
        "thresold": 50 # a second
        ignoreNullValues: no
    - type: kafka
      metadata: {bootstrapServers: 'k:9092', consumerGroup: g, topic: t, lagThreshold: 0x10}
---
# no object of KEDA's
a: yes
"""
AFTER = (
    BEFORE.replace("paused: true", 'paused: "true"')
    .replace("deployment}", "Deployment}")
    .replace('Count: "1"', "Count: 1")
    .replace("Replicacount", "ReplicaCount")
    .replace("Prometheus\n", "prometheus\n")
    .replace("averagevalue", "AverageValue")
    .replace('"thresold": 50', '"threshold": "50"')
    .replace("Values: no", 'Values: "false"')
)


@pytest.mark.parametrize(("ends", "mark"), [("\n", b""), ("\r\n", b"\xef\xbb\xbf")], ids=["plain", "Windows"])
def test_only_what_is_certain_changes(
    ends: str, mark: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yaml"
    file.write_bytes(mark + BEFORE.replace("\n", ends).encode())
    file.chmod(0o640)
    assert main(["check", "--fix", str(file)]) == 1
    assert file.read_bytes() == mark + AFTER.replace("\n", ends).encode()
    assert file.stat().st_mode & 0o777 == 0o640
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == 9
    assert f"{file}:10: fixed: ScaledObject default/web spec.maxReplicacount: now maxReplicaCount" in err
    # 16 written in hexadecimal: which text is meant is not certain.
    (finding,) = (line for line in out.splitlines() if line.startswith(str(file)))
    assert finding.startswith(f"{file}:20: error [metadata-not-text] ")
    assert list(tmp_path.iterdir()) == [file]


HEAD = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            HEAD + "spec:\n  scaleTargetRef: {name: web}\n  maxReplicaCount: &n 3\n  triggers:\n"
            "  - {type: cpu, metricType: Utilization, metadata: {value: *n}}\n",
            id="alias",
        ),
        pytest.param(
            HEAD + "spec: {scaleTargetRef: {name: web}, maxReplicas: 3, triggers: []}\n", id="another word"
        ),
        pytest.param(
            HEAD + "spec: {scaleTargetRef: {name: web}, maxReplicacount: 3, maxReplicaCount: 2}\n", id="both"
        ),
        pytest.param(
            HEAD + "spec: {scaleTargetRef: {name: web}, behavior: {scaleUp: {selectPolicy: Max}}}\n",
            id="line",
        ),
        pytest.param(
            HEAD + "spec:\n  advanced: {restoreToOriginalReplicaCount: true}\n  behavior: {scaleUp: {}}\n",
            id="the key above is there",
        ),
        pytest.param(HEAD + "spec: {scaleTargetRef: {name: wbe, kind: !!str deployment}}\n", id="tag"),
        pytest.param("kind: ScaledObject\nkind: ScaledObject\n", id="unreadable"),
        pytest.param("a: {{ .Values.a }}\n", id="template"),
    ],
)
def test_anything_else_is_left(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(text)
    assert main(["check", "--fix", str(file)]) in (1, 2)
    assert file.read_text() == text
    assert ": fixed: " not in capsys.readouterr().err


HPA = "advanced:\n    horizontalPodAutoscalerConfig:\n      behavior"
BLOCK = """\
  # as the HPA
    # slow
    scaleDown:
      policies:

      - {type: Pods, value: 1, periodSeconds: 60}  # one
    # end
"""
LINES = "{\n    scaleUp: {\n  }\n  }\n"
AFTER_BLOCK = "  # the most\n\n"
MOVED = {
    "flow": ("{scaleDown: {selectPolicy: Min}}  # slow\n", "{scaleDown: {selectPolicy: Min}}  # slow\n"),
    "flow in lines": (LINES, LINES.replace("\n ", "\n     ")),
    "block": (BLOCK + AFTER_BLOCK, BLOCK.replace("\n  ", "\n      ") + AFTER_BLOCK),
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["plain", "Windows"])
@pytest.mark.parametrize(("before", "after"), MOVED.values(), ids=MOVED)
def test_a_block_goes_where_it_belongs(
    before: str, after: str, ends: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yaml"
    text = (
        HEAD
        + "spec:\n  scaleTargetRef: {name: web}\n  behavior: "
        + before
        + "  maxReplicaCount: 6\n  triggers:\n"
    )
    text = (text + "  - {type: cpu, metricType: Utilization, metadata: {value: '60'}}\n").replace("\n", ends)
    file.write_bytes(text.encode())
    main(["check", "--fix", str(file)])
    wanted = text.replace(("behavior: " + before).replace("\n", ends), f"{HPA}: {after}".replace("\n", ends))
    assert file.read_bytes().decode() == wanted
    place = "spec.advanced.horizontalPodAutoscalerConfig.behavior"
    assert f"spec.behavior: moved to {place} [unknown-field]" in capsys.readouterr().err


def test_what_an_alias_shares_is_corrected_once(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    text = (
        f"{HEAD}spec:\n  scaleTargetRef: {{name: web}}\n  minReplicaCount: 1\n  maxReplicaCount: 3\n"
        "  triggers:\n"
        "  - {type: cpu, metricType: Utilization, metadata: &m {value: 60}}\n"
        "  - {type: memory, metricType: Utilization, metadata: *m}\n"
    )
    file.write_text(text)
    assert main(["check", "--fix", str(file)]) == 0
    assert file.read_text() == text.replace("60", '"60"')


def test_an_anchor_that_is_there_twice_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "web.yaml"
    text = f"{HEAD}spec:\n  scaleTargetRef: {{name: &x web, kind: &x Deployment}}\n  minReplicaCount: '1'\n"
    file.write_text(text)
    main(["check", "--fix", str(file)])
    assert file.read_text() == text
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{file}: not corrected: an anchor is there twice")


def test_inside_a_list(tmp_path: Path) -> None:
    file = tmp_path / "list.yaml"
    head = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: keda.sh/v1alpha1\n  kind: ScaledObject\n"
    file.write_text(f"{head}  metadata: {{name: web, annotations: {{a: 1}}}}\n")
    main(["check", "--fix", str(file)])
    assert file.read_text() == f'{head}  metadata: {{name: web, annotations: {{a: "1"}}}}\n'


def test_no_secret_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(
        f"{HEAD}spec:\n  scaleTargetRef: {{name: web}}\n  triggers:\n  - type: redis\n"
        "    metadata: {address: 'r:6379', listName: a, listLength: '5', password: 12345678}\n"
    )
    main(["check", "--fix", str(file)])
    assert 'password: "12345678"' in file.read_text()
    assert "12345678" not in "".join(capsys.readouterr())


def test_standard_input_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--fix", "-"]) == 2
    assert capsys.readouterr().err == (
        "keda check: --fix changes files; standard input is not a file. Give the file's path.\n"
    )
