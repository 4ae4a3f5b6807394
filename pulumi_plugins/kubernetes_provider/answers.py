"""How the provider answers the engine when a call fails."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from pulumi_plugins.kubernetes_provider import components
from pulumi_plugins.kubernetes_provider.api import ApiError, NoSuchKind, Unreachable
from pulumi_plugins.kubernetes_provider.helm import ChartError
from pulumi_plugins.kubernetes_provider.manifests import ManifestError
from pulumi_plugins.kubernetes_provider.objects import identifier
from pulumi_plugins.kubernetes_provider.operations import NotReady, Refused

EXPECTED = (Refused, Unreachable, ApiError, NoSuchKind, ChartError, ManifestError, components.Ended)


class Partial(Exception):
    """An object was made or changed and is not ready; the state must keep it for the next `up`."""

    def __init__(self, error: NotReady, state: Any) -> None:
        super().__init__(str(error))
        failed = provider_pb2.ErrorResourceInitFailed(
            id=identifier(error.live), properties=state, reasons=[str(error)]
        )
        detail = any_pb2.Any()
        detail.Pack(failed)
        code = grpc.StatusCode.UNKNOWN.value[0]
        self.status = status_pb2.Status(code=code, message=str(error), details=[detail])


def answered(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turns expected errors into the engine's one-line errors; others keep their traceback."""

    @functools.wraps(method)
    def call(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except Partial as error:
            context.set_trailing_metadata((("grpc-status-details-bin", error.status.SerializeToString()),))
            message = str(error)
        except EXPECTED as error:
            message = str(error)
        except Exception:
            message = f"the stand-in provider has a fault:\n{traceback.format_exc()}"
        return context.abort(grpc.StatusCode.UNKNOWN, message)

    return call
