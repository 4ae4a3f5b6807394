"""What the API server, KEDA's webhook or its operator refuses of one object."""
