"""What stands outside the program, and counts like its own objects: files, and clusters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from keda.guardrails import Config, Finding, Guardrail, Undecided
from keda.manifests.declared import Declared
from policies.engine import engine
from policies.ledger import Ledger
from policies.operation import Operation

_TEXT = {"type": "string", "minLength": 1}


class Sources(Guardrail):
    """What stands outside the program, read once: the files that the config names, and a cluster.

    Without a config it is the cluster that the program itself uses. What that one does not answer is not a
    finding: nobody named it.
    """

    name = "keda-one-owner-sources"
    summary = "The sources outside the program can be read: its cluster, and the files that the config names."
    why = (
        "Others write too: a Flux tree may contain a second ScaledObject, and "
        "an HPA may have been made by hand. The other keda-one-owner rules count what this rule "
        "reads. Of the cluster that is what scales, with the rights of the provider's kubeconfig; "
        "nothing is written."
    )
    note = """\
- The cluster of each provider that has an owner of replicas in the program is read at the end of the
  preview, without any config. So an HPA made by hand stops the update before anything is created. What
  the program declares replaces what is live, and an HPA that KEDA made counts as its ScaledObject. A
  provider that renders files has no cluster. A cluster that does not answer is an advisory of
  `keda-rules-undecided`. `"keda-one-owner-sources": "disabled"` reads nothing.
- A target that changes hands while the update runs is named by `keda-rules-undecided`: the live owner is
  declared with another target, and KEDA's webhook refuses the new one if that comes first. A `depends_on`
  the old owner ends it. A renamed ScaledObject, and an HPA that leaves the program, are findings: the old
  one is still there when the new one comes.
- `manifests`: files and directories of YAML or JSON; a relative path counts from the program's folder,
  where its Pulumi.yaml is. Where that folder cannot be found (it is read from Linux's /proc), a relative
  path is a finding: write an absolute one. What they declare counts like the program's own resources.
- `cluster`: another cluster instead: `{}` for the current context, or `{"kubeconfig": "…", "context":
  "…"}`.

```json
{"keda-one-owner-sources": {"manifests": ["../flux/apps"], "cluster": {"context": "homelab"}}}
```

A source that the config names and that cannot be read is a finding of this rule: no configured check is
skipped silently. `excluded` takes the path, or `cluster <context>`, as its object.
"""
    settings = {
        "manifests": {
            "type": "array",
            "items": _TEXT,
            "default": [],
            "description": "Files and directories whose objects count like the program's own.",
        },
        "cluster": {
            "type": "object",
            "properties": {"kubeconfig": _TEXT, "context": _TEXT},
            "additionalProperties": False,
            "description": "The cluster to read, {} for the current context. Unset: the program's own.",
        },
    }
    severity = "medium"

    def __init__(self, operation: Operation, ledger: Ledger) -> None:
        super().__init__(operation.program)
        self._ledger, self._clusters = ledger, operation.clusters
        self._operation = operation
        self._unread: list[str] | None = None
        self._unasked: list[str] = []

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        """Files are read before the first object is looked at: conflicts with them are reported in time."""
        self._read_files(config)
        self._ledger.conflicts(declared)  # all that is declared is known before a cluster is read
        yield from ()

    announced = judge

    def at_end(self, config: Config) -> Iterator[Finding]:
        """A cluster is read last: what the program declares replaces what is live, and now all is known."""
        unread = self._read_files(config)
        if (cluster := config.get("cluster")) is not None:
            from policies.sources.files import declared_elsewhere

            self._ledger.add_outside(declared_elsewhere((), cluster, unread))
        else:
            self._ledger.add_outside(self._clusters.read(self._ledger.clusters, self._unasked))
        yield from (Finding(line, tuple(_begins(line))) for line in unread)

    def undecided_at_end(self, config: Config) -> Iterator[Undecided]:
        """What the program's own cluster does not answer, and what no policy is shown."""
        for line in self._unasked:
            yield Undecided("", line, "", f"{line} So second owners that only the cluster has are not found.")
        if config.get("cluster") is None:
            yield from self._clusters.undecided(self._ledger.clusters)
        yield from self._operation.not_rendered()
        for each in self._ledger.handovers():
            if not self._operation.waits_for(each.scaled.where, each.before.declared_by):
                yield Undecided("", each.scaled.where, str(each.target), each.message)

    def _read_files(self, config: Config) -> list[str]:
        if self._unread is None:
            self._unread = []
            if config["manifests"]:
                # Imported here: a pack that reads no files starts faster without.
                from policies.sources.files import declared_elsewhere

                paths = list(_of_program(config["manifests"], self._unread))
                self._ledger.add_outside(declared_elsewhere(paths, None, self._unread))
        return self._unread


def _begins(line: str) -> Iterator[str]:
    """What may be named before a colon: a path, or a cluster's context, which may hold colons themselves."""
    for index, character in enumerate(line):
        if character == ":":
            yield line[:index]


def _of_program(paths: Iterable[str], unread: list[str]) -> Iterator[str]:
    """The paths, relative ones from the program's folder."""
    pulumi = engine()
    for each in paths:
        path = Path(each).expanduser()
        if path.is_absolute():
            yield str(path)
        elif pulumi:
            yield str(pulumi.program / path)
        else:
            unread.append(
                f"{each}: is relative, and the program's folder is not known. Write the whole path."
            )
