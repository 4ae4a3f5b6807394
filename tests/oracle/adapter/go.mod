// Marks the folder as a module. The build names lab/toolchain/go/prometheus-adapter/go.mod (-modfile): one set of
// requirements, so that the adapter is compiled once for the lab and for the oracle.
module keda-homelab/lab/go/prometheus-adapter

go 1.25.0
