"""Every program that the lab and the node call has a Debian package or a tool in versions.toml.

The calls are found in the syntax tree. A call whose program this reader cannot find stands in ELSEWHERE with
the reason why it is covered: a new one fails the test until somebody has looked at it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.node import netns, processes
from lab.toolchain import versions

ROOT = Path(__file__).parents[2]
CALLS = {"run", "Popen", "check_output", "check_call", "call"}

# Of packages that every Debian has (dpkg-query -W -f '${Essential} ${Package}'), without its own installer.
ESSENTIAL = {
    *("cat", "chmod", "cp", "cut", "du", "ln", "mkdir", "mv", "rm", "tail"),  # coreutils
    *("sh", "ldd", "find", "sed", "grep", "tar"),
    "git",  # the project came by it
}

# What the node's own programs call, by their sources: kube-proxy (pkg/util/iptables), kubelet (mount-utils),
# containerd (its runtime, and the plugins of the pod network), iptables itself.
NODE = {
    *("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"),
    *("mount", "umount", "containerd-shim-runc-v2", "runc", "ptp", "host-local", "loopback", "modprobe"),
}

ELSEWHERE = {
    "lab/toolchain/packages.py:_quietly": "apt-get and dpkg, which are Debian itself",
    "lab/toolchain/gobuild.py:_start": "go, wrapped by setpriv where there is one",
    "lab/toolchain/gobuild.py:_run": "go and pip, wrapped by setpriv where there is one",
    "pulumi_plugins/kubernetes_provider/helm.py:template": "helm, a tool",
    "cli/clusters.py:server": "kubectl, the user's own or a tool",
    "cli/released.py:_version": "the user's own Pulumi CLI",
    "cli/render/chart.py:rendered": "helm, the user's own or a tool",
    "lab/toolchain/tools.py:_on_path": "asks a tool on PATH for its version",
    "lab/chart_source.py:_run": "helm, a tool",
}


def known() -> set[str]:
    """The programs that versions.toml provides for."""
    table = versions.load()
    return {*table.tools, *(Path(file).name for files in table.debian.values() for file in files)}


def calls() -> Iterator[tuple[str, ast.expr, ast.FunctionDef | None]]:
    """`file:function`, the first argument and the function of every call that starts a program."""
    for folder in ("lab", "pulumi_plugins", "cli"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            yield from _calls(tree, str(file.relative_to(ROOT)), None)


def _calls(
    node: ast.AST, file: str, function: ast.FunctionDef | None
) -> Iterator[tuple[str, ast.expr, ast.FunctionDef | None]]:
    for child in ast.iter_child_nodes(node):
        inner = child if isinstance(child, ast.FunctionDef) else function
        match child:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr=name), args=[first, *_]):
                if name in CALLS:
                    yield f"{file}:{inner.name if inner else ''}", first, inner
        yield from _calls(child, file, inner)


def program(argument: ast.expr, function: ast.FunctionDef | None) -> str | None:
    """The program's name, `*` for one that comes by a variable path (a tool's, our own Python), else None."""
    match argument:
        case ast.List(elts=[first, *_]):
            return _word(first)
        case ast.BinOp(left=left):
            return program(left, function)
        case ast.Name(id=name) if function:
            for node in ast.walk(function):
                match node:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                        return program(value, function)
    return None


def _word(first: ast.expr) -> str | None:
    match first:
        case ast.Constant(value=str(text)):
            return Path(text).name
        # *inside(lab), *netns.inside(lab): nsenter, and what follows is a tool's path or `sh`.
        case ast.Starred(value=ast.Call(func=ast.Name(id="inside") | ast.Attribute(attr="inside"))):
            return "nsenter"
        case ast.Call(func=ast.Name(id="str"), args=[_]):  # str(tools["kubectl"]), str(self.pulumi)
            return "*"
        case ast.Attribute(value=ast.Name(id="sys"), attr="executable"):
            return "*"
        case ast.Starred(value=ast.Attribute(attr="_base")):  # cli.status.table.Kubectl
            return "*"
    return None


def commands(script: str) -> set[str]:
    """The first words of a shell script's commands, without the shell's own."""
    starts = re.findall(r"(?:^|[;|(]|&&|\|\|)\s*([a-z][a-z0-9-]*)(?![a-z0-9-]*[=:])", script, re.MULTILINE)
    return set(starts) - {"echo", "exec", "exit", "printf", "shift", "cd", "try", "then", "record", "digest"}


def test_every_program_that_the_code_calls_is_provided_for() -> None:
    provided = known() | ESSENTIAL | {"*"}
    unread = {place for place, argument, function in calls() if not program(argument, function)}
    assert unread <= ELSEWHERE.keys()
    called = {(name, place) for place, argument, function in calls() if (name := program(argument, function))}
    assert {(name, place) for name, place in called if name not in provided} == set()
    assert {"ip", "nsenter", "ctr", "umount", "unshare"} <= {name for name, _ in called}


@pytest.mark.parametrize("script", [netns._SETUP, processes._LAUNCHER])
def test_every_program_of_a_script_is_provided_for(script: str) -> None:
    assert commands(script) - known() - ESSENTIAL == set()


def test_the_scripts_are_read() -> None:
    assert commands(netns._SETUP) == {"ip", "sysctl"}
    assert {"cat", "cut", "mv"} <= commands(processes._LAUNCHER)


def test_every_program_of_the_node_is_provided_for() -> None:
    assert NODE - known() == set()


def test_every_package_says_what_it_is_for() -> None:
    """A package that nothing calls is one that a user installs for nothing."""
    called = {program(argument, function) for _, argument, function in calls()}
    called |= NODE | {"sysctl", "setpriv", "containerd", "nats-server"}
    for package, files in versions.load().debian.items():
        assert {Path(file).name for file in files} & called, package
