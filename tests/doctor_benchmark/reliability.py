"""Whether the confidence that a finding states is the share of such findings that are right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.doctor_benchmark.measures import Result, Share, written

BINS = ((0.0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0))


@dataclass(frozen=True)
class Statement:
    """A critical finding: how sure the doctor said it was, and whether its rule is a true cause of harm here."""

    confidence: float
    right: bool


def of_results(results: Iterable[Result]) -> list[Statement]:
    """The critical findings on generated cases; of healthy and harmless ones all are wrong."""
    return [
        Statement(said.confidence, result.case.kind == "fault" and said.rule in result.case.rules)
        for result in results
        for said in result.critical[:1]
    ]


def table(statements: Sequence[Statement]) -> list[str]:
    """A line a bin of confidence: what was stated on average, and the share that is right with its interval."""
    lines = [f"{'confidence of the first critical finding':42} {'stated':>8}  right"]
    for low, high in BINS:
        these = [one for one in statements if low <= one.confidence < high or (high == 1.0 and one.confidence == 1.0)]
        if not these:
            continue
        stated = sum(one.confidence for one in these) / len(these)
        share = Share(sum(one.right for one in these), len(these))
        lines.append(f"{f'{low:.0%} to {high:.0%}':42} {stated:8.0%}  {written(share)}")
    return lines
