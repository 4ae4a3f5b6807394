"""`python -m keda check PATH…` and `python -m keda explain SCALER`."""

import sys

from keda.judge.command import main

if __name__ == "__main__":
    sys.exit(main())
