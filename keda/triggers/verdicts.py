"""KEDA's verdict on a typed trigger (keda.verdict), as faults: what the fields let pass, this does not.

What a TriggerAuthentication or a container's variable holds is not known here. Then the trigger is judged
under several guesses, and refused only for what KEDA would say under all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from keda import verdict
from keda.errors import MISSING, Fault, is_secret_key
from keda.typed_config import Parameter, scalers
from keda.typed_config import Trigger as Spec

if TYPE_CHECKING:
    from keda.triggers.base import Trigger

_IDENTITIES = ("", "azure-workload", "aws", "aws-eks", "gcp")
_MISSING = re.compile(r'missing required parameter "([^"]+)"')
_SHOWN_WORDS = 200


def faults(trigger: Trigger, *, formula: bool) -> Iterator[Fault]:
    """KEDA's refusals; paths are parameter names, or empty where no single one is meant."""
    for words in refusals(trigger, formula=formula):
        yield _fault(words, trigger)


def refusals(trigger: Trigger, *, formula: bool) -> list[str]:
    """What KEDA 2.19.0 says whatever the authentication and the variables hold; empty when it may agree."""
    common: list[str] | None = None
    for spec in _guesses(trigger, formula):
        said = verdict.refusals(spec)
        common = said if common is None else [words for words in common if words in said]
        if not common:
            return []
    return [words for words in common or [] if not _is_about_the_unknown(words, trigger)]


def _is_about_the_unknown(words: str, trigger: Trigger) -> bool:
    """Whether it is a guess that KEDA would refuse."""
    name, metadata = next(iter(_named(words, trigger)), ""), trigger.parameters()
    if not name or name in metadata:
        return False
    from_auth = any(
        name in each.names and "auth" in each.sources for each in scalers()[trigger.type].parameters
    )
    return f"{name}FromEnv" in metadata or (trigger.authentication_ref is not None and from_auth)


def _named(words: str, trigger: Trigger) -> list[str]:
    """The parameters that KEDA's words name, those of the metadata first."""
    known = [name for each in scalers()[trigger.type].parameters for name in each.names]
    named = [name for name in known if re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", words)]
    return sorted(named, key=lambda name: (name not in trigger.parameters(), -len(name)))


def _guesses(trigger: Trigger, formula: bool) -> Iterator[Spec]:
    metadata = trigger.parameters()
    absent = [each for each in scalers()[trigger.type].parameters if not metadata.keys() & set(each.names)]
    from_auth = [each for each in absent if "auth" in each.sources]
    variables = {
        metadata[f"{name}FromEnv"]: _plain(each)
        for each in scalers()[trigger.type].parameters
        for name in each.names
        if "env" in each.sources and f"{name}FromEnv" in metadata
    }
    authentications: list[dict[str, str]] = [{}]
    identities: tuple[str, ...] = ("",)
    if trigger.authentication_ref is not None:
        required = {each.name: _plain(each) for each in from_auth if each.required}
        authentications = [required, {each.name: _plain(each) for each in from_auth}, {}]
        identities = _IDENTITIES
    for environment in [variables, {}] if variables else [{}]:
        for authentication in authentications:
            for identity in identities:
                kind = trigger.metric_type or ""
                yield Spec(trigger.type, metadata, authentication, environment, identity, kind, formula)


def _plain(parameter: Parameter) -> str:
    """A value of the parameter's type."""
    if parameter.enum:
        return parameter.enum[0]
    numbers = ("int64", "uint32", "float64", "float64?", "integers")
    return (
        "5" if parameter.type in numbers else {"bool": "true", "duration": "5s"}.get(parameter.type, "text")
    )


def _fault(words: str, trigger: Trigger) -> Fault:
    parameters = {name: each for each in scalers()[trigger.type].parameters for name in each.names}
    metadata = trigger.parameters()
    if missing := _MISSING.search(words):
        name = missing[1].split(",")[0]
        return Fault(name, MISSING, f"missing, and required. {trigger.consequence}", _ways(parameters[name]))
    named = _named(words, trigger)
    said = " ".join(words.split())
    said = said if len(said) <= _SHOWN_WORDS else f"{said[:_SHOWN_WORDS]}…"
    harm = f"KEDA says: {said}. {trigger.consequence}"
    if not named:
        fix = f"`python -m keda explain {trigger.type}` says what goes together."
        return Fault("", MISSING, f"is refused. {harm}", fix)
    if (name := named[0]) in metadata:
        return Fault(name, metadata[name], f"is refused. {harm}", f"Correct {name}, or what it goes with.")
    return Fault(name, MISSING, f"is not given. {harm}", _ways(parameters[name]))


def _ways(parameter: Parameter) -> str:
    """How a value can be given."""
    name, ways = parameter.name, []
    if "metadata" in parameter.sources and not is_secret_key(name):
        ways.append(f"write {name} below metadata")
    if "env" in parameter.sources:
        ways.append(f"name a variable of the container that holds it in {name}FromEnv")
    if "auth" in parameter.sources:
        ways.append(f"put {name} into a Secret and name that in a TriggerAuthentication")
    said = ", or ".join(ways)
    return f"{said[:1].upper()}{said[1:]}."
