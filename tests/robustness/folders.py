"""Corrupted run folders through everything that reads one: no traceback, no code run, no memory taken, no waiting.

`python -m tests.robustness.folders --corruptions 2000 --seed 0` prints what came of them.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.robustness.corruptions import corrupt, sentinel
from tests.robustness.kills import BUSY
from tests.robustness.processes import Ended, Job, Scripts

READ_ALL = str(Path(__file__).with_name("read_all.py"))
MEMORY = 4 << 30  # addresses that a process may take, libraries included
MEGABYTES = 700  # that it may use; 200 are libraries
SECONDS = 60
NETWORK = "layers=[{type: dense, units: 6, activation: tanh}, {type: batch_norm}, {type: dropout, rate: 0.2}]"
RUNS = {
    "classes": ["data.source=iris", NETWORK, "train={epochs: 4, early_stopping: {}}"],
    "numbers": ["data.source=diabetes", "layers=[{type: dense, units: 5, activation: prelu}]", "train.epochs=4"],
    "diverged": ["data.source=diabetes", "layers=[]", "optimizer={type: sgd, lr: 900.0}", "train.epochs=9"],
    "stopped": ["data.source=wine", NETWORK, "train.epochs=8"],
}
FEATURES = {"classes": 4, "numbers": 10, "diverged": 10, "stopped": 13}
COMMANDS = {  # script, and arguments, in which RUN stands for the folder
    "read": (READ_ALL, ["RUN"]),
    "resume": ("train.py", ["--resume", "RUN"]),
    "extend": ("train.py", ["--resume", "RUN", "train.epochs=12"]),
    "predict": ("predict.py", ["RUN", "rows.npy"]),
    "diagnose": ("diagnose.py", ["RUN"]),
    "visualize": ("visualize.py", ["RUN", "--no-film"]),
}
SHARES = {"read": 6, "resume": 4, "extend": 4, "predict": 4, "diagnose": 5, "visualize": 1}  # of the corruptions
CODES = {0, 1, 2, 3}


def make_runs(scripts: Scripts, folder: Path) -> list[Path]:
    """One run of each kind, small."""
    for name, arguments in RUNS.items():
        options = {"signal": signal.SIGINT, "signal_at": 300} if name == "stopped" else {}
        ended = scripts.train(folder, *arguments, "--name", name, constants=BUSY, **options)
        assert ended.code in (0, 3, 130), ended.output
    return [folder / f"{name}-001" for name in RUNS]


def fault(ended: Ended, run: Path) -> str | None:
    """What is wrong with the way a command took a corrupted folder; None where nothing is."""
    if ended.code not in CODES:
        return f"exit code {ended.code}"
    if "Traceback" in ended.output or "Warning" in ended.output:
        return "it showed its insides"
    if sentinel(run).exists():
        return "code was run"
    victim = run.parent / "victim"
    if victim.exists() and victim.read_text() != "precious":
        return "a file outside was written"
    if (run.parent / "elsewhere").exists() and (run / "weights").is_symlink() and any_new(run.parent / "elsewhere"):
        return "a folder outside was written"
    if ended.megabytes > MEGABYTES:
        return f"{ended.megabytes} MB"
    if ended.code in (1, 2) and len(ended.output.strip().splitlines()[-1]) > 1000:
        return "a line that nobody reads"
    return None


def any_new(folder: Path) -> bool:
    return any(path.name.endswith(".part") for path in folder.iterdir())


def main(scripts: Scripts, corruptions: int, seed: int, only: Sequence[str] = tuple(COMMANDS)) -> int:
    """Returns how many faults were found."""
    rng = random.Random(seed)
    codes: Counter[tuple[str, int]] = Counter()
    faults = 0
    most = 0
    with tempfile.TemporaryDirectory() as base:
        runs = make_runs(scripts, Path(base))
        for number in range(corruptions):
            folder = Path(base) / "corrupted"
            whole = rng.choice(runs)
            run = folder / whole.name
            shutil.copytree(whole, run)
            np.save(folder / "rows.npy", np.full((3, FEATURES[whole.name.split("-")[0]]), 0.1))
            how = corrupt(run, rng)
            if rng.random() < 0.2:
                with suppress(Exception):  # what is corrupted already may not be fit for more
                    how += f"; {corrupt(run, rng)}"
            (name,) = rng.choices(only, [SHARES[name] for name in only])
            script, arguments = COMMANDS[name]
            arguments = [str(run) if argument == "RUN" else argument for argument in arguments]
            job = Job(script, arguments, str(folder), limits={"RLIMIT_AS": MEMORY, "RLIMIT_CPU": SECONDS})
            ended = scripts.run(job)
            codes[name, ended.code] += 1
            most = max(most, ended.megabytes)
            found = fault(ended, run)
            if found is not None:
                faults += 1
                print(f"{number}: {whole.name}: {how}: {name}: {found}: {ended.output[-1500:]}", flush=True)
            shutil.rmtree(folder)
    print(f"{corruptions} corruptions, {faults} faults, at most {most} MB; by command and exit code:")
    for name in only:
        print(f"  {name}: { {code: count for (which, code), count in sorted(codes.items()) if which == name} }")
    return faults


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corruptions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=COMMANDS, action="append", help="these alone")
    options = parser.parse_args()
    with Scripts() as server:
        failed = main(server, options.corruptions, options.seed, options.command or list(COMMANDS))
    sys.exit(min(1, failed))
