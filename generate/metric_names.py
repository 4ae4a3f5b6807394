"""Takes kube-state-metrics' part of metrics.json from its own documentation.

    python -m generate.metric_names DOCS/METRICS

The rest of the file is written by hand, from the sources that it names.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parents[1] / "keda/checks/advice/metrics.json"
EXPORTER = "kube-state-metrics 2.15.0"
_ROW = re.compile(r"^\|\s*(?P<name>kube_\w+)\s*\|(?P<rest>.*)$")
_LABEL = re.compile(r"`([A-Za-z_]\w*)`\s*(?:=|&lt;|<br>|\|)")


def documented(folder: Path) -> dict[str, list[str]]:
    """Metric name -> its labels, of every table in `folder`."""
    found: dict[str, set[str]] = {}
    for page in sorted(folder.rglob("*.md")):
        for line in page.read_text(encoding="utf-8").splitlines():
            if row := _ROW.match(line):
                found.setdefault(row["name"], set()).update(_LABEL.findall(row["rest"]))
    return {name: sorted(found[name]) for name in sorted(found)}


def dumped(catalogue: dict[str, object]) -> str:
    """As the file is written: one line a metric."""
    text = json.dumps(catalogue, indent=1, ensure_ascii=False)
    return (
        re.sub(r"\[\s*([^\[\]{}]*?)\s*\]", lambda m: "[" + re.sub(r"\s*\n\s*", " ", m[1]) + "]", text) + "\n"
    )


def main(folder: str) -> None:
    """Replaces kube-state-metrics' part; `folder` is docs/metrics of its repository."""
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    catalogue["exporters"][EXPORTER]["metrics"] = documented(Path(folder))
    CATALOGUE.write_text(dumped(catalogue), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
