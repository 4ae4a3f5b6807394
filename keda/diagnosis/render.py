"""A diagnosis as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from keda.diagnosis.answer import Answer, Diagnosis, Level
from keda.diagnosis.snapshot import Unseen
from keda.diagnosis.wording import clock

_LABEL = 10
_STATE = 7


def as_text(diagnoses: Sequence[Diagnosis]) -> str:
    """One workload with its chain; of several one line each, worst first."""
    if len(diagnoses) == 1:
        return "\n".join(_one(diagnoses[0]))
    lines = [f"{each.answer.level.value:{_STATE}}  {each.title}" for each in diagnoses]
    count = Counter(each.answer.level for each in diagnoses)
    summary = ", ".join(f"{count[level]} {level.value}" for level in Level)
    missing = list(dict.fromkeys(unseen for each in diagnoses for unseen in each.unseen))
    lines += ["", f"{summary}. `keda why NAMESPACE/NAME` shows one with its evidence."]
    return "\n".join([*lines, *_unseen(missing)])


def _one(diagnosis: Diagnosis) -> Iterator[str]:
    yield diagnosis.title
    yield ""
    for link in diagnosis.chain:
        first, *rest = link.evidence or ("",)
        yield f"{link.hop.value:{_LABEL}}  {link.state:{_STATE}}  {first}".rstrip()
        for line in rest:
            yield f"{'':{_LABEL}}  {'':{_STATE}}  {line}"
    parts = (
        ("arithmetic", diagnosis.arithmetic),
        ("next", tuple(_next(diagnosis))),
        ("fix", (diagnosis.answer.fix,) if diagnosis.answer.fix else ()),
        ("also", tuple(f"{_sentence(each)} {each.fix}".rstrip() for each in diagnosis.also)),
        ("check", diagnosis.notes),
    )
    for label, lines in parts:
        for place, line in enumerate(lines):
            yield from ([""] if place == 0 and label in ("arithmetic", "next", "fix") else [])
            yield f"{label if place == 0 else '':{_LABEL}}  {line}"
    yield from _unseen(diagnosis.unseen)
    yield f"{'as of':{_LABEL}}  {diagnosis.at:%Y-%m-%d %H:%M:%S} UTC"


def _sentence(answer: Answer) -> str:
    return f"it {answer.sentence.rstrip('.')}."


def _next(diagnosis: Diagnosis) -> Iterator[str]:
    for each in diagnosis.next:
        yield each.text if each.at is None else f"at {clock(each.at, diagnosis.at)} {each.text}"


def _unseen(unseen: Sequence[Unseen]) -> Iterator[str]:
    for place, each in enumerate(unseen):
        yield f"{'not seen' if place == 0 else '':{_LABEL}}  {each}"


def as_json(diagnoses: Sequence[Diagnosis]) -> str:
    """A list of diagnoses, worst first."""
    return json.dumps([_plain(each) for each in diagnoses], indent=2, ensure_ascii=False)


def _plain(diagnosis: Diagnosis) -> dict[str, Any]:
    answer = diagnosis.answer
    return {
        "kind": diagnosis.kind,
        "namespace": diagnosis.namespace,
        "name": diagnosis.name,
        "level": answer.level.value,
        "cause": answer.kind,
        "link": answer.hop.value,
        "sentence": diagnosis.title,
        "fix": answer.fix,
        "replicas": diagnosis.replicas,
        "chain": [
            {"link": link.hop.value, "state": link.state, "evidence": list(link.evidence)}
            for link in diagnosis.chain
        ],
        "arithmetic": list(diagnosis.arithmetic),
        "next": [
            {"at": each.at and f"{each.at:%Y-%m-%dT%H:%M:%SZ}", "text": each.text} for each in diagnosis.next
        ],
        "also": [{"cause": each.kind, "sentence": each.sentence, "fix": each.fix} for each in diagnosis.also],
        "check": list(diagnosis.notes),
        "unseen": [{"what": each.what, "missing": each.missing} for each in diagnosis.unseen],
        "at": f"{diagnosis.at:%Y-%m-%dT%H:%M:%SZ}",
    }
