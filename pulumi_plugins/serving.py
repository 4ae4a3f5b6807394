"""What both stand-ins share: a gRPC server that the engine finds by the port on stdout, and a quiet end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

# The engine's own limit (400 MB): a CustomResourceDefinition alone passes gRPC's default of 4 MB at times.
CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
]


def serve(register: Callable[[grpc.Server], None], workers: int) -> None:
    """Serves until the engine ends this process, or ends itself.

    Args:
        register: adds the servicer to the server.
        workers: threads. A Construct holds one while the engine comes back with its children, so be generous.
    """
    # The engine starts each plugin in a process group of its own, so a ^C in the terminal arrives as a Cancel
    # call. The engine sends SIGINT when it is done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    server = grpc.server(ThreadPoolExecutor(max_workers=workers), options=CHANNEL_OPTIONS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    server.wait_for_termination()


def engine_address(argv: list[str]) -> str:
    """The engine's address: the one argument that is no flag."""
    addresses = [argument for argument in argv if not argument.startswith("-")]
    if not addresses:
        sys.exit("A plugin of the Pulumi engine: the engine starts it, with its own address as the argument.")
    return addresses[-1]


def _end_with_parent(parent: int) -> None:
    # An engine killed by -9 sends no SIGINT; without this it would leave plugins and policy packs.
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(1)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
