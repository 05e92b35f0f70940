"""A case: a config whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

Kind = Literal["fault", "decoy", "healthy"]

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """One run to be diagnosed, and what is true of it.

    Scores are shares: balanced accuracy on the test rows, or R² over the R² of the best known recipe.
    """

    id: str
    kind: Kind  # fault: it costs 5 points or more; decoy: planted, and costs less; healthy: nothing planted
    planted: str  # the fault's or the control's name
    severity: float  # 0 mild to 1 severe, on the fault's own scale
    rules: tuple[str, ...]  # findings that are right; () for healthy runs
    layer: str | None  # the one layer the fault was planted in
    seed: int  # of the run that is diagnosed
    config: dict[str, Any]  # without the fault
    changes: dict[str, Any]  # what plants it: dotted keys
    tables: dict[str, Any] = field(default_factory=dict)
    wrong_gradient: dict[str, str] | None = None  # layer, how: planted in the code, not in the config
    scale: float = 1.0  # R² of the best known recipe; 1 for classes
    harm: float = 0.0  # mean over three seeds, of the run's own data and split: twin less faulty
    curable: bool = False
    repair_seeds: tuple[int, ...] = ()
    cure: tuple[float, ...] = ()  # best known cure's score at each of these seeds


def save(cases: Iterable[Case], path: Path) -> None:
    """A line a case, so that a difference can be read."""
    lines = ",\n".join(json.dumps(asdict(case), separators=(",", ":")) for case in cases)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def load(path: Path) -> list[Case]:
    tuples = {f.name for f in fields(Case) if str(f.type).startswith("tuple")}
    return [
        Case(**{key: tuple(value) if key in tuples else value for key, value in entry.items()})
        for entry in json.loads(path.read_text(encoding="utf-8"))
    ]
