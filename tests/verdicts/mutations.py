"""Triggers near the valid samples: every single fault of every parameter, and seeded combinations."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from keda.scalers.facts import Parameter, scalers
from tests.oracle import Spec
from tests.verdicts.joints import joints
from tests.verdicts.samples import BUS, JWT, STORAGE, plain, sample

_WORDS = ("", " ", "word", "0", "1", "-1", "5", " 5 ", "null", "true", "a,b", "a=b,c=d", "http://host:80/a/b")
_NUMBERS = (
    "1.5",
    "1e1",
    "1e3",
    "01",
    "+5",
    ".5",
    "5.",
    "0x10",
    "1_000",
    "NaN",
    "1e400",
    "99999999999999999999",
    "50%",
)
_TYPED: dict[str, tuple[str, ...]] = {
    "int64": (*_NUMBERS, "2147483648", "59", "60", "90", "120"),
    "uint32": (*_NUMBERS, "4294967296"),
    "float64": _NUMBERS,
    "float64?": _NUMBERS,
    "bool": ("yes", "on", "t", "F", "TRUE", "False", "tRUE", "2"),
    "duration": ("5s", "1m30s", "-5s", "1.5h", "5d", "5 s", "+5", "-0", "1e3", ".5s", "1h1", "9999999h"),
    "integers": ("1-4", "1,2-3", "4-1", "-", "1-2-3", "1-"),
    "query": ("a=b&c=d", "a=%zz", "a;b"),
    "map": ("k=v", "k=v,l", "k==v", "k:v"),
    "strings": (",", " a , b ", "a;b", "a;b;c"),
    "string": (
        "%zz",
        "://",
        "amqps://host",
        "https://host",
        "host:80",
        "a/b/c",
        "1:2:3",
        "enable",
        "disable",
    ),
}
_BY_NAME: dict[str, tuple[str, ...]] = {
    "alignmentAligner": ("rate", "percentile_99"),
    "apiKey": (JWT,),
    "authMode": ("bearer", "basic", "bearer,basic", "tls,basic", "oauth"),
    "authModes": ("bearer", "basic", "bearer,basic", "tls,basic", "custom", "apiKey", "oauth", " basic "),
    "cloud": (
        "Private",
        "AzureGermanCloud",
        "azurepubliccloud",
        "AzureUSGovernment",
        "AzureUSGovernmentCloud",
    ),
    "connection": (STORAGE, BUS),
    "end": ("@daily", "0 0 * * *", "0 0 0 * * *", "60 * * * *", "* * * jan mon", "*/0 * * * *", "0 8 * * 7"),
    "metricUnit": ("Count", "Bytes/Second"),
    "podSelector": (
        "a in (b,c)",
        "a notin (b)",
        "!a",
        "a!=b",
        "a=b,c",
        "a==b",
        "a b",
        "a>1",
        "a=b=c",
        "-a=b",
        "a in b",
    ),
    "protocol": ("amqp", "http", "auto", "HTTP"),
    "sasl": ("plaintext", "scram_sha256", "oauthbearer", "gssapi", "aws_msk_iam", "PLAINTEXT"),
    "start": (
        "@daily",
        "0 0 * * *",
        "0 0 0 * * *",
        "60 * * * *",
        "0 0 1 1 0",
        "TZ=UTC 0 1 * * *",
        "0 20 * * 1-5",
    ),
    "version": ("2.0.0", "1.0", "0.10.2.0", "v2.0.0"),
}
# The parameters that KEDA refuses or needs together: what seeded combinations draw from most.
_IDENTITIES = ("none", "azure-workload", "aws", "aws-eks", "gcp")
_METRIC_TYPES = ("Value", "AverageValue", "Utilization", "value")


def candidates(parameter: Parameter) -> list[str]:
    """Values for one parameter: good, bad and in between, without repeats."""
    enum = [*parameter.enum, *(value.swapcase() for value in parameter.enum), ",".join(parameter.enum)]
    typed = [*_TYPED.get(parameter.type, ()), *_BY_NAME.get(parameter.name, ())]
    return list(dict.fromkeys([*_WORDS, *typed, *enum, *([parameter.default] if parameter.default else [])]))


def placed(spec: Spec, parameter: Parameter, source: str, name: str, value: str) -> Spec:
    """`spec` with the value in one source, and in no other."""
    metadata = {
        key: text for key, text in spec.metadata.items() if key.removesuffix("FromEnv") not in parameter.names
    }
    auth = {key: text for key, text in spec.auth.items() if key not in parameter.names}
    if source == "auth":
        return replace(spec, metadata=metadata, auth=auth | {name: value})
    if source == "env":
        variable = f"{name}_VARIABLE"
        return replace(
            spec, metadata=metadata | {f"{name}FromEnv": variable}, auth=auth, env={variable: value}
        )
    return replace(spec, metadata=metadata | {name: value}, auth=auth)


def removed(spec: Spec, parameter: Parameter) -> Spec:
    metadata = {
        key: text for key, text in spec.metadata.items() if key.removesuffix("FromEnv") not in parameter.names
    }
    return replace(
        spec, metadata=metadata, auth={k: v for k, v in spec.auth.items() if k not in parameter.names}
    )


def single_faults(scaler: str) -> Iterator[Spec]:
    """The sample with one thing changed: each parameter missing, and each value in each place."""
    base = sample(scaler)
    yield base
    yield from (replace(base, pod_identity=identity) for identity in _IDENTITIES)
    yield from (replace(base, metric_type=metric_type) for metric_type in ("", *_METRIC_TYPES))
    yield replace(base, as_metric_source=True)
    yield replace(base, metadata=base.metadata | {"unknownKey": "value"})
    for parameter in scalers()[scaler].parameters:
        yield removed(base, parameter)
        yield replace(removed(base, parameter), as_metric_source=True)
        places = [(source, parameter.name) for source in ("metadata", "auth", "env")]
        places += [(parameter.sources[0], alias) for alias in parameter.aliases]
        for source, name in places:
            # A place that is not read needs no more than a few values to prove it.
            values = candidates(parameter) if source in parameter.sources else [plain(parameter), "word"]
            yield from (placed(base, parameter, source, name, value) for value in values)
        # In two places at once.
        yield replace(base, auth=base.auth | {parameter.name: plain(parameter)})
        yield replace(base, metadata=base.metadata | {parameter.name: plain(parameter)})


def combination(scaler: str, chance: random.Random) -> Spec:
    """One to three changes of the sample or a joint of it, mostly to values that parse."""
    parameters = scalers()[scaler].parameters
    spec = chance.choice([sample(scaler), *joints(scaler)])
    for _ in range(chance.randint(1, 3)):
        if not parameters or chance.random() < 0.08:
            spec = replace(
                spec,
                pod_identity=chance.choice(["", *_IDENTITIES]),
                as_metric_source=chance.random() < 0.5,
            )
            continue
        parameter = chance.choice(parameters)
        if chance.random() < 0.15:
            spec = removed(spec, parameter)
            continue
        kind = chance.random()
        values = [plain(parameter)] if kind < 0.4 else [*_BY_NAME.get(parameter.name, ()), *parameter.enum]
        value = chance.choice(values if values and kind < 0.8 else candidates(parameter))
        spec = placed(
            spec, parameter, chance.choice(parameter.sources), chance.choice(parameter.names), value
        )
    return spec


def specs(count: int, seed: int) -> list[Spec]:
    """`count` triggers over all scalers: the single faults (a sample if they are more), then combinations."""
    chance = random.Random(seed)
    faults = [spec for scaler in scalers() for spec in (*joints(scaler), *single_faults(scaler))]
    if len(faults) >= count:
        return chance.sample(faults, count)
    names = list(scalers())
    return faults + [combination(names[index % len(names)], chance) for index in range(count - len(faults))]
