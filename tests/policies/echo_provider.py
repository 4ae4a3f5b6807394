"""A Kubernetes provider without Kubernetes: it believes what it is told. The engine is the subject.

A program's preview and update run as ever, in seconds, and nothing is created anywhere. What a preview cannot
know stays unknown: the ids of objects not created yet.
"""

import os
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from lab.plugins.serving import serve


class EchoProvider(provider_pb2_grpc.ResourceProviderServicer):
    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="4.34.2")

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Check(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        changed = request.old_inputs != request.news
        changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes)

    def Create(self, request: Any, context: Any) -> Any:
        # What exists: the tests read which objects an update got round to creating.
        if not request.preview:
            with Path(os.environ["ECHO_CREATED"]).open("a") as created:
                created.write(f"{request.urn}\n")
        return provider_pb2.CreateResponse(
            id="" if request.preview else request.name, properties=request.properties
        )

    def Update(self, request: Any, context: Any) -> Any:
        return provider_pb2.UpdateResponse(properties=request.news)

    def Read(self, request: Any, context: Any) -> Any:
        """Reading finds a live Deployment of three replicas, whatever it is called."""
        live = struct_pb2.Struct()
        live.update(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": request.id, "namespace": "voice"},
                "spec": {"replicas": 3},
            }
        )
        return provider_pb2.ReadResponse(id=request.id, properties=live, inputs=live)

    def Delete(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


if __name__ == "__main__":
    serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(EchoProvider(), server),
        workers=8,
    )
