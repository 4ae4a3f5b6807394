"""What KEDA's scaler constructors read and refuse, without KEDA and without contact to a source."""
