"""Recipes: the typed settings of a kind of workload, and the KEDA objects they stand for."""

from components.recipes.base import Recipe, Scaled
from components.recipes.batch import Batch
from components.recipes.envoy_gateway import EnvoyGateway
from components.recipes.generic import Generic
from components.recipes.nats_jetstream import JetStream
from components.recipes.ray_serve import RayServe

RECIPES: dict[str, type[Recipe]] = {
    "ray-serve": RayServe,
    "envoy-gateway": EnvoyGateway,
    "nats-jetstream": JetStream,
    "batch": Batch,
    "generic": Generic,
}

__all__ = ["RECIPES", "Batch", "EnvoyGateway", "Generic", "JetStream", "RayServe", "Recipe", "Scaled"]
