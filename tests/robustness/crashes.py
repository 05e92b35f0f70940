"""A model of power cuts: the states that a disk may be left in while a run is written, and what resuming makes of them.

A run is recorded: each file made, written, cut, renamed, removed or synced. What has not been synced when the power
goes may be on the disk or not, each write and each name by itself, and of a write only a part. From each moment states
are drawn: all of it, none of it, names without contents, contents without names, and random choices. Each is laid out
as a folder, and resumed. It ends with the bytes of an undisturbed run, or before its first commit is refused in words.

`python -m tests.robustness.crashes --states 2000 --seed 0` prints what came of them.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from nn_scratch.config.resolve import config_from
from nn_scratch.errors import Diverged, NNScratchError
from nn_scratch.experiments.train import resume, train
from nn_scratch.runs.run import Run
from tests.robustness.disks import committed_unreadable
from tests.robustness.kills import BUSY, hashes

LAYERS = [{"type": "dense", "units": 4, "activation": "tanh"}, {"type": "batch_norm"}, {"type": "dropout", "rate": 0.2}]
IRIS = {"name": "run", "data": {"source": "iris"}, "layers": LAYERS}
CASES: dict[
    str, tuple[dict[str, Any], int | None]
] = {  # the config, and the epochs to which it is then trained further
    "a run": ({**IRIS, "train": {"epochs": 3}}, None),
    "a run that is trained further": ({**IRIS, "train": {"epochs": 2}}, 4),
    "a run that stops early": (
        {**IRIS, "train": {"epochs": 9, "early_stopping": {"patience": 1}}, "optimizer": {"type": "adam", "lr": 0.3}},
        None,
    ),
    "a run that diverges": (
        {**IRIS, "data": {"source": "diabetes"}, "optimizer": {"type": "sgd", "lr": 1e30}, "train": {"epochs": 3}},
        None,
    ),
}


@dataclass(frozen=True)
class Op:
    """One thing done to the disk. file: the number of a file (its inode), or None for what is done to a name."""

    kind: str  # write, cut, sync; make, folder, rename, remove, sync names
    path: str = ""  # of a name, from the outputs on; of `sync names`, the folder
    file: int | None = None
    at: int = 0  # where a write begins; the size after a cut
    content: bytes = b""
    target: str = ""


@dataclass
class Disk:
    """Files by number, and names: of a file its number, of a folder None."""

    files: dict[int, bytes] = field(default_factory=dict)
    names: dict[str, int | None] = field(default_factory=dict)

    def copy(self) -> Disk:
        return Disk(dict(self.files), dict(self.names))

    def do(self, op: Op, share: float = 1.0) -> None:
        """Carry an operation out; what its names presuppose may be missing, and then nothing happens."""
        if op.kind == "write":
            assert op.file is not None
            old, new = self.files.get(op.file, b""), op.content[: round(share * len(op.content))]
            self.files[op.file] = old[: op.at].ljust(op.at, b"\0") + new + old[op.at + len(new) :]
        elif op.kind == "cut":
            assert op.file is not None
            self.files[op.file] = self.files.get(op.file, b"")[: op.at].ljust(op.at, b"\0")
        elif op.kind in ("make", "folder"):
            self.names[op.path] = op.file
        elif op.kind == "rename" and op.path in self.names:
            self.names[op.target] = self.names.pop(op.path)
        elif op.kind == "remove":
            self.names.pop(op.path, None)

    def lay_out(self, outputs: Path) -> None:
        """Make real files of it. What lies in a folder whose name is not there is lost."""
        for name, file in sorted(self.names.items()):
            path = outputs / name
            if path.parent.is_dir():
                if file is None:
                    path.mkdir(exist_ok=True)
                else:
                    path.write_bytes(self.files.get(file, b""))

    def digest(self) -> str:
        found = hashlib.sha256()
        for name, file in sorted(self.names.items()):
            found.update(
                f"{name}\0".encode() + (b"" if file is None else hashlib.sha256(self.files.get(file, b"")).digest())
            )
        return found.hexdigest()

    @classmethod
    def of(cls, outputs: Path) -> Disk:
        disk = cls()
        for number, path in enumerate(sorted(outputs.rglob("*"))):
            name = str(path.relative_to(outputs))
            disk.names[name] = number if path.is_file() else None
            if path.is_file():
                disk.files[number] = path.read_bytes()
        return disk


class Recording:
    """What is done to the disk below a folder, by the system calls of Python's os."""

    def __init__(self, outputs: Path) -> None:
        self.outputs, self.ops, self.before = outputs, list[Op](), Disk.of(outputs)
        self._numbers: dict[str, int] = {name: file for name, file in self.before.names.items() if file is not None}
        self._next = len(self.before.names)
        self._open: dict[int, tuple[str, int | None]] = {}  # descriptors: the name, and the file's number

    def _name(self, path: Any) -> str | None:
        with suppress(ValueError, TypeError):
            return str(Path(path).relative_to(self.outputs)) if str(path) != str(self.outputs) else "."
        return None

    @contextmanager
    def recorded(self) -> Iterator[None]:
        calls: dict[str, Callable[..., Any]] = {
            "open": self._open_file,
            "close": self._close,
            "write": self._write,
            "ftruncate": self._cut,
            "fsync": self._sync,
            "replace": self._rename,
            "rename": self._rename,
            "unlink": self._remove,
            "rmdir": self._remove,
            "mkdir": self._make_folder,
        }
        with ExitStack() as stack:
            for name, call in calls.items():
                stack.enter_context(patch.object(os, name, self._around(getattr(os, name), call)))
            yield

    @staticmethod
    def _around(real: Callable[..., Any], call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **options: call(real, *arguments, **options)

    def _open_file(self, real: Any, path: Any, flags: int, *rest: Any, **options: Any) -> int:
        name = self._name(path)
        there = os.path.lexists(path)
        file: int = real(path, flags, *rest, **options)
        if name is None:
            return file
        if flags & os.O_DIRECTORY:
            self._open[file] = (name, None)
            return file
        if not there:
            self._numbers[name] = self._next
            self.ops.append(Op("make", name, self._next))
            self._next += 1
        elif flags & os.O_TRUNC:
            self.ops.append(Op("cut", file=self._numbers[name]))
        self._open[file] = (name, self._numbers[name])
        return file

    def _close(self, real: Any, file: int) -> None:
        self._open.pop(file, None)
        real(file)

    def _write(self, real: Any, file: int, content: Any) -> int:
        at = os.lseek(file, 0, os.SEEK_CUR) if file in self._open else 0
        written: int = real(file, content)
        if file in self._open:
            self.ops.append(Op("write", file=self._open[file][1], at=at, content=bytes(content)[:written]))
        return written

    def _cut(self, real: Any, file: int, size: int) -> None:
        real(file, size)
        if file in self._open:
            self.ops.append(Op("cut", file=self._open[file][1], at=size))

    def _sync(self, real: Any, file: int) -> None:
        # nothing is to last here: the real call would only cost time
        if file in self._open:
            name, number = self._open[file]
            self.ops.append(Op("sync names", name) if number is None else Op("sync", file=number))

    def _rename(self, real: Any, path: Any, target: Any, **options: Any) -> None:
        real(path, target, **options)
        name, goal = self._name(path), self._name(target)
        if name is not None and goal is not None:
            self._numbers[goal] = self._numbers.pop(name)
            self.ops.append(Op("rename", name, target=goal))

    def _remove(self, real: Any, path: Any, **options: Any) -> None:
        real(path, **options)
        if (name := self._name(path)) is not None:
            self.ops.append(Op("remove", name))

    def _make_folder(self, real: Any, path: Any, *rest: Any, **options: Any) -> None:
        real(path, *rest, **options)
        if (name := self._name(path)) is not None:
            self.ops.append(Op("folder", name))


def parent(name: str) -> str:
    return os.path.dirname(name) or "."  # noqa: PTH120


def unsynced(ops: Sequence[Op]) -> tuple[list[Op], list[Op]]:
    """Of what has been done, what must be on the disk, and what may be; each in its order."""
    synced_files: dict[int | None, int] = {}
    synced_names: dict[str, int] = {}
    for number, op in enumerate(ops):
        if op.kind == "sync":
            synced_files[op.file] = number
        elif op.kind == "sync names":
            synced_names[op.path] = number
    must, may = [], []
    for number, op in enumerate(ops):
        if op.kind in ("write", "cut"):
            (must if number < synced_files.get(op.file, -1) else may).append(op)
        elif op.kind not in ("sync", "sync names", "nothing"):
            (must if number < synced_names.get(parent(op.path), -1) else may).append(op)
    return must, may


def is_data(op: Op) -> bool:
    return op.kind in ("write", "cut")


def states(before: Disk, ops: Sequence[Op], rng: random.Random, draws: int) -> Iterator[tuple[str, Disk]]:
    """What the disk may hold after these operations and a power cut."""
    must, may = unsynced(ops)
    kept = set(map(id, must))
    choices: list[tuple[str, Callable[[Op], float]]] = [
        ("all of it", lambda op: 1.0),
        ("what was synced", lambda op: 0.0),
        ("names without contents", lambda op: float(not is_data(op))),
        ("contents without names", lambda op: float(is_data(op))),
    ]
    choices += [("a random choice", lambda op: rng.choice([0.0, 0.0, 1.0, 1.0, rng.random()]))] * draws
    for name, choose in choices if may else choices[:1]:
        disk = before.copy()
        for op in ops:
            if id(op) in kept:
                disk.do(op)
            elif op.kind not in ("sync", "sync names", "nothing"):
                share = choose(op)
                if share == 1.0 or (share > 0.0 and is_data(op)):
                    disk.do(op, share)
        yield name, disk


# --- runs


@contextmanager
def quick() -> Iterator[None]:
    """A commit at every chance, and no baselines: what they compute says nothing about the disk. No sync waits."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(os, "fsync", lambda file: None))
        for name, value in BUSY.items():
            module, _, constant = name.rpartition(".")
            stack.enter_context(patch.object(importlib.import_module(module), constant, value))
        nothing = {"baselines": None, "end": {}, "attainable": {}, "plain_network": {}}
        stack.enter_context(patch("nn_scratch.experiments.train.data_checks", return_value=nothing))
        yield


def trained(config: dict[str, Any], outputs: Path) -> None:
    with suppress(Diverged):
        train(config_from(config), outputs)


def went_on(outputs: Path, epochs: int | None) -> None:
    with suppress(Diverged):
        resume(Run(outputs / "run-001"), [] if epochs is None else [f"train.epochs={epochs}"])


@dataclass
class Case:
    """A run that was recorded, undisturbed. committed: after how many operations its first commit was on the disk."""

    ops: list[Op]
    before: Disk
    whole: dict[str, str]
    epochs: int | None
    committed: int


def record(config: dict[str, Any], epochs: int | None, outputs: Path) -> Case:
    outputs.mkdir()
    if epochs is not None:
        trained(config, outputs)
    recording = Recording(outputs)
    with recording.recorded():
        went_on(outputs, epochs) if epochs is not None else trained(config, outputs)
    replayed = recording.before.copy()
    for op in recording.ops:
        replayed.do(op)
    assert replayed.digest() == Disk.of(outputs).digest(), "something was written past the recording"
    renames = [n for n, op in enumerate(recording.ops) if op.target == "run-001/checkpoint.npz"]
    committed = (
        0
        if epochs is not None
        else next(
            n + 1
            for n, op in enumerate(recording.ops)
            if n > renames[0] and (op.kind, op.path) == ("sync names", "run-001")
        )
    )
    return Case(recording.ops, recording.before, hashes(outputs / "run-001"), epochs, committed)


def outcome(case: Case, moment: int, disk: Disk, outputs: Path) -> str:
    """Lay a state out and resume it: "equal", what is refused in words, or (from "FAULT" on) what is wrong."""
    outputs.mkdir()
    disk.lay_out(outputs)
    run = outputs / "run-001"
    try:
        if not any((run / name).exists() for name in ("param.yaml", "run.json")):
            return "FAULT: the run is gone" if moment >= case.committed else "not begun"
        if (run / "commit.json").exists() and (unreadable := committed_unreadable(Run(run))):
            return f"FAULT: {unreadable}"
        went_on(outputs, case.epochs)
        found = hashes(run)
        differing = sorted(name for name in case.whole | found if case.whole.get(name) != found.get(name))
        return f"FAULT: other bytes in {differing}" if differing else "equal"
    except NNScratchError as error:
        words = str(error).replace(str(outputs), "")
        return f"FAULT: {words}" if moment >= case.committed else f"refused: {words}"
    except Exception as error:
        return f"FAULT: {type(error).__name__}: {error}"
    finally:
        shutil.rmtree(outputs)


def main(
    most: int | None, seed: int, draws: int, names: Sequence[str] = tuple(CASES), without: Sequence[str] = ()
) -> int:
    """Try states, at most so many a case, and print what came of them; returns how many faults were found.

    without: kinds of operations ("sync", "sync names") that are taken for not done, to see that the model needs them.
    """
    rng = random.Random(seed)
    faults = 0
    with tempfile.TemporaryDirectory() as base, quick():
        for name in names:
            case = record(*CASES[name], Path(base) / "recorded")
            shutil.rmtree(Path(base) / "recorded")
            case.ops = [Op("nothing") if op.kind in without else op for op in case.ops]
            found: dict[str, tuple[int, str, Disk]] = {}
            drawn = 0
            for moment in range(len(case.ops) + 1):
                for how, disk in states(case.before, case.ops[:moment], rng, draws):
                    drawn += 1
                    # of equal states the latest counts: by then the most has been promised
                    found[disk.digest()] = (moment, how, disk)
            chosen = list(found.values())
            if most is not None and len(chosen) > most:
                chosen = rng.sample(chosen, most)
            ends: Counter[str] = Counter()
            for moment, how, disk in chosen:
                ended = outcome(case, moment, disk, Path(base) / "crashed")
                ends[ended.partition(":")[0]] += 1
                if ended.startswith("FAULT"):
                    faults += 1
                    last = case.ops[moment - 1] if moment else None
                    doing = f"{last.kind} {last.path or last.file} {last.target}" if last else "nothing"
                    print(f"{name}: after {moment} ({doing}), {how}: {ended}", flush=True)
            kinds = Counter(op.kind for op in case.ops)
            print(
                f"{name}: {len(case.ops)} operations ({kinds['write']} writes, {kinds['rename']} renames, "
                f"{kinds['sync'] + kinds['sync names']} syncs), {drawn} states drawn, {len(found)} different, "
                f"{len(chosen)} resumed: {dict(ends)}",
                flush=True,
            )
    print(f"{faults} faults")
    return faults


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, help="at most so many a case (default: all that are drawn)")
    parser.add_argument("--draws", type=int, default=6, help="random choices a moment")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", choices=CASES, action="append", help="these alone")
    options = parser.parse_args()
    sys.exit(min(1, main(options.states, options.seed, options.draws, options.case or list(CASES))))
