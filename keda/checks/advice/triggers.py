"""Parameters of triggers that KEDA accepts and that then do not work as meant."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator

from keda.checks.registry import SCALING, SETTINGS, Problem, error, warning
from keda.checks.scaling import Trigger, lowest_of, triggers_of
from keda.manifests.objects import Item
from keda.syntax import go


def _texts(trigger: Trigger) -> dict[str, str]:
    return {key: value for key, value in trigger.metadata.items() if isinstance(value, str)}


@warning(
    "duration-in-milliseconds",
    SETTINGS,
    summary="A duration without a unit",
    why="KEDA reads a bare number as milliseconds (typed_config.go:440).",
    passes="timeout: 5s",
).on(*SCALING)
def duration_in_milliseconds(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item):
        for key, value in _texts(trigger).items():
            parameter = trigger.scaler.named.get(key) if trigger.scaler else None
            is_duration = parameter is not None and parameter.type == "duration"
            if is_duration and re.fullmatch(r"[1-9]\d{0,2}", go.trim(value)):
                yield Problem(
                    (*trigger.at, "metadata", key),
                    value,
                    "has no unit, and KEDA reads it as milliseconds:",
                    f'Write "{value}s", or "{value}ms" if that is meant.',
                    why="nothing would answer in time.",
                )


@warning(
    "activation-over-target",
    SETTINGS,
    summary="An activation threshold above the target",
    why=(
        "Activation decides between 0 and 1, the target above 1. If activation is higher, KEDA scales to "
        "zero while the HPA computes several replicas."
    ),
    passes="""
        threshold: "50"
        activationThreshold: "5"
    """,
).on("ScaledObject")
def activation_over_target(item: Item) -> Iterator[Problem]:
    """A threshold to wake that is above the target of one replica."""
    if lowest_of(item) != 0:
        return
    for trigger in triggers_of(item):
        metadata = _texts(trigger)
        for key, value in metadata.items():
            target = key.removeprefix("activation")
            target = target[:1].lower() + target[1:]
            if not key.startswith("activation") or target not in metadata or trigger.scaler is None:
                continue
            try:
                high, one = go.real(value), go.real(metadata[target])
            except ValueError:
                continue
            if high > one > 0 and math.isfinite(high):
                yield Problem(
                    (*trigger.at, "metadata", key),
                    value,
                    f"is above {target} {metadata[target]}.",
                    f"Write at most {metadata[target]}; 0 is active from the first piece of work on.",
                    why="Between the two KEDA scales to zero while the "
                    f"HPA computes {math.ceil(high / one)} replicas: work stays queued, and pods come and "
                    "go.",
                )


@error(
    "cron-timezone",
    SETTINGS,
    summary="A time zone that does not exist",
    why=(
        "KEDA loads it at each poll, not at admission (cron_scaler.go:123): the object is Ready and never "
        "scales by its hours."
    ),
    passes="timezone: Europe/Berlin",
    ignorable=True,
).on(*SCALING, having=["cron"])
def cron_timezone(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item, "cron"):
        zone = go.trim(_texts(trigger).get("timezone", ""))
        if not zone or _is_timezone(zone):
            continue
        written = zone.lower().replace(" ", "_")
        close = next((known for known in sorted(_timezones()) if known.lower() == written), None)
        yield Problem(
            (*trigger.at, "metadata", "timezone"),
            zone,
            "is not a time zone of the IANA database.",
            f"Write {close}." if close else "Write one such as Europe/Berlin or UTC.",
            why="The object is Ready, and every poll fails: it never scales by these hours.",
        )


def _is_timezone(name: str) -> bool:
    """Whether the IANA database of this machine has it; without a database, every name may be one."""
    import zoneinfo  # Reads the machine's configuration, and only cron triggers need it.

    if name.startswith(("posix", "right/")):  # other spellings that only some machines have
        return not _timezones()
    try:
        zoneinfo.ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return not _timezones()
    return True


@functools.cache
def _timezones() -> frozenset[str]:
    import zoneinfo

    return frozenset(zoneinfo.available_timezones())
