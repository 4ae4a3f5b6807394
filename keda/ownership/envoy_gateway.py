"""Names that Envoy Gateway gives to what it generates."""

CONTROLLER_NAMESPACE = "envoy-gateway-system"
"""Where Envoy Gateway runs, and its proxies unless it deploys them beside their Gateway."""


def proxy_deployment(owner: str) -> str:
    """The proxy Deployment's name of a Gateway (`namespace/name`), or of a GatewayClass that merges its own.

    At most 48 characters of the owner stay (Envoy Gateway: proxy.ExpectedResourceHashedName).
    """
    import hashlib  # Slow to load, and few objects need it.

    readable = owner.replace("/", "-")
    if len(readable) > 48:
        readable = readable[:48].removesuffix("-")
    return f"envoy-{readable}-{hashlib.sha256(owner.encode()).hexdigest()[:8]}"
