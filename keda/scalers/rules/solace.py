"""Rules of solace-direct-messaging and solace-event-queue (pkg/scalers/solace_*scaler.go)."""

from __future__ import annotations

import re

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, missing
from keda.scalers.rules import validate
from keda.syntax import go as go_values

_URL = re.compile(r"https?://[-_.A-Za-z0-9]{2,255}(:[0-9]{2,6})?", re.ASCII)
_RATES = ("TxByteRate", "AverageTxByteRate", "TxMsgRate", "AverageTxMsgRate")


@validate("solace-direct-messaging")
def direct_messaging(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """Addresses, a pattern without `*`, a factor from 1 to 100, and a target."""
    for index, part in enumerate(values["solaceSempBaseURL"].split(",")):
        url = go_values.trim(part)
        if not _URL.search(url):
            word = "invalid" if url else "empty"
            words = f"{word} host url value found in the scaler configuration. Url[{index}]: '{url}'"
            return bad_value(words, "solaceSempBaseURL")
    if "*" in values["clientNamePattern"]:
        pattern = values["clientNamePattern"]
        words = f"client-name-pattern should not contain '*'. ClientNamePattern: '{pattern}'"
        return bad_value(words, "clientNamePattern")
    factor = values["queuedMessagesFactor"]
    if not 1 <= factor <= 100:
        words = f"queued messages factor should be >0 and <=100. QueuedMessagesFactor: '{factor}'"
        return bad_value(words, "queuedMessagesFactor")
    return _target(values, *(f"aggregatedClient{rate}Target" for rate in _RATES))


@validate("solace-event-queue")
def event_queue(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """One of three targets."""
    return _target(values, "messageCountTarget", "messageSpoolUsageTarget", "messageReceiveRateTarget")


def _target(values: Values, *names: str) -> Refusal | None:
    if any(values[name] >= 1 for name in names):
        return None
    return missing("no target value found in the scaler configuration", *names)
