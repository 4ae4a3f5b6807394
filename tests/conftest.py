"""Which tests need more than the repository, its Python packages and the Pulumi engine."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Fixtures that get a lab's programs. tests/engine has an API server of its own.
WITH_TOOLS = {"chart_tools", "keda_crds", "chromium"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as `tools` what says so by its folder or its fixtures, before `-m` chooses."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.path.is_relative_to(HERE / "engine") or fixtures & WITH_TOOLS:
            item.add_marker(pytest.mark.tools)
