"""`python -m generate`: every generated file that needs nothing from elsewhere; tests compare them.

The other writers (`parameters`, `crd_schema`, `metric_names`) read KEDA's chart and sources, once a release.
"""

import subprocess
import sys

# Models first: the schemas and pages are read off them, so each writer is a process of its own.
WRITERS = (
    "triggers",
    "scalers_page",
    "keda_schema",
    "manifest_schemas",
    "stack_schema",
    "policy_pages",
    "rule_pages",
    "alerts_page",
    "kyverno",
    "settings_page",
)


def main() -> int:
    """Runs every writer in a process of its own; returns the first exit status that is not 0, or 0."""
    for writer in WRITERS:
        if status := subprocess.run([sys.executable, "-m", f"generate.{writer}"], check=False).returncode:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
