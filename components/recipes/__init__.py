"""Recipes: the typed settings of a kind of workload, and the KEDA objects they stand for.

Each module of this folder registers its own recipe, so a new one needs no entry here.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from components.recipes import base
from components.recipes.base import Recipe

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

RECIPES: Mapping[str, type[Recipe]] = dict(sorted(base.RECIPES.items()))
"""By the name that the stack file has in `recipe`."""

__all__ = ["RECIPES", "Recipe"]
