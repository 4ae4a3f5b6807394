// Marks the folder as a module. The build names lab/toolchain/go/cluster/go.mod (-modfile): one set of requirements, so that
// KEDA is compiled once for the lab and for the oracle, with the versions that the lab runs.
module keda-homelab/lab/go/cluster

go 1.25.6
