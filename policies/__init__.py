"""CrossGuard rules over what a Pulumi program registers. Importing it starts nothing (`__main__` does)."""
