"""Every value in every document of a run's folder, replaced by each hostile one, through all that reads documents.

What `folders` samples, this goes through: in one process, a value at a time, and without the pictures.
`python -m tests.robustness.documents` prints what came of it, after an hour; `--sample 500` tries so many, drawn by
`--seed`.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console

from nn_scratch.cli.diagnosis_text import brief, rendered
from nn_scratch.cli.terminal import data_table, score_table, speed_line
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.errors import Diverged, UserError
from nn_scratch.experiments.model import load_model
from nn_scratch.experiments.train import resume
from nn_scratch.runs.run import Run
from nn_scratch.visualize.view import View
from nn_scratch.visualize.web.plots_page import report
from tests.robustness.corruptions import CELLS, VALUES
from tests.robustness.folders import make_runs
from tests.robustness.processes import Job, Scripts

Spoilt = tuple[str, Callable[[], bytes]]  # what was done, and the bytes of the file then

LEAKS = {  # what stands at the end of signals.json where columns give the target away, which those of RUNS do not
    "copied_target": {"column": "x", "kind": "share", "value": 1.0, "limit": 0.995, "exact": True, "without": 0.5},
    "telling_columns": {"columns": ["x", "y"], "score": 0.99, "how": "a line", "without": 0.5},
    "row_order": {"column": "x", "counts": True, "correlation": 0.9, "random": 0.99, "later": 0.5, "without": 0.5},
    "giveaway": {"feature": "x", "val": 0.99, "test": 0.5},
}
ABSENT = object()
ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "objects of text": lambda old: np.full(old.shape, "x"),
    "one number": lambda old: np.array(1.0, np.float32),
    "no rows": lambda old: old[:0] if old.ndim else old.reshape(1)[:0],
    "a row less": lambda old: old[1:] if old.ndim else old,
    "a row more": lambda old: np.concatenate([old, old[:1]]) if old.ndim else old,
    "one axis more": lambda old: old[..., None],
    "one axis": lambda old: old.reshape(-1),
    "a column more": lambda old: np.concatenate([old, old[..., :1]], axis=-1) if old.ndim else old,
    "turned": lambda old: old.T,
    "whole numbers": lambda old: np.ones(old.shape, np.int64),
    "negative": lambda old: np.full(old.shape, -1).astype("<i8" if old.dtype.kind != "f" else old.dtype),
    "large": lambda old: np.full(old.shape, 3e38 if old.dtype.kind == "f" else 2**62).astype(
        "<f4" if old.dtype.kind == "f" else "<i8"
    ),
    "nan": lambda old: np.full(old.shape, np.nan, np.float32),
    "booleans": lambda old: np.ones(old.shape, np.bool_),
    "bytes": lambda old: np.full(old.shape, 255, np.uint8),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of a document stand: of a list the first and the last alone, all being alike."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys if isinstance(value, dict) else sorted({*keys[:1], *keys[-1:]}):
        yield (*path, key)
        yield from places(value[key], (*path, key))


def json_spoilt(content: bytes) -> Iterator[Spoilt]:
    document = json.loads(content)
    for path in places(document):
        for value in (ABSENT, *VALUES):

            def made(path: tuple[Any, ...] = path, value: Any = value) -> bytes:
                changed = deepcopy(document)
                holder = changed
                for key in path[:-1]:
                    holder = holder[key]
                if value is ABSENT:
                    del holder[path[-1]]
                else:
                    holder[path[-1]] = value
                return json.dumps(changed).encode("utf-8", "surrogatepass")

            yield f"{'.'.join(map(str, path))} {'absent' if value is ABSENT else repr(value)[:20]}", made


def csv_spoilt(content: bytes) -> Iterator[Spoilt]:
    rows = list(csv.reader(content.decode().splitlines()))
    for at in sorted({0, min(1, len(rows) - 1), len(rows) - 1}):
        for column, name in enumerate(rows[0]):
            for cell in CELLS:

                def made(at: int = at, column: int = column, cell: str = cell) -> bytes:
                    changed = [list(row) for row in rows]
                    changed[at][column] = cell
                    return "".join(",".join(row) + "\n" for row in changed).encode()

                yield f"{name} of row {at} {cell[:20]!r}", made


def npz_spoilt(content: bytes) -> Iterator[Spoilt]:
    with np.load(io.BytesIO(content)) as archive:
        arrays = dict(archive)
    for name in arrays:
        for how, change in {"absent": None, **ARRAYS}.items():

            def made(name: str = name, change: Any = change) -> bytes:
                changed = {key: value for key, value in arrays.items() if key != name}
                with warnings.catch_warnings(action="ignore"):
                    if change is not None:
                        changed[name] = change(arrays[name])
                file = io.BytesIO()
                np.savez(file, allow_pickle=False, **changed)
                return file.getvalue()

            yield f"{name} {how}", made


def leaks_spoilt(content: bytes) -> Iterator[Spoilt]:
    """signals.json with each of LEAKS in turn, spoilt."""
    document = json.loads(content)
    for name, leak in LEAKS.items():
        others = {key: None for key in LEAKS if key != name}
        for how, made in json_spoilt(json.dumps({"end": {name: leak}}).encode()):

            def within(made: Callable[[], bytes] = made, others: dict[str, None] = others) -> bytes:
                end = json.loads(made()).get("end")
                merged = {**document["end"], **others, **end} if isinstance(end, dict) else end
                return json.dumps({**document, "end": merged}).encode("utf-8", "surrogatepass")

            yield f"leak: {how}", within


def swapped(run: Path, others: list[Path]) -> Iterator[tuple[Path, Spoilt]]:
    """A file of each name, from each of the other runs."""
    for other in others:
        for path in sorted(other.rglob("*")):
            if path.is_file() and (run / path.relative_to(other)).is_file():
                yield run / path.relative_to(other), (f"that of {other.name}", path.read_bytes)


def spoilt(run: Path, others: list[Path]) -> Iterator[tuple[Path, Spoilt]]:
    """Each file of a run, with each thing that may be wrong with it."""
    kinds = {".json": json_spoilt, ".csv": csv_spoilt, ".npz": npz_spoilt}
    for path in sorted(run.iterdir()):
        if path.suffix in kinds:
            for how in kinds[path.suffix](path.read_bytes()):
                yield path, how
        if path.name == "signals.json" and "end" in json.loads(path.read_bytes()):
            for how in leaks_spoilt(path.read_bytes()):
                yield path, how
    yield from swapped(run, others)


def readers(folder: Path, rows: np.ndarray) -> dict[str, Callable[[], object]]:
    """All that reads documents, as the scripts do."""
    console = Console(file=io.StringIO(), width=200)

    def diagnosed() -> None:
        run = Run(folder)
        diagnosis = diagnose(run)
        console.print(rendered(diagnosis, run.config), brief(diagnosis, run.config))
        json.dumps(diagnosis.to_json(), allow_nan=False)

    def concluded() -> None:
        run = Run(folder)
        console.print(data_table(run.card), score_table(run.info), speed_line(run))

    return {
        "diagnose": diagnosed,
        "conclude": concluded,
        "page": lambda: report(View(Run(folder)), [], None),
        "predict": lambda: load_model(Run(folder)).predict(rows),
        "resume": lambda: resume(Run(folder)),
    }


def fault(read: Callable[[], object]) -> str | None:
    """What a reader did other than to read, or to refuse in one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read()
    except (UserError, Diverged) as error:  # a run that is trained further may diverge: that is an answer, too
        lines = str(error).splitlines()
        return None if all(len(line) < 1000 for line in lines) else f"a line of {max(map(len, lines))} characters"
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/nn_scratch/" in frame.filename][-1]
        place = f"{Path(ours.filename).name}:{ours.lineno}"
        return (
            f"{type(error).__name__}: {str(error)[:150]} ({place}{'' if at is ours else ', ' + Path(at.filename).name})"
        )
    return None


def main(scripts: Scripts, sample: int | None, seed: int, only: str = "") -> int:
    """only: the name of a file, or a part of it. Returns how many faults were found."""
    rng = random.Random(seed)
    faults: Counter[str] = Counter()
    tried = 0
    with tempfile.TemporaryDirectory() as base, patch("nn_scratch.cli.terminal.matrix_peak", return_value=1e9):
        runs = make_runs(scripts, Path(base))
        for run in runs:
            assert scripts.run(Job("diagnose.py", [str(run)], base)).code == 0
        cases = [(run, case) for run in runs for case in spoilt(run, [other for other in runs if other != run])]
        cases = [(run, case) for run, case in cases if only in case[0].name]
        chosen = cases if sample is None else rng.sample(cases, min(sample, len(cases)))
        for whole, (file, (how, made)) in chosen:
            run = Path(base) / "spoilt" / whole.name
            if not run.exists():
                shutil.rmtree(run.parent, ignore_errors=True)
                shutil.copytree(whole, run)
            path = run / file.relative_to(whole)
            path.write_bytes(made())
            features = np.load(whole / "probe.npz")["X"].shape[1]
            for name, read in readers(run, np.full((2, features), 0.1)).items():
                if name == "resume" and whole.name.startswith("stopped"):
                    continue  # it would train
                tried += 1
                found = fault(read)
                if found is not None:
                    faults[f"{name}: {found}"] += 1
                    if faults[f"{name}: {found}"] == 1:
                        print(f"{whole.name}: {path.name}: {how}: {name}: {found}", flush=True)
            shutil.copyfile(file, path)
    print(f"{len(chosen)} of {len(cases)} spoilt documents, read {tried} times: {faults.total()} faults")
    return faults.total()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, help="so many of them (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", metavar="TEXT", help="files whose names hold this")
    options = parser.parse_args()
    with Scripts() as server:
        failed = main(server, options.sample, options.seed, options.only)
    sys.exit(min(1, failed))
