"""Shared by the tests of several rooms: the stack files as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from components.settings import Settings, decode

ROOT = Path(__file__).parents[1]
STACK = ROOT / "Pulumi.homelab.yaml"
CORPUS = ROOT / "tests" / "corpus"


def config_of(text: str) -> dict[str, Any]:
    """A stack file's config, decoded as Pulumi would hand it over: JSON text by `project:section`."""
    config = yaml.safe_load(text)["config"]
    return decode({key: json.dumps(value) for key, value in config.items()}, "keda-homelab")


def settings_of(text: str) -> Settings:
    return Settings.parse(config_of(text))
