"""`make leave-adapter`: from Prometheus Adapter's HPAs to KEDA's, and back."""
