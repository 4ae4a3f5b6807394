"""Simulated and recorded timelines: what comes of a signal, in numbers and pictures, for people.

The rules are `keda.scaling`'s; nothing here decides about a replica.
"""
