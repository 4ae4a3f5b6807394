"""KEDA's release and the names that stand for something everywhere."""

KEDA_VERSION = "2.19.0"
"""The release whose behaviour is checked."""

PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"
"""The Prometheus Operator's Service, at its usual address."""
