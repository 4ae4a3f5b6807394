"""Where our verdict differs from KEDA's on purpose, each with its reason."""

from __future__ import annotations

from tests.oracle import Spec, Verdict

# The parameters are parsed; the client made of them has rules of its own for an address, a region, a DSN.
LEFT_TO_THE_CLIENT = {
    "apache-kafka",
    "arangodb",
    "aws-dynamodb-streams",
    "couchdb",
    "liiklus",
    "mongodb",
    "mssql",
    "mysql",
    "predictkube",
    "splunk-observability",
    "temporal",
}


def choice(spec: Spec, verdict: Verdict, ours: list[str]) -> str | None:
    """The name of the choice that explains a difference, or None."""
    if verdict.stage == "build" and not ours and spec.type in LEFT_TO_THE_CLIENT:
        return "client's own address rules"
    if verdict.stage == "connect" and ours == ["You must provide an Application Credential Secret"]:
        return "refused only after contact"
    return None
