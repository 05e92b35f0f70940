"""Mutated YAML files and overrides: each a valid config, or lines `file:line:column: key: reason`; soon, either way.

`python -m tests.robustness.texts --files 10000 --overrides 1000 --seed 0` prints what came of them.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

from nn_scratch.config.project import default_config
from nn_scratch.config.resolve import load_config
from nn_scratch.config.writer import dump_config
from nn_scratch.errors import UserError
from tests.config.test_shipped_configs import INSERTED, SHIPPED, mutated

SECONDS = 0.1  # of the processor, that a text may take

OVERRIDES = [
    *("optimizer.lr=0.01", "layers.0.units=64", "layers=[]", "train.epochs=3", "data.source=iris", "name=x"),
    *("optimizer={type: sgd, lr: 0.1}", "schedule.type=cosine", "train.early_stopping={patience: 3}", "seed=7"),
    *("layers.1.activation={type: elu, alpha: 0.5}", "data.split={train: 0.8, val: 0.1, test: 0.1}", "log.every=2"),
    *("class_weight.a=2", "output.init={type: normal, std: 0.1}", "regularize.clip_norm=null", "loss=mse"),
]
PIECES = [piece.decode("latin1") for piece in INSERTED] + list("=.=[]{},:0-1 \t\n") + ["layers.", "..", "999", "=="]


@dataclass
class Tally:
    """Counts, and the faults that were found."""

    valid: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.valid} valid, {self.refused} refused, {len(self.faults)} faults, "
            f"the slowest took {1e3 * self.slowest:.0f} ms"
        )

    def judge(self, what: str, path: str | None, overrides: Sequence[str], starts: Sequence[str]) -> None:
        """Load a config; what is wrong with how that went is added to the faults.

        starts: every line of a refusal has to begin with one of these.
        """
        started = process_time()
        try:
            config = load_config(path, overrides)
        except UserError as error:
            self.refused += 1
            for problem in error.problems:
                begins = any(problem.startswith(start) for start in starts) or problem.startswith("... and ")
                if not (begins and problem.isprintable() and len(problem) < 600):
                    self.faults.append(f"{what}: {problem!r}")
        except Exception as error:
            self.faults.append(f"{what}: {type(error).__name__}: {error}")
        else:
            self.valid += 1
            dump_config(config)
        spent = process_time() - started
        if spent > SECONDS:  # the machine may have been busy: what counts is whether it is slow each time
            again = process_time()
            with suppress(UserError):
                load_config(path, overrides)
            spent = min(spent, process_time() - again)
            if spent > SECONDS:
                self.faults.append(f"{what}: took {spent:.2f} s")
        self.slowest = max(self.slowest, spent)


def mutated_override(rng: random.Random) -> str:
    text = rng.choice(OVERRIDES)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(4):
            case 0:
                text = text[:at] + rng.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + rng.choice([1, 3]) :]
            case 2:
                text = text[:at] + chr(rng.choice([0, 9, 27, 200, 0x2028, 0xD800, 0x1F642])) + text[at + 1 :]
            case _:
                text = text.replace(rng.choice(text or " "), rng.choice(PIECES), 1)
    return text


def files(count: int, seed: int) -> Tally:
    """Mutated YAML files, in the current folder."""
    rng, tally = random.Random(seed), Tally()
    originals = [path.read_bytes() for path in SHIPPED]
    for _ in range(count):
        content = mutated(rng.choice(originals), rng)
        Path("f.yaml").write_bytes(content)
        tally.judge(f"f.yaml {content[:200]!r}", "f.yaml", [], ["f.yaml:"])
    return tally


def overrides(count: int, seed: int) -> Tally:
    """Mutated overrides of the project's own config."""
    rng, tally = random.Random(seed), Tally()
    own = os.path.relpath(default_config())
    for _ in range(count):
        texts = [mutated_override(rng) for _ in range(rng.choice([1, 1, 2]))]
        # of the argument, shortened and made printable; where it changed something else, of the file
        starts = [start for text in texts for start in (repr(text)[1:-1][:20], text[:20])]
        tally.judge(f"{texts!r:.300}", None, texts, [*starts, own, str(default_config())])
    return tally


def main(number_of_files: int, number_of_overrides: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        here = Path.cwd()
        os.chdir(folder)
        try:
            tallies = {"files": files(number_of_files, seed), "overrides": overrides(number_of_overrides, seed)}
        finally:
            os.chdir(here)
    for name, tally in tallies.items():
        print("\n".join(tally.faults))
        print(f"{name}: {tally}")
    return sum(len(tally.faults) for tally in tallies.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--overrides", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.exit(min(1, main(options.files, options.overrides, options.seed)))
