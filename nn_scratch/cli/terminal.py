"""Console output of a run: the data before training, progress during it, the scores after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from nn_scratch.cli.printer import Printer
from nn_scratch.cli.slow_steps import LOGGER, SlowSteps
from nn_scratch.config.project import command
from nn_scratch.experiments.build import Built
from nn_scratch.experiments.dry_run import DryRunReport
from nn_scratch.experiments.machine import matrix_peak
from nn_scratch.experiments.train import Session
from nn_scratch.runs.folder import shown
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.statistics import LAYER_COLUMNS, STEP_COLUMNS
from nn_scratch.training.trainer import Trainer
from nn_scratch.wording import duration, number_text, plural, shortened

REFRESH_SECONDS = 0.15
PLAIN_LINES = 10  # how many lines of progress where the output is no terminal
CLASSES_WIDTH = 50  # letters for the classes' columns of the table of counts, which fits into 80 with the others
MORE_WIDTH = 10  # of them, for how many more there are
SHORTEST_CLASS, LONGEST_CLASS = 3, 20  # letters of such a column
SAMPLE_ENTRIES = 6  # gradients printed per layer
BASELINES = {"constant": "constant baseline", "linear": "linear baseline", "knn": "k-nearest neighbours"}
TASKS = {"regression": "regression", "multi_label": "multi-label classification"}
SAMPLES = 4  # epochs after which gradients are printed


class TrainingView:
    """Prints runs; `observers` is called before the first step of each (see `experiments.train`)."""

    def __init__(self, *, print_gradients: bool = False, console: Printer | None = None) -> None:
        self.console, self._print_gradients = console or Printer(), print_gradients
        self._progress: ProgressView | None = None
        self._slow_steps = SlowSteps(lambda line: self.console.say((line, "dim")))

    def __enter__(self) -> TrainingView:
        self._slow_steps.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()
        self._slow_steps.__exit__(kind)

    def close(self) -> None:
        """Remove the progress bar from the screen."""
        if self._progress is not None:
            self._progress.stop()

    def observers(self, session: Session) -> Sequence[Observer]:
        self._introduce(session)
        self._progress = ProgressView(self.console, session)
        return (self._progress, GradientView(self.console, session)) if self._print_gradients else (self._progress,)

    def _introduce(self, session: Session) -> None:
        built, card = session.built, session.built.data.card
        classes = built.data.class_names
        self.console.say(
            (f"{'resuming' if session.resumed else 'training'} {session.folder.name}", "bold"),
            f": {card['origin']}, {plural(card['rows'], 'row')}, {plural(card['features'], 'feature')}, ",
            plural(len(classes), "class") if classes else TASKS[built.data.task],
        )
        self.console.print(data_table(card))
        self.console.print(network_line(session), soft_wrap=True)
        for notice in session.info["notices"]:
            self.console.say(("note:", "yellow"), f" {notice}")

    def conclude(self, run: Run) -> None:
        """Print the scores beside those of the baselines, the speed, and the next command."""
        self.console.print(score_table(run.info))
        self.console.print(speed_line(run), soft_wrap=True)
        self.console.say("written to ", (f"{shown(run.path)}/", "bold"))
        self.console.say("next: ", (f"{command('visualize')} {run.as_typed}", "bold cyan"))

    def spreads(self, runs: Sequence[Run], of: str) -> None:
        """Mean and sample standard deviation of the scores over runs that differ in the "seed" or the "fold"."""
        table = plain_table(title=f"{plural(len(runs), of)}: mean ± standard deviation")
        parts = scored_parts(runs[0].info)
        for title in ("", *parts):
            table.add_column(title, justify="right" if title else "left")
        for name in runs[0].info[parts[0]] if parts else ():
            if name != "recall":
                spreads = (spread([run.info[part][name] for run in runs]) for part in parts)
                table.add_row(name.replace("_", " "), *spreads)
        self.console.print(table)
        self.console.print(f"runs: {', '.join(run.name for run in runs)}")


def plain_table(title: str | None = None) -> Table:
    return Table(box=None, pad_edge=False, header_style="dim", title=title)


def scored_parts(info: Mapping[str, Any]) -> list[str]:
    return [part for part in ("train", "val", "test") if info.get(part)]


def spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return number_text(known[0] if known else None)
    return f"{np.mean(known):.4g} ± {np.std(known, ddof=1):.2g}"


def data_table(card: Mapping[str, Any]) -> Table:
    """Rows per part; for classes, the rows of each and the accuracy of the majority-class baseline."""
    table = plain_table()
    table.add_column("split")
    table.add_column("rows", justify="right")
    classes = card["classes"] or []
    shown_classes = classes[: fitting(classes)]
    left_out = len(classes) - len(shown_classes)
    for name in shown_classes:
        table.add_column(shortened(name, LONGEST_CLASS), justify="right")
    if left_out:
        table.add_column(f"{left_out:,} more")
    if classes:
        table.add_column("majority-class baseline", justify="right")
    else:
        table.add_column("target", justify="left")
    for part, entry in card["parts"].items():
        cells = [part, f"{entry['rows']:,}"]
        if classes:
            cells += [f"{entry['class_counts'][name]:,}" for name in shown_classes]
            cells += ["..."] if left_out else []
            cells.append(number_text(card["majority"][part]))
        elif entry["target"]:
            moments = (entry["target"][name] for name in ("mean", "std", "min", "max"))
            cells.append(
                ", ".join(
                    f"{number_text(mean)} ± {number_text(std)} ({number_text(low)} to {number_text(high)})"
                    for mean, std, low, high in zip(*moments, strict=True)
                )
            )
        table.add_row(*cells)
    return table


def fitting(classes: Sequence[str]) -> int:
    """How many of the classes stand side by side in the table of counts."""
    ends = np.cumsum([2 + max(SHORTEST_CLASS, min(len(name), LONGEST_CLASS)) for name in classes])
    if not classes or ends[-1] <= CLASSES_WIDTH:
        return len(classes)
    return int(np.count_nonzero(ends <= CLASSES_WIDTH - MORE_WIDTH))


def network_line(session: Session) -> str:
    network, trainer = session.built.network, session.built.trainer
    widths = " → ".join(str(width) for width in (network.inputs, *(layer.outputs for layer in network.dense)))
    threads = session.built.threads
    return (
        f"network {widths}, {plural(network.theta.size, 'parameter')}; {plural(trainer.epochs, 'epoch')} of "
        f"{plural(trainer.steps_per_epoch, 'step')}, {plural(trainer.step_rows, 'row')} per step; "
        f"{plural(threads, 'BLAS thread')}"
    )


def score_table(info: Mapping[str, Any]) -> Table:
    """The final scores per part, and those of the baselines on the same rows."""
    table = plain_table()
    parts = scored_parts(info)
    for title in ("", *parts):
        table.add_column(title, justify="right" if title else "left")
    for name in info[parts[0]] if parts else ():
        if name != "recall":
            table.add_row(name.replace("_", " "), *(number_text(info[part][name]) for part in parts))
    for model, words in BASELINES.items():
        by_part = (info.get("baselines") or {}).get(model) or {}
        scored = {part: by_part[part] for part in parts if by_part.get(part)}
        metric = next(iter(next(iter(scored.values()), {})), None)
        if metric is not None:
            figures = (number_text(scored.get(part, {}).get(metric)) for part in parts)
            table.add_row(Text(f"{words}: {metric}", "dim"), *figures)
    return table


def speed_line(run: Run) -> str:
    """Speed, model flop utilization (of the peak of matrix products measured here), and how the time was spent."""
    from threadpoolctl import threadpool_limits

    info, times = run.info, run.times
    total = {kind: float(np.nansum(times[kind])) for kind in ("training", "evaluation", "logging")}
    whole = sum(total.values()) or 1.0
    steps = max(1, info["steps"])
    shares = ", ".join(f"{kind} {share / whole:.0%}" for kind, share in total.items())
    with threadpool_limits(limits=info.get("threads"), user_api="blas"):
        peak = matrix_peak(run.config["train"]["dtype"], size=512)
    mfu = (info.get("flop_a_step") or 0.0) * steps / total["training"] / peak if total["training"] else 0.0
    return (
        f"{plural(info['epochs'], 'epoch')} in {info['seconds']:.2f} s: "
        f"{info['samples_per_second'] or 0:,.0f} samples/s, "
        f"{1e6 * total['training'] / steps:,.1f} µs per step, MFU {mfu:.0%} "
        f"(of {peak / 1e9:,.0f} GFLOP/s measured for matrix products); {shares}"
    )


class ProgressView(Observer):
    """A progress bar, the latest scores and health figures per layer; plain lines if the output is no terminal."""

    watches_steps = True

    def __init__(self, console: Printer, session: Session) -> None:
        self.console, self._statistics = console, session.built.epoch_statistics
        self._steps = session.built.trainer.step_statistics
        self._names = [layer.name for layer in session.built.network.dense]
        self._drawn = -np.inf
        self._live: Live | None = None

    def on_start(self, trainer: Trainer) -> None:
        if not self.console.is_terminal:
            return
        self._progress = Progress(
            TextColumn("epoch"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=self.console
        )
        self._task = self._progress.add_task("", total=trainer.epochs, completed=trainer.epoch)
        self._live = Live(self._progress, console=self.console, auto_refresh=False, transient=True)
        self._live.start()

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        last = trainer.epoch == trainer.epochs or trainer.finished_early
        LOGGER.info("")  # epochs are progress enough
        if self._live is None:
            if last or trainer.epoch == 1 or trainer.epoch % max(1, trainer.epochs // PLAIN_LINES) == 0:
                self.console.print(self._line(trainer, scores), soft_wrap=True)
            return
        now = perf_counter()
        if last or now - self._drawn > REFRESH_SECONDS:
            self._drawn = now
            self._progress.update(self._task, completed=trainer.epoch)
            self._live.update(Group(self._progress, self._line(trainer, scores), self._health()), refresh=True)
        if last:
            self._live.stop()
            self.console.print(self._line(trainer, scores))
            self.console.print(self._health())

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()

    def _line(self, trainer: Trainer, scores: Scores) -> str:
        values = "  ".join(f"{name.replace('_', ' ')} {scores[name]:.4g}" for name in trainer.score_columns)
        return f"epoch {trainer.epoch}/{trainer.epochs}  {values}"

    def _health(self) -> Table:
        table = plain_table()
        for title in ("layer", "gradient norm", "update ratio", "dead units", "saturated"):
            table.add_column(title, justify="left" if title == "layer" else "right")
        column = {name: i for i, name in enumerate(LAYER_COLUMNS)}
        ratio = STEP_COLUMNS.index("update_ratio")
        layers, steps = self._statistics.latest(), self._steps.latest()
        for i, name in enumerate(self._names):
            measured = layers[i]
            update = steps[i, ratio]
            dead, saturated = measured[column["dead_share"]], measured[column["saturated_share"]]
            table.add_row(
                name,
                f"{measured[column['dW_norm']]:.3g}",
                f"{update:.2g}",
                f"{dead:.0%}",
                "-" if np.isnan(saturated) else f"{saturated:.0%}",
            )
        return table


class GradientView(Observer):
    """Prints some entries of each layer's gradient of W on the probe rows, after some epochs.

    The entries are evenly spread over those that are not zero when the layer is first printed, and stay the same.
    """

    def __init__(self, console: Printer, session: Session) -> None:
        self.console, self._statistics = console, session.built.epoch_statistics
        self._network = session.built.network
        self._places: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        last = trainer.epoch == trainer.epochs or trainer.finished_early
        if not (last or trainer.epoch == 1 or trainer.epoch % max(1, trainer.epochs // SAMPLES) == 0):
            return
        self.console.print(f"gradients on the probe rows after epoch {trainer.epoch}:")
        gradients = self._network.named(self._statistics.graph.grad)
        for name in (f"{layer.name}.W" for layer in self._network.dense):
            values = gradients[name]
            norm, zeros = float(np.linalg.norm(values)), float(np.mean(values == 0))
            text = f"  {name:<14} norm {norm:.3e}   {self._entries(name, values)}"
            self.console.print(text + (f"   ({zeros:.0%} exactly 0)" if 0 < zeros < 1 else ""), soft_wrap=True)

    def _entries(self, name: str, values: np.ndarray[Any, Any]) -> str:
        if name not in self._places:
            nonzero = np.flatnonzero(values)
            if not len(nonzero):
                return "every entry is exactly 0"
            self._places[name] = nonzero[
                np.linspace(0, len(nonzero) - 1, min(SAMPLE_ENTRIES, len(nonzero))).astype(int)
            ]
        rows, columns = np.unravel_index(self._places[name], values.shape)
        return "  ".join(f"[{i},{j}] {values[i, j]:+.2e}" for i, j in zip(rows, columns, strict=True))


def check_table(checked: DryRunReport) -> Table:
    """The layers: outputs, parameters, and the relative error of their gradients (gradient check)."""
    table = plain_table()
    for title in ("layer", "type", "outputs", "parameters", "number", "gradient error"):
        left = title in ("layer", "type", "parameters")
        table.add_column(title, justify="left" if left else "right", overflow="fold", no_wrap=title == "layer")
    for layer in checked.layers:
        shapes = ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in layer["parameters"].items())
        table.add_row(
            layer["name"],
            layer["type"] + ("" if layer["trainable"] else ", not trainable"),
            f"{layer['outputs']:,}",
            shapes or "-",
            f"{layer['count']:,}" if layer["count"] else "-",
            "-" if np.isnan(layer["error"]) else f"{layer['error']:.0e}",
        )
    table.add_row("all", "", "", "", f"{sum(layer['count'] for layer in checked.layers):,}", "")
    return table


def show_check(console: Printer, built: Built, checked: DryRunReport) -> None:
    """Print the findings of a check, without its problems."""
    console.print(check_table(checked))
    loss = built.loss.registered_name
    entropy = checked.class_prior_entropy
    prior = "" if entropy is None else f"; {entropy:.4g} for predicting the class frequencies"
    lines = [
        f"initial loss: {checked.start_loss:.4g} ({loss}); {checked.silent_loss:.4g} for outputs of 0{prior}",
        f"trial: {checked.trial}",
        f"log: about {checked.log_bytes / 1e6:,.1f} MB",
    ]
    if np.isfinite(checked.seconds):
        trainer = built.trainer
        lines[2] += f"; time: about {duration(checked.seconds)} for {plural(trainer.epochs, 'epoch')} of " + plural(
            trainer.steps_per_epoch, "step"
        )
    learning = [layer for layer in checked.layers if layer["count"]]
    of_those = sum(layer["checked"] for layer in learning)
    if of_those < len(learning):
        lines.append(f"gradients: checked in {of_those:,} of {plural(len(learning), 'layer')} with parameters")
    for line in lines:
        console.print(line, soft_wrap=True)
    for notice in built.notices:
        console.say(("note:", "yellow"), f" {notice}")
