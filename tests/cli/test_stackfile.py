"""The generated copy of the stack file: overrides, the kept salt, one line for a file that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import stackfile
from cli.errors import CommandError


def copied(tmp_path: Path, text: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """What the copy of a stack file with this text holds."""
    source = tmp_path / "Pulumi.homelab.yaml"
    source.write_text(text)
    target = stackfile.write_copy(tmp_path / "out" / source.name, overrides, source)
    data: dict[str, Any] = yaml.safe_load(target.read_text())
    return data


@pytest.mark.parametrize(
    ("overrides", "config"),
    [
        ({}, {"p:keda": {"chart": "a", "version": "1"}}),
        ({"p:keda.chart": "b"}, {"p:keda": {"chart": "b", "version": "1"}}),
        ({"p:new.deep.key": 1}, {"p:keda": {"chart": "a", "version": "1"}, "p:new": {"deep": {"key": 1}}}),
        ({"p:keda": None}, {}),
        ({"p:absent": None}, {"p:keda": {"chart": "a", "version": "1"}}),
    ],
)
def test_overrides(tmp_path: Path, overrides: dict[str, Any], config: dict[str, Any]) -> None:
    assert copied(tmp_path, "config:\n  p:keda: {chart: a, version: '1'}\n", overrides) == {"config": config}


def test_a_wrong_type_on_the_way_is_left_to_the_program(tmp_path: Path) -> None:
    assert copied(tmp_path, "config: {p:keda: text}", {"p:keda.chart": "b"}) == {"config": {"p:keda": "text"}}


def test_pulumis_salt_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "out" / "Pulumi.homelab.yaml"
    target.parent.mkdir()
    target.write_text("encryptionsalt: v1:abc\n")
    assert copied(tmp_path, "config: {a:b: 1}", {}) == {"config": {"a:b": 1}, "encryptionsalt": "v1:abc"}


def test_the_users_file_is_not_written(tmp_path: Path) -> None:
    text = "# a comment\nconfig:\n  p:keda: {chart: a}\n"
    copied(tmp_path, text, {"p:keda.chart": "b"})
    assert (tmp_path / "Pulumi.homelab.yaml").read_text() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "config: [",
            r"^Pulumi\.homelab\.yaml:1: not YAML: .*\. Pulumi could read no setting\. Correct that line\.$",
        ),
        ("- a", r"^Pulumi\.homelab\.yaml: a mapping with the key `config` is expected\. .*$"),
        ("config: 3", r"^Pulumi\.homelab\.yaml: a mapping with the key `config` is expected\. .*$"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        copied(tmp_path, text, {})


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(
        CommandError, match=r"^Pulumi\.homelab\.yaml: no such file\. .* Restore it from git\.$"
    ):
        stackfile.read(tmp_path / "Pulumi.homelab.yaml")
