"""A stand-in for the `pulumi-resource-kubernetes` plugin, for machines that cannot download the released one.

It keeps the released provider's contract (types, names, parents, state layout, waiting, replacement rules;
pulumi/pulumi-kubernetes 4.34) as far as programs can see it. What differs, on purpose:

- A dry-run that an admission webhook or policy denies is an error of the preview; the released provider takes
  any 403 of a dry-run for missing rights and stays silent.
- The field manager's name comes from the URN instead of being random, so that an `up` after a kill owns the
  fields that the killed one applied.
- A diff compares inputs with the inputs in the state, and a refresh keeps an input whose live value has not
  moved, so values that the API server rewrites (`0.5` as `500m`) are no drift.
- It waits for a CustomResourceDefinition to be established and for an APIService to be available.

Not there: Helm Release v3, Kustomize, v1 YAML functions, List resources, client-side apply, the schema.
"""
