"""A typed ScaledObject in a Pulumi program of your own."""

from pulumi_kubernetes.yaml.v2 import ConfigGroup

from keda import Metadata, NatsJetStream, ScaledObject, ScaledObjectSpec, ScaleTargetRef

orders = NatsJetStream(
    nats_server_monitoring_endpoint="nats-headless.nats.svc.cluster.local:8222",
    account="$G",
    stream="ORDERS",
    consumer="shop",
    lag_threshold=10,
)
spec = ScaledObjectSpec(scale_target_ref=ScaleTargetRef(name="shop"), max_replica_count=5, triggers=(orders,))
shop = ScaledObject(metadata=Metadata(name="shop", namespace="shop"), spec=spec)
ConfigGroup("shop", objs=[shop.to_manifest()])
