"""A manifest, where it is declared, and what is not known of it yet."""

from enum import Enum
from typing import NamedTuple

Actor = tuple[str, str]
"""(kind, name) of an object in the namespace at hand."""


class Unknown(Enum):
    """A value that is known only after applying: an output of Pulumi in a preview."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class ObjectRef(NamedTuple):
    """A Kubernetes object's identity. The API version plays no part: one object is served under several.

    The namespace is "" for a cluster-wide object, and for one that is found by its generated name alone.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Declared(NamedTuple):
    """A manifest and where it is declared (a URN, a file and line, a live object and its field manager).

    `cluster` distinguishes clusters when several are declared together; "" is the current cluster, which may
    be any of them. `live` is what a cluster holds now: a declaration of the same object replaces it.
    `held`: the program that declares it also deletes it when it goes, even if another has taken it over.
    `replaces`: the live object that goes when this one comes: it had another name so far.
    """

    manifest: object
    where: str
    cluster: str = ""
    live: bool = False
    held: bool = False
    replaces: ObjectRef | None = None
