"""`keda check`: the rules on manifests, by what judges an object, and what applies them."""
