"""Runs killed at random moments and at every write, resumed, and compared with runs that were never killed.

`python -m tests.robustness.kills --kills 200 --seed 0` prints what came of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from tests.robustness.processes import Ended, Scripts

TIMES = ("seconds", "samples_per_second", "started", "command", "git_commit")  # of run.json: what differs
BUSY = {  # a commit at every chance, which leaves more to go wrong; the bytes are those of a run with few
    "nn_scratch.runs.recorder.COMMIT_SECONDS": 0.0,
    "nn_scratch.runs.recorder.COMMIT_SHARE": 1e9,
    "nn_scratch.runs.recorder.PAUSE_SECONDS": 0.0,
}
NETWORK = "layers=[{type: dense, units: 6, activation: tanh}, {type: batch_norm}, {type: dropout, rate: 0.2}]"
CASES = {
    "adam, batch norm, dropout": ["data.source=iris", NETWORK, "train.epochs=6"],
    "steps that pause": ["data.source={type: moons, rows: 900}", NETWORK, "train.batch_size=4", "train.epochs=3"],
    "early stopping": [
        "data.source=iris",
        NETWORK,
        "optimizer={type: nadam, lr: 0.05}",
        "train.epochs=40",
        "train.early_stopping={monitor: val_loss, patience: 3}",
    ],
    "regression, cosine": [
        "data.source=diabetes",
        "layers=[{type: dense, units: 5}]",
        "optimizer={type: sgd, lr: 0.01, momentum: 0.9}",
        "schedule=cosine",
        "train={epochs: 6, batch_size: 64, dtype: float64}",
    ],
    "plateau, penalties, thinned log": [
        "data.source=wine",
        NETWORK,
        "schedule={type: reduce_on_plateau, patience: 1}",
        "regularize={l1: 0.001, l2: 0.01, clip_norm: 0.5}",
        "log.every=3",
        "train.epochs=8",
    ],
    "no activations logged, class weights": [
        "data.source=breast_cancer",
        "layers=[{type: dense, units: 5}, {type: layer_norm}]",
        "class_weight=balanced",
        "log={activations: false, gradients: false}",
        "train.epochs=4",
    ],
    "diverging": [
        "data.source=diabetes",
        "layers=[{type: dense, units: 5}, {type: dropout, rate: 0.1}]",
        "optimizer={type: sgd, lr: 0.3, momentum: 0.95}",
        "train.epochs=300",
    ],
}

SHORTER = {  # where every write is tried: one epoch's are those of any other
    "adam, batch norm, dropout": ["train.epochs=2"],
    "steps that pause": ["data.source={type: moons, rows: 60}", "train.epochs=2"],
    "early stopping": ["train.early_stopping={monitor: val_loss, patience: 1}"],
    "regression, cosine": ["train.epochs=2"],
    "plateau, penalties, thinned log": ["train.epochs=4"],
    "no activations logged, class weights": ["train.epochs=2"],
    "diverging": [],
}


def hashes(folder: Path) -> dict[str, str]:
    """A hash of every file of a run, times.csv and the times in run.json left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        content = path.read_bytes() if path.is_file() else b"a folder"
        if name == "times.csv":
            content = b"times"
        elif name == "run.json":
            content = json.dumps({k: v for k, v in json.loads(content).items() if k not in TIMES}).encode()
        elif name == "diagnosis.json":  # a patch may start from the run's own weights, and then names its folder
            content = content.replace(str(folder.resolve()).encode(), b"the run")
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def difference(expected: dict[str, str], folder: Path) -> list[str]:
    """The names of the files that are not as expected."""
    found = hashes(folder)
    return sorted(name for name in expected | found if expected.get(name) != found.get(name))


class Trial:
    """One case, trained without disturbance, to compare with."""

    def __init__(self, scripts: Scripts, arguments: list[str], folder: Path) -> None:
        self.scripts, self.arguments, self.folder = scripts, [*arguments, "name=run"], folder
        started = perf_counter()
        self.code = self._train(folder / "whole").code
        self.seconds = perf_counter() - started
        self.whole = hashes(folder / "whole" / "run-001")

    def _train(self, outputs: Path, *arguments: str, **options: object) -> Ended:
        outputs.mkdir(exist_ok=True)
        return self.scripts.train(outputs, *(arguments or self.arguments), **options)

    def writes(self) -> int:
        """How many moments there are at which the process does something to a file."""
        outputs = self.folder / "counted"
        counted = self._train(outputs, signal_at=0, constants=BUSY)
        shutil.rmtree(outputs)
        return counted.things

    def disturbed(self, moments: list[dict[str, object]]) -> tuple[str, list[str]]:
        """Train with a signal at each of the moments, resume after each, and at last to the end.

        Returns how the disturbed processes ended, and the files that differ from those of the whole run.
        """
        outputs = self.folder / "disturbed"
        run, words = outputs / "run-001", []
        for options in [*moments, None]:
            if not (run / "param.yaml").exists():
                shutil.rmtree(outputs, ignore_errors=True)  # it had not begun
                ended = self._train(outputs, **(options or {}))
            else:
                ended = self._train(outputs, "--resume", str(run), **(options or {}))
            if options is not None:
                words.append(str(ended.code))
                if ended.code not in (-signal.SIGKILL, 130, 143, self.code, 0):
                    return ",".join(words), [ended.output[-1000:]]
        found = difference(self.whole, run)
        # of a run that ended before it could be disturbed nothing is trained again, and its code is 0
        if ended.code not in (self.code, 0) or "Traceback" in ended.output:
            found.append(f"exit code {ended.code}: {ended.output[-1000:]}")
        shutil.rmtree(outputs)
        return ",".join(words), found


def moments(rng: random.Random, mode: str, writes: int, seconds: float) -> list[dict[str, object]]:
    """When to send which signal: one to three times, one after the other."""
    found: list[dict[str, object]] = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        signum = signal.SIGKILL if mode != "asked" else rng.choice([signal.SIGINT, signal.SIGTERM])
        options: dict[str, object] = {"signal": int(signum)}
        if mode == "random" or (mode == "asked" and rng.random() < 0.5):
            options["after"] = rng.uniform(0.0, seconds)
        else:
            options["signal_at"] = rng.randint(1, writes)
        if rng.random() < 0.8:
            options["constants"] = BUSY
        found.append(options)
    return found


def short(moment: dict[str, object]) -> dict[str, object]:
    return {key: True if key == "constants" else value for key, value in moment.items()}


def main(
    scripts: Scripts, kills: int, seed: int, names: Sequence[str] = tuple(CASES), every_write: bool = False
) -> int:
    """Disturb runs, and print what came of it; returns how many of them ended with other bytes."""
    rng = random.Random(seed)
    codes: Counter[str] = Counter()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for index, case in enumerate(names):
            here = Path(folder) / str(index)
            here.mkdir()
            trial = Trial(scripts, CASES[case] + (SHORTER[case] if every_write else []), here)
            writes, undisturbed, disturbed = trial.writes(), 0, 0
            wanted = kills // len(names) + (index < kills % len(names))
            attempts: Iterator[list[dict[str, object]]] = (
                moments(rng, ("random", "write", "asked")[number % 3], writes, trial.seconds)
                for number in range(4 * wanted)
            )
            if every_write:
                wanted = writes
                attempts = (
                    [{"signal": int(signal.SIGKILL), "signal_at": at + 1, "constants": BUSY}] for at in range(writes)
                )
            for plan in attempts:
                if disturbed == wanted:
                    break
                ended, differing = trial.disturbed(plan)
                if differing:
                    failures += 1
                    print(f"{case}: {[short(moment) for moment in plan]}: {ended}: {differing}", flush=True)
                # some end before they can be disturbed, and do not count
                if {"-9", "130", "143"} & set(ended.split(",")):
                    disturbed += 1
                    codes[ended] += 1
                else:
                    undisturbed += 1
            print(
                f"{case}: {disturbed} disturbed, {undisturbed} ended before; exit code {trial.code}, "
                f"{len(trial.whole)} files",
                flush=True,
            )
    total = sum(codes.values())
    print(f"{total - failures} of {total} equal byte for byte; ends: {dict(codes.most_common())}")
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", choices=CASES, action="append", help="these alone")
    parser.add_argument("--every-write", action="store_true", help="one kill at every single write")
    options = parser.parse_args()
    with Scripts() as server:
        failed = main(server, options.kills, options.seed, options.case or list(CASES), options.every_write)
    sys.exit(min(1, failed))
