"""What KEDA 2.19.0 reads of each scaler's triggers: the parameters, as data (data/trigger-params.json)."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

_DATA = Path(__file__).parent / "data"


class ResolvedTrigger(NamedTuple):
    """One trigger with what the operator resolves for it.

    `auth` holds the values of its TriggerAuthentication, `env` the variables of the target's container,
    `pod_identity` the provider. `as_metric_source` is true in a ScaledObject with a scalingModifiers formula:
    then several scalers do not ask for a target.
    """

    type: str
    metadata: Mapping[str, str] = {}
    auth: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    pod_identity: str = ""
    metric_type: str = ""
    as_metric_source: bool = False

    @property
    def no_identity(self) -> bool:
        """Whether the trigger has no pod identity; `none` counts as none."""
        return self.pod_identity in ("", "none")


class Parameter(NamedTuple):
    """One parameter of a scaler; `at` is the line of KEDA's source that reads it.

    `sources` are in KEDA's order: the first that has a value wins. `key` names the parsed value where two
    fields read one name. `untagged` ones are read by the scaler itself, not by the typed parser.
    """

    name: str
    type: str
    sources: tuple[str, ...]
    at: str
    key: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    default: str = ""
    enum: tuple[str, ...] = ()
    exclusive: tuple[str, ...] = ()
    separator: str = ","
    range: str = ""
    deprecated: str = ""
    announce: str = ""
    doc: str = ""
    untagged: bool = False
    minimum: int | None = None
    words: tuple[str, ...] = ()
    otherwise: str = ""
    """What KEDA does, without an error, with a text that is none of `words`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its name, then its aliases, in the order in which KEDA tries them."""
        return (self.name, *self.aliases)


class Scaler:
    """What KEDA reads of one trigger type."""

    def __init__(self, parser: str, parameters: tuple[Parameter, ...], family: str, open: str = "") -> None:
        """Args:
        parser: typed, or own for the four types that read their metadata by hand.
        parameters: in KEDA's order.
        family: the module of its rules and of its class.
        open: the pattern of keys that belong to the user, where there are any.
        """
        self.parser, self.parameters, self.family, self.open = parser, parameters, family, open

    @functools.cached_property
    def named(self) -> Mapping[str, Parameter]:
        """The parameters by each of their names; of two with one name the first, with the sources of both."""
        result: dict[str, Parameter] = {}
        for each in self.parameters:
            for name in each.names:
                first = result.setdefault(name, each)
                sources = tuple(dict.fromkeys((*first.sources, *each.sources)))
                if sources != first.sources:
                    result[name] = first._replace(sources=sources)
        return result

    def reads(self, key: str) -> bool:
        """Whether a key of the metadata means something to the scaler."""
        if key in self.named or key.removesuffix("FromEnv") in self.named:
            return True
        return any(name.endswith("*") and key.startswith(name[:-1]) for name in self.named)


class _Scalers(Mapping[str, Scaler]):
    """The scalers by type, each built when it is asked for: a file names few of them."""

    def __init__(self) -> None:
        self._facts = _read("trigger-params.json")
        self._built: dict[str, Scaler] = {}

    def __getitem__(self, name: str) -> Scaler:
        try:
            return self._built[name]
        except KeyError:
            return self._built.setdefault(name, _scaler(self._facts[name], records()[name]["module"]))

    def __contains__(self, name: object) -> bool:
        return name in self._facts

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


@functools.cache
def scalers() -> Mapping[str, Scaler]:
    """All trigger types of KEDA 2.19.0."""
    return _Scalers()


@functools.cache
def records() -> Mapping[str, dict[str, Any]]:
    """What is written by hand of each scaler: module, class, what it measures, target, units, meanings and
    examples of its own.
    """
    return _read("scalers.json")


@functools.cache
def _shared() -> Mapping[str, dict[str, str]]:
    return _read("shared.json")


def meaning(scaler: str, name: str) -> str:
    """What a parameter is, in a sentence; empty where its name is enough."""
    own: str = records()[scaler].get("meanings", {}).get(name, "")
    return own or _shared()["meanings"].get(name, "")


def example(scaler: str, name: str) -> str:
    """A value as it is written in YAML; empty where none was chosen."""
    own: str = records()[scaler].get("examples", {}).get(name, "")
    return own or _shared()["examples"].get(name, "")


def _read(file: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((_DATA / file).read_text(encoding="utf-8"))
    return data


def _scaler(entry: dict[str, Any], family: str) -> Scaler:
    def parameter(facts: dict[str, Any]) -> Parameter:
        values: dict[str, Any] = {
            key: tuple(fact) if isinstance(fact, list) else fact for key, fact in facts.items()
        }
        return Parameter(**values)

    parameters = tuple(map(parameter, entry["parameters"]))
    return Scaler(entry["parser"], parameters, family, entry.get("open", ""))
