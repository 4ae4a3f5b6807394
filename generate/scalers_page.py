"""docs/scalers.md, the table of every scaler: `python -m generate.scalers_page`."""

from __future__ import annotations

from pathlib import Path

from keda.triggers.explanation import table

PAGE = Path(__file__).parents[1] / "docs" / "scalers.md"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main()
