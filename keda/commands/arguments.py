"""What `keda simulate` is asked for, with `--recommend` too."""

from __future__ import annotations

from dataclasses import dataclass

from keda.timelines.manifests import Read, scaled


@dataclass(frozen=True)
class Arguments:
    """The command line. `signals` and `faults` as written; times of the options in their own notation.

    `compare` are the old and the new file, in place of `path`. `gpus` None: by the annotation.
    `job_time` None: the service time of the queue.
    """

    path: str | None
    signals: tuple[str, ...]
    workload: str | None = None
    minutes: int = 30
    faults: tuple[str, ...] = ()
    replicas: int | None = None
    start_up: str = "0s"
    job_time: str | None = None
    cpu_request: str = "1"
    memory_request: str = ""
    gpus: int | None = None
    seed: int = 0
    every: bool = False
    json: bool = False
    compare: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    read: Read = scaled
