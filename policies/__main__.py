"""The policy pack `keda-homelab`: Pulumi starts it with --policy-pack policies, from whatever folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import EnforcementLevel, PolicyPack  # noqa: E402

from policies.pack import policies  # noqa: E402

# The constructor serves for as long as the operation lasts: nothing after it runs.
PolicyPack("keda-homelab", policies=policies(), enforcement_level=EnforcementLevel.MANDATORY)
