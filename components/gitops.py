"""Settings of the tree that `make render` writes for Flux or Argo CD. `pulumi up` does not read them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.setting import Setting
from keda.core.model import Namespace, ObjectName


class Source(Setting):
    """Flux's source of the repository that holds the tree."""

    consequence = "Flux would have nothing to apply."

    kind: Literal["GitRepository", "OCIRepository", "Bucket"] = Field(
        default="GitRepository", examples=["GitRepository"]
    )
    name: ObjectName = Field(default="flux-system", examples=["flux-system"])


class GitOps(Setting):
    """How the tree is written, and where it is in the repository."""

    consequence = "`make render` could not write the tree."

    chart: Literal["release", "rendered"] = Field(default="release", examples=["release"])
    path: str | None = Field(default=None, min_length=1, examples=["clusters/home/keda"])
    """The tree's folder, from the root of what is synced. None: of the Git repository that holds it."""
    namespace: Namespace | None = Field(default=None, examples=["flux-system"])
    """Of Flux's Kustomizations or Argo CD's Applications. None: flux-system or argocd."""
    source: Source = Field(default_factory=Source)
    fallback: Literal["healthy", "failed"] = Field(default="healthy", examples=["healthy"])
    """The health of a ScaledObject whose Fallback is active."""
    orphan: bool = Field(default=False, examples=[False])
    """Whether the objects stay in the cluster when the tree leaves Git: the way back to `pulumi up`."""
    repository: str | None = Field(
        default=None, min_length=1, examples=["https://git.example.org/me/cluster.git"]
    )
    revision: str = Field(default="HEAD", min_length=1, examples=["main"])
