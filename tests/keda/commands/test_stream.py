"""`python -m keda check` on streams: judged as they come, in little memory, and hostile ones in one line."""

from __future__ import annotations

import io
import json
import resource
import select
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import keda
from keda.commands.check import Judged, check_stream
from keda.commands.main import main
from keda.commands.options import Options
from keda.manifests.documents import MAX_BYTES, documents

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "tests" / "corpus" / "check"
BROKEN = (CORPUS / "invalid" / "replica-bounds.yaml").read_bytes()
PATIENCE = 120
"""Seconds until a test gives up."""


def test_the_first_finding_comes_before_the_stream_ends() -> None:
    command = [sys.executable, "-m", "keda", "check", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(BROKEN + b"---\n")
        process.stdin.flush()
        assert select.select([process.stdout], [], [], PATIENCE)[0], "no finding while the stream is open"
        assert process.stdout.readline() == b"ScaledObject shop/web\n"
        assert b"[replica-bounds]" in process.stdout.readline()
        assert process.poll() is None
        process.stdin.write(BROKEN)
        process.stdin.close()
        assert b"2 errors" in process.stdout.read()
    assert process.returncode == 1


def test_an_endless_stream_can_be_left() -> None:
    endless = f"while cat {CORPUS / 'invalid' / 'replica-bounds.yaml'} && echo ---; do :; done"
    command = f"({endless}) | {sys.executable} -m keda check - | grep --max-count 3 ^.stdin"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == [
        f"<stdin>:{10 + 18 * n}" for n in range(3)
    ]
    assert "Traceback" not in done.stderr


MANY = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: web-{0}, namespace: shop-{1}}}
spec:
  scaleTargetRef: {{name: web-{0}}}
  minReplicaCount: 1
  maxReplicaCount: 10
  triggers:
  - {{type: cpu, metricType: Utilization, metadata: {{value: "60"}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{0}, namespace: shop-{1}}}
spec:
  template:
    spec:
      containers: [{{name: web, image: web, resources: {{requests: {{cpu: 100m}}}}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: web-{0}, namespace: shop-{1}}}
data: {{big: {2}}}
---
"""


class Generated(io.RawIOBase):
    """A stream that is made while it is read: never in memory as a whole."""

    def __init__(self, count: int) -> None:
        self._pieces: Iterator[str] = (MANY.format(n, n % 20, "x" * 5000) for n in range(count))

    def read1(self, _: int) -> bytes:
        return next(self._pieces, "").encode()


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    return lambda stream: monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))


def test_memory_grows_by_a_summary_of_each_object(standard_input: Callable[[object], None]) -> None:
    def peak(count: int) -> int:
        standard_input(Generated(count))
        tracemalloc.start()
        try:
            assert list(check_stream(Options(("-",)), Judged())) == []
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is loaded once
    few, many = peak(200), peak(1200)
    assert (many - few) / (1000 * 3) < 1500, "bytes for each object"


@pytest.mark.parametrize("group", ["valid", "invalid"])
def test_a_stream_is_judged_as_the_whole(group: str) -> None:
    """What is kept of each object is all that the rules read of it."""
    files = [str(file) for file in sorted((CORPUS / group).glob("*.yaml"))]
    objects = [each.value for file in files for each in documents(Path(file).read_text("utf-8"))]
    judged = Judged()
    found = check_stream(Options(tuple(files)), judged)
    streamed = [(str(line.finding.code), line.finding.text) for line in found]
    assert judged.unjudged.broken == []
    # The places in a message are the caller's: here there are none.
    whole = [(finding.code, finding.text) for finding in keda.check(objects) if "owner" not in finding.code]
    assert sorted(each for each in streamed if "owner" not in each[0]) == sorted(whole)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(n)}: &{chr(n)} [{', '.join([f'*{chr(n - 1)}'] * 10)}]\n" for n in range(ord("b"), ord("k"))
)


@pytest.mark.parametrize("tag", ["!vault", "!Ref", "!!python/object/apply:os.system", "!!str", "!!merge"])
def test_what_a_tag_of_a_tool_stands_before_is_a_text(tag: str) -> None:
    """As sigs.k8s.io/yaml has it, with which kubectl reads."""
    (document,) = documents(f"a: {tag} 5\nb: 1\n")
    assert document.value == {"a": "5", "b": 1}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x7fELF\x02\x01\x01\x00\x00\xff\xfe", id="binary"),
        pytest.param(b"\xff\xfea\x00", id="UTF-16"),
        pytest.param(BOMB.encode(), id="bomb"),
        pytest.param(b"a: &a {b: *a}\n", id="alias of itself"),
        pytest.param(b"a: 1\na: 2\n", id="duplicate key"),
        pytest.param(b"? {a: b}\n: c\n", id="key that is not a string"),
        pytest.param(b"[" * 100_000, id="deep list"),
        pytest.param(b"{a: " * 100_000, id="deep mapping"),
        pytest.param(b"- " * 100_000, id="deep block"),
        pytest.param(b"a: 'never closed\n" + b"b\n" * 10_000, id="open quote"),
        pytest.param(b"a: !!int x\n", id="tag"),
        pytest.param(b"%YAML 9.9\n--- a\n", id="version"),
    ],
)
def test_hostile(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hostile.yaml"
    file.write_bytes(content)
    assert main(["check", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == "0 errors, 0 warnings. Judged: 0 KEDA objects in 0 files. Not judged: 1 unreadable.\n"
    assert err.startswith(f"{file}:")
    assert err.count("\n") == 1
    assert len(err) < 400


@pytest.mark.parametrize(
    "word", [".nan", ".inf", "1e999", "0x" + "f" * 300, "9" * 399, "2001-01-01", "!!str"]
)
def test_odd_values_are_judged(word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.yaml"
    text = BROKEN.decode().replace("maxReplicaCount: 5", f"maxReplicaCount: {word}")
    assert word in text
    file.write_text(text)
    assert main(["check", str(file)]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "maxReplicaCount" in out


@pytest.mark.parametrize("kind", ["[]", "{}", "7", "ScaledObject", "List", "ScaledObjectList", ".nan"])
@pytest.mark.parametrize("rest", ["[]", "{}", "7", "text", "[[]]", "[{}]", ".nan", "null", "{a: {b: [c]}}"])
def test_wrong_kinds(kind: str, rest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.yaml"
    head = f"apiVersion: keda.sh/v1alpha1\nkind: {kind}\n"
    file.write_text(f"{head}metadata: {rest}\nspec: {rest}\nitems: {rest}\n---\n{rest}\n---\n1: {rest}\n")
    assert main(["check", "--format", "json", str(file)]) in (0, 1)
    out, err = capsys.readouterr()
    assert err == ""
    assert isinstance(json.loads(out), list)


@pytest.mark.parametrize(
    "piece", [b"x" * 99, b"- a\n", b"# a\n", b"a ", b"{a: "], ids=["word", "list", "comment", "words", "deep"]
)
def test_a_huge_document(piece: bytes, tmp_path: Path) -> None:
    """100 MB in 2 GiB of memory, interpreter included."""
    file = tmp_path / "huge.yaml"
    assert MAX_BYTES < 100 * 10**6
    file.write_bytes((b"" if piece == b"# a\n" else b"a:\n") + piece * (100 * 10**6 // len(piece)))
    done = subprocess.run(
        [sys.executable, "-m", "keda", "check", "--quiet", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30,) * 2),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{file}:")
    assert done.stderr.count("\n") == 1
