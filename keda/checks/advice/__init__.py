"""What the API server and KEDA accept of one object, and what then does not work as meant."""
