"""What KEDA refuses of a trigger whatever the cluster holds: one engine for models and checks.

A Secret, a container's variable, a pod identity, and a value that a Pulumi preview waits for are not known
here. The trigger is built with several guesses of them, and refused only for what KEDA refuses under all of
them, and only if that is not about a guess itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from keda.manifests.declared import UNKNOWN, Unknown
from keda.scalers import constructor
from keda.scalers.facts import Parameter, ResolvedTrigger, scalers
from keda.scalers.refusals import Kind, Refusal

_IDENTITIES = ("", "azure-workload", "aws", "aws-eks", "gcp")
_LIKELY = 3
_FROM_ENV = "FromEnv"
# What a parameter of this name may look like, where its form is looked at. None of them is anyone's.
_STORAGE = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=YWJj;EndpointSuffix=core.windows.net"
_BUS = "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=YWJj;EntityPath=e"
_FORMS = {
    "addresses": "http://host:80",
    "authURL": "http://host:5000/v3",
    "clusterIPAddress": "host:9042",
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
_VALUES = {
    **dict.fromkeys(("int64", "uint32", "float64", "float64?", "integers"), ("5", "0")),
    "bool": ("true", "false"),
    "duration": ("5s",),
    "map": ("k=v",),
    "query": ("a=b",),
}


_Found = dict[tuple[Kind, tuple[str, ...]], Refusal]


class Known(NamedTuple):
    """Values by name, as far as they are known; UNKNOWN stands for any string."""

    values: Mapping[str, str | Unknown] = {}
    complete: bool = True
    """Whether there are no others."""

    def with_value(self, name: str, value: str | Unknown) -> Known:
        """The same with one more value."""
        return Known({**self.values, name: value}, self.complete)


NOTHING = Known()
ANYTHING = Known(complete=False)


def refusals(
    scaler: str | Unknown,
    metadata: Mapping[str, str | Unknown],
    *,
    metric_type: str | Unknown = "",
    authentication: Known = NOTHING,
    pod_identity: str | Unknown = "",
    environment: Known = NOTHING,
    formula: bool | Unknown = False,
) -> list[Refusal]:
    """What KEDA 2.19.0 refuses whatever the unknown values are; empty when it may build the scaler.

    Args:
        scaler: the trigger's type.
        metadata: its parameters, as text.
        metric_type: AverageValue, Value, Utilization, or "" if it is not given.
        authentication: what the TriggerAuthentication gives.
        pod_identity: the provider, or "".
        environment: the variables of the container that `…FromEnv` parameters are read from.
        formula: whether a scalingModifiers formula excuses from a target.
    """
    if not isinstance(scaler, str):
        return []
    if scaler not in scalers():
        return constructor.refusals(ResolvedTrigger(scaler))
    known, auth, env = map(_known, (metadata, authentication.values, environment.values))
    complete = authentication.complete and environment.complete
    complete = complete and (known, auth, env) == (metadata, authentication.values, environment.values)
    if complete and isinstance(metric_type, str) and isinstance(pod_identity, str):
        trigger = ResolvedTrigger(scaler, known, auth, env, pod_identity, metric_type, bool(formula))
        return list(_by_place(constructor.refusals(trigger)).values())
    question = _Question(scaler, metadata, authentication, environment)
    if not isinstance(metric_type, str):
        question.guessed_kinds.add("metric-type")
    if not isinstance(pod_identity, str):
        question.guessed_kinds.add("unsupported")
    everywhere: _Found | None = None
    plausible: _Found | None = None
    for trigger in question.guesses(metric_type, pod_identity, bool(formula)):
        refused = constructor.refusals(trigger)
        if not refused or (everywhere is not None and not (everywhere or plausible)):
            return []
        # The words may quote a guess; what is refused is the same.
        found = _by_place(refused)
        everywhere = _both(everywhere, found)
        if not any(map(question.is_about_a_guess, refused)):
            plausible = _both(plausible, found)
    certain = plausible or everywhere or {}
    return [each for each in certain.values() if not question.is_about_a_guess(each)]


def _known(values: Mapping[str, str | Unknown]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _by_place(refused: list[Refusal]) -> _Found:
    return {(each.kind, each.parameters): each for each in refused}


def _both(before: _Found | None, found: _Found) -> _Found:
    return found if before is None else {key: each for key, each in before.items() if key in found}


class _Question:
    """One trigger, and what of it may be any string."""

    def __init__(
        self,
        scaler: str,
        metadata: Mapping[str, str | Unknown],
        authentication: Known,
        environment: Known,
    ) -> None:
        self._scaler, self._facts = scaler, scalers()[scaler]
        self._authentication, self._environment = authentication, environment
        self._known = _known(metadata)
        self._unknown = [key for key, value in metadata.items() if not isinstance(value, str)]
        self._readable = self._from_authentication()
        self._variables = self._unknown_variables()
        # What a guess stands for, by every name of it.
        guessed = {*self._variables, *(key.removesuffix(_FROM_ENV) for key in self._unknown)}
        guessed.update(self._unknown)
        guessed.update(name for name, value in authentication.values.items() if value is UNKNOWN)
        guessed.update(name for each in self._readable for name in each.names)
        self.guessed_kinds: set[Kind] = set()
        self._guessed = {alias for name in guessed for alias in self._names(name)}

    def is_about_a_guess(self, refusal: Refusal) -> bool:
        """Whether it is a guess that KEDA would refuse, or would miss."""
        return refusal.kind in self.guessed_kinds or not self._guessed.isdisjoint(refusal.parameters)

    def guesses(
        self, metric_type: str | Unknown, identity: str | Unknown, formula: bool
    ) -> Iterator[ResolvedTrigger]:
        """Triggers as the operator might resolve them: the likely ones first, since one that KEDA takes ends
        the search.
        """
        identities = (identity,) if isinstance(identity, str) else _IDENTITIES
        metric_types = (metric_type,) if isinstance(metric_type, str) else ("AverageValue", "")
        authentications = list(self._authentications())
        for number, metadata in enumerate(self._metadata()):
            # Every pair of guesses would take seconds: of the further ones, only the likely are combined.
            likely = authentications if number == 0 else authentications[:_LIKELY]
            for values in itertools.product(self._environments(), likely, identities, metric_types):
                environment, authentication, provider, kind = values
                yield ResolvedTrigger(
                    self._scaler, metadata, authentication, environment, provider, kind, formula
                )

    def _names(self, name: str) -> tuple[str, ...]:
        parameter = self._facts.named.get(name)
        return parameter.names if parameter else (name,)

    def _from_authentication(self) -> list[Parameter]:
        """The parameters that an authentication may give of which not all is known."""
        if self._authentication.complete:
            return []
        readable = [each for each in self._facts.parameters if "auth" in each.sources]
        return [each for each in readable if not any(self._is_given(name, each) for name in each.names)]

    def _is_given(self, name: str, parameter: Parameter) -> bool:
        in_metadata = "metadata" in parameter.sources and name in self._known
        return in_metadata or name in self._authentication.values

    def _unknown_variables(self) -> dict[str, str]:
        """The variable that holds a parameter, by the parameter; those of which the content is not known."""
        known = self._environment
        default = "" if known.complete else UNKNOWN
        return {
            name: self._known[key]
            for key in self._known
            if (name := self._read_from_variable(key))
            and known.values.get(self._known[key], default) is UNKNOWN
        }

    def _read_from_variable(self, key: str) -> str:
        """The parameter that a `…FromEnv` key has KEDA read from a variable, or ""."""
        if not key.endswith(_FROM_ENV) or key in self._facts.named:
            return key if key.endswith(_FROM_ENV) else ""
        parameter = self._facts.named.get(key.removesuffix(_FROM_ENV))
        return parameter.name if parameter and "env" in parameter.sources else ""

    def _metadata(self) -> Iterator[dict[str, str]]:
        yield self._known | {key: self._candidates(key)[0] for key in self._unknown}
        if self._unknown:
            yield self._known
        for key in self._unknown:
            others = {other: self._candidates(other)[0] for other in self._unknown if other != key}
            yield from (self._known | others | {key: value} for value in self._candidates(key)[1:])
            yield self._known | others

    def _environments(self) -> Iterator[dict[str, str]]:
        known = _known(self._environment.values)
        # The name of a variable may wait for a preview too.
        waiting = {self._candidates(key)[0]: key for key in self._unknown if key.endswith(_FROM_ENV)}
        guessed = {variable: self._candidates(name)[0] for name, variable in self._variables.items()}
        guessed |= {
            variable: self._candidates(key.removesuffix(_FROM_ENV))[0] for variable, key in waiting.items()
        }
        yield known | guessed
        if guessed:
            yield known

    def _authentications(self) -> Iterator[dict[str, str]]:
        values = self._authentication.values
        known = _known(values)
        present = {name: self._candidates(name) for name, value in values.items() if value is UNKNOWN}
        first = known | {name: candidates[0] for name, candidates in present.items()}
        every = {each.name: self._candidates(each.name)[0] for each in self._readable}
        required = {each.name: every[each.name] for each in self._readable if each.required}
        yield from ([first | required, first | every, known] if every or present else [known])
        for name, candidates in present.items():
            rest = {key: value for key, value in first.items() if key != name}
            yield rest | required
            yield from (first | every | {name: value} for value in candidates[1:])
        for name in every:
            yield first | {key: value for key, value in every.items() if key != name}
            yield first | required | {name: every[name]}

    def _candidates(self, name: str) -> tuple[str, ...]:
        """Values that the parameter may have, the likeliest first."""
        parameter = self._facts.named.get(name)
        form = _FORMS_OF.get((self._scaler, name)) or _FORMS.get(name)
        if parameter is None or (form and parameter.type in ("string", "strings")):
            return (form or "text",)
        return parameter.enum or _VALUES.get(parameter.type, ("text", "1"))
