"""The rules between parameters: KEDA's Validate() functions and the checks that follow its typed parser."""

from __future__ import annotations

from keda.scalers.rules import clients, clouds, databases, queues, services
from keda.scalers.rules.common import Rule

# Before the typed parser, with it (on a half-filled struct if a field is in error), and after it.
BEFORE: dict[str, Rule] = clouds.BEFORE | services.BEFORE
VALIDATE: dict[str, Rule] = clouds.VALIDATE | databases.VALIDATE | queues.VALIDATE | services.VALIDATE
# Last: what the client made of the parameters refuses.
CLIENT: dict[str, Rule] = clients.CLIENT
AFTER: dict[str, Rule] = clouds.AFTER | databases.AFTER | queues.AFTER | services.AFTER
