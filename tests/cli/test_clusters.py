"""A cluster of one's own: its stack's name, its file, its identity, and who is asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli import __main__ as command
from cli import clusters
from cli.clusters import OwnCluster, stack_name
from cli.engine import CLUSTER_TAG, Engine
from cli.errors import CommandError

UID = "6c1f0c9e-8f55-4a3c-9d6e-2f1f0a7c1b11"
OTHER = "00000000-1111-2222-3333-444444444444"


def program(path: Path, text: str) -> Path:
    """An executable of this shell text."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig with one context, `home`, whose cluster has UID; kubectl, and nothing else, on PATH."""
    view = json.dumps({"clusters": [{"cluster": {"server": "https://there:6443"}}]})
    namespace = json.dumps({"metadata": {"name": "kube-system", "uid": UID}})
    binaries = tmp_path / "bin"
    binaries.mkdir()
    program(
        binaries / "kubectl",
        f"""case "$*" in
*--context=home*) ;;
*) exit 1;;
esac
case "$*" in
*view*) echo '{view}';;
*kube-system*) [ -z "$FORBIDDEN" ] || {{ echo "Error from server (Forbidden): no" >&2; exit 1; }}
  echo '{namespace}';;
esac""",
    )
    monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.mark.parametrize(
    ("context", "stack"),
    [
        ("my-cluster", "my-cluster"),
        ("admin@home", "admin-home"),
        ("kubernetes-admin@kubernetes", "kubernetes-admin-kubernetes"),
        ("arn:aws:eks:eu-central-1:1234:cluster/prod", "arn-aws-eks-eu-central-1-1234-cluster-prod"),
        ("default", "default"),
        ("homelab", "homelab-cluster"),
        ("x" * 200, "x" * 100),
    ],
)
def test_a_stack_is_named_by_its_context(context: str, stack: str) -> None:
    assert stack_name(context) == stack
    assert OwnCluster.named(context).file.name == f"Pulumi.{stack}.yaml"


def test_names_that_no_stack_can_have() -> None:
    with pytest.raises(CommandError, match=r"^CLUSTER=@@: no stack can have this name\. Pass STACK=<name>"):
        stack_name("@@")
    with pytest.raises(CommandError, match=r"^STACK=a b: a stack's name has letters, digits, .*$"):
        OwnCluster.named("home", "a b")
    with pytest.raises(
        CommandError, match=r"^STACK=homelab: is the lab's stack, .* Write STACK=my-homelab\.$"
    ):
        OwnCluster.named("home", "homelab")
    assert OwnCluster.named("home", "prod").stack == "prod"


def own(folder: Path, config: str | None = None, stack: str = "home") -> OwnCluster:
    """The cluster `home`, with a stack file that has this section `cluster`."""
    found = OwnCluster("home", stack, folder)
    if config is not None:
        found.file.write_text(f"config:\n  keda-homelab:cluster: {config}\n")
    return found


def test_an_unknown_context_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["up", "--cluster", "nowhere"]) == 1
    assert capsys.readouterr().err == (
        "CLUSTER=nowhere: no such context in the kubeconfig, so there is no cluster to run on. "
        "See `kubectl config get-contexts`.\n"
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, r"^Pulumi\.home\.yaml: no such file, .* Run `make init CLUSTER=home`: it reads the .*\.$"),
        ("{}", r"^Pulumi\.home\.yaml: keda-homelab:cluster\.context is missing, and CLUSTER=home\. .*$"),
        (
            "{context: away}",
            r'^Pulumi\.home\.yaml: .*context is "away", and CLUSTER=home\. .*: home, or pass .*$',
        ),
        (
            f"{{context: home, uid: {OTHER}}}",
            rf"^stack home: it is of another cluster \({OTHER}\) than the one that answers \({UID}\)\. "
            r"Pulumi would install everything there and forget what it installed here\. Correct .*$",
        ),
    ],
)
def test_a_stack_file_that_is_not_this_clusters(home: Path, config: str | None, message: str) -> None:
    cluster = own(home, config)
    with pytest.raises(CommandError, match=message):
        cluster.check_file(cluster.uid())


@pytest.mark.parametrize("config", ["{context: home}", f"{{context: home, uid: {UID}}}"])
def test_a_stack_file_that_is(home: Path, config: str) -> None:
    cluster = own(home, config)
    cluster.check_file(cluster.uid())


def test_the_command_to_run_names_the_stack_that_was_chosen(home: Path) -> None:
    with pytest.raises(CommandError, match=r"Run `make init CLUSTER=home STACK=prod`"):
        own(home, stack="prod").check_file(UID)


def test_an_account_that_may_not_see_the_identity_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORBIDDEN", "1")
    cluster = own(home, f"{{context: home, uid: {OTHER}}}")
    assert cluster.uid() == ""
    cluster.check_file("")


def tagging(folder: Path, tag: str = "") -> Engine:
    """An engine whose stack has this tag, and which writes down what it is asked for."""
    pulumi = program(
        folder / "pulumi",
        f"""echo "$*" >>{folder}/asked
case "$1 $2 $3" in
"stack init home") echo "error: stack 'home' already exists" >&2; exit 255;;
"stack tag get") [ -n "{tag}" ] && echo {tag} || {{ echo "error: stack tag 'x' not found" >&2; exit 255; }};;
esac""",
    )
    return Engine(folder / "state", pulumi, program=folder, stack="home", own=True)


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines()


def test_the_first_command_binds_the_stack_to_the_cluster(tmp_path: Path) -> None:
    tagging(tmp_path).claim(UID)
    assert asked(tmp_path)[-1] == f"stack tag set {CLUSTER_TAG} {UID} --stack home"


def test_a_bound_stack_stays(tmp_path: Path) -> None:
    tagging(tmp_path, UID).claim(UID)
    assert not any("tag set" in line for line in asked(tmp_path))


def test_a_stack_of_another_cluster_stops(tmp_path: Path) -> None:
    with pytest.raises(
        CommandError, match=rf"^stack home: it is of another cluster \({OTHER}\) than the one"
    ):
        tagging(tmp_path, OTHER).claim(UID)


def test_pulumi_asks_unless_told_yes_and_works_on_the_users_file(tmp_path: Path) -> None:
    tagging(tmp_path).operate("up", assume_yes=False)
    tagging(tmp_path).operate("up")
    questions = [line for line in asked(tmp_path) if line.startswith("up ")]
    assert ["--yes" in line for line in questions] == [False, True]
    assert not any("--config-file" in line or "select" in line.split() for line in asked(tmp_path))


def test_without_a_terminal_there_must_be_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    clusters.check_terminal("home", assume_yes=True)
    with pytest.raises(CommandError, match=r"^CLUSTER=home: this is not a terminal, .* Pass YES=1 .*$"):
        clusters.check_terminal("home", assume_yes=False)
