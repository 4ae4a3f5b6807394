"""`python -m keda check PATH…`, `explain NAME` and `adopt HPA…`."""

import sys

from keda.judge.command import main

if __name__ == "__main__":
    sys.exit(main())
