"""The stacks of tests/engine, and which plugins are in use: released ones where they can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

import pulumi_plugins
from tests.engine.conftest import cluster, found, namespace, stack

__all__ = ["chosen", "cluster", "found", "namespace", "plugins_in_use", "stack"]


@pytest.fixture(scope="session")
def chosen(found: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:  # noqa: F811
    return pulumi_plugins.plugin_environment(found["pulumi"], tmp_path_factory.mktemp("pulumi"))


@pytest.fixture(scope="session", name="plugins")
def plugins_in_use(chosen: tuple[dict[str, str], str]) -> dict[str, str]:
    print(chosen[1])
    return chosen[0]


@pytest.fixture
def stand_in_provider(chosen: tuple[dict[str, str], str]) -> None:
    """For what only the stand-in has."""
    if "stand-in Kubernetes provider" not in chosen[1]:
        pytest.skip("the released provider has no such switch")
