# Four of our rules for conftest. The rest of what `keda check` holds is left out.
package main

import rego.v1

scaled if {
	input.apiVersion == "keda.sh/v1alpha1"
	input.kind == "ScaledObject"
}

deny contains sprintf("%s: minReplicaCount is above maxReplicaCount", [input.metadata.name]) if {
	scaled
	input.spec.minReplicaCount > object.get(input.spec, "maxReplicaCount", 100)
}

deny contains sprintf("%s: maxReplicaCount is not chosen", [input.metadata.name]) if {
	scaled
	not input.spec.maxReplicaCount
}

deny contains sprintf("%s: scaleTargetRef.name is missing", [input.metadata.name]) if {
	scaled
	not input.spec.scaleTargetRef.name
}

deny contains sprintf("%s: two triggers are named %s", [input.metadata.name, name]) if {
	scaled
	some i, j
	i < j
	name := input.spec.triggers[i].name
	name == input.spec.triggers[j].name
}
