"""Runs one Pulumi program; the language host starts it, with the settings as JSON in the first argument."""

from __future__ import annotations

import asyncio
import json
import logging
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ALREADY_REPORTED = 32  # the language host's constant; importing it here would cost the program's start


def main(settings: dict[str, Any]) -> int:
    """Runs the program of `settings`.

    Returns:
        0, or `ALREADY_REPORTED` once the engine knows what is wrong. A program's own `sys.exit` goes through.
    """
    import grpc
    import pulumi
    from pulumi.runtime import reset_options, run_in_stack

    program = Path(settings["program"])
    folder = program if program.is_dir() else program.parent
    sys.path[0] = str(folder.resolve())
    sys.argv = [str(program), *settings["arguments"]]
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    parallel = settings["parallel"]
    reset_options(
        project=settings["project"],
        stack=settings["stack"],
        organization=settings["organization"],
        parallel=parallel,
        preview=settings["preview"],
        monitor_address=settings["monitor"],
        engine_address=settings["engine"],
    )

    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    if parallel > 0:
        # Each registration blocks a thread until the resource is there.
        loop.set_default_executor(ThreadPoolExecutor(max_workers=max(parallel, 1) * 4))
    try:
        loop.run_until_complete(run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except grpc.RpcError as error:
        # The monitor is gone once the engine has given up; it has said why.
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            pulumi.log.error(f"RPC error: {error.details()}")
    except Exception as error:
        # How a failed component (a chart that cannot be had) ends its caller; the engine has said why.
        if "resource monitor shut down" in str(error):
            return ALREADY_REPORTED
        pulumi.log.error("Program failed with an unhandled exception:\n" + traceback.format_exc())
    else:
        return 0
    return ALREADY_REPORTED


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a traceback
    sys.exit(main(json.loads(sys.argv[1])))
