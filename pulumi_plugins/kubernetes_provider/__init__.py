"""A stand-in for the `pulumi-resource-kubernetes` plugin, for machines that cannot download the released one.

It keeps the released provider's contract (types, names, parents, state layout, field managers, waiting,
replacement rules; pulumi/pulumi-kubernetes 4.33) as far as programs see it; tests/contract holds it to it.
What differs, on purpose or because it cannot be had:

- A diff compares inputs with the inputs in the state, and a refresh keeps an input whose live value has not
  moved, so values that the API server rewrites in a custom resource are no drift. The released provider
  compares with the live object as the state has it.
- It waits for a CustomResourceDefinition to be established and for an APIService to be available.
- Where a child of a Chart is refused, the Chart fails; the released provider's `up` was seen to hang.
- Errors are one line.

Not there: Helm Release v3, Kustomize, v1 YAML functions, List resources, client-side apply, the schema.
"""
