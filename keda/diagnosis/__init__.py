"""Why a workload has the replicas it has: an answer from its own objects, events and metric values.

Pure: a `Snapshot` of a cluster in, a `Diagnosis` out. `cluster.read` makes the snapshot of a live cluster,
with GETs only, `snapshot.from_dump` that of manifests. What KEDA and Kubernetes write into conditions and
events was read in KEDA 2.19.0 and Kubernetes 1.34.3; each rule names its file.
"""
