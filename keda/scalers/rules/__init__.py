"""The rules between parameters, by the stage of KEDA's constructor that holds them.

`keda.scalers.rules.<family>` registers the rules of its scalers; a family is a module that
`keda.triggers.types` has too. A scaler has at most one rule of each stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal

Rule = Callable[[Values, ResolvedTrigger], Refusal | None]
OwnParser = Callable[[ResolvedTrigger], None]
_Function = TypeVar("_Function")

BEFORE: dict[str, Rule] = {}
VALIDATE: dict[str, Rule] = {}
AFTER: dict[str, Rule] = {}
CLIENT: dict[str, Rule] = {}
OWN_PARSERS: dict[str, OwnParser] = {}


def before(*scalers: str) -> Callable[[Rule], Rule]:
    """A check of the raw metadata, before the typed parser."""
    return _registered(BEFORE, scalers)


def validate(*scalers: str) -> Callable[[Rule], Rule]:
    """KEDA's Validate(): runs with the typed parser, on a half-filled struct when fields are in error."""
    return _registered(VALIDATE, scalers)


def after(*scalers: str) -> Callable[[Rule], Rule]:
    """The constructor's own checks: they run only on what parsed."""
    return _registered(AFTER, scalers)


def client(*scalers: str) -> Callable[[Rule], Rule]:
    """What the client made of the parameters refuses without contact: addresses, connection strings.

    Only what a person causes by a typical slip; tests/verdicts/choices.py names what is left to the client.
    """
    return _registered(CLIENT, scalers)


def own_parser(scaler: str) -> Callable[[OwnParser], OwnParser]:
    """A scaler that reads its metadata by hand; raises RefusalError at the first fault.

    Such parsers trim little, and take a key with an empty value for one that is given.
    """
    return _registered(OWN_PARSERS, (scaler,))


def _registered(table: dict[str, _Function], scalers: tuple[str, ...]) -> Callable[[_Function], _Function]:
    def register(function: _Function) -> _Function:
        table.update(dict.fromkeys(scalers, function))
        return function

    return register
