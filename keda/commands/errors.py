"""The error of a command, for every module below."""


class NotThere(Exception):
    """What was asked for does not exist: one line."""
