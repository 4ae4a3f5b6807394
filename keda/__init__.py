"""KEDA 2.19.0's API as types: what a person writes is checked as KEDA would check it, before anything is
applied.

Pure Python over pydantic; it knows nothing of Pulumi and asks no cluster.
"""

from keda.errors import MISSING, Fault, Faults, SpecError
from keda.model import Model
from keda.resources import *  # noqa: F403 -- the list is keda.resources.__all__
from keda.resources import __all__ as _resources
from keda.triggers import *  # noqa: F403 -- the list is keda.triggers.__all__
from keda.triggers import __all__ as _triggers

__all__ = ["MISSING", "Fault", "Faults", "Model", "SpecError", *_resources, *_triggers]  # noqa: PLE0604
