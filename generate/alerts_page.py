"""The table of docs/alerts.md, from the alerts themselves: `python -m generate.alerts_page`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from components.monitoring.alert import Definition
from components.monitoring.alerts import OF_KEDA, OF_WORKLOAD

PAGE = Path(__file__).parents[1] / "docs" / "alerts.md"
_TABLE = re.compile(r"^\| alert \|.*?(?=\n\n)", re.DOTALL | re.MULTILINE)


def table() -> str:
    """One row per alert, those on KEDA itself first."""
    alerts: list[Definition[Any]] = [*OF_KEDA, *OF_WORKLOAD]
    rows = (
        f"| [{each.name}](runbooks/{each.name}.md) | {each.severity} | {each.minutes} min | {each.fires} |"
        for each in alerts
    )
    return "\n".join(["| alert | severity | after | fires when |", "|---|---|---|---|", *rows])


def page() -> str:
    """The page with its table replaced; the text around it is written by hand."""
    return _TABLE.sub(lambda _: table(), PAGE.read_text(encoding="utf-8"), count=1)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
