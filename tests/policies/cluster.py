"""An API server's answers, by path: what a live cluster holds, for tests that need none."""

from collections.abc import Iterator, Mapping
from typing import Any

from keda.manifests.declared import Declared
from policies.sources.cluster import KINDS, Get, Unreadable, live_owners
from tests.policies.manifests import Manifest, merged


def managed(manifest: Manifest, manager: str, fields: Any, **more: str) -> Manifest:
    entry = {"manager": manager, "operation": "Update", "fieldsV1": fields, **more}
    before = manifest["metadata"].get("managedFields", [])
    return merged(manifest, {"metadata": {"managedFields": [*before, entry]}})


def cluster(*objects: Manifest, page: int = 1, forbidden: str = "") -> Get:
    """An API server that serves the kinds of these objects, a page at a time."""
    groups: dict[str, str] = {}
    lists: dict[str, list[Manifest]] = {}
    for each in objects:
        group, _, _ = each["apiVersion"].rpartition("/")
        groups[group] = each["apiVersion"]
        plural = next(p for g, p in KINDS if g == group and p.startswith(each["kind"].lower()[:-1]))
        lists.setdefault(f"/apis/{each['apiVersion']}/{plural}", []).append(each)

    def get(path: str) -> Mapping[str, Any] | None:
        if path == "/apis":
            return {
                "groups": [
                    {"name": name, "preferredVersion": {"groupVersion": version}}
                    for name, version in groups.items()
                ]
            }
        base, _, query = path.partition("?")
        if forbidden and forbidden in base:
            raise Unreadable("may not be read (403). Grant its user `list`, cluster-wide.")
        if base not in lists:
            return None
        start = int(query.partition("continue=")[2] or 0)
        items = lists[base][start : start + page]
        following = str(start + page) if start + page < len(lists[base]) else ""
        # A list's items carry no kind of their own.
        bare = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in items]
        kind = lists[base][0]["kind"]
        return {
            "kind": f"{kind}List",
            "apiVersion": lists[base][0]["apiVersion"],
            "metadata": {"continue": following},
            "items": bare,
        }

    return get


def live(get: Get, unread: list[str]) -> Iterator[Declared]:
    return live_owners(get, "homelab", unread)
