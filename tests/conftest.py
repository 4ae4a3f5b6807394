"""Which tests need more than the repository, its Python packages and the Pulumi engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["keda.testing.plugin"]  # installed, the package brings it by itself

HERE = Path(__file__).parent
# Fixtures that get a lab's programs, and folders of tests that make an API server of their own.
WITH_TOOLS = {"chart_tools", "keda_crds", "chromium"}
WITH_API_SERVER = (HERE / "engine", HERE / "contract")

# One commit has one result: examples are drawn from the test, not from a clock.
settings.register_profile("search", deadline=None)
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as `tools` what says so by its folder or its fixtures, before `-m` chooses."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & WITH_TOOLS or any(item.path.is_relative_to(folder) for folder in WITH_API_SERVER):
            item.add_marker(pytest.mark.tools)
