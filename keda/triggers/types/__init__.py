"""A class per scaler, by family; `make generate` writes most of them."""
