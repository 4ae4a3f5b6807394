class NotThere(Exception):
    """What was asked for does not exist: one line."""
