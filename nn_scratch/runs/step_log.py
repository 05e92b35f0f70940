"""The log of optimizer steps: step/gradient/<parameter>.npy, step/update/..., step/<slot>/....

A row is the last step of an epoch: of the first logged epoch, and of every tenth. The best epoch and the last are known
only when training ends: until then their steps are kept in the checkpoint, and they are written as rows at the end,
after the others. A resumed run begins by dropping those rows, so that it ends with the same bytes as one
that was never stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.runs.files import NpyLog, OpenFiles, make_folder
from nn_scratch.training.observers import Scores
from nn_scratch.training.trainer import Trainer

EVERY = 10  # logged epochs from one row to the next
PENDING_BYTES = 4 << 20  # of rows that wait to be written together
MOST_PARAMETERS = 50_000  # of a network whose steps are logged with `log.optimizer: auto`
FIXED_ROWS = 3  # the first, the best and the last


@dataclass
class Kept:
    """The last step of an epoch: `values` as in OptimizerStep; score: what the best epoch is chosen by."""

    epoch: int
    step: int
    lr: float
    score: float
    values: Array

    @property
    def header(self) -> list[Any]:
        """As commit.json holds it."""
        return [self.epoch, self.step, self.lr, self.score if isfinite(self.score) else None]


class StepLog:
    """Writes the optimizer's steps of some epochs; see the module."""

    def __init__(
        self,
        folder: Path,
        trainer: Trainer,
        stride: int,
        committed: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        files: OpenFiles | None = None,
    ) -> None:
        """committed, state: the contents of commit.json and of the checkpoint, of a resumed run. files: keeps them
        open."""
        self._trainer, self._stride = trainer, stride
        self._watched = trainer.watch_optimizer()
        network = trainer.network
        frozen = {layer.name for layer in network.every_layer if not layer.trainable}
        shapes = {
            name: view.shape
            for name, view in network.named(network.theta).items()
            if name.rsplit(".", 1)[0] not in frozen
        }
        written = committed or {"epochs": [], "steps": [], "rates": [], "regular": 0, "best": None, "last": None}
        self._logs: dict[tuple[str, str], NpyLog] = {}
        for kind in self._watched.names:
            make_folder(folder / "step" / kind)
            for name, shape in shapes.items():
                path = folder / "step" / kind / f"{name}.npy"
                log = NpyLog(path, shape, np.float32, rows=len(written["epochs"]), files=files)
                log.rows = written["regular"]  # rows of an end that was none are overwritten
                self._logs[kind, name] = log
        regular = written["regular"]
        self._epochs = list(written["epochs"][:regular])
        self._steps, self._rates = list(written["steps"][:regular]), list(written["rates"][:regular])
        self._pending: list[Kept] = []
        self._best = self._read("best", written, state)
        self._last = self._read("last", written, state)

    @staticmethod
    def row_bytes(trainer: Trainer) -> int:
        """Of one row of all files."""
        return (2 + len(trainer.optimizer.slots)) * 4 * trainer.network.trainable

    def _read(self, which: str, written: Mapping[str, Any], state: Mapping[str, Any] | None) -> Kept | None:
        if not written[which]:
            return None
        epoch, step, lr, score = written[which]
        values = None if state is None else state.get(f"step_{which}")
        if values is None or values.shape != self._watched.values.shape:
            raise ValueError(f"step_{which} does not fit the network")
        return Kept(int(epoch), int(step), lr, inf if score is None else score, values)

    def keep(self, epoch: int, scores: Scores) -> None:
        """After an epoch: remember its last step, and write it where it is one of every tenth."""
        if epoch % self._stride:
            return
        watched, stopping = self._watched, self._trainer.early_stopping
        score = scores.get("val_loss", nan)  # there may be no validation rows
        before = (self._last, self._best)
        kept = Kept(epoch, watched.steps, watched.lr, score if isfinite(score) else inf, watched.values)
        self._last = kept
        best = kept.score < (inf if self._best is None else self._best.score)
        if self._trainer.best_epoch == epoch if stopping is not None else best:
            self._best = kept
        logged = epoch // self._stride
        if logged == 1 or logged % EVERY == 0:
            self._append(kept)
        # what was kept is not copied: the next step is watched in an array that nothing needs any more
        needed = {id(one) for one in (self._last, self._best, *self._pending)}
        free = [one.values for one in before if one is not None and id(one) not in needed]
        watched.values = free[0] if free else np.zeros_like(kept.values)

    def _append(self, kept: Kept) -> None:
        self._pending.append(kept)
        self._epochs.append(kept.epoch)
        self._steps.append(kept.step)
        self._rates.append(kept.lr)
        if len(self._pending) * kept.values.nbytes >= PENDING_BYTES:
            self._write()

    def _write(self) -> None:
        """Write the rows that wait, those of a file at once."""
        if not self._pending:
            return
        network, size = self._trainer.network, self._pending[0].values.shape[1]
        for number, kind in enumerate(self._watched.names):
            whole = np.zeros((len(self._pending), network.theta.size), self._watched.values.dtype)
            for row, kept in enumerate(self._pending):
                whole[row, :size] = kept.values[number]
            for name, rows in network.named(whole).items():
                if (kind, name) in self._logs:
                    self._logs[kind, name].append(rows)
        self._pending = []

    @property
    def logs(self) -> Iterable[NpyLog]:
        return self._logs.values()

    def rows_to_commit(self, *, ends: bool) -> dict[str, Any]:
        """Write the rows that wait, and return what commit.json has to say of them.

        ends: the steps of the best epoch and of the last are added.
        """
        regular = len(self._epochs)
        if ends:
            for kept in (self._best, self._last):
                if kept is not None and kept.epoch not in self._epochs:
                    self._append(kept)
        self._write()
        return {
            "epochs": list(self._epochs),
            "steps": list(self._steps),
            "rates": list(self._rates),
            "regular": regular,
            "kinds": list(self._watched.names),
            "best": None if self._best is None else self._best.header,
            "last": None if self._last is None else self._last.header,
        }

    def state(self) -> dict[str, Array]:
        """The state for the checkpoint."""
        kept = {"step_best": self._best, "step_last": self._last}
        return {name: step.values for name, step in kept.items() if step is not None}

    def trim(self) -> None:
        """Cut off rows beyond those in commit.json."""
        for log in self._logs.values():
            log.trim()

    def close(self) -> None:
        for log in self._logs.values():
            log.close()
