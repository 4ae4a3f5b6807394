"""`keda check` on a terminal, and `--watch`: processes of their own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.keda.commands.tree import scaled_object, written

ROOT = Path(__file__).parents[3]
BAD = scaled_object("bad", "shop").replace("maxReplicaCount: 4", "maxReplicaCount: -1")
PATIENCE = 60
"""Seconds until a test gives up."""
CHECK = [sys.executable, "-m", "keda", "check"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return written(tmp_path, {"clusters/production/apps/shop/bad.yaml": BAD})


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM", "COLUMNS")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}


def on_a_terminal(folder: Path, columns: int, **more: str) -> str:
    """What a terminal of this width is sent."""
    own, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        CHECK, cwd=folder, env=environment(**more), stdin=other, stdout=other, stderr=other
    ) as process:
        os.close(other)
        text = b"".join(_until_closed(own))
    os.close(own)
    assert process.returncode == 1
    return text.decode().replace("\r\n", "\n")


def _until_closed(terminal: int) -> Iterator[bytes]:
    while select.select([terminal], [], [], PATIENCE)[0]:
        try:
            if not (piece := os.read(terminal, 65536)):
                return
        except OSError:  # Linux: no process has the other end
            return
        yield piece


def test_colours_and_short_lines(here: Path) -> None:
    text = on_a_terminal(here, 70)
    assert "\x1b[1mScaledObject shop/bad\x1b[0m\n" in text
    place = "clusters/production/apps/shop/bad.yaml:7:"
    assert (
        f"\n{place} \x1b[1;31merror\x1b[0m [replica-bounds]\n    \x1b[1mspec.maxReplicaCount:\x1b[0m -1"
        in text
    )
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert 60 < max(map(len, plain.splitlines())) < 70
    narrow = re.sub(r"\x1b\[[\d;]*m", "", on_a_terminal(here, 36))
    assert f"\n{place}\n    error [replica-bounds]\n" in narrow
    assert [line for line in narrow.splitlines() if len(line) >= 36] == [place]


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours(more: dict[str, str], here: Path) -> None:
    text = on_a_terminal(here, 60, **more)
    assert "\x1b" not in text
    assert "\n    spec.maxReplicaCount: -1 is not above 0\n" in text


def test_a_pipe_has_no_colours_and_whole_lines(here: Path) -> None:
    done = subprocess.run(
        CHECK, cwd=here, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    assert "\x1b" not in done.stdout
    first = "shop/bad.yaml:7: error [replica-bounds] spec.maxReplicaCount: -1 is not above 0\n"
    assert first in done.stdout


class Watching:
    """`keda check --watch` in a folder; its output, errors included."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [*CHECK, "--watch"],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell that starts the tests in the background has SIGINT ignored, which children inherit.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def until(self, end: bytes) -> str:
        assert self.process.stdout
        text = b""
        while end not in text:
            assert select.select([self.process.stdout], [], [], PATIENCE)[0], text
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, text
            text += piece
        return text.decode()


@pytest.fixture
def watching(here: Path) -> Iterator[Watching]:
    watching = Watching(here)
    yield watching
    watching.process.kill()
    watching.process.communicate()


WAITS = b"Ctrl-C ends.\n"


def test_watch(here: Path, watching: Watching) -> None:
    file = here / "clusters/production/apps/shop/bad.yaml"
    assert "1 error, 0 warnings." in watching.until(WAITS)
    file.write_text(BAD.replace("-1", "50"))
    text = watching.until(WAITS)
    assert "clusters/production/apps/shop/bad.yaml: changed.\n" in text
    assert "0 errors, 0 warnings. Judged: 1 KEDA object in 1 file." in text
    (here / "keda.toml").write_text("ignored = []")
    assert "keda.toml: ignored is not a setting. Did you mean ignore?" in watching.until(WAITS)
    (here / "keda.toml").unlink()
    assert "0 errors" in watching.until(WAITS)
    written(here, {"more.yaml": BAD})
    assert "more.yaml:7: error [replica-bounds]" in watching.until(WAITS)
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.communicate(timeout=PATIENCE)[0] == b""
    assert watching.process.returncode == 130


def test_watch_does_not_see_its_own_output(here: Path) -> None:
    """Else it would judge without end."""
    with (here / "found.yaml").open("wb") as found:
        process = subprocess.Popen(
            [*CHECK, "--watch"], cwd=here, env=environment(), stdout=found, stderr=subprocess.PIPE
        )
        try:
            assert process.stderr
            assert process.stderr.readline().endswith(WAITS)
            assert not select.select([process.stderr], [], [], 2)[0]
        finally:
            process.kill()
            process.communicate()


def test_watch_needs_files(here: Path) -> None:
    done = subprocess.run(
        [*CHECK, "--watch", "-"],
        cwd=here,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "keda check: --watch reads files again; standard input can be read once. Give files.\n"
    )
