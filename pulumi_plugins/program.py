"""Runs one Pulumi program; the language host starts it, with the settings as JSON in the first argument.

It does as the released executor (pulumi/pulumi, sdk/python/cmd/pulumi-language-python-exec): the same
settings, the same ends. SIGINT is left to Python: a program that does not handle it ends with a traceback.
"""

from __future__ import annotations

import asyncio
import json
import logging
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ALREADY_REPORTED = 32  # the language host's constant; importing it here would cost the program's start


def main(settings: dict[str, Any]) -> int:
    """Runs the program of `settings`.

    Returns:
        0; 1 after an error of the SDK's own; `ALREADY_REPORTED` once the engine has the program's traceback.
        A program's own `sys.exit` goes through.
    """
    import pulumi
    from pulumi.runtime import (
        Settings,
        configure,
        get_config_env,
        get_config_secret_keys_env,
        run_in_stack,
        set_all_config,
    )

    # Without the keys the SDK takes a secret for a plain value, and it reaches the state in plain text.
    set_all_config(get_config_env(), get_config_secret_keys_env())
    parallel = settings["parallel"]
    configure(
        Settings(
            project=settings["project"],
            root_directory=settings["root"],
            stack=settings["stack"],
            organization=settings["organization"],
            parallel=parallel,
            dry_run=settings["preview"],
            monitor=settings["monitor"],
            engine=settings["engine"],
        )
    )
    program = settings["program"]
    # The executor is a file beside the host; what stands first is its folder, which nobody imports from.
    sys.path.pop(0)
    sys.argv = [program, *settings["arguments"]]
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def run() -> None:
        runpy.run_path(program, run_name="__main__")

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Each registration blocks a thread until the resource is there.
    executor = ThreadPoolExecutor(max_workers=max(parallel, 1) * 4)
    loop.set_default_executor(executor)
    code = 1
    try:
        loop.run_until_complete(run_in_stack(run))
        code = 0
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except Exception:
        pulumi.log.error("Program failed with an unhandled exception:\n" + _of_the_program(Path(program)))
        code = ALREADY_REPORTED
    finally:
        executor.shutdown(wait=True)
        loop.close()
    return code


def _of_the_program(program: Path) -> str:
    """The traceback from the program's first line on; the whole one if that is not in it."""
    main_file = (program if program.suffix else program / "__main__.py").absolute()
    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if Path(frame.filename).absolute() == main_file:
            return traceback.format_exc(limit=index - len(frames))
    return traceback.format_exc()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
