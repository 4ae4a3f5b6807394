"""The stack's settings from Pulumi's config; a person's mistakes become Pulumi's own one-line errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, get_config_secret_keys_env, is_config_secret

from components.settings import Settings, decode
from keda import SpecError

ALREADY_REPORTED = 32
"""The exit code by which the language host takes a failure for reported (pulumi-language-python-exec)."""


def load() -> Settings:
    """Raises SpecError with every fault."""
    # Pulumi's Config does not list its keys, and a mistyped one must not pass unseen.
    config = CONFIG.get() or get_config_env()
    declared = get_config_secret_keys_env()
    secrets = frozenset(key for key in config if is_config_secret(key) or key in declared)
    return Settings.parse(decode(config, pulumi.get_project(), secrets))


@contextmanager
def one_line_each() -> Iterator[None]:
    """Ends the program on a person's mistakes, each one line of Pulumi's diagnostics.

    Raises SystemExit: after an exception the host adds "an unhandled error occurred".
    """
    try:
        yield
    except (SpecError, pulumi.RunError) as error:
        pulumi.log.error(str(error))
        sys.exit(ALREADY_REPORTED)
