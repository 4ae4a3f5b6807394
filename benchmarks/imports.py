"""What importing keda costs, as a ratio to importing pydantic, which it cannot do without.

    python benchmarks/imports.py

Each import runs in a fresh process, the kinds in turn, and the medians count.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
KINDS = {
    "python": "pass",
    "pydantic": "import pydantic; pydantic.BaseModel",
    "keda": "import keda",
    "keda and one scaler": "import keda; keda.Redis",
    "keda and all scalers": "import keda; [keda.trigger_class(name) for name in keda.SCALERS]",
}


def seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=True, timeout=60)
    return time.perf_counter() - begin


def main() -> None:
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind, code in KINDS.items():
            taken[kind].append(seconds(code))
    medians = {kind: statistics.median(times) for kind, times in taken.items()}
    for kind, median in medians.items():
        ratio = median / medians["pydantic"]
        print(f"{kind:20} {median * 1000:6.0f} ms   {ratio:4.1f} x pydantic")


if __name__ == "__main__":
    main()
