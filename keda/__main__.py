"""`python -m keda check PATH…`, `explain NAME` and `adopt HPA…`."""

import sys

from keda.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
