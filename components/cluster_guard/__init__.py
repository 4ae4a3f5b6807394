"""What the API server does with a second owner of replicas, and with misplaced Vault addresses."""
