"""The stack's program, run under Pulumi's mocks: what it would register, without an engine and a cluster."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import runpy
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _ensure_event_loop

from cli import stackfile
from cli.errors import CommandError
from components.settings import Settings

Object = dict[str, Any]
"""A Kubernetes object as plain data."""
_PROJECT = "keda-homelab"
_CHART = "kubernetes:helm.sh/v4:Chart"
_OWN = "pulumi.com/"
"""Prefix of the annotations by which the Kubernetes provider is steered. Nothing else reads them."""


@dataclass(frozen=True)
class Stack:
    """What the program makes of a stack file.

    Attributes:
        settings: the settings, typed.
        objects: every Kubernetes object, without those of the chart.
        chart: the inputs of KEDA's chart: `chart`, `version`, `namespace`, `values`, `plainHttp`.
    """

    settings: Settings
    objects: tuple[Object, ...]
    chart: Mapping[str, Any]


def run(stack_file: Path) -> Stack:
    """Runs the program over a stack file. The section `cluster` is left out: no cluster is read.

    Raises:
        CommandError: the settings are wrong, hold a secret, or the program makes what no file can hold.
    """
    config = stackfile.read(stack_file).get("config") or {}
    recorder, log = _Recorder(), _Log()
    pulumi.runtime.set_mocks(recorder, _PROJECT, stack_file.stem.removeprefix("Pulumi."), preview=False)
    pulumi.runtime.settings.SETTINGS.engine = log
    config = {key: value for key, value in config.items() if key != f"{_PROJECT}:cluster"}
    set_all_config(
        # In the order in which Pulumi's engine gives it: alerts and dashboards follow that of the workloads.
        {key: json.dumps(value, sort_keys=True) for key, value in config.items()},
        [key for key, value in config.items() if _has_secret(value)],
    )
    made: dict[str, Any] = {}

    def program() -> None:
        try:
            made.update(runpy.run_path(str(stackfile.PROJECT / "__main__.py"), run_name="__main__"))
        except SystemExit:
            raise CommandError("\n".join(log.lines)) from None

    with _without_cluster():
        loop = _ensure_event_loop()  # type: ignore[no-untyped-call]
        _close_at_exit(loop)
        loop.run_until_complete(run_pulumi_func(program))
    [chart] = [inputs for kind, _, inputs in recorder.made if kind == _CHART]
    objects = tuple(
        _object(name, inputs)
        for kind, name, inputs in recorder.made
        if kind.startswith("kubernetes:") and kind != _CHART
    )
    return Stack(made["settings"], objects, _plain(chart, "keda.values"))


class _Recorder(pulumi.runtime.Mocks):
    """Answers every registration with its own inputs, and keeps them."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, Mapping[str, Any]]] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.made.append((args.typ, args.name, args.inputs))
        _close_at_exit(asyncio.get_event_loop())  # of this thread, made by the mocks
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], None]:
        return {}, None


class _Log:
    """The engine's log: the errors that the program writes to it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def Log(self, request: Any) -> None:  # noqa: N802 -- the name in the protocol
        if request.severity >= engine_pb2.ERROR:
            self.lines += request.message.splitlines()


@cache
def _close_at_exit(loop: asyncio.AbstractEventLoop) -> None:
    """A loop that is still open when Python ends may print a traceback (`BaseEventLoop.__del__`)."""
    atexit.register(loop.close)


@contextmanager
def _without_cluster() -> Iterator[None]:
    """No kubeconfig, so that the preflight reads no cluster; the process is left as it was."""
    before, handler, path = os.environ.get("KUBECONFIG"), signal.getsignal(signal.SIGINT), list(sys.path)
    os.environ["KUBECONFIG"] = os.devnull
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        sys.path[:] = path
        del os.environ["KUBECONFIG"]
        if before is not None:
            os.environ["KUBECONFIG"] = before


def _has_secret(value: object) -> bool:
    """Whether a setting holds a value that `pulumi config set --secret` encrypted."""
    if isinstance(value, Mapping):
        return list(value) == ["secure"] or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _object(name: str, inputs: Mapping[str, Any]) -> Object:
    """An object as it goes into a file: plain data, without what only Pulumi reads."""
    if not {"apiVersion", "kind", "metadata"} <= inputs.keys():
        raise CommandError(
            f"{name}: its objects are made by Pulumi's provider, which does not run here. The tree would "
            "lack them. Register each object by itself."
        )
    made: Object = _plain(inputs, name)
    annotations = made["metadata"].pop("annotations", {})
    if kept := {key: value for key, value in annotations.items() if not key.startswith(_OWN)}:
        made["metadata"]["annotations"] = kept
    return made


def _plain(value: Any, name: str) -> Any:
    """A copy without nulls, in the order of its keys; whole numbers are integers again.

    Protocol buffers have no integers in a Struct and no order in a map.

    Raises:
        CommandError: a value is one of Pulumi's secrets.
    """
    if isinstance(value, Mapping):
        if rpc._special_sig_key in value:
            raise CommandError(
                f"{name}: holds a secret of Pulumi's. It would be written in plain text into a repository. "
                "Put it into a Kubernetes Secret, and name that."
            )
        return {key: _plain(value[key], name) for key in sorted(value) if value[key] is not None}
    if isinstance(value, list):
        return [_plain(each, name) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
