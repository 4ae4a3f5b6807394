"""GETs on the API server of a kubeconfig's context, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from keda.api_client import api_client

SECONDS = (5, 15)
"""To connect, and to answer."""


class Unreachable(Exception):
    """No API server is reached. The text is one line: why, and what to do; it quotes no kubeconfig."""


class Response(NamedTuple):
    """The API server's answer; `date` is its header Date, or ""."""

    status: int
    body: bytes
    date: str


Get = Callable[..., Response]
"""get(path, accept="application/json", seconds=SECONDS). Raises `Unreachable`."""


def connect(kubeconfig: str, context: str, settings: tuple[str, str]) -> tuple[Get, str]:
    """A reader of the API server, and its context's name.

    Args:
        kubeconfig: its path or its text; "" for what kubectl takes.
        context: "" for the current one.
        settings: what a user sets to name the one and the other, for messages.

    Raises:
        Unreachable: the kubeconfig has no such cluster. What the libraries report of a broken one may quote
            it, and it holds credentials: that is not passed on.
    """
    is_text = "\n" in kubeconfig or kubeconfig.startswith("{")

    def source() -> io.StringIO | str | None:
        return (
            io.StringIO(kubeconfig) if is_text else str(Path(kubeconfig).expanduser()) if kubeconfig else None
        )

    try:
        import_module("kubernetes")
    except ImportError:
        raise Unreachable(
            "the Python package kubernetes is not installed. Run: pip install kubernetes."
        ) from None
    try:
        names, current = _contexts(source())
    except Exception:
        raise Unreachable(
            f"no kubeconfig can be read{f' at {kubeconfig}' if kubeconfig and not is_text else ''}. Give its "
            f"path as {settings[0]}."
        ) from None
    if context and context not in names:
        raise Unreachable(f"the kubeconfig has no such context. It has: {', '.join(names)}.")
    if not (context or current):
        raise Unreachable(
            f"the kubeconfig has no current context. Name one as {settings[1]}: {', '.join(names)}."
        )
    try:
        api = api_client(source(), context or None)
    except Exception:
        raise Unreachable("the kubeconfig's entry for it cannot be used. Try `kubectl get hpa -A`.") from None

    def get(path: str, accept: str = "application/json", seconds: tuple[float, float] = SECONDS) -> Response:
        return _get(api, path, accept, seconds)

    return get, context or current


def _get(api: Any, path: str, accept: str, seconds: tuple[float, float]) -> Response:
    client: Any = import_module("kubernetes.client")
    headers = {"Accept": accept}
    try:
        api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        url = api.configuration.host + path
        response = api.call_api("GET", url, headers, _request_timeout=seconds)
        return Response(response.status, response.read(), response.getheader("Date") or "")
    except client.ApiException:  # for an SSLError only (rest.py)
        raise Unreachable(
            "TLS with the API server fails. Is its certificate the one that the kubeconfig trusts?"
        ) from None
    except Exception as error:  # urllib3's, the system's, a credential plugin's
        raise Unreachable(
            f"the API server does not answer ({type(error).__name__}). Is it up, and reachable from here?"
        ) from None


def _contexts(source: io.StringIO | str | None) -> tuple[list[str], str]:
    """(The names of a kubeconfig's contexts, that of the current one or "").

    The library's own list requires a current context, also where another is named.
    """
    library: Any = import_module("kubernetes.config.kube_config")
    merged = library.KubeConfigMerger(source or library.KUBE_CONFIG_DEFAULT_LOCATION).config
    current = merged["current-context"] if "current-context" in merged else ""  # noqa: SIM401 -- it has no get
    return [str(each["name"]) for each in merged["contexts"]], str(current)
