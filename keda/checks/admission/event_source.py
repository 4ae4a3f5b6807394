"""What KEDA's webhook requires of a CloudEventSource."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import EVENT_SOURCES, REPLICAS, Problem, error
from keda.checks.scaling import SPEC, WEBHOOK, spec_of
from keda.core.errors import MISSING
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item


@error(
    "event-filter",
    REPLICAS,
    summary="A CloudEventSource that sends nothing or everything",
    why="KEDA's webhook refuses includes together with excludes; it admits an empty destination.",
    passes="""
        spec:
          destination: {http: {uri: http://events.example.org}}
          eventSubscription: {includedEventTypes: [keda.scaledobject.failed.v1]}
    """,
).on(*EVENT_SOURCES)
def event_filter(item: Item) -> Iterator[Problem]:
    lists = [spec_of(item, "eventSubscription", key) for key in ("includedEventTypes", "excludedEventTypes")]
    if all(lists) and UNKNOWN not in lists:
        yield Problem(
            (*SPEC, "eventSubscription"),
            MISSING,
            "both includes and excludes event types.",
            "Keep one of them.",
            "setting included types and excluded types at the same time is not supported",
            why=WEBHOOK,
        )
    if item.spec.get("destination") == {}:
        what, why = "empty.", "KEDA admits it and sends the events nowhere."
        yield Problem((*SPEC, "destination"), MISSING, what, "Write http: {uri: …}.", why=why)
