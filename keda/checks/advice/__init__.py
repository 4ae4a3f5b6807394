"""What they accept of one object, and what then does not work as meant."""
