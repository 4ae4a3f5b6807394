"""One `make` command works on a lab at a time; `make down` stops the one at work, then removes the lab.

Else an update goes on for minutes on a lab that is gone, and writes its state into the removed folder.
"""

from __future__ import annotations

import hashlib
import os
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.errors import CommandError
from lab.paths import Lab

# How a command is stopped: signal, and seconds for it to end. The first SIGINT lets Pulumi end what it has
# begun, the second, as a second ^C, does not.
STEPS = ((signal.SIGINT, 60.0), (signal.SIGINT, 20.0), (signal.SIGTERM, 10.0))


@contextmanager
def at_work(lab: Lab) -> Iterator[None]:
    """Holds the lab for this command. The hold ends with the process, whatever ends it, and leaves no file.

    Raises:
        CommandError: another command holds it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        try:
            held.bind(_address(lab))
            held.listen()
        except OSError:
            raise CommandError(
                f"lab {lab.name}: another make command is at work on it (process {holder(lab)}). "
                "Two at once would undo each other. Wait for it to end."
            ) from None
        yield


def holder(lab: Lab) -> int | None:
    """The process that holds a lab, None if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(_address(lab))
        except OSError:
            return None
        credentials = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def stop(lab: Lab, show: Callable[[str], None]) -> None:
    """Stops the command that holds a lab and waits for its end; returns at once if there is none.

    Raises:
        CommandError: it does not end, or belongs to another user.
    """
    pid = holder(lab)
    if pid is None:
        return
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    show(f"lab {lab.name}: stopping the make command at work on it (process {pid}).")
    try:
        for number, seconds in STEPS:
            # As ^C in a terminal, which reaches the command and what it runs.
            for each in _children(pid):
                with suppress(ProcessLookupError):
                    os.kill(each, number)
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            if select.select([process], [], [], seconds)[0]:
                return
    except PermissionError:
        raise CommandError(
            f"lab {lab.name}: process {pid} works on it and is not yours to stop. Use sudo."
        ) from None
    finally:
        os.close(process)
    raise CommandError(
        f"lab {lab.name}: process {pid} works on it and does not end. Look at what it waits for, "
        "then run this again."
    )


def _address(lab: Lab) -> str:
    # An abstract socket: the name of no file. In a chroot the same path is another lab.
    root = Path("/").stat()
    place = f"{root.st_dev} {root.st_ino} {lab.root}"
    return f"\0keda-homelab-{hashlib.sha256(place.encode()).hexdigest()[:32]}"


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            # The command's name stands in parentheses and may hold anything; then state, then the parent.
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found
