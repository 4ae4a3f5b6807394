"""What an existing HPA becomes as a ScaledObject."""
