"""`make up` ends when every workload is Ready, or with what is not."""

from __future__ import annotations

import time

from cli.errors import CommandError
from cli.kubectl import Kubectl
from cli.status import table
from cli.status.table import Row
from lab.progress import duration, step

# Seconds. A ScaledObject is Ready when its trigger has answered: Prometheus finds a new target within a
# minute and scrapes it within another, and KEDA reads every pollingInterval (30 s by default).
PATIENCE = 180.0
INTERVAL = 2.0


def until_ready(kubectl: Kubectl, seconds: float = PATIENCE, interval: float = INTERVAL) -> list[Row]:
    """Waits until every row is Ready; shows for which one, and KEDA's reason.

    Raises:
        NotReady: the time is over; its rows are as the cluster has them then.
    """
    deadline = time.monotonic() + seconds
    with step("workloads Ready") as progress:
        while True:
            found = table.rows(kubectl)
            waiting = [row for row in found if row.ready != "True"]
            if not waiting:
                return found
            if time.monotonic() > deadline:
                raise NotReady(found, f"not after {duration(seconds)}: {_names(waiting)}")
            first = waiting[0]
            reason = first.reason.partition("\n")[0] or f"Ready is {first.ready}"
            progress.update(f"{len(found) - len(waiting)} of {len(found)}, {first.name}: {reason}")
            time.sleep(interval)


class NotReady(CommandError):
    """Some workloads are not Ready in time; `rows` are all of them."""

    def __init__(self, rows: list[Row], text: str) -> None:
        super().__init__(text)
        self.rows = rows


def _names(rows: list[Row]) -> str:
    return ", ".join(row.name for row in rows)
