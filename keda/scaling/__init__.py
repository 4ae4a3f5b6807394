"""KEDA's loop and Kubernetes' HPA controller over time, as rules: pure, deterministic, without a clock.

Times are whole milliseconds since the beginning of a simulation, metric values whole thousandths (milli), as
Kubernetes' quantities are. Each rule names the file it was read in: KEDA 2.19.0, Kubernetes 1.34.3.
"""
