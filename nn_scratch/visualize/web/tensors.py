"""The arrays of a run that its page holds, within a number of bytes.

Where they do not fit, what is left out is chosen in a fixed order, and listed: optimizer steps of every tenth
epoch, rows, digits of the gradients, epochs, and at last matrices are pooled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.visualize.replay import Plane, Replay
from nn_scratch.visualize.view import NotForThisRun, View, thinned
from nn_scratch.visualize.web.codec import MOST_SIDE, Block, half, plain, pooled, quantized, three_bytes
from nn_scratch.visualize.web.replayed import Passed, Rows, pass_rows

MOST_CELLS = 400_000_000  # values of the weights that are read to be encoded: more are thinned before
HEADER_BYTES, EPOCH_BYTES = 150, 18  # of a block in the JSON: its number and scale of each epoch
SURFACE, SURFACE_EPOCHS = 22, 31  # points a side, epochs
SURFACE_UNITS, OF_WIDE = 24, 16  # units of a layer; of one with more
BOUNDARY, BOUNDARY_EPOCHS = 56, 61


@dataclass(frozen=True)
class Plan:
    """The contents of the page. steps: "all" that were logged, "few" (first, best, last), "none"."""

    steps: str = "all"
    rows: int = 64
    val_rows: int = 32
    gradient_bits: int = 15
    epochs: int = 1_000_000
    pool: bool = False


LADDER = (
    Plan(),
    Plan("few"),
    Plan("few", 32, 24),
    Plan("few", 24, 16, 13),
    Plan("few", 16, 12, 12),
    *(Plan("few", 16, 12, 12, epochs) for epochs in (57, 53, 49, 41, 31, 25, 17, 13, 9)),
    *(Plan("none", 16, 8, 12, epochs) for epochs in (17, 9, 6)),
    *(Plan("none", 16, 8, 12, epochs, pool=True) for epochs in (61, 41, 25, 13, 7, 4)),
)


class Tensors:
    """The blocks of one run's page, by name: "W:hidden_1", "G:hidden_1", "A:hidden_1" and so on (`names` in the
    browser's `blocks.js`), the rows they show, and what was left out."""

    def __init__(self, view: View, budget: int, *, rows_inside: bool = True, curves_only: bool = False) -> None:
        """budget: bytes of all blocks. rows_inside: whether inputs of single rows may be in the page. curves_only:
        leave all blocks out."""
        self.view, self.run, self.rows_inside = view, view.run, rows_inside
        self.blocks: dict[str, Block] = {}
        self._encoded: dict[tuple[Any, ...], Block] = {}  # of plans before: much of it serves again
        self.left_out: list[str] = []
        self.probe_shown: list[int] = []
        self.val_shown: list[int] = []
        self.direct: set[str] = set()
        self.own_input: set[str] = set()
        self.pooled: set[str] = set()
        self.decided_val: list[list[int]] = []
        self.plane: Plane | None = None
        self.surface_units: dict[str, list[int]] = {}  # by layer: the units whose answers over the plane are here
        self.epoch_rows = np.arange(0 if curves_only else len(self.run.epochs))
        self.plan, self._step = LADDER[0], 0
        if curves_only:
            self.replay, self.why_no_replay = None, ""
            return
        self.replay, self.why_no_replay = self._replay()
        self.fit(budget)

    def fit(self, budget: int) -> None:
        """Leave out what does not fit into a number of bytes; what an earlier, larger budget left out stays out."""
        while self._step < len(LADDER):
            plan = LADDER[self._step]
            if self._estimate(plan) <= budget or self._step >= len(LADDER) - 3:
                self._fill(plan)
                if self.size <= budget:
                    break
            self._step += 1
        else:
            self._empty()
        self.left_out = []
        self._tell()

    def _empty(self) -> None:
        """Not even the smallest choice fits: no array is in the page."""
        self.blocks, self.pooled, self.direct, self.own_input = {}, set(), set(), set()
        self.probe_shown, self.val_shown, self.decided_val = [], [], []
        self.plane, self.surface_units, self.epoch_rows = None, {}, self.epoch_rows[:0]

    @property
    def size(self) -> int:
        """Bytes: the data, and the size of its entry in the table of blocks."""
        return sum(len(block.data) + HEADER_BYTES + EPOCH_BYTES * len(block.epochs) for block in self.blocks.values())

    # --- what fits

    def _replay(self) -> tuple[Replay | None, str]:
        try:
            replay = Replay(self.run)
            probe = self.run.probe
            if not np.isfinite(probe["X"]).all():
                return None, "the probe rows hold numbers that are not finite"
            return replay, ""
        except NotForThisRun as reason:
            return None, str(reason)
        except UserError as error:
            return None, str(error).splitlines()[0]

    def _kept(self, plan: Plan) -> Array:
        """Rows of the log: the first, the last, the best and those of findings and events stay."""
        rows = len(self.run.epochs)
        cells = sum(int(np.prod(self.run.weights(name).shape[1:])) for name in self._logged("weights", ".W"))
        most = max(2, min(plan.epochs, MOST_CELLS // max(1, cells)))
        chosen = set(thinned(rows, most).tolist()) if rows else set()
        marked = [self.view.best_epoch, *(epoch for epoch in self._marked_epochs())][: max(2, most // 3)]
        for epoch in marked:
            if epoch is not None and rows:
                chosen.add(int(np.abs(self.run.epochs - epoch).argmin()))
        return np.array(sorted(chosen), np.int64)

    def _marked_epochs(self) -> Iterator[int]:
        diagnosis = self.run.diagnosis or {}
        for finding in diagnosis.get("findings") or ():
            epoch = (finding.get("where") or {}).get("epoch")
            if isinstance(epoch, int):
                yield epoch

    def _logged(self, kind: str, suffix: str) -> list[str]:
        return [f"{layer}{suffix}" for layer in self.run.layer_names if self.run.has(kind, f"{layer}{suffix}")]

    def _estimate(self, plan: Plan) -> float:
        """Bytes of base64, from sizes seen in practice: 0.9 to 1.9 bytes a value before base64's third."""
        epochs = len(self._kept(plan))
        parameters = sum(self._cells(name, plan) for name in self._logged("weights", ".W"))
        units = sum(self.run.activations(layer).shape[2] for layer in self._logged("activations", ""))
        features = self.run.probe["X"].shape[1]
        steps = 0 if self.run.step_log is None else len(self._step_rows(plan)) * len(self.run.step_log.kinds)
        gradient = plan.gradient_bits / 8 * 0.85
        values = parameters * epochs * (1.2 + gradient)
        values += (plan.rows * 2.4 + plan.val_rows) * units * epochs + 1.2 * features * (plan.rows + plan.val_rows)
        values += 2.6 * steps * parameters
        return float(1.3 * values)

    def _cells(self, name: str, plan: Plan) -> int:
        shape = self.run.weights(name).shape[1:]
        return int(np.prod([min(side, MOST_SIDE) for side in shape] if plan.pool else shape))

    # --- encoding

    def _fill(self, plan: Plan) -> None:
        self.plan, self.blocks, self.pooled = plan, {}, set()
        self.epoch_rows = self._kept(plan)
        if not len(self.epoch_rows):
            return
        self._parameters(plan)
        self._activations_by_class()
        self._counts()
        if self.replay is not None:
            self._rows(plan, self.replay)
            self._surfaces(self.replay)
        else:
            self._logged_rows(plan)
        self._steps(plan)

    @property
    def epochs(self) -> Array:
        """The epochs that the page has tensors of."""
        return self.run.epochs[self.epoch_rows]

    def _parameters(self, plan: Plan) -> None:
        for kind, letter in (("weights", "W"), ("gradients", "G")):
            read = self.run.weights if kind == "weights" else self.run.gradients
            for layer in self.run.layer_names:
                for suffix, name in ((".W", f"{letter}:{layer}"), (".b", f"{letter}b:{layer}")):
                    if not self.run.has(kind, layer + suffix):
                        continue
                    log = read(layer + suffix)
                    too_wide = plan.pool and log.ndim == 3 and max(log.shape[1:]) > MOST_SIDE
                    if too_wide:
                        self.pooled.add(layer)
                    bits = 16 if kind == "weights" else plan.gradient_bits if suffix == ".W" else 15
                    key = (name, bits, too_wide, tuple(self.epoch_rows))
                    if key not in self._encoded:
                        values = np.stack([self._row(log[row], too_wide) for row in self.epoch_rows])
                        block = quantized(values, self.epochs, bits, delta=kind == "weights")
                        self._encoded[key] = replace(block, max_error=None) if too_wide else block
                    self.blocks[name] = self._encoded[key]

    @staticmethod
    def _row(row: Array, pool: bool) -> Array:
        return pooled(np.asarray(row)[None])[0] if pool else np.asarray(row)

    def _activations_by_class(self) -> None:
        """Each unit's mean over the probe rows of each class ("m:"), and its share of active rows ("s:")."""
        y = self.run.probe.get("y", np.zeros(0))
        classes = len(self.view.class_names)
        for layer in self._logged("activations", ""):
            log = self.run.activations(layer)
            if log.shape[2] > 2048:
                continue
            groups = [y == label for label in range(classes)] if classes and len(y) == log.shape[1] else []
            groups = groups or [np.ones(log.shape[1], bool)]
            means, active = [], []
            for row in self.epoch_rows:
                A = np.nan_to_num(np.asarray(log[row]))
                means.append([A[group].mean(axis=0) if group.any() else np.zeros(A.shape[1]) for group in groups])
                active.append((A != 0).mean(axis=0))
            self.blocks[f"m:{layer}"] = quantized(np.array(means).swapaxes(1, 2), self.epochs, 8)
            # fine enough that a unit which one row activates is not taken for one that is dead
            self.blocks[f"s:{layer}"] = quantized(np.array(active), self.epochs, 15)

    def _counts(self) -> None:
        for part in ("train", "val"):
            if self.run.has("confusion", part) and self.run.confusion(part).shape[1] <= 40:
                self.blocks[f"c:{part}"] = plain(self.run.confusion(part)[self.epoch_rows], self.epochs)

    def _rows(self, plan: Plan, replay: Replay) -> None:
        """The probe rows that weigh most, and the validation rows that are predicted worst."""
        probe, view = self.run.probe, self.view
        rows = Rows(view, replay, probe["X"], probe["y"])
        everything = np.arange(len(rows.X))
        glance = pass_rows(replay, rows, self.epoch_rows[:: max(1, len(self.epoch_rows) // 12)], everything)
        weight = np.nan_to_num(np.linalg.norm(glance.delta["output"], axis=2)).sum(axis=0)
        shown = np.sort(np.argsort(-weight, kind="stable")[: plan.rows])
        self.probe_shown = shown.tolist()
        passed = pass_rows(replay, rows, self.epoch_rows, shown)
        self.direct = passed.direct
        self._put_rows("", passed, rows.X[shown])
        self.blocks["p"] = quantized(passed.output[:, shown], self.epochs, 15)
        self.blocks["l"] = half(passed.loss[:, shown].astype(np.float64), self.epochs)
        if "X_val" in probe and len(probe["X_val"]) and np.isfinite(probe["X_val"]).all():
            val = Rows(view, replay, probe["X_val"], probe["y_val"])
            glance = pass_rows(replay, val, self.epoch_rows, np.arange(0))
            worst = np.nan_to_num(glance.loss[[-1]].mean(axis=0) + 0.1 * glance.loss.mean(axis=0))
            val_shown = np.argsort(-worst, kind="stable")[: plan.val_rows]
            self.val_shown = val_shown.tolist()
            self._put_rows("v", pass_rows(replay, val, self.epoch_rows, val_shown), val.X[val_shown])
            self.blocks["pv"] = quantized(glance.output, self.epochs, 12)
            self.blocks["lv"] = half(glance.loss.astype(np.float64), self.epochs)
            self.decided_val = glance.decided.tolist() if view.classifies else []

    def _put_rows(self, prefix: str, passed: Passed, X: Array) -> None:
        """Blocks of single rows; of validation rows no derivatives, as the gradient is not made of them."""
        names = self.run.layer_names
        if self.rows_inside:
            self.blocks[f"X{prefix}"] = quantized(X[None].astype(np.float64), self.epochs[:1], 16)
        for number, layer in enumerate(names):
            A = passed.activation[layer]
            if not prefix and self.run.has("activations", layer):
                A = np.stack([self.run.activations(layer)[row][self.probe_shown] for row in self.epoch_rows])
            self.blocks[f"A{prefix}:{layer}"] = quantized(A, self.epochs, 15 if layer == "output" else 13)
            before = names[number - 1] if number else None
            x = passed.x[layer]
            same = np.allclose(x, X) if before is None else np.array_equal(x, passed.activation[before])
            if not same and (self.rows_inside or before is not None):
                self.own_input.add(layer)
                self.blocks[f"x{prefix}:{layer}"] = quantized(x, self.epochs, 13)
            if not prefix:
                self.blocks[f"d:{layer}"] = half(passed.delta[layer].astype(np.float64), self.epochs)
                if layer in passed.direct and layer in passed.derivative:
                    self.blocks[f"f:{layer}"] = quantized(passed.derivative[layer], self.epochs, 12)

    def _logged_rows(self, plan: Plan) -> None:
        """Without weights there is no replay: the activations that were logged."""
        for layer in self._logged("activations", ""):
            log = self.run.activations(layer)
            self.probe_shown = list(range(min(plan.rows, log.shape[1])))
            self.blocks[f"A:{layer}"] = quantized(
                np.asarray(log[self.epoch_rows][:, self.probe_shown]), self.epochs, 13
            )

    def _surfaces(self, replay: Replay) -> None:
        """Two features: what the network, and each unit, answers everywhere."""
        try:
            self.plane = Plane(self.view, BOUNDARY, BOUNDARY)
            small = Plane(self.view, SURFACE, SURFACE)
        except NotForThisRun:
            self.plane = None
            return
        rows = self.epoch_rows[thinned(len(self.epoch_rows), BOUNDARY_EPOCHS)]
        outputs = np.stack([replay.outputs(int(row), self.plane.grid) for row in rows])
        self.blocks["B"] = quantized(outputs, self.run.epochs[rows], 10)
        rows = self.epoch_rows[thinned(len(self.epoch_rows), SURFACE_EPOCHS)]
        points = len(small.grid)
        nothing: Array = np.zeros(points if self.view.class_names else (points, len(self.view.target_names)))
        passed = pass_rows(replay, Rows(self.view, replay, small.grid, nothing), rows, np.arange(points))
        for layer, A in passed.activation.items():
            chosen = self._strongest(layer, A.shape[2])
            self.surface_units[layer] = chosen
            self.blocks[f"S:{layer}"] = quantized(A[:, :, chosen].swapaxes(1, 2), self.run.epochs[rows], 8)

    def _strongest(self, layer: str, units: int) -> list[int]:
        """The units of a layer that the next layer weighs most, of the last epoch; all of a small layer."""
        names = list(self.run.layer_names)
        following = names[names.index(layer) + 1] if layer != names[-1] else None
        if units <= SURFACE_UNITS or following is None or not self.run.has("weights", f"{following}.W"):
            return list(range(units if units <= SURFACE_UNITS else OF_WIDE))
        W = np.asarray(self.run.weights(f"{following}.W")[int(self.epoch_rows[-1])], np.float64)
        if len(W) != units:
            return list(range(OF_WIDE))
        return [int(unit) for unit in np.sort(np.argsort(-(W**2).sum(axis=1), kind="stable")[:OF_WIDE])]

    def _step_rows(self, plan: Plan) -> list[int]:
        log = self.run.step_log
        if log is None or plan.steps == "none" or not log.epochs:
            return []
        if plan.steps == "all":
            return list(range(len(log.epochs)))
        wanted = {min(log.epochs), max(log.epochs), self.view.best_epoch}
        return [row for row, epoch in enumerate(log.epochs) if epoch in wanted]

    def _steps(self, plan: Plan) -> None:
        """The optimizer's gradient, change and slots of the weights."""
        log, rows = self.run.step_log, self._step_rows(plan)
        if log is None or not rows:
            return
        rows.sort(key=lambda row: log.epochs[row])
        epochs = np.array([log.epochs[row] for row in rows])
        for layer in self.run.layer_names:
            if layer in self.pooled or not (self.run.path / "step" / "update" / f"{layer}.W.npy").exists():
                continue
            for kind in log.kinds:
                key = (kind, layer, tuple(rows))
                if key not in self._encoded:
                    values = np.asarray(self.run.step(kind, f"{layer}.W"))[rows]
                    self._encoded[key] = three_bytes(values, epochs)
                self.blocks[f"step.{kind}:{layer}"] = self._encoded[key]

    # --- in words

    def _tell(self) -> None:
        run, plan = self.run, self.plan
        logged = len(run.epochs)
        if not logged:
            self.left_out.append("no weights are on disk yet")
            return
        if self._step == len(LADDER):
            self.left_out.append("all weights, gradients and activations: they do not fit (--page-megabytes)")
            return
        for kind in ("weights", "gradients", "activations"):
            if not any(name.startswith(f"{kind}/") for name in run.committed["files"]):
                self.left_out.append(f"{kind} were not logged (log.{kind}: false)")
        if self.why_no_replay and any(name.startswith("weights/") for name in run.committed["files"]):
            self.left_out.append(f"single rows cannot be shown: {self.why_no_replay}")
        if len(self.epoch_rows) < logged:
            self.left_out.append(f"{len(self.epoch_rows)} of the {logged:,} logged epochs have weights here")
        if self.pooled:
            names = ", ".join(sorted(self.pooled))
            self.left_out.append(
                f"{names}: too large for this page; each cell is the largest entry of a block of the matrix"
            )
        probe = len(run.probe["X"])
        if self.replay is not None and len(self.probe_shown) < probe:
            self.left_out.append(
                f"single probe rows: the {len(self.probe_shown)} of {probe} with the largest gradients are here, "
                "the others as their sum"
            )
        if plan.gradient_bits < 15 and "gradients" in str(run.committed["files"]):
            self.left_out.append(f"gradients to {plan.gradient_bits} bits")
        log = run.step_log
        if log is None:
            self.left_out.append("the optimizer's steps were not logged (log.optimizer)")
        elif len(self._step_rows(plan)) < len(log.epochs):
            shown = len(self._step_rows(plan))
            self.left_out.append(
                f"the optimizer's steps of {len(log.epochs) - shown} of the {len(log.epochs)} epochs logged"
            )
        if not self.rows_inside:
            self.left_out.append("the rows of the data (--no-rows)")
