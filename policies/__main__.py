"""The policy pack `keda-homelab`: Pulumi starts it with --policy-pack policies, from whatever folder."""

import gc
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
# The released language host starts a pack in its own folder: a relative path of its config counts from there.
os.chdir(HERE)

from pulumi_policy import EnforcementLevel, PolicyPack, policy  # noqa: E402

from policies.operation import Operation  # noqa: E402
from policies.pack import levels, policies, settings  # noqa: E402
from policies.service import extend  # noqa: E402

# Nothing here makes reference cycles, and the collector, going over all objects again and again, would make
# the pack's time grow faster than the number of resources.
gc.disable()

operation = Operation()
extend(policy._PolicyAnalyzerServicer, operation, settings(), levels())

# The constructor serves for as long as the operation lasts: nothing after it runs.
PolicyPack(
    "keda-homelab",
    policies=policies(operation),
    enforcement_level=EnforcementLevel.MANDATORY,
)
