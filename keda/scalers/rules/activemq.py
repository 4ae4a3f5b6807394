"""Rules of activemq and artemis-queue (pkg/scalers/activemq_scaler.go, artemis_scaler.go)."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, absent, bad_value, pair
from keda.scalers.rules import client, validate
from keda.scalers.rules.common import key_pair
from keda.syntax import go as go_values

client("artemis-queue")(key_pair)


@validate("activemq")
def activemq(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """The endpoint, destination and broker, or a restAPITemplate that holds them."""
    if not values["restAPITemplate"]:
        named = {"managementEndpoint": "management endpoint", "destinationName": "destination name"}
        return absent(values, named | {"brokerName": "broker name"})
    try:
        path = go_values.url_parts(values["restAPITemplate"], request=True)[2]
        query = go_values.query(path.split(":")[1].split("/")[0].replace(",", "&"))
    except ValueError:
        return bad_value("unable to parse ActiveMQ restAPITemplate", "restAPITemplate")
    except IndexError:
        return bad_value("restAPITemplate without `:` panics inside the parser", "restAPITemplate")
    for name, words in (
        ("destinationName", "no destinationName is given"),
        ("brokerName", "no brokerName given"),
    ):
        if name not in query:
            words = f"restAPITemplate without {name} panics inside the parser"
        elif query[name][0]:
            continue
        return bad_value(words, "restAPITemplate")
    return None


@validate("artemis-queue")
def artemis(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """The endpoint, queue, broker and address, or a restApiTemplate that holds them."""
    if values["restApiTemplate"]:
        refusal = _artemis_template(values["restApiTemplate"])
    else:
        named = {"managementEndpoint": "management endpoint", "queueName": "queue name"}
        named |= {"brokerName": "broker name", "brokerAddress": "broker address"}
        refusal = absent(values, named)
    return refusal or pair(values, "cert", "key", "both cert and key must be provided")


def _artemis_template(template: str) -> Refusal | None:
    name = "restApiTemplate"
    try:
        path = go_values.url_parts(template, request=True)[2]
        # Go keeps the raw path only where its own escaping would differ: for quotes, that is.
        raw = path if '"' in path or "%" in path else ""
        query = go_values.query(raw.split(":")[1].split("/")[0].replace(",", "&").replace('""', ""))
    except ValueError:
        return bad_value("can't parse restApiTemplate", name)
    except IndexError:
        return bad_value("restApiTemplate without quoted names panics inside the parser", name)
    for part in ("address", "queue", "broker"):
        if part not in query:
            return bad_value(f"restApiTemplate without {part} panics inside the parser", name)
        if not query[part][0]:
            return bad_value(f"can't parse restApiTemplate : no {part} given", name)
    return None
