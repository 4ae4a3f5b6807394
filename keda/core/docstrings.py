"""The docstrings below a model's fields, read off the source: only explanations and schemas need them."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import textwrap
from collections.abc import Mapping

from keda.core.model import Model


@functools.cache
def field_docstrings(model: type[Model]) -> Mapping[str, str]:
    """What stands below each field, as one line, by the field's Python name."""
    documented: dict[str, str] = {}
    for owner in reversed(model.__mro__[: model.__mro__.index(Model)]):
        [definition] = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        body = definition.body if isinstance(definition, ast.ClassDef) else []
        for field, after in itertools.pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                match after:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        documented[field.target.id] = " ".join(text.split())
    return documented
