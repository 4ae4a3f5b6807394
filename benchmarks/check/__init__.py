"""What `python -m keda check` costs, and what conftest and Kyverno's command line cost beside it."""
