"""The Python language host stand-in: runs the program, and policy packs, with its own interpreter.

It does as the released host (pulumi/pulumi, sdk/python/cmd/pulumi-language-python/main.go, 3.259). Each
program runs in a process of its own: `up` runs it twice, and nothing of the preview's run may be left for the
update's.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
)

from pulumi_plugins.serving import engine_address, serve

RUNNER = Path(__file__).with_name("program.py")
# The end of a program that has said what is wrong, so that the engine adds nothing: the released host's code.
ALREADY_REPORTED = 32
GRACE = 5.0  # seconds an interrupted program has to end, the released host's


def main() -> None:
    """Serves the engine named on the command line."""
    host = LanguageHost(engine_address(sys.argv[1:]))
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), workers=16)


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Pulumi's LanguageRuntime service, as far as programs and policy packs need it."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.on_cancel: list[Callable[[], None]] = []

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo()

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GetProgramDependenciesResponse()

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield from ()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        for interrupt in list(self.on_cancel):
            interrupt()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Runs the program; its output is this process's own, which the engine shows."""
        settings = {
            "monitor": request.monitor_address,
            "engine": self.engine,
            "project": request.project,
            "root": request.info.root_directory,
            "stack": request.stack,
            "organization": request.organization,
            "parallel": request.parallel,
            "preview": request.dryRun,
            "program": request.info.entry_point or request.program or ".",
            "arguments": list(request.args),
        }
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        process = subprocess.Popen(
            [sys.executable, "-u", str(RUNNER), json.dumps(settings)],
            cwd=request.pwd,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        code = self._ended(process, context)
        if code == 0:
            return language_pb2.RunResponse()
        if code == ALREADY_REPORTED:
            return language_pb2.RunResponse(bail=True)
        # A signal is -1, as Go has it.
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {max(code, -1)}")

    def _ended(self, process: subprocess.Popen[bytes], context: grpc.ServicerContext) -> int:
        """The program's exit code; it is interrupted when the engine has no more use for it, then killed."""
        ended = threading.Event()

        def interrupt() -> None:
            if not ended.is_set():
                process.send_signal(signal.SIGINT)
                if not ended.wait(GRACE):
                    process.kill()

        def interrupt_apart() -> None:
            threading.Thread(target=interrupt).start()

        context.add_callback(interrupt_apart)
        self.on_cancel.append(interrupt_apart)
        try:
            return process.wait()
        finally:
            ended.set()
            self.on_cancel.remove(interrupt_apart)

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Runs a policy pack or a provider written in Python, and streams what it prints."""
        pack = request.kind == "analyzer"
        folder = request.info.program_directory
        process = subprocess.Popen(
            [
                sys.executable,
                "-u",
                "-m",
                "pulumi.policy" if pack else "pulumi.run.plugin",
                *request.args,
                folder,
            ],
            # A pack runs in its own folder, whatever folder the engine runs in.
            cwd=folder if pack else request.pwd,
            env=dict(entry.split("=", 1) for entry in request.env) or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(process.kill)
        printed: queue.SimpleQueue[Any] = queue.SimpleQueue()
        assert process.stdout is not None and process.stderr is not None
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            threading.Thread(target=_pump, args=(name, stream, printed), daemon=True).start()
        ended = 0
        while ended < 2:
            response = printed.get()
            if response is None:
                ended += 1
            else:
                yield response
        yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _pump(name: str, stream: IO[bytes], printed: queue.SimpleQueue[Any]) -> None:
    for chunk in iter(lambda: os.read(stream.fileno(), 65536), b""):
        response = language_pb2.RunPluginResponse()
        setattr(response, name, chunk)
        printed.put(response)
    printed.put(None)
