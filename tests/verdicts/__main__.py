"""Compares our verdict on generated triggers with KEDA's own: `python -m tests.verdicts --count 20000`.

Exit code 1 when there is a disagreement that choices.py does not name.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict

from keda.scalers.constructor import refusals
from keda.scalers.facts import ResolvedTrigger
from tests.oracle import STILL_DIALLING, Spec, Verdict, judge
from tests.verdicts.choices import choice
from tests.verdicts.mutations import specs


def ours(spec: Spec) -> list[str]:
    refused = refusals(
        ResolvedTrigger(
            type=spec.type,
            metadata=spec.metadata,
            auth=spec.auth,
            env=spec.env,
            pod_identity=spec.pod_identity,
            metric_type=spec.metric_type,
            as_metric_source=spec.as_metric_source,
        )
    )
    return [str(refusal) for refusal in refused]


def kedas(batch: list[Spec]) -> list[Verdict]:
    """What KEDA answers. Where a constructor that did not end in time on a busy machine would be a
    disagreement, KEDA is asked again."""
    verdicts = list(judge(batch))
    for _ in range(5):
        late = [
            number
            for number, verdict in enumerate(verdicts)
            if verdict.error == STILL_DIALLING and ours(batch[number])
        ]
        for number, verdict in zip(late, judge([batch[number] for number in late]), strict=True):
            verdicts[number] = verdict
    return verdicts


def compare(count: int, seed: int) -> tuple[Counter[str], dict[str, list[tuple[Spec, Verdict, list[str]]]]]:
    """(how many specs ended how, disagreements by scaler)."""
    tally: Counter[str] = Counter()
    disagreements: dict[str, list[tuple[Spec, Verdict, list[str]]]] = defaultdict(list)
    batch = specs(count, seed)
    for spec, verdict in zip(batch, kedas(batch), strict=True):
        mine = ours(spec)
        if verdict.accepted != bool(mine):
            tally["accepted by both" if verdict.accepted else "refused by both"] += 1
        elif named := choice(spec, verdict, mine):
            tally[f"named choice: {named}"] += 1
        else:
            tally["disagreement"] += 1
            disagreements[spec.type].append((spec, verdict, mine))
    return tally, disagreements


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.verdicts", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many triggers (default: 20000)")
    parser.add_argument("--seed", type=int, default=0, help="of the combinations (default: 0)")
    parser.add_argument(
        "--show", type=int, default=3, help="disagreements to print for each scaler (default: 3)"
    )
    arguments = parser.parse_args()
    tally, disagreements = compare(arguments.count, arguments.seed)
    for scaler, found in sorted(disagreements.items(), key=lambda item: -len(item[1])):
        print(f"{scaler}: {len(found)}")
        for spec, verdict, mine in found[: arguments.show]:
            print(f"  {spec.metadata} auth={spec.auth} env={spec.env} {spec.pod_identity} {spec.metric_type}")
            print(f"    KEDA: {verdict.stage or 'built'} {verdict.error[:160]!r}")
            print(f"    ours: {mine}")
    for outcome, number in tally.most_common():
        print(f"{number:7} {outcome}")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
