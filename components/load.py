"""The stack's settings from Pulumi's config; a person's mistakes become Pulumi's own one-line errors."""

from __future__ import annotations

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from components.settings import Settings, decode
from keda import SpecError


def load() -> Settings:
    """Raises pulumi.RunError, which the language host prints without a traceback, one line a fault."""
    # Pulumi's Config does not say which keys there are, and a mistyped one must not go unseen.
    config = CONFIG.get() or get_config_env()
    secrets = frozenset(key for key in config if is_config_secret(key))
    try:
        return Settings.parse(decode(config, pulumi.get_project(), secrets))
    except SpecError as error:
        raise pulumi.RunError(str(error)) from None
