"""A chart, rendered with the helm on PATH."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from keda.manifests.documents import Source

SECONDS = 60
"""For one chart."""


def rendered(chart: str, values: Sequence[str]) -> Source | str:
    """What `helm template` prints for a chart's folder; a line for a person if it cannot."""
    import shutil  # Slow to load, as subprocess is, and few ask for charts.
    import subprocess

    helm = shutil.which("helm")
    if helm is None:
        return f"{chart}: cannot be rendered: there is no helm on PATH."
    files = [argument for file in values for argument in ("--values", file)]
    command = [helm, "template", Path(chart).absolute().name, chart, *files]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{chart}: cannot be rendered: helm gave no answer within {SECONDS} s."
    except OSError as error:
        return f"{chart}: cannot be rendered: {error.strerror}."
    if done.returncode:
        why = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
        return f"{chart}: cannot be rendered: {why or f'helm ended with exit code {done.returncode}'}."
    return Source(BytesIO(done.stdout))
