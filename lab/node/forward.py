"""Host loopback ports that lead into the lab: `python -m lab.node.forward FILE`.

FILE is JSON, {"namespace": path, "forwards": [[port, "host:port"], …]}. The process listens on the host's
side, then moves into the namespace for good and connects there. Names are resolved by the cluster's own DNS
at each connection, so a pod behind a headless service may come and go.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

import dns.asyncresolver
import dns.exception

from lab.node.netns import NODE_ADDRESS, enter
from lab.node.programs import DNS_ADDRESS, REGISTRY

# Every port the host may use: its name in lab.json, and where it leads.
TARGETS: dict[str, str] = {
    "apiserver": f"{NODE_ADDRESS}:6443",
    "registry": REGISTRY,
    "prometheus": "prometheus-operated.monitoring.svc.cluster.local:9090",
    "alertmanager": "alertmanager-operated.monitoring.svc.cluster.local:9093",
    "nats": "nats.nats.svc.cluster.local:4222",
    "nats-monitoring": "nats-headless.nats.svc.cluster.local:8222",
    "ray-serve": "ray-serve.ray.svc.cluster.local:8000",
    "envoy-gateway": "envoy-default-eg-e41e7b31.envoy-gateway-system.svc.cluster.local:80",
    "batch-queue": "batch-queue.batch.svc.cluster.local:8080",
}


def choose_ports(names: Iterable[str], kept: Mapping[str, int], in_use: bool) -> dict[str, int]:
    """A free loopback port for each name.

    One chosen before stays, unless another program took it while no forwarder of ours was running (`in_use`).
    New ones come from below the range that the kernel gives to outgoing connections.
    """
    ports: dict[str, int] = {}
    candidates = iter(random.sample(range(20000, 32768), 1000))
    for name in names:
        port = kept.get(name)
        while (
            port is None or port in ports.values() or not (_free(port) or (in_use and kept.get(name) == port))
        ):
            port = next(candidates)
        ports[name] = port
    return ports


def _free(port: int) -> bool:
    try:
        _listener(port).close()
    except OSError:
        return False
    return True


async def serve(namespace: Path, forwards: Iterable[tuple[int, str]]) -> None:
    """Forward until SIGTERM. Raises OSError when a port is taken."""
    listeners = [(_listener(port), target) for port, target in forwards]
    enter(namespace)
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.lifetime = [DNS_ADDRESS], 3.0
    async with contextlib.AsyncExitStack() as servers:
        for listener, target in listeners:
            handler = _handler(resolver, target)
            await servers.enter_async_context(await asyncio.start_server(handler, sock=listener))
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _handler(resolver: dns.asyncresolver.Resolver, target: str) -> _Handler:
    host, _, port = target.rpartition(":")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                far_reader, far_writer = await asyncio.open_connection(await _address(resolver, host), port)
        except (OSError, TimeoutError, dns.exception.DNSException) as error:
            print(f"{target}: {error}", file=sys.stderr, flush=True)
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    return handle


async def _address(resolver: dns.asyncresolver.Resolver, host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        # The dot ends the name: no search list.
        answer = await resolver.resolve(f"{host}.", "A")
        return str(answer[0])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy to the end of the stream and pass the end on; the other direction may have more data."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
        return


def main(file: str) -> None:
    """Serves the forwards of a file until it is stopped."""
    settings = json.loads(Path(file).read_text())
    asyncio.run(serve(Path(settings["namespace"]), settings["forwards"]))


if __name__ == "__main__":
    main(sys.argv[1])
