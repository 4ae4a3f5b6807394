"""A mistake that ends a command in one line."""


class CommandError(Exception):
    """What stopped a command and how to mend it: printed as one line, exit code 1, no traceback."""
