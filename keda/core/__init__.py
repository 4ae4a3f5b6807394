"""What everything else builds on: typed models, paths and faults, KEDA's defaults."""
