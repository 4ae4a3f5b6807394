"""Runs the stack's program under Pulumi's mocks."""

from __future__ import annotations

import json
import os
import runpy
import signal
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

# An Output put into an f-string then raises instead of writing a help text into a manifest.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"
# The program asks the cluster before it registers anything; here there is none.
os.environ["KUBECONFIG"] = os.devnull

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _ensure_event_loop

ROOT = Path(__file__).parents[2]
STACK = ROOT / "Pulumi.homelab.yaml"


class Registered:
    """One resource as the program registered it."""

    def __init__(self, request: Any) -> None:
        self.type: str = request.type
        self.name: str = request.name
        self.custom: bool = request.custom
        self.parent: str = request.parent
        self.depends_on: list[str] = list(request.dependencies)
        self.aliases: list[str] = [alias.spec.name for alias in request.aliases]
        self.deleted_first: bool = request.deleteBeforeReplace
        self.provider: str = request.provider or request.providers.get("kubernetes", "")
        self.inputs: Mapping[str, Any] = {}
        self.has_outputs = False


class Recorder(pulumi.runtime.Mocks):
    """Answers every registration with its own inputs."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], None]:
        return {}, None


class RecordingMonitor(mocks.MockMonitor):
    """Keeps what the mock monitor drops: options, and whether outputs were registered."""

    def __init__(self) -> None:
        super().__init__(Recorder())
        self.registered: dict[str, Registered] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 -- the name in the protocol
        response = super().RegisterResource(request)
        entry = Registered(request)
        entry.inputs = mocks.rpc.deserialize_properties(request.object)
        self.registered[response.urn] = entry
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if request.urn in self.registered:
            self.registered[request.urn].has_outputs = True
        return super().RegisterResourceOutputs(request)


def stack_config(path: Path = STACK) -> dict[str, Any]:
    """The stack file's config by section."""
    config = yaml.safe_load(path.read_text())["config"]
    return {key.partition(":")[2]: value for key, value in config.items()}


class Log:
    """The engine's log, as far as the program writes to it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def Log(self, request: Any) -> None:  # noqa: N802 -- the name in the protocol
        if request.severity > engine_pb2.DEBUG:
            self.lines += request.message.splitlines()


class Program:
    """The program, run once over a config, of which the sections `secret` are stored as secrets.

    Attributes:
        exit: the exit code with which it ended itself; None if it ran to its end.
        log: the lines it wrote to the engine's log.
    """

    def __init__(self, config: Mapping[str, Any], secret: Collection[str] = ()) -> None:
        self.monitor = RecordingMonitor()
        pulumi.runtime.set_mocks(
            self.monitor.mocks, "keda-homelab", "homelab", preview=False, monitor=self.monitor
        )
        set_all_config(
            {f"keda-homelab:{key}": json.dumps(value) for key, value in config.items()},
            [f"keda-homelab:{key}" for key in secret],
        )
        engine = Log()
        pulumi.runtime.settings.SETTINGS.engine = engine
        self.log = engine.lines
        self.exit: object = None

        def run() -> None:
            handler = signal.getsignal(signal.SIGINT)
            try:
                runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
            except SystemExit as end:
                self.exit = end.code
            finally:
                self.interrupt = signal.signal(signal.SIGINT, handler)

        _ensure_event_loop().run_until_complete(run_pulumi_func(run))

    @property
    def resources(self) -> dict[str, Registered]:
        """URN -> resource."""
        return self.monitor.registered

    def of_type(self, fragment: str) -> list[Registered]:
        return [resource for resource in self.resources.values() if fragment in resource.type]


@pytest.fixture(scope="session")
def config() -> dict[str, Any]:
    return stack_config()


@pytest.fixture(scope="session")
def program(config: dict[str, Any]) -> Iterator[Program]:
    yield Program(config)
