"""What Prometheus reads, the alerts and the dashboards, from the same settings as the workloads."""
