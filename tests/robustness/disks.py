"""Full disks: limits on the size of files, and small file systems; through every script that writes.

`python -m tests.robustness.disks --sizes 20` prints what came of them; `--seed` draws other sizes.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from nn_scratch.runs.run import Run
from tests.robustness.kills import BUSY, NETWORK, difference, hashes
from tests.robustness.processes import Ended, Job, Scripts

Check = Callable[[str, Ended, Path], None]

ARGUMENTS = ["data.source=iris", NETWORK, "train.epochs=6", "name=run"]
CONFIGS = "nn_scratch.doctor.treatment.CONFIGS"
LARGEST_DISK = 5_000_000  # bytes, on which the run and its pictures find room


def spaced(smallest: int, largest: int, count: int, rng: random.Random | None) -> list[int]:
    """So many sizes: none at all, and others by magnitude up to a little over the largest: evenly, or drawn."""
    low, high = np.log(smallest), np.log(1.1 * largest)
    at = np.linspace(0, 1, count - 1).tolist() if rng is None else sorted(rng.random() for _ in range(count - 1))
    return [0, *(int(np.exp(low + (high - low) * place)) for place in at)]


def not_whole(folder: Path) -> list[str]:
    """The files under their final names that are not what their names say, and those left over."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        if path.suffix == ".part" or path.name == "lock":
            found.append(f"{path.name} is left over")
            continue
        try:
            if path.suffix in (".npy", ".npz"):
                loaded = np.load(path, allow_pickle=False)
                for name in loaded.files if path.suffix == ".npz" else ():
                    loaded[name]
            elif path.suffix == ".png":
                Image.open(io.BytesIO(path.read_bytes())).load()
            elif path.suffix == ".html":
                assert path.read_text().rstrip().endswith("</html>")
            elif path.suffix == ".mp4":
                assert frames(path) > 0
        except Exception as error:
            found.append(f"{path.name}: {type(error).__name__}: {error}")
    if (folder / "commit.json").exists():
        found += committed_unreadable(Run(folder))
    return found


def frames(path: Path) -> int:
    import imageio.v2 as imageio

    with imageio.get_reader(path) as reader:
        return sum(1 for _ in reader)


def committed_unreadable(run: Run) -> list[str]:
    """What commit.json vouches for and cannot be read."""
    found = []
    assert len(run.metrics["epoch"]) == run.committed["epoch"]
    for file, entry in run.committed["files"].items():
        kind, _, name = file.removesuffix(".npy").partition("/")
        try:
            if name:
                assert len(getattr(run, kind)(name)) == entry["rows"]
            else:
                getattr(run, kind.removesuffix(".csv"))
        except Exception as error:
            found.append(f"committed {file}: {error}")
    return found


def said(ended: Ended) -> str | None:
    """What is wrong with how a failure was told: one line with a path and the bytes that were needed."""
    last = ended.output.strip().splitlines()[-1] if ended.output.strip() else ""
    if ended.code not in (0, 1):
        return f"exit code {ended.code}: {ended.output[-1500:]}"
    if "Traceback" in ended.output or "Exception ignored" in ended.output:
        return f"its insides: {ended.output[-1500:]}"
    # how large a film will be nobody knows before it is made, nor what a trial will write
    unknown = ("weights.mp4: ", "No usable temporary directory")
    if ended.code == 1 and not ("/" in last and ("bytes" in last or any(words in last for words in unknown))):
        return f"neither path nor bytes: {last}"
    return None


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """A file system of `size` bytes at `folder`; False where none can be had."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    mounted = mounted and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def full_when_writing(
    scripts: Scripts,
    job: Callable[[Path], Job],
    whole: Path,
    base: Path,
    sizes: int,
    rng: random.Random | None,
    check: Check,
) -> list[str]:
    """Run a script on a copy of a run, under limits; returns what it left behind that it does not leave otherwise."""
    faults = []
    copy = base / "whole copy" / whole.name
    before = {path.name for path in whole.rglob("*")}
    shutil.copytree(whole, copy)
    wanted = job(copy)
    ended = scripts.run(wanted)
    assert ended.code == 0, ended.output
    names = {path.name for path in copy.parent.rglob("*")}
    written = {name for name in names - before - {whole.name} if (copy / name).suffix} or {"diagnosis.json"}
    largest = max(path.stat().st_size for path in copy.parent.rglob("*") if path.name in written)
    for limit in spaced(30, largest, sizes, rng):
        shutil.rmtree(copy.parent)
        shutil.copytree(whole, copy)
        wanted.limits = {"RLIMIT_FSIZE": limit}
        ended = scripts.run(wanted)
        what = f"{wanted.script.removesuffix('.py')}{' --fix' * ('--fix' in wanted.arguments)}"
        check(f"{what}, with files of at most {limit} bytes", ended, copy)
        faults += [
            f"{what}, {limit} bytes, left {path.name}" for path in copy.parent.rglob("*") if path.name not in names
        ]
    shutil.rmtree(copy.parent)
    return faults


def jobs(rows: Path) -> list[Callable[[Path], Job]]:
    """The scripts that write something about a run."""
    return [
        lambda run: Job("visualize.py", [str(run)], str(run.parent)),
        lambda run: Job("diagnose.py", [str(run)], str(run.parent)),
        lambda run: Job("predict.py", [str(run), str(rows), "--out", str(run.parent / "out.csv")], str(run.parent)),
        lambda run: Job("export.py", [str(run), "--to", "torch"], str(run.parent)),
        lambda run: Job("diagnose.py", [str(run), "--fix"], str(run.parent), constants={CONFIGS: str(run.parent)}),
    ]


def main(scripts: Scripts, sizes: int, seed: int | None = None, pictures: bool = True) -> int:
    """Fill disks, and print what came of it; returns how many faults were found."""
    rng = None if seed is None else random.Random(seed)
    faults: list[str] = []
    ends: Counter[str] = Counter()

    def check(what: str, ended: Ended, run: Path) -> None:
        ends[f"{what.split(',')[0]} {ended.code}"] += 1
        found = [problem for problem in (said(ended), *(not_whole(run.parent) if run.exists() else ())) if problem]
        faults.extend(f"{what}: {problem}" for problem in found)

    with tempfile.TemporaryDirectory() as base:
        whole = Path(base) / "whole"
        whole.mkdir()
        ended = scripts.train(whole, *ARGUMENTS)
        assert ended.code == 0, ended.output
        expected = hashes(whole / "run-001")
        largest = max(path.stat().st_size for path in whole.rglob("*"))
        for limit in spaced(30, largest, sizes, rng):
            outputs = Path(base) / "limited"
            outputs.mkdir()
            run = outputs / "run-001"
            ended = scripts.train(outputs, *ARGUMENTS, limits={"RLIMIT_FSIZE": limit}, constants=BUSY)
            check(f"train, with files of at most {limit} bytes", ended, run)
            if run.exists():  # and with more room it goes on
                ended = scripts.train(outputs, "--resume", str(run))
                faults += [f"resumed after {limit} bytes: {name}" for name in difference(expected, run)]
            shutil.rmtree(outputs)
        if pictures:
            rows = Path(base) / "rows.npy"
            np.save(rows, np.full((40, 4), 0.1))
            for job in jobs(rows):
                few = sizes if "--fix" not in job(whole).arguments else max(3, sizes // 4)  # it trains for seconds
                faults += full_when_writing(scripts, job, whole / "run-001", Path(base), few, rng, check)
        for size in spaced(4096, LARGEST_DISK, sizes, rng):
            outputs = Path(base) / "small disk"
            outputs.mkdir(exist_ok=True)
            with small_disk(outputs, size) as mounted:
                if not mounted:
                    print("no small disk: it takes the right to mount one")
                    break
                ended = scripts.train(outputs, *ARGUMENTS, constants=BUSY)
                check(f"train, on a disk of {size} bytes", ended, outputs / "run-001")
                if ended.code == 0 and pictures:
                    ended = scripts.run(Job("visualize.py", [str(outputs / "run-001")], str(outputs)))
                    check(f"visualize, on a disk of {size} bytes", ended, outputs / "run-001")
    print("\n".join(faults))
    print(
        f"{sum(ends.values())} full disks, {len(faults)} faults; by command and exit code: {dict(sorted(ends.items()))}"
    )
    return len(faults)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, default=20, help="of each kind")
    parser.add_argument("--seed", type=int, help="draws the sizes; without it they are evenly spaced")
    options = parser.parse_args()
    with Scripts() as server:
        failed = main(server, options.sizes, options.seed)
    sys.exit(min(1, failed))
