"""KEDA's verdict on a typed trigger (keda.scalers.refusals), as faults beyond those of its fields.

What a TriggerAuthentication or a container's variable holds is not known here. Then the trigger is judged
under several guesses, and refused only for what KEDA would say under all of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from keda.core.errors import MISSING, Fault, is_secret_key
from keda.scalers import refusals as verdict
from keda.scalers.parser import Parameter, scalers
from keda.scalers.parser import Trigger as Spec

if TYPE_CHECKING:
    from keda.triggers.base import Trigger

_IDENTITIES = ("", "azure-workload", "aws", "aws-eks", "gcp")
_MISSING = re.compile(r'missing required parameter "([^"]+)"')
_TOO_MANY = re.compile(
    "both|only one|provided with|mutually|simultaneously|can not be set|can't be used|cannot provide"
)
_SHOWN_WORDS = 200
# What a parameter of this name may look like, where its form is looked at. None of them is anyone's.
_STORAGE = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=YWJj;EndpointSuffix=core.windows.net"
_BUS = "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=YWJj;EntityPath=e"
_FORMS = {
    "addresses": "http://host:80",
    "authURL": "http://host:5000/v3",
    "connection": _STORAGE,
    "connectionString": "mongodb://host/db",
    "endpoint": "https://host",
    "metricAggregationTimespan": "0:5",
    "organizationURL": "https://host/organization",
    "port": "5432",
    "storageConnection": _STORAGE,
}
_FORMS_OF = {
    ("azure-eventhub", "connection"): _BUS,
    ("azure-servicebus", "connection"): _BUS,
    ("postgresql", "connection"): "host=host",
    ("predictkube", "apiKey"): "e30.e30.e30",
    ("rabbitmq", "host"): "amqp://host:5672/",
}


def faults(trigger: Trigger, *, formula: bool) -> Iterator[Fault]:
    """KEDA's refusals, one for each parameter; paths are their names, or empty where none is meant."""
    seen: set[str] = set()
    for words in refusals(trigger, formula=formula):
        fault = _fault(words, trigger)
        if fault.path not in seen:
            seen.add(fault.path)
            yield fault


def refusals(trigger: Trigger, *, formula: bool) -> list[str]:
    """What KEDA 2.19.0 says whatever the authentication and the variables hold; empty when it may agree."""
    everywhere: list[str] | None = None
    plausible: list[str] | None = None
    for spec in _guesses(trigger, formula):
        said = verdict.refusals(spec)
        if not said:
            return []
        everywhere = said if everywhere is None else [words for words in everywhere if words in said]
        if not any(_is_about_the_unknown(words, trigger) for words in said):
            plausible = said if plausible is None else [words for words in plausible if words in said]
    return plausible or [words for words in everywhere or [] if not _is_about_the_unknown(words, trigger)]


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
    """The parameters that KEDA's words name, as `consumerGroup` or `consumer group`; given ones first."""
    known = [name for each in scalers()[trigger.type].parameters for name in each.names]
    named = [name for name in known if _as_written(name).search(words)]
    return sorted(named, key=lambda name: (name not in trigger.parameters(), -len(name)))


@functools.cache
def _as_written(name: str) -> re.Pattern[str]:
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[^A-Za-z0-9]+", name)
    return re.compile(rf"(?i)(?<![a-z]){' ?'.join(map(re.escape, parts))}(?![a-z])")


def _guesses(trigger: Trigger, formula: bool) -> Iterator[Spec]:
    metadata = trigger.parameters()
    absent = [each for each in scalers()[trigger.type].parameters if not metadata.keys() & set(each.names)]
    from_auth = [each for each in absent if "auth" in each.sources]
    variables = {
        metadata[f"{name}FromEnv"]: _plain(trigger.type, each)
        for each in scalers()[trigger.type].parameters
        for name in each.names
        if "env" in each.sources and f"{name}FromEnv" in metadata
    }
    environments = [variables, {}] if variables else [{}]
    for environment in environments:
        for authentication, identity in _authentications(trigger, from_auth):
            kind = trigger.metric_type or ""
            yield Spec(trigger.type, metadata, authentication, environment, identity, kind, formula)


def _authentications(trigger: Trigger, readable: list[Parameter]) -> Iterator[tuple[dict[str, str], str]]:
    """(values, pod identity): the likely ones first, since one that KEDA takes ends the search."""
    if trigger.authentication_ref is None:
        yield {}, ""
        return
    every = {each.name: _plain(trigger.type, each) for each in readable}
    required = {each.name: every[each.name] for each in readable if each.required}
    for values in (required, every, {}):
        yield from ((values, identity) for identity in _IDENTITIES)
    for name in every:
        yield {key: value for key, value in every.items() if key != name}, ""
        yield required | {name: every[name]}, ""


def _plain(scaler: str, parameter: Parameter) -> str:
    """A value that the parameter may have."""
    form = _FORMS_OF.get((scaler, parameter.name)) or _FORMS.get(parameter.name)
    if form and parameter.type in ("string", "strings"):
        return form
    if parameter.enum:
        return parameter.enum[0]
    numbers = ("int64", "uint32", "float64", "float64?", "integers")
    return (
        "5" if parameter.type in numbers else {"bool": "true", "duration": "5s"}.get(parameter.type, "text")
    )


def _fault(words: str, trigger: Trigger) -> Fault:
    parameters = {name: each for each in scalers()[trigger.type].parameters for name in each.names}
    metadata = trigger.parameters()
    missing = _MISSING.search(words)
    named = [missing[1].split(",")[0]] if missing else _named(words, trigger)
    said = " ".join(words.split())
    said = said if len(said) <= _SHOWN_WORDS else f"{said[:_SHOWN_WORDS]}…"
    harm = f"KEDA says: {said}. {trigger.consequence}"
    if not named:
        fix = f"`keda explain {trigger.type}` says what goes together."
        return Fault("", MISSING, f"is refused. {harm}", fix)
    if (name := named[0]) in metadata:
        fix = "Leave one of them out." if _TOO_MANY.search(said) else _example(name, trigger)
        return Fault(name, metadata[name], f"is refused. {harm}", fix)
    parameter = parameters[name]
    why = "missing, and required." if parameter.required else f"is not given. KEDA says: {said}."
    return Fault(parameter.name, MISSING, f"{why} {trigger.consequence}", _ways(parameter, trigger))


def _example(name: str, trigger: Trigger) -> str:
    fields = (field for field in type(trigger).model_fields.values() if field.alias == name)
    example = next((field.examples[0] for field in fields if field.examples), None)
    return f"Write e.g. {name}: {example}." if example else "Correct it."


def _ways(parameter: Parameter, trigger: Trigger) -> str:
    """How a value can be given."""
    name, ways = parameter.name, []
    if "metadata" in parameter.sources and not is_secret_key(name):
        fields = (field for field in type(trigger).model_fields.values() if field.alias == name)
        shown = next((f"{name}: {field.examples[0]}" for field in fields if field.examples), name)
        ways.append(f"write {shown} below metadata")
    if "env" in parameter.sources:
        ways.append(f"name the container's variable that holds it in {name}FromEnv")
    if "auth" in parameter.sources:
        ways.append(f"put {name} into a Secret and name that in a TriggerAuthentication")
    said = ", or ".join(ways)
    return f"{said[:1].upper()}{said[1:]}."
