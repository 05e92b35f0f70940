"""One run, from its config to its finished folder; and how it is resumed."""

from __future__ import annotations

import logging
import os
import platform
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch import __version__
from nn_scratch.config.loader import forbidden_character
from nn_scratch.config.parts import instantiate
from nn_scratch.config.project import OUTPUTS, command
from nn_scratch.config.resolve import change_config, config_from, override_config
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import config_difference, dump_config, to_plain, yaml_line
from nn_scratch.data.mapped_rows import on_disk
from nn_scratch.data.prepare import Data, Part
from nn_scratch.errors import Diverged, NNScratchError, UserError
from nn_scratch.experiments.beside import Beside
from nn_scratch.experiments.build import Built, build
from nn_scratch.experiments.data_checks import data_checks
from nn_scratch.experiments.machine import step_flop, usable_cores
from nn_scratch.experiments.model import decode_outputs, model_arrays
from nn_scratch.experiments.signals import signals_at_end, signals_at_start
from nn_scratch.metrics import Array, classification_report, label_report, regression_report
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.paths import expanded
from nn_scratch.runs.files import finite, sync_folder, write_bytes, write_json, write_npz
from nn_scratch.runs.folder import find_folder, new_folder, run_lock
from nn_scratch.runs.interruption import Stop, notice, stop_on_signals
from nn_scratch.runs.provenance import provenance
from nn_scratch.runs.recorder import Recorder
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer, ObserverList
from nn_scratch.training.stacked import Outcome, run_stacked
from nn_scratch.training.trainer import StopRequested
from nn_scratch.wording import every, plural, visible

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

PROGRESS = logging.getLogger("nn_scratch.progress")
# what may change when a run is resumed
RESUMABLE = frozenset({"train.epochs", "log.max_megabytes", "diagnose.budget", "diagnose.fix_budget"})
MOVABLE = frozenset({"name", "data.source", "data.test_source"})  # what may be edited in param.yaml: rows are compared

MOST_OUTPUTS = 20_000_000  # of a part, that are scored at the end: 160 MB, of which scikit-learn makes some copies

ENDED = frozenset({"finished", "stopped", "diverged"})


class Interrupted(NNScratchError):
    """Ctrl-C or SIGTERM: what was done is committed, and the run can go on."""

    def __init__(self, folder: Path, signum: int, epoch: int | None, by_callback: bool = False) -> None:
        """epoch: how many were whole; None where all were, and the signal came before their scores were written.

        by_callback: whether a callback stopped training (`Trainer.stop_requested`), not a signal.
        """
        self.by_callback = by_callback
        self.exit_code = 128 + signum
        name, typed = signal.Signals(signum).name, Run(folder).as_typed
        super().__init__(
            f"stopped by {name} after the last epoch, before its scores; to go on: {command('train')} --resume {typed}"
            if epoch is None
            else f"stopped in epoch {epoch + 1} by {name}; to go on: {command('train')} --resume {typed}"
        )


@dataclass
class Session:
    """A run in progress: what was built, its folder, and the content of its run.json."""

    built: Built
    folder: Path
    info: dict[str, Any]
    resumed: bool = False
    observers: list[Observer] = field(default_factory=list)
    checks: Checks | None = None  # of its data, where a second process makes them


Checks = Callable[[], dict[str, Any]]  # what `data_checks` returns
ObserverFactory = Callable[[Session], Sequence[Observer]]  # called before the first step; returns callbacks


def no_observers(session: Session) -> Sequence[Observer]:
    return ()


def train(
    config: Config, outputs: Path = OUTPUTS, observers: ObserverFactory = no_observers, data: Data | None = None
) -> Run:
    """Train a new run to its end. Raises Diverged, Interrupted, or what is wrong with the config or the data.

    data: rows that are split and scaled already, instead of the config's (another seed on the same split).
    """
    return train_built(build(with_absolute_paths(config, outputs), data), outputs, observers)


def train_beside_checks(config: Config, outputs: Path = OUTPUTS, observers: ObserverFactory = no_observers) -> Run:
    """As `train`, with its data checked meanwhile in a second process where training leaves a core free: the command
    ends sooner, and the run is the same. For a process of our own alone, since it is forked."""
    built = build(with_absolute_paths(config, outputs))
    if built.threads >= usable_cores():
        return train_built(built, outputs, observers)
    PROGRESS.info("")  # no step is announced, and no thread waits, while the process is forked

    def checks() -> dict[str, Any]:
        with pinned_threads(built):
            return data_checks(built.data)

    with Beside(checks) as beside:
        return train_built(built, outputs, observers, checks=beside.result if beside.forked else None)


def train_built(
    built: Built,
    outputs: Path = OUTPUTS,
    observers: ObserverFactory = no_observers,
    folder: Path | None = None,
    checks: Checks | None = None,
) -> Run:
    """Train what was built to its end, in a new run's folder, or in one that is there and empty; raises as `train`.

    checks: returns the `data_checks` of its data; by default they are made when they are needed.
    """
    folder = folder or new_folder(built.config.name, outputs)
    try:
        with run_lock(folder), pinned_threads(built):
            return _begin(built, folder, observers, checks)
    finally:
        remove_if_empty(folder)


def with_absolute_paths(config: Config, outputs: Path) -> Config:
    """The config with whole paths, so that its run's param.yaml repeats the run from any working directory."""
    changes = {
        f"data.{key}": storable(f"data.{key}", os.path.abspath(expanded(path)))  # noqa: PTH100 (absolute() leaves ".." standing)
        for key, path in (("source", config.data.source), ("test_source", config.data.test_source))
        if isinstance(path, str)
    }
    if config.init_from is not None:
        earlier = find_folder(config.init_from.run, outputs).resolve()
        changes["init_from.run"] = storable("init_from.run", str(earlier))
    return change_config(config, changes) if changes else config


def storable(key: str, path: str) -> str:
    """The path, if param.yaml can hold it; UserError for bytes that are not UTF-8 and for control characters."""
    if forbidden_character(path) is not None:
        raise UserError(f"{key}: {visible(path)}: param.yaml cannot hold this path; rename the folder or the file")
    return path


def resume(run: Run, overrides: Sequence[str] = (), observers: ObserverFactory = no_observers) -> Run:
    """Resume a run that was stopped, or extend one; a finished run is returned as it is.

    Raises UserError if a setting was changed by which the epochs so far would not be those of the config.
    """
    before = config_from(run.config)
    fresh = not any((run.path / name).exists() for name in ("checkpoint.npz", "commit.json"))
    if not fresh:
        check_config(before, run)
    config = override_config(before, overrides)
    changed = [key for key, _, _ in config_difference(before, config)]
    for key in changed:
        if key not in RESUMABLE:
            raise UserError(
                f"{key}: cannot change when a run is resumed; start a new run, or change train.epochs alone"
            )
    if not fresh and run.info["status"] in ENDED and run.info["epochs_asked"] == config.train.epochs and not changed:
        if (run.path / "lock").exists():  # killed just before its end, or in use by another process
            with run_lock(run.path):
                pass
        return run
    with run_lock(run.path):
        run = Run(run.path)  # read again, now that no other process writes
        if not fresh and run.info["status"] == "diverged":
            raise UserError(f"train.epochs: {run.name} diverged and cannot go on; start a new run with another config")
        built = build(config)
        with pinned_threads(built):
            return _begin(built, run.path, observers) if fresh else _go_on(built, run, observers)


@cache
def _thread_pools() -> ThreadpoolController:
    """The process's BLAS, found once: a search through what is loaded takes longer than a small fit's epoch."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def pinned_threads(built: Built) -> Iterator[None]:
    """BLAS with as many threads as the run's config sets: on another number the last bits differ. And no warnings of
    NumPy's: numbers that are not finite are looked for, and reported with their place."""
    with _thread_pools().limit(limits=built.threads, user_api="blas"), np.errstate(all="ignore"):
        yield


def remove_if_empty(folder: Path) -> None:
    """A run's folder goes if nothing could be written into it."""
    with suppress(OSError):
        folder.rmdir()


def train_stacked(members: Sequence[tuple[Built, Path, ObserverFactory]]) -> list[Run | NNScratchError]:
    """Train networks of one shape together (see `training.stacked`): what was built, the folder of its run, and its
    observers. The folders are empty, or of runs that were stopped after the same epoch, which go on.

    Returns by network its run, finished or diverged; or the error, such as Interrupted, that ended it. run.json says
    `stacked`: how many were trained together. Trained again alone, each is the same up to rounding.
    """
    ends: list[Run | NNScratchError] = [Run(folder) for _, folder, _ in members]
    with ExitStack() as held:
        for _, folder, _ in members:
            held.callback(remove_if_empty, folder)
            held.enter_context(run_lock(folder))
        held.enter_context(pinned_threads(members[0][0]))
        begun: dict[int, tuple[Session, Recorder]] = {}
        for number, (built, folder, _) in enumerate(members):
            try:
                begun[number] = _reopen(built, Run(folder)) if has_begun(folder) else _open(built, folder)
            except UserError as error:  # of a run whose files were changed since it was stopped
                ends[number] = error
        for session, _ in begun.values():
            session.info["stacked"] = max(len(begun), session.info["stacked"] or 0)
        failures = _run_all(list(begun.values()), [members[number][2] for number in begun])
        for number, failure in zip(begun, failures, strict=True):
            if failure is not None and not isinstance(failure, Diverged):
                ends[number] = failure
    return ends


def has_begun(folder: Path) -> bool:
    """Whether a folder holds a run that has epochs on disk."""
    return (folder / "commit.json").exists()


def rebuilt(run: Run, data: Data | None = None) -> Built:
    """What a run that was stopped goes on with, as its own param.yaml says. data: its rows, where they are at hand.

    Raises UserError as `resume` does.
    """
    config = config_from(run.config)
    check_config(config, run)
    return build(config, data)


def resume_built(built: Built, folder: Path, observers: ObserverFactory = no_observers) -> Run:
    """Go on with a run that was stopped, from what was `rebuilt`; raises as `resume`."""
    with run_lock(folder), pinned_threads(built):
        return _go_on(built, Run(folder), observers)


def _begin(built: Built, folder: Path, observers: ObserverFactory, checks: Checks | None = None) -> Run:
    session, recorder = _open(built, folder)
    session.checks = checks
    return _run(session, recorder, observers)


def _open(built: Built, folder: Path) -> tuple[Session, Recorder]:
    """A new run, with everything on disk that is known before its first step."""
    config = dump_config(built.config).encode()
    write_bytes(folder / "param.yaml", config)
    write_json(folder / "data.json", built.data.card)
    write_probe(built, folder)
    session = Session(built, folder, first_info(built, folder, config))
    session.info["initial"] = built.trainer.evaluate()
    recorder = Recorder(folder, built.trainer, built.epoch_statistics, built.log, config=to_plain(built.config))
    write_json(folder / "signals.json", signals_at_start(built))
    return session, recorder


def write_probe(built: Built, folder: Path) -> None:
    """probe.npz: the rows that the log measures, and some of validation beside them."""
    arrays: dict[str, Array] = {}
    for part, rows, suffix in ((built.data.train, built.probe_rows, ""), (built.data.val, built.val_rows, "_val")):
        arrays |= {f"{name}{suffix}": getattr(part, name)[rows] for name in ("X", "y", "rows")}
    write_npz(folder / "probe.npz", arrays)


def restore_missing(built: Built, run: Run) -> None:
    """Write again what was made before the first step and has been deleted; damaged files are refused, before training.

    The trainer must not have been restored yet: what is measured is the network before its first step.
    """
    if not (run.path / "probe.npz").exists():
        write_probe(built, run.path)
    if not (run.path / "signals.json").exists():
        write_json(run.path / "signals.json", signals_at_start(built))
    _ = run.signals, run.probe


def _go_on(built: Built, run: Run, observers: ObserverFactory) -> Run:
    session, recorder = _reopen(built, run)
    return _run(session, recorder, observers)


def _reopen(built: Built, run: Run) -> tuple[Session, Recorder]:
    """A run that was stopped, as of its last commit. Raises UserError where it cannot go on from there."""
    trainer = built.trainer
    state, committed = run.checkpoint(trainer.state())
    check_data(built, run)
    check_schedule(built, state["counters"]["step"], run.info["epochs_asked"])
    restore_missing(built, run)
    run.reading("checkpoint.npz", lambda: trainer.restore(state))
    if trainer.epoch > trainer.epochs:
        raise UserError(f"train.epochs: {run.name} has {plural(trainer.epoch, 'epoch')} already; write a larger number")
    config = to_plain(built.config)
    recorder = run.reading(
        "checkpoint.npz",
        lambda: Recorder(run.path, trainer, built.epoch_statistics, built.log, committed, config, state),
    )
    text = dump_config(built.config).encode()
    info = first_info(built, run.path, text) | {"initial": run.info["initial"], "seconds": seconds_so_far(run)}
    info["stacked"] = run.info.get("stacked")
    info["started"] = run.info.get("started", info["started"])
    if run.info["threads"] != info["threads"] or run.info["versions"] != info["versions"]:
        info["notices"].append(
            "resumed with other libraries or another number of threads: the last bits of the weights may differ"
        )
    write_bytes(run.path / "param.yaml", text)
    (run.path / "diagnosis.json").unlink(missing_ok=True)  # of what the run was before
    return Session(built, run.path, info, resumed=True), recorder


def check_config(config: Config, run: Run) -> None:
    """Refuse to go on where param.yaml has been edited since the run's last commit: its epochs would not be of it."""
    plain = run.config_at_commit()
    if plain is None:
        return
    began = run.reading("checkpoint.npz", lambda: config_from(plain))
    problems = [
        f"{run.path / 'param.yaml'}: {key}: {yaml_line(now)}, and the run was trained with {yaml_line(then)}; write "
        "that again, or start a new run with this file as its --config"
        for key, then, now in config_difference(began, config)
        if key not in RESUMABLE | MOVABLE
    ]
    if problems:
        raise UserError(problems)


def check_data(built: Built, run: Run) -> None:
    """Refuse to go on with other data than those the run began with."""
    now, then = finite(built.data.card), run.card
    compared: tuple[str, ...] = ("rows", "features", "target", "classes", "parts", "sha256")
    if "sha256" not in then:  # of an earlier version: the figures of the card, without texts
        compared = tuple(key for key in then if key not in ("origin", "notices", "task_rule"))
    for key in compared:
        if now.get(key) != then.get(key):
            what = "a value is another" if key == "sha256" else key
            raise UserError(f"data.source: the data have changed since {run.name} began ({what}); start a new run")


def check_schedule(built: Built, steps: int, epochs_before: int) -> None:
    """Refuse another length of training where the steps so far would have been taken at other rates."""
    schedule, trainer = built.config.schedule, built.trainer
    planned = instantiate(SCHEDULES, schedule)
    planned.bind(trainer.steps_per_epoch, epochs_before)
    done = np.arange(steps)
    if not np.array_equal(planned.factors(done), trainer.schedule.factors(done)):
        raise UserError(
            f"train.epochs: the schedule {schedule.type} follows a plan of {plural(epochs_before, 'epoch')}, which "
            f"differs from one of {trainer.epochs:,}; start a new run"
        )


def seconds_so_far(run: Run) -> float:
    """How long the epochs on disk took."""
    if not (run.path / "commit.json").exists():  # killed before its first commit was whole
        return 0.0
    times = np.array([run.times[kind] for kind in ("training", "evaluation", "logging")])
    return float(times[np.isfinite(times)].sum())


def _run(session: Session, recorder: Recorder, observers: ObserverFactory) -> Run:
    """Train to the end, and write scores and model. Raises Diverged or Interrupted once all is on disk."""
    (failure,) = _run_all([(session, recorder)], [observers])
    if failure is not None:
        raise failure
    return Run(session.folder)


def _run_all(
    begun: Sequence[tuple[Session, Recorder]], observers: Sequence[ObserverFactory]
) -> list[Diverged | Interrupted | None]:
    """Likewise for one run, or for several whose networks are trained together; returns what each would raise."""
    callbacks = [
        ObserverList([recorder, *_observers(session, recorder, factory)])
        for (session, recorder), factory in zip(begun, observers, strict=True)
    ]

    def ask() -> None:
        for session, _ in begun:
            session.built.trainer.stop_requested = True

    with stop_on_signals(ask) as stop:
        failures = _train(begun, callbacks, stop)
        for number, (session, _) in enumerate(begun):
            try:
                _write_end(session, stop)
            except KeyboardInterrupt:  # all epochs are on disk, and what is missing is made when the run is resumed
                session.info["status"] = "interrupted"
                failures[number] = Interrupted(session.folder, stop.signum, None)
                write_json(session.folder / "run.json", session.info)
    return failures


def _observers(session: Session, recorder: Recorder, observers: ObserverFactory) -> Sequence[Observer]:
    """Write what run.json says while the run goes on, and make its callbacks."""
    built, folder, info = session.built, session.folder, session.info
    if recorder.stride > built.log.every:
        info["notices"].append(
            f"log.max_megabytes: {built.log.max_megabytes:g} MB hold {every(recorder.stride, 'epoch')} of the "
            "weights, gradients and activations; metrics and statistics are kept of every epoch"
        )
    info["log"] = {"stride": recorder.stride, "bytes_a_row": recorder.row_bytes}
    write_json(folder / "run.json", info)
    sync_folder(folder)  # a run that is finished, as an earlier run.json may say, is not to lose rows
    return observers(session)


def _write_end(session: Session, stop: Stop) -> None:
    """The scores of a run that has come to its end, and what run.json says of it."""
    folder = session.folder
    if session.info["status"] != "interrupted":
        stop.no_more_waiting()
        _conclude(session)
        sync_folder(folder)  # so that run.json lists no scores whose files a power cut would take away
    write_json(folder / "run.json", session.info)
    sync_folder(folder)


def _train(
    begun: Sequence[tuple[Session, Recorder]], callbacks: Sequence[Observer], stop: Stop
) -> list[Diverged | Interrupted | None]:
    """Train, set info["status"] of each, and commit what is logged. Returns the failures that ended training."""
    try:
        outcomes = _outcomes(begun, callbacks)
        return [
            _end(session, recorder, outcome, stop) for (session, recorder), outcome in zip(begun, outcomes, strict=True)
        ]
    finally:
        for _, recorder in begun:
            recorder.close()


def _outcomes(begun: Sequence[tuple[Session, Recorder]], callbacks: Sequence[Observer]) -> list[Outcome]:
    trainers = [session.built.trainer for session, _ in begun]
    if len(begun) > 1:
        for _, recorder in begun:
            recorder.commits_beside(len(begun))
        return run_stacked(trainers, callbacks)
    (outcome,), recorder, started = [Outcome(trainer) for trainer in trainers], begun[0][1], perf_counter()
    try:
        if recorder.diverged is not None:
            raise Diverged(*(recorder.diverged[name] for name in ("epoch", "step", "layer", "what")))
        PROGRESS.info(f"training, epoch {outcome.trainer.epoch + 1} of {outcome.trainer.epochs}")
        outcome.trainer.run(callbacks[0])
        PROGRESS.info("")
    except (Diverged, StopRequested) as error:
        outcome.failure = error
    outcome.seconds = perf_counter() - started
    return [outcome]


def _end(session: Session, recorder: Recorder, outcome: Outcome, stop: Stop) -> Diverged | Interrupted | None:
    """Commit the end of training, and fill in run.json."""
    trainer, info, started = outcome.trainer, session.info, perf_counter()
    failure: Diverged | Interrupted | None = None
    if outcome.failure is None:
        info["status"] = "stopped" if trainer.finished_early else "finished"
        recorder.commit(ends=True)
    elif isinstance(outcome.failure, Diverged):
        failure = outcome.failure
        info["status"] = "diverged"
        info["diverged"] = {name: getattr(failure, name) for name in ("epoch", "step", "layer", "what")}
        recorder.commit(info["diverged"], ends=True)
    else:
        notice()
        failure = Interrupted(session.folder, stop.signum, trainer.epoch, by_callback=not stop.received)
        info["status"] = "interrupted"
        recorder.commit(ends=True)
    info["epochs"], info["steps"] = recorder.epochs, trainer.step
    info["seconds"] += outcome.seconds + perf_counter() - started
    info["samples_per_second"] = trainer.rows_seen / info["seconds"] if info["seconds"] else None
    if failure is None and trainer.restores_best:
        info["best_epoch"] = trainer.best_epoch
    return failure


def _conclude(session: Session) -> None:
    """Scores, predictions, the model and the signals of the end; of a run that diverged, the signals alone."""
    built, folder = session.built, session.folder
    predictions: dict[str, Array] = {}
    if session.info["status"] != "diverged":
        built.trainer.settle()
        predictions = score_parts(session)
    PROGRESS.info("fitting the baselines")
    checks = data_checks(built.data) if session.checks is None else session.checks()
    if session.info["status"] != "diverged":
        session.info["baselines"] = checks["baselines"]
        write_npz(folder / "predictions.npz", predictions)
        write_npz(folder / "model.npz", model_arrays(built.network, built.data.preprocessing))
    write_json(folder / "signals.json", Run(folder).signals | signals_at_end(built, checks))


def score_parts(session: Session) -> dict[str, Array]:
    """Score the trained network on every part; returns its predictions."""
    built = session.built
    predictions: dict[str, Array] = {}
    for name, whole in parts(built):
        part = scored_rows(whole, built.network.outputs)
        if len(part) < len(whole):
            session.info["notices"].append(
                f"the scores and predictions of {name} are of {len(part):,} of its {len(whole):,} rows: "
                f"{built.network.outputs:,} outputs of each row take memory"
            )
        PROGRESS.info(f"scoring {plural(len(part), 'row')} of {name}")
        evaluator = built.evaluator(part)
        with np.errstate(all="ignore"):
            scores: dict[str, Any] = evaluator() if len(part) else {}
        output = decode_outputs(evaluator.outputs, built.loss, built.data.preprocessing)
        if len(part):
            scores = {"loss": scores["loss"], **report(built, part, output)}
        session.info[name] = scores or None
        if name != "train":
            y = part.y if built.data.task == "classification" else built.data.preprocessing.target_inverse(part.y)
            predictions |= {f"{name}_y": y, f"{name}_output": output, f"{name}_rows": part.rows}
    return predictions


def scored_rows(part: Part, outputs: int) -> Part:
    """The part, or as many of its rows, evenly spaced, as have MOST_OUTPUTS outputs together (on disk a tenth)."""
    most = MOST_OUTPUTS // 10 if on_disk(part.inputs) else MOST_OUTPUTS
    if len(part) * outputs <= most:
        return part
    kept = np.zeros(len(part), dtype=bool)
    kept[np.linspace(0, len(part) - 1, max(1, most // outputs)).round().astype(np.int64)] = True
    weights = None if part.weights is None else part.weights[kept]
    return replace(part, inputs=part.inputs[kept], y=part.y[kept], weights=weights, rows=part.rows[kept])


def report(built: Built, part: Part, output: Array) -> dict[str, Any]:
    """Every score of a part; output: its predictions (see `decode_outputs`)."""
    data = built.data
    if data.task == "classification":
        return classification_report(part.y, output, data.class_names)
    if data.task == "multi_label":
        return label_report(part.y, output, data.target_names)
    return regression_report(data.preprocessing.target_inverse(part.y), output)


def parts(built: Built) -> Iterator[tuple[str, Part]]:
    yield from (("train", built.data.train), ("val", built.data.val), ("test", built.data.test))


def first_info(built: Built, folder: Path, config: bytes) -> dict[str, Any]:
    """run.json before the first step."""
    from importlib.metadata import version

    libraries = ("numpy", "scipy", "scikit-learn", "pyyaml", "pydantic")
    return {
        "name": folder.name,
        "status": "running",
        "epochs": 0,
        "epochs_asked": built.config.train.epochs,
        "steps": 0,
        "steps_per_epoch": built.trainer.steps_per_epoch,
        "rows_a_step": built.trainer.step_rows,
        "best_epoch": None,
        "seconds": 0.0,
        "samples_per_second": None,
        "initial": None,
        "train": None,
        "val": None,
        "test": None,
        "baselines": None,
        "diverged": None,
        "parameters": built.network.theta.size,
        "flop_a_step": step_flop(built.network, built.trainer.step_rows),
        "threads": built.threads,
        "stacked": None,
        "notices": list(built.notices),
        "versions": {"nn_scratch": __version__, "python": platform.python_version()}
        | {library: version(library) for library in libraries},
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        **provenance(),
        "config_sha256": sha256(config).hexdigest(),
        "data_sha256": built.data.card.get("sha256"),
    }
