"""Create, update, read and delete of one object: server-side apply, dry-runs in preview, waiting."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from pulumi_plugins.kubernetes_provider import diff, readiness
from pulumi_plugins.kubernetes_provider.api import ApiError, Cluster, NoSuchKind, Unreachable, retry
from pulumi_plugins.kubernetes_provider.objects import (
    Object,
    annotation,
    forced_by_origin,
    ignore_fields,
    is_crd,
    is_true,
    take_over_fields,
    title,
)

DEFAULT_TIMEOUT = 600.0  # seconds, the released provider's
# A kind is served, and a namespace usable, a moment after it was created.
PAUSES = [0.2, 0.5, 1, 2, 4, 4]
CREATOR = "pulumi-kubernetes"
QUIET = 2.0  # seconds of a deletion that need no word: the garbage collector's usual

EXISTS = (
    "{} already exists in the cluster ({}). Adopt it with `pulumi import` or the `import_` option, rename a "
    "resource with an alias, or set upsertExistingObjects on the provider to take over existing objects."
)


class Refused(Exception):
    """An operation failed, with nothing to record. The text is one line for the user."""


class NotReady(Exception):
    """The object is in the cluster, but not as it should be: the state must keep it."""

    def __init__(self, text: str, live: Object) -> None:
        super().__init__(text)
        self.live = live


@dataclass
class Operations:
    """The operations on one cluster.

    Attributes:
        upsert: whether Create takes over an object that exists, by server-side apply.
        force: whether every apply takes fields from other managers (the provider's enablePatchForce).
        strict_preview: whether a dry-run that admission refuses fails the preview. The released provider
            takes every 403 of a dry-run for missing rights, and passes.
        cancelled: set when the user interrupts.
    """

    cluster: Cluster
    upsert: bool = False
    force: bool = False
    strict_preview: bool = False
    cancelled: Event = field(default_factory=Event)

    def create(
        self,
        manifest: Object,
        manager: str,
        timeout: float,
        *,
        preview: bool,
        patch: bool,
        log: Callable[[str], None],
    ) -> Object | None:
        """Creates an object and waits for it.

        Args:
            manifest: what to create.
            manager: the field manager.
            timeout: seconds; 0 for the object's annotation or the default.
            preview: only a dry-run.
            patch: a `…Patch` resource: fields on an object that is there already.
            log: shows a passing status.

        Returns:
            The object as the API server has it; None when a preview cannot ask.

        Raises:
            Refused: nothing was created.
            NotReady: it was, and did not become ready in time.
        """
        apply = self.upsert or patch

        def once() -> Object:
            if apply:
                force = preview or self.force or is_true(manifest, "patchForce")
                return self.cluster.apply(manifest, manager, force=force, dry_run=preview)
            return self.cluster.create(manifest, CREATOR, dry_run=preview)

        try:
            live: Object = retry(once, _may_come, [] if preview else PAUSES, self._pause)
        except (ApiError, NoSuchKind) as error:
            if preview and self._passes(error, creation=True):
                if isinstance(error, ApiError) and error.forbidden:
                    log(f"Retry #0; creation failed: {error}")
                return None
            raise Refused(_refusal(manifest, error)) from None
        return live if preview else self._await(manifest, live, timeout, log)

    def update(
        self,
        manifest: Object,
        manager: str,
        timeout: float,
        ignore: list[diff.Path],
        *,
        preview: bool,
        patch: bool,
        log: Callable[[str], None],
    ) -> Object | None:
        """Updates an object and waits for it; see `create`.

        Raises:
            Refused: it is as it was.
            NotReady: it was changed, and did not become ready in time.
        """

        def once() -> Object:
            live = self.cluster.get(manifest)
            if not preview and not patch and (operations := take_over_fields(live, manager)):
                live = self.cluster.patch(manifest, operations)
            if is_crd(manifest):
                # Replaced, as the released provider does: an apply would keep versions that were dropped.
                version = {"resourceVersion": live["metadata"]["resourceVersion"]}
                whole = {**manifest, "metadata": {**manifest["metadata"], **version}}
                return self.cluster.replace(whole, manager, dry_run=preview)
            forced = self.force or is_true(manifest, "patchForce")
            force = forced or forced_by_origin(live, preview=preview)
            sent = copy.deepcopy(manifest)
            ignore_fields(sent, live, ignore, manager)
            return self.cluster.apply(sent, manager, force=force, dry_run=preview)

        try:
            live: Object = retry(once, _moved_on, [0.2, 0.5, 1], self._pause)
        except (ApiError, NoSuchKind) as error:
            if preview and self._passes(error, creation=False):
                return None
            if isinstance(error, ApiError) and error.not_found and not error.namespace_missing:
                raise Refused(
                    f"{title(manifest)} is gone from the cluster: somebody deleted it. Run `pulumi refresh`."
                ) from None
            raise Refused(_refusal(manifest, error)) from None
        return live if preview else self._await(manifest, live, timeout, log)

    def delete(self, manifest: Object, live: Object, timeout: float, log: Callable[[str], None]) -> None:
        """Deletes an object and waits until it is gone; an object, or a kind, that is gone already is fine.

        Raises:
            Refused: the API server refuses.
            NotReady: it is still there, held by a finalizer.
        """
        policy = annotation(manifest, "deletionPropagationPolicy").capitalize()
        try:
            self.cluster.delete(live, policy if policy in {"Orphan", "Background"} else "Foreground")
        except NoSuchKind:
            return
        except ApiError as error:
            if error.not_found:
                return
            raise Refused(f"{title(live)} cannot be deleted: {error}") from None
        started = time.monotonic()
        deadline = started + self._timeout(manifest, timeout)
        uid, pauses, last = live["metadata"].get("uid"), iter([0.05, 0.1, 0.2]), ""
        while True:
            try:
                now = self.cluster.get(live)
            except (ApiError, NoSuchKind) as error:
                if isinstance(error, NoSuchKind) or error.not_found:
                    if last:
                        log("")
                    return
                raise Refused(f"{title(live)}: {error}") from None
            if uid and now["metadata"]["uid"] != uid:
                return
            reason = _held(now)
            if reason != last and time.monotonic() > started + QUIET:
                log(f"waiting until it is gone: {reason}")
                last = reason
            if time.monotonic() > deadline:
                raise NotReady(f"{title(live)} is still there: {reason}.", now)
            self._pause(next(pauses, 0.5), now)

    def relinquish(self, live: Object, manager: str) -> None:
        """Gives up every field of a patched object. Raises Refused."""
        name = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}
        empty = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": name}
        try:
            self.cluster.apply(empty, manager, force=False, dry_run=False)
        except NoSuchKind:
            return
        except ApiError as error:
            raise Refused(f"{title(live)}: its patched fields cannot be given up: {error}") from None

    def _await(self, manifest: Object, live: Object, timeout: float, log: Callable[[str], None]) -> Object:
        try:
            check = readiness.check_for(manifest)
        except ValueError as error:
            raise NotReady(str(error), live) from None
        if check is None:
            return live
        deadline = time.monotonic() + self._timeout(manifest, timeout)
        pauses, last = iter([0.1, 0.2, 0.5]), ""
        while missing := self._missing(check, live):
            if missing != last:
                log(missing)
                last = missing
            if time.monotonic() > deadline:
                raise NotReady(f"{title(live)} is not ready in time: {missing}", live)
            self._pause(next(pauses, 1.0), live)
            live = self._again(live)
        if last:
            log("")
        return live

    def _missing(self, check: readiness.Check, live: Object) -> readiness.Missing:
        try:
            return check(live, self.cluster)
        except readiness.Failed as error:
            raise NotReady(f"{title(live)}: {error}", live) from None
        except (ApiError, NoSuchKind, Unreachable) as error:
            return str(error)

    def _again(self, live: Object) -> Object:
        """The object now; as it was while the API server does not answer (it may be restarting)."""
        try:
            return self.cluster.get(live)
        except ApiError as error:
            if error.not_found:
                raise NotReady(f"{title(live)} was deleted by somebody while it became ready", live) from None
            return live
        except Unreachable:
            return live

    def _passes(self, error: Exception, *, creation: bool) -> bool:
        """Whether a preview goes on after a failed dry-run, as the released provider's does."""
        if isinstance(error, NoSuchKind):
            return True
        assert isinstance(error, ApiError)
        if error.forbidden:
            return not (self.strict_preview and error.denied_by_admission)
        # A replacement's dry-run meets the object that will have been deleted by then.
        replaced = error.already_exists or (error.code == 422 and "field is immutable" in str(error))
        unknown = error.namespace_missing or "does not support dry run" in str(error)
        return creation and (replaced or unknown)

    @staticmethod
    def _timeout(manifest: Object, seconds: float) -> float:
        annotated = annotation(manifest, "timeoutSeconds")
        return seconds or (float(annotated) if annotated.isdigit() else DEFAULT_TIMEOUT)

    def _pause(self, seconds: float, live: Object | None = None) -> None:
        if self.cancelled.wait(seconds):
            if live is None:
                raise Refused("stopped before it was created")
            raise NotReady(f"stopped while waiting for {title(live)}", live)


def _may_come(error: Exception) -> bool:
    return isinstance(error, NoSuchKind) or isinstance(error, ApiError) and error.not_found


def _moved_on(error: Exception) -> bool:
    """Whether an update met a newer version of the object: a controller wrote its status meanwhile."""
    conflict = isinstance(error, ApiError) and error.reason == "Conflict"
    return conflict and "the object has been modified" in str(error)


def _refusal(manifest: Object, error: Exception) -> str:
    if isinstance(error, NoSuchKind):
        return f"{title(manifest)}: {error}. Create the CustomResourceDefinition that serves it first."
    assert isinstance(error, ApiError)
    if error.already_exists:
        return EXISTS.format(title(manifest), error)
    if error.conflict:
        return (
            f"{title(manifest)}: server-side apply field conflict: another manager owns a field that the "
            f"program sets: {error}. Leave the field out, or take it over with the annotation "
            'pulumi.com/patchForce: "true" or the provider\'s enablePatchForce.'
        )
    return f"{title(manifest)} is refused by the API server: {error}"


def _held(live: Object) -> str:
    finalizers = [name for name in live["metadata"].get("finalizers") or [] if name != "foregroundDeletion"]
    if finalizers:
        names = ", ".join(finalizers)
        return (
            f"finalizer {names} is held by its controller; is that running? If it is gone for good, remove it"
        )
    # A Namespace's conditions name whose content is left.
    left = readiness.condition(live, "NamespaceContentRemaining").get("message") or ""
    remaining = readiness.condition(live, "NamespaceFinalizersRemaining").get("message") or ""
    return (
        " ".join(part for part in (left, remaining) if part) or "objects that it owns are being deleted first"
    )
