"""The base of every mapping of the stack file."""

from __future__ import annotations

from keda import Model


class Setting(Model):
    """A mapping of the stack file."""

    consequence = "The workload could not be set up."
