"""Readers of the languages in a manifest's strings: Go's numbers, quantities, cron, PromQL, formulas."""
