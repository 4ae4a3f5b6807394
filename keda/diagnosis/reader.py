"""Lists and single objects of an API server, by GET, and what of them may not be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from keda.api_server import Get, Response, Unreachable
from keda.diagnosis.snapshot import Unseen
from keda.manifests.reading import dig, mapping, sequence, text

_AT_ONCE = 8
_PAGE = 500
JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""An object without its content: of a Secret no value."""
_DENIED = (401, 403)
BEHIND = 1.5
"""For what is behind the API server. A source may be slower, and the HPA controller waits longer."""


class Resource(NamedTuple):
    """A kind, and where the API server has it."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str = "", name: str = "") -> str:
        """Of the list, or of one object."""
        api = "/apis" if "/" in self.api_version else "/api"
        where = f"/namespaces/{namespace}" if namespace else ""
        return f"{api}/{self.api_version}{where}/{self.plural}" + (f"/{name}" if name else "")


Task = Callable[[], None]


@dataclass
class Reader:
    """What was read so far. Tasks of `run` add to it."""

    get: Get
    found: list[Mapping[str, Any]] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    """Kinds that were asked for."""
    denied: set[str] = field(default_factory=set)
    """Kinds of which something could not be read."""
    unseen: list[Unseen] = field(default_factory=list)
    now: datetime | None = None
    """The API server's clock: this machine's may be another one."""

    @property
    def complete(self) -> frozenset[str]:
        """Kinds of which all was read that was asked for."""
        return frozenset(self.read - self.denied)

    def run(self, tasks: Iterable[Task]) -> None:
        """Runs tasks, several at once. Raises the first error of one, such as `Unreachable`."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for done in [pool.submit(task) for task in tasks]:
                done.result()

    def list(self, resource: Resource, namespace: str = "", query: str = "") -> Task:
        """The task to read all of a kind, of a namespace or of the cluster; `query` begins with &."""

        def task() -> None:
            self.read.add(resource.kind)
            where = f"in {namespace}" if namespace else "in all namespaces"
            unseen = Unseen(f"{resource.plural} {where}", f"grant `list {resource.plural}` {where}")
            token, path = "", f"{resource.path(namespace)}?limit={_PAGE}{query}"
            while True:
                page = self.answer(path + (f"&continue={token}" if token else ""), resource.kind, unseen)
                for item in sequence(mapping(page).get("items")):
                    self._add(resource, item)
                token = text(dig(page, "metadata", "continue"))
                if not token:
                    return

        return task

    def one(self, resource: Resource, namespace: str, name: str, accept: str = JSON) -> Task:
        """The task to read one object."""

        def task() -> None:
            self.read.add(resource.kind)
            full = f"{namespace}/{name}" if namespace else name
            unseen = Unseen(f"{resource.kind} {full}", f"grant `get {resource.plural}`")
            found = self.answer(resource.path(namespace, name), resource.kind, unseen, accept)
            if found is not None:
                self._add(resource, found)

        return task

    def answer(self, path: str, kind: str, unseen: Unseen, accept: str = JSON) -> Mapping[str, Any] | None:
        """The JSON at a path; None where there is nothing, or it may not be read: then `unseen` is noted."""
        response = self.get(path, accept)
        self.now = self.now or server_time(response)
        if response.status < 400:
            return parsed(response)
        if response.status != 404:
            self.denied.add(kind)
            failed = f"the API server answered {response.status}"
            self.note(unseen if response.status in _DENIED else unseen._replace(missing=failed))
        return None

    def behind(
        self,
        path: str,
        right: Unseen,
        silent: Unseen,
        accept: str = JSON,
        seconds: tuple[float, float] = (BEHIND, BEHIND),
    ) -> Response | None:
        """What the server answers that the API server passes a GET on to; `seconds` to connect and to answer.

        None where it may not be read or does not answer, which is no fault of the API server: then `right` or
        `silent` is noted.
        """
        try:
            response = self.get(path, accept, seconds)
        except Unreachable:
            self.note(silent)
            return None
        if response.status in _DENIED:
            self.note(right)
            return None
        return response

    def note(self, unseen: Unseen) -> None:
        """Remembers, once, what could not be read."""
        if unseen not in self.unseen:
            self.unseen.append(unseen)

    def _add(self, resource: Resource, item: Mapping[str, Any]) -> None:
        # Items of a list have no kind of their own.
        self.found.append({**item, "apiVersion": resource.api_version, "kind": resource.kind})


def parsed(response: Response) -> Mapping[str, Any]:
    """The JSON object of a response, {} for anything else."""
    try:
        found = json.loads(response.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def server_time(response: Response) -> datetime | None:
    """What the API server's clock shows."""
    try:
        return parsedate_to_datetime(response.date).astimezone(UTC)
    except (TypeError, ValueError):
        return None
