"""The errors of the lab."""


class LabError(Exception):
    """One line: what is wrong, why it stops the lab, what to do. Commands print it and exit 1."""
