"""Full disks: limits on the size of files, and small file systems; through train.py and visualize.py.

`python -m tests.robustness.disks --sizes 20` prints what came of them.
"""

from __future__ import annotations

import argparse
import io
import os
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
LARGEST_DISK = 5_000_000  # bytes, on which the run and its pictures find room


def spaced(smallest: int, largest: int, count: int) -> list[int]:
    """So many sizes: none at all, and the others evenly by their magnitude up to a little over the largest."""
    return [0, *np.geomspace(smallest, 1.1 * largest, count - 1).astype(int).tolist()]


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
    # how large a film will be nobody knows before it is made
    if ended.code == 1 and not ("/" in last and ("bytes" in last or "weights.mp4: " in last)):
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


def full_when_drawing(scripts: Scripts, whole: Path, base: Path, sizes: int, check: Check) -> list[str]:
    """Draw under limits; returns what was left behind that is no picture."""
    faults = []
    drawn = base / "drawn"
    shutil.copytree(whole, drawn)
    assert scripts.run(visualize(drawn)).code == 0
    largest = max(path.stat().st_size for path in drawn.rglob("*"))
    names = {path.name for path in drawn.rglob("*")}
    for limit in spaced(30, largest, sizes):
        run = base / "to draw"
        shutil.copytree(whole, run)
        ended = scripts.run(visualize(run, limits={"RLIMIT_FSIZE": limit}))
        check(f"visualize with files of at most {limit} bytes", ended, run)
        faults += [f"visualize left {path.name}" for path in run.rglob("*") if path.name not in names]
        shutil.rmtree(run)
    return faults


def main(scripts: Scripts, sizes: int, pictures: bool = True) -> int:
    """Fill disks, and print what came of it; returns how many faults were found."""
    faults: list[str] = []
    ends: Counter[str] = Counter()

    def check(what: str, ended: Ended, run: Path) -> None:
        ends[f"{what.split()[0]} {ended.code}"] += 1
        found = [problem for problem in (said(ended), *(not_whole(run) if run.exists() else ())) if problem]
        faults.extend(f"{what}: {problem}" for problem in found)

    with tempfile.TemporaryDirectory() as base:
        whole = Path(base) / "whole"
        whole.mkdir()
        ended = scripts.train(whole, *ARGUMENTS)
        assert ended.code == 0, ended.output
        expected = hashes(whole / "run-001")
        largest = max(path.stat().st_size for path in whole.rglob("*"))
        for limit in spaced(30, largest, sizes):
            outputs = Path(base) / "limited"
            outputs.mkdir()
            run = outputs / "run-001"
            ended = scripts.train(outputs, *ARGUMENTS, limits={"RLIMIT_FSIZE": limit}, constants=BUSY)
            check(f"train with files of at most {limit} bytes", ended, run)
            if run.exists():  # and with more room it goes on
                ended = scripts.train(outputs, "--resume", str(run))
                faults += [f"resumed after {limit} bytes: {name}" for name in difference(expected, run)]
            shutil.rmtree(outputs)
        if pictures:
            faults += full_when_drawing(scripts, whole / "run-001", Path(base), sizes, check)
        for size in spaced(4096, LARGEST_DISK, sizes):
            outputs = Path(base) / "small disk"
            outputs.mkdir(exist_ok=True)
            with small_disk(outputs, size) as mounted:
                if not mounted:
                    print("no small disk: it takes the right to mount one")
                    break
                ended = scripts.train(outputs, *ARGUMENTS, constants=BUSY)
                check(f"train on a disk of {size} bytes", ended, outputs / "run-001")
                if ended.code == 0 and pictures:
                    ended = scripts.run(visualize(outputs / "run-001"))
                    check(f"visualize on a disk of {size} bytes", ended, outputs / "run-001")
    print("\n".join(faults))
    print(
        f"{sum(ends.values())} full disks, {len(faults)} faults; by command and exit code: {dict(sorted(ends.items()))}"
    )
    return len(faults)


def visualize(run: Path, limits: dict[str, int] | None = None) -> Job:
    return Job("visualize.py", [str(run)], str(run.parent), limits=limits or {})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, default=20, help="of each kind")
    options = parser.parse_args()
    with Scripts() as server:
        failed = main(server, options.sizes)
    sys.exit(min(1, failed))
