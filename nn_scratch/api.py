"""The public functions and classes: what `from nn_scratch import ...` gives, besides the estimators.

What is wrong with a config, with data or with arguments is raised as `nn_scratch.errors.UserError`, a line a problem;
training that meets a number that is not finite as `nn_scratch.errors.Diverged`, whose run is kept.
"""

from __future__ import annotations

import base64
import csv
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from html import escape
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.config import resolve
from nn_scratch.config.project import outputs_folder
from nn_scratch.config.schema import Config
from nn_scratch.doctor.diagnosis import Diagnosis
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.paths import expanded
from nn_scratch.runs import run as runs
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer
from nn_scratch.wording import did_you_mean, utf8

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nn_scratch.doctor.treatment import Treatment
    from nn_scratch.experiments import model as models
    from nn_scratch.experiments.sweeps.sweep import Swept
    from nn_scratch.experiments.train import Session
    from nn_scratch.runs.listing import RunTable

__all__ = [
    "EpochCallback",
    "Model",
    "Run",
    "diagnose",
    "load_config",
    "predict",
    "resume",
    "sweep",
    "train",
    "treat",
    "visualize",
]

ConfigLike = Config | Mapping[str, Any] | str | Path | None
OnEpochEnd = Callable[[int, Scores], Any]

REFRESH_SECONDS = 0.2  # between two updates of the progress in a notebook
PAGE_HEIGHT = 900  # pixels of the frame that shows a run's page in a notebook: down to the views


# --- configs


def load_config(
    config: ConfigLike = None, overrides: Sequence[str] | Mapping[str, Any] = (), *, name: str | None = None
) -> Config:
    """A checked config, every default filled in.

    Parameters
    ----------
    config : path, mapping, Config or None
        A YAML file, the values that such a file would hold, or a config. None: the project's config/param.yaml.
    overrides : sequence of str, or mapping
        Changes by dotted key: ``["optimizer.lr=0.01"]`` as on the command line, or ``{"optimizer.lr": 0.01}``.
    name : str, optional
        Replaces the config's name: the run is outputs/<name>-001.

    Returns
    -------
    Config
        Frozen; its sections are attributes (``config.train.epochs``).

    Raises
    ------
    UserError
        With a line for every problem.

    Examples
    --------
    >>> from nn_scratch import load_config
    >>> config = load_config({"data": {"source": "iris"}}, {"train.epochs": 20})
    >>> config.train.epochs, config.optimizer.type
    (20, 'adam')
    """
    texts = () if isinstance(overrides, Mapping) else overrides
    if isinstance(texts, str):
        raise UserError(f"overrides: write a list: [{texts!r}]")
    if config is None or isinstance(config, str | Path):
        found = resolve.load_config(config, texts, name)
    else:
        found = config if isinstance(config, Config) else resolve.config_from(config)
        found = resolve.override_config(found, texts) if texts else found
        found = resolve.change_config(found, {"name": name}) if name is not None else found
    return resolve.change_config(found, overrides) if isinstance(overrides, Mapping) and overrides else found


# --- training


class EpochCallback(Observer):
    """Calls ``function(epoch, scores)`` after every epoch; where it returns True, training ends with that epoch.

    epoch: counted from 1. scores: the row of metrics.csv by column: epoch, step, lr, train_loss, val_loss, and the
    scores of the task (train_accuracy, val_r2 ...).

    Examples
    --------
    >>> from nn_scratch import EpochCallback, MLPClassifier
    >>> stop = EpochCallback(lambda epoch, scores: epoch == 3)
    >>> MLPClassifier(callbacks=[stop], random_state=0).fit(X, y).n_iter_
    3
    """

    def __init__(self, function: OnEpochEnd) -> None:
        self._function = function

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        """Call the function; what the training loop calls after every epoch.

        Examples
        --------
        >>> from nn_scratch import EpochCallback, MLPClassifier
        >>> losses = []
        >>> keep = EpochCallback(lambda epoch, scores: losses.append(scores["train_loss"]))
        >>> model = MLPClassifier(max_iter=2, callbacks=[keep])
        >>> losses == model.fit(X, y).loss_curve_
        True
        """
        if self._function(trainer.epoch, dict(scores)) is True:
            trainer.end_requested = True


class _NotebookProgress(Observer):
    """A progress bar and the latest scores in a notebook's output."""

    def __init__(self, name: str) -> None:
        self._name, self._shown_at = name, 0.0
        self._display: Any = None

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        last = trainer.epoch == trainer.epochs or trainer.finished_early
        if not last and monotonic() - self._shown_at < REFRESH_SECONDS:
            return
        from IPython.display import HTML, display

        self._shown_at = monotonic()
        values = " · ".join(f"{name.replace('_', ' ')} {scores[name]:.4g}" for name in trainer.score_columns[:4])
        bar = f'<progress max="{trainer.epochs}" value="{trainer.epoch}"></progress>'
        html = HTML(f"{escape(self._name)} {bar} {trainer.epoch}/{trainer.epochs} epochs · {escape(values)}")
        if self._display is None:
            self._display = display(html, display_id=True)
        else:
            self._display.update(html)


def in_notebook() -> bool:
    """Whether the code runs in Jupyter, whose output can hold pictures."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


def train(
    config: ConfigLike = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    *,
    name: str | None = None,
    outputs: str | Path | None = None,
    on_epoch_end: OnEpochEnd | None = None,
    progress: bool | None = None,
) -> Run:
    """Train the network that a config declares, and log it to a new folder.

    Parameters
    ----------
    config, overrides, name
        As in `load_config`.
    outputs : path, optional
        Where the run's folder is made; None: outputs/ of the project.
    on_epoch_end : callable, optional
        Called as ``on_epoch_end(epoch, scores)`` after every epoch (see `EpochCallback`); where it returns True,
        training ends.
    progress : bool, optional
        Whether a progress bar is shown in a notebook; None: in notebooks alone.

    Returns
    -------
    Run

    Raises
    ------
    UserError
        If the config or the data is not usable.
    Diverged
        If a number is not finite; the log up to there is in the run's folder.

    Examples
    --------
    >>> from nn_scratch import train
    >>> seen = []
    >>> run = train({"data": {"source": "iris"}, "train": {"epochs": 5}}, outputs=folder,
    ...             on_epoch_end=lambda epoch, scores: seen.append(scores["val_loss"]))
    >>> run.status, len(seen), run.weights("hidden_1").shape
    ('finished', 5, (6, 4, 128))
    """
    from nn_scratch.experiments import train as trainings

    checked = load_config(config, overrides, name=name)
    folder = outputs_folder(outputs)
    return Run(trainings.train(checked, folder, _observers(on_epoch_end, progress)).path)


def resume(
    run: Run | runs.Run | str | Path,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    *,
    outputs: str | Path | None = None,
    on_epoch_end: OnEpochEnd | None = None,
    progress: bool | None = None,
) -> Run:
    """Go on with a run that was stopped, or train it further; a finished one without changes is left as it is.

    Parameters
    ----------
    run : Run, or the name of its folder below `outputs`, or a path
    overrides : sequence of str, or mapping
        `train.epochs` and `log.max_megabytes` may change.
    outputs, on_epoch_end, progress
        As in `train`.

    Returns
    -------
    Run

    Raises
    ------
    UserError
        If the run cannot go on, or not with these changes.

    Examples
    --------
    >>> from nn_scratch import resume, train
    >>> run = train({"data": {"source": "iris"}, "train": {"epochs": 2}}, outputs=folder)
    >>> len(resume(run, {"train.epochs": 4}).metrics["epoch"])
    4
    """
    from nn_scratch.experiments import train as trainings

    if isinstance(overrides, Mapping):
        from nn_scratch.config.writer import yaml_line

        overrides = [f"{key}={yaml_line(value)}" for key, value in overrides.items()]
    found = _log_of(run, outputs)
    return Run(trainings.resume(found, overrides, _observers(on_epoch_end, progress)).path)


def sweep(
    config: ConfigLike = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    *,
    name: str | None = None,
    outputs: str | Path | None = None,
    jobs: int | None = None,
    dask: str | None = None,
) -> Swept:
    """Train the settings that the config's `sweep:` block declares, side by side, and rank them.

    Parameters
    ----------
    config, overrides, name, outputs
        As in `train`; the sweep's folder is <outputs>/<name>-sweep-001.
    jobs : int, optional
        Processes; None: one per core.
    dask : str, optional
        The address of a Dask scheduler that runs the trials instead.

    Returns
    -------
    Swept
        `ranked`, the rows with a score, the best first: each with its `trial`, `values`, `mean` and `std` over seeds;
        and `folder`.

    Raises
    ------
    UserError
        If the config has no sweep, or its space does not fit the config.

    Examples
    --------
    >>> from nn_scratch import sweep
    >>> config = {"data": {"source": "iris"}, "train": {"epochs": 30}}
    >>> config["sweep"] = {"method": "grid", "space": {"optimizer.lr": [1e-6, 0.01]}}
    >>> swept = sweep(config, outputs=folder, jobs=1)
    >>> [row.values["optimizer.lr"] for row in swept.ranked], swept.metric
    ([0.01, 1e-06], 'val_accuracy')
    """
    from nn_scratch.experiments.sweeps.sweep import sweep as swept

    checked = load_config(config, overrides, name=name)
    return swept(checked, outputs_folder(outputs), jobs=jobs, dask=dask)


def _observers(on_epoch_end: OnEpochEnd | None, progress: bool | None) -> Callable[[Session], Sequence[Observer]]:
    def observers(session: Session) -> Sequence[Observer]:
        found: list[Observer] = []
        if in_notebook() if progress is None else progress:
            found.append(_NotebookProgress(session.folder.name))
        if on_epoch_end is not None:
            found.append(EpochCallback(on_epoch_end))
        return found

    return observers


# --- runs


def _log_of(run: Run | runs.Run | str | Path, outputs: str | Path | None = None) -> runs.Run:
    """The reader of a run's folder."""
    if isinstance(run, Run):
        return run.log
    if isinstance(run, runs.Run):
        return run
    return runs.Run.open(run, outputs_folder(outputs))


class Run:
    """A run's folder: its config, its log, its pictures, and its diagnosis.

    Parameters
    ----------
    run : str, path or reader
        The run's folder, or its name below `outputs`.
    outputs : path, optional
        Where runs are; None: outputs/ of the project.

    Examples
    --------
    >>> from nn_scratch import Run, train
    >>> path = train({"data": {"source": "iris"}, "train": {"epochs": 5}}, outputs=folder).path
    >>> run = Run(path)
    >>> sorted(run.metrics)[:3], run.metrics["val_loss"].shape
    (['epoch', 'lr', 'step'], (5,))
    >>> run.config["optimizer"]["type"]
    'adam'
    """

    def __init__(self, run: str | Path | runs.Run, outputs: str | Path | None = None) -> None:
        """Raises UserError where there is no such run."""
        self.log = _log_of(run, outputs)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run's folder.

        Examples
        --------
        >>> run.path.parent == folder
        True
        """
        return self.log.path

    @property
    def name(self) -> str:
        """The folder's name, such as digits-001.

        Examples
        --------
        >>> run.name
        'iris-001'
        """
        return self.log.name

    @property
    def status(self) -> str:
        """running, finished, stopped (before the last epoch), diverged or interrupted.

        Examples
        --------
        >>> run.status
        'finished'
        """
        return str(self.log.info["status"])

    @property
    def info(self) -> dict[str, Any]:
        """run.json: status, scores by part ("train", "val", "test"), times, versions.

        Examples
        --------
        >>> run.info["epochs"], sorted(run.info["val"])[:2], run.info["val"]["accuracy"] > 0.8
        (40, ['accuracy', 'balanced_accuracy'], True)
        """
        return self.log.info

    @property
    def config(self) -> dict[str, Any]:
        """param.yaml as plain values, every default written out.

        Examples
        --------
        >>> run.config["layers"][0]["units"], run.config["train"]["batch_size"]
        (128, 32)
        """
        return self.log.config

    @property
    def metrics(self) -> dict[str, Array]:
        """metrics.csv by column, (epochs,) each; `pandas.DataFrame(run.metrics)` is the table.

        Examples
        --------
        >>> list(run.metrics)[:4], run.metrics["val_loss"].shape
        (['epoch', 'step', 'lr', 'train_loss'], (40,))
        """
        return self.log.metrics

    @property
    def epochs(self) -> Array:
        """(rows,) the epoch of each row of `weights`, `gradients` and `activations`; the first is 0.

        Examples
        --------
        >>> run.epochs[:3].tolist(), len(run.epochs)
        ([0, 1, 2], 41)
        """
        return self.log.epochs

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The dense layers, in order: hidden_1, hidden_2, ..., output.

        Examples
        --------
        >>> run.layer_names
        ('hidden_1', 'hidden_2', 'output')
        """
        return self.log.layer_names

    def weights(self, layer: str) -> Array:
        """The logged values of a parameter.

        Parameters
        ----------
        layer : str
            A dense layer, for its weights (hidden_1), or a parameter (hidden_1.b, hidden_1.batch_norm.gamma).

        Returns
        -------
        ndarray, (rows, inputs, outputs) float32 for weights, (rows, outputs) for biases
            Read-only, mapped from disk; row r belongs to epoch ``run.epochs[r]``.

        Raises
        ------
        UserError
            If there is no such layer, or its weights were not logged.

        Examples
        --------
        >>> run.weights("hidden_1").shape, run.weights("hidden_1.b").shape
        ((41, 4, 128), (41, 128))
        """
        return self.log.weights(self._parameter(layer))

    def gradients(self, layer: str) -> Array:
        """The gradients of a parameter on the probe rows, of the shape of `weights`.

        Examples
        --------
        >>> run.gradients("output").shape, run.gradients("output.b").shape
        ((41, 64, 3), (41, 3))
        """
        return self.log.gradients(self._parameter(layer))

    def activations(self, layer: str) -> Array:
        """(rows, probe rows, units) the outputs of a dense layer on the probe rows.

        Examples
        --------
        >>> rows, probe_rows, units = run.activations("hidden_1").shape
        >>> rows, units
        (41, 128)
        """
        return self.log.activations(layer)

    def _parameter(self, layer: str) -> str:
        return f"{layer}.W" if layer in self.layer_names else layer

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """The doctor's diagnosis of the run; also written to its diagnosis.json.

        Examples
        --------
        >>> run.diagnosis.verdict
        'healthy'
        """
        from nn_scratch.doctor.report import diagnose_and_keep

        return diagnose_and_keep(self.log)

    @cached_property
    def model(self) -> Model:
        """The trained model.

        Examples
        --------
        >>> run.model.task
        'classification'
        """
        return Model.load(self)

    # --- pictures

    def plot(self, name: str = "curves", *, layer: str | None = None) -> Figure:
        """A plot, as a Matplotlib figure that a notebook shows inline.

        Parameters
        ----------
        name : str
            One of ``python script/visualize.py --list``: curves, confusion, weights, ...
        layer : str, optional
            This layer alone.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        UserError
            If there is no such plot, or the run has nothing for it to show.

        Examples
        --------
        >>> from nn_scratch import train
        >>> run = train({"data": {"source": "iris"}, "train": {"epochs": 2}}, outputs=folder)
        >>> type(run.plot("curves")).__name__
        'Figure'
        """
        from nn_scratch.visualize.plot import plots
        from nn_scratch.visualize.style import drawing
        from nn_scratch.visualize.view import NotForThisRun, View

        known = plots()
        if name not in known:
            raise UserError(f"plot {name!r}: no such plot{did_you_mean(name, known)}")
        view = View(self.log, layer)
        with drawing(letters=view.letters):
            try:
                figure = known[name].draw(view)
            except NotForThisRun as reason:
                raise UserError(f"plot {name!r}: {reason}") from None
            picture = _png(figure)
        # figures made without pyplot are shown by IPython only where they know how to draw themselves
        figure._repr_png_ = lambda: picture  # type: ignore[attr-defined]
        return figure

    def film(self, show: Sequence[str] | None = None) -> Film:
        """The film of the run, weights.mp4 in its folder; made unless it is there.

        Parameters
        ----------
        show : sequence of str, optional
            Some of weights, changes, gradients and activations, always drawn anew; by default weights and changes.

        Raises
        ------
        UserError
            If the run has no logged weights.
        EnvironmentFailure
            If the encoder or the disk fails.

        Examples
        --------
        >>> run.film().path.name
        'weights.mp4'
        """
        from nn_scratch.visualize.film.make import write_film
        from nn_scratch.visualize.film.matrices import check_kinds
        from nn_scratch.visualize.film.scene import Film as Scene
        from nn_scratch.visualize.view import NotForThisRun, View

        path = self.path / "weights.mp4"
        check_kinds(show or ())
        if show is not None or not path.is_file():
            try:
                film = Scene([View(self.log)], show)
            except NotForThisRun as reason:
                raise UserError(f"film: {reason}") from None
            write_film(film, path, lambda done, total: None)
        return Film(path)

    def page(self, megabytes: float = 1.5) -> Page:
        """The run on one page that can be touched, which a notebook shows in a frame.

        Parameters
        ----------
        megabytes : float
            The largest size of the page; what does not fit is left out, with a note on the page.

        Returns
        -------
        Page
            `html` is the document, `save(path)` writes it.

        Examples
        --------
        >>> run.page(megabytes=0.5).save(folder / "iris.html").name
        'iris.html'
        """
        from nn_scratch.visualize.view import View
        from nn_scratch.visualize.web.page import page

        return Page(page(View(self.log), megabytes=megabytes))

    def compare(self, *others: Run | str | Path) -> RunTable:
        """Scores, verdicts and differences of the configs of this run and others, the best marked.

        Returns
        -------
        RunTable
            `str(table)` is text, `table.to_json()` values; a notebook shows a table.

        Examples
        --------
        >>> from nn_scratch import train
        >>> config = {"data": {"source": "iris"}, "train": {"epochs": 2}}
        >>> run, other = (train(config, {"optimizer.lr": lr}, outputs=folder) for lr in (0.001, 0.01))
        >>> run.compare(other).to_json()["config"]
        {'optimizer.lr': [0.001, 0.01]}
        """
        from nn_scratch.runs.listing import compared

        return compared([self.log, *(_log_of(other, self.path.parent) for other in others)], self.path.parent)

    def _repr_html_(self) -> str:
        """A table: status, data, network, scores and the doctor's verdict."""
        from nn_scratch.runs.listing import summary

        listed = summary(self.path, self.path.parent)
        info = self.info
        rows = [
            ("status", f"{listed.status}, {listed.epochs} of {info['epochs_asked']} epochs, {info['seconds']:.1f} s"),
            ("data", f"{listed.data}: {self.log.card['rows']:,} rows, {self.log.card['features']:,} features"),
            ("network", f"{listed.network}, {listed.parameters or 0:,} parameters"),
        ]
        for part in ("train", "val", "test"):
            if info[part]:
                scores = {name: value for name, value in info[part].items() if isinstance(value, float)}
                rows.append(
                    (part, ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in scores.items()))
                )
        if "diagnosis" in self.__dict__ or self.log.diagnosis is not None:
            rows.append(("doctor", self.diagnosis.summary))
        if listed.tags or listed.note:
            rows.append(("notes", " ".join([*(f"#{tag}" for tag in listed.tags), listed.note])))
        cells = "".join(f"<tr><th>{escape(head)}</th><td>{escape(text)}</td></tr>" for head, text in rows)
        style = ' style="text-align:left"'
        body = cells.replace("<th>", f"<th{style}>").replace("<td>", f"<td{style}>")
        return f"<table><caption{style}><b>{escape(self.name)}</b></caption>{body}</table>"


class Film:
    """A film on disk, which a notebook plays.

    path: the MP4.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Film({str(self.path)!r})"

    def _repr_html_(self) -> str:
        content = base64.b64encode(self.path.read_bytes()).decode()
        return f'<video controls loop style="max-width:100%" src="data:video/mp4;base64,{content}"></video>'


class Page:
    """A page as text, which a notebook shows in a frame of its own.

    html: the whole document.
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def __repr__(self) -> str:
        return f"Page({len(self.html):,} characters)"

    def save(self, path: str | Path) -> Path:
        """Write the page to a file; returns its path."""
        from nn_scratch.runs.files import write_output

        target = expanded(path)
        write_output(target, utf8(self.html))
        return target

    def _repr_html_(self) -> str:
        return (
            f'<iframe sandbox="allow-scripts allow-downloads" style="width:100%;height:{PAGE_HEIGHT}px;border:0" '
            f'srcdoc="{escape(self.html)}"></iframe>'
        )


def _png(figure: Figure) -> bytes:
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


# --- models


class Model:
    """A trained network with its preprocessing: raw rows in, predictions out.

    Made by `Model.load` or `Run.model`.

    Examples
    --------
    >>> from nn_scratch import Model
    >>> Model.load("iris-001", outputs=folder).predict([[6.5, 3.0, 5.5, 2.0]]).tolist()
    ['virginica']
    """

    def __init__(self, model: models.Model) -> None:
        self._model = model

    @classmethod
    def load(cls, run: Run | runs.Run | str | Path, outputs: str | Path | None = None) -> Model:
        """The trained model of a run.

        Parameters
        ----------
        run : Run, or the name of its folder below `outputs`, or a path

        Raises
        ------
        UserError
            If there is no such run, or it has no trained model.

        Examples
        --------
        >>> from nn_scratch import Model, train
        >>> run = train({"data": {"source": "iris"}, "train": {"epochs": 40}}, outputs=folder)
        >>> model = Model.load(run)
        >>> model.predict([[5.1, 3.5, 1.4, 0.2]]).tolist()
        ['setosa']
        >>> model.predict_proba([[5.1, 3.5, 1.4, 0.2]]).shape
        (1, 3)
        """
        from nn_scratch.experiments.model import load_model

        return cls(load_model(_log_of(run, outputs)))

    @property
    def task(self) -> str:
        """classification, regression or multi_label.

        Examples
        --------
        >>> run.model.task
        'classification'
        """
        return self._model.preprocessing.task

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes (or labels) as the data have them, in the order of the columns of `predict_proba`.

        Examples
        --------
        >>> run.model.class_names
        ('setosa', 'versicolor', 'virginica')
        """
        preprocessing = self._model.preprocessing
        return preprocessing.target_names if self.task == "multi_label" else preprocessing.class_names

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the rows to predict, in order.

        Examples
        --------
        >>> run.model.columns[0]
        'sepal length (cm)'
        """
        return tuple(column.name for column in self._model.preprocessing.columns)

    def predict(self, rows: Any) -> Array:
        """Predictions for raw rows.

        Parameters
        ----------
        rows : array-like (rows, columns), mapping of columns, DataFrame, or path
            In the units of the data trained on. Columns with names are found by them; a file has any format that
            `data.source` takes.

        Returns
        -------
        ndarray
            (rows,) the names of classes; (rows, labels) 0 and 1; or (rows,) numbers, (rows, targets) for several.

        Raises
        ------
        UserError
            If columns are missing, or values cannot be used.

        Examples
        --------
        >>> run.model.predict([[5.1, 3.5, 1.4, 0.2], [6.5, 3.0, 5.5, 2.0]]).tolist()
        ['setosa', 'virginica']
        """
        found = self._predicted(rows)
        if self.task == "classification":
            names: Array = np.array(self.class_names)[found.argmax(axis=1)]
            return names
        if self.task == "multi_label":
            return (found >= 0.5).astype(np.int64)
        return found[:, 0] if found.shape[1] == 1 else found

    def predict_proba(self, rows: Any) -> Array:
        """The probability of each class, or of each label by itself.

        Parameters
        ----------
        rows
            As in `predict`.

        Returns
        -------
        ndarray, (rows, classes) float64
            Columns in the order of `class_names`; between 0 and 1, those of classes add up to 1 in each row.

        Raises
        ------
        UserError
            As `predict`; and of a regression, which has no classes.

        Examples
        --------
        >>> run.model.predict_proba([[5.1, 3.5, 1.4, 0.2]]).round().tolist()
        [[1.0, 0.0, 0.0]]
        """
        if self.task == "regression":
            raise UserError("predict_proba: a regression has no classes; use predict")
        return self._predicted(rows)

    def _predicted(self, rows: Any) -> Array:
        from nn_scratch.data.tables import read_rows

        preprocessing = self._model.preprocessing
        with _as_file(rows) as path:
            if path is not None:
                try:
                    X = read_rows(path, preprocessing).X
                except UserError as error:  # a file of ours stands for rows that have no file
                    named = [problem.replace(str(path), "rows") for problem in error.problems]
                    raise UserError(error.problems if isinstance(rows, str | Path) else named) from None
            else:
                X = np.asarray(rows)
                if X.ndim != 2 or X.dtype.kind not in "biuf" or X.shape[1] != preprocessing.n_features:
                    raise UserError(
                        f"rows: an array {X.shape} of {X.dtype}; the model takes (rows, {preprocessing.n_features}) "
                        "numbers, or a mapping or DataFrame with the columns of its data"
                    )
                if preprocessing.fill is None and not np.isfinite(X).all():
                    raise UserError("rows: hold values that are not finite, and the model has no fill values")
            return self._model.predict(X)


@contextmanager
def _as_file(rows: Any) -> Iterator[Path | None]:
    """The file that rows stand in: their own, or a CSV of columns that have names; None for an array."""
    if isinstance(rows, str | Path):
        yield Path(rows)
        return
    columns = (
        {str(name): rows[name] for name in rows} if isinstance(rows, Mapping) or hasattr(rows, "columns") else None
    )
    if columns is None:
        yield None
        return
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise UserError(f"rows: columns of {', '.join(map(str, sorted(lengths)))} values; all need the same number")
    with tempfile.TemporaryDirectory(prefix="nn_scratch-") as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*(map(_cell, column) for column in columns.values()), strict=True))
        yield path


def _cell(value: Any) -> str:
    """A value as a CSV has it; what is missing is an empty cell."""
    missing = value is None or (isinstance(value, float | np.floating) and np.isnan(value)) or value is np.nan
    return "" if missing or type(value).__name__ in ("NAType", "NaTType") else str(value)


def predict(run: Run | runs.Run | str | Path, rows: Any, outputs: str | Path | None = None) -> Array:
    """Predictions of a run's model for raw rows: ``Model.load(run).predict(rows)``.

    Examples
    --------
    >>> from nn_scratch import predict, train
    >>> run = train({"data": {"source": "iris"}, "train": {"epochs": 40}}, outputs=folder)
    >>> predict(run, [[5.1, 3.5, 1.4, 0.2]]).tolist()
    ['setosa']
    """
    return Model.load(run, outputs).predict(rows)


# --- doctor and pictures


def diagnose(run: Run | runs.Run | str | Path, outputs: str | Path | None = None) -> Diagnosis:
    """The diagnosis of a run, from its folder alone; nothing is written.

    Returns
    -------
    Diagnosis
        `verdict` (healthy, sick, inconclusive), `summary`, and `findings`, the root cause first, each with evidence
        and patches of the config.

    Examples
    --------
    >>> from nn_scratch import diagnose, train
    >>> run = train({"data": {"source": "iris"}, "train": {"epochs": 5}}, {"optimizer.lr": 1e-6}, outputs=folder)
    >>> diagnose(run).verdict
    'sick'
    """
    from nn_scratch.doctor.diagnose import diagnose as diagnosed

    return diagnosed(_log_of(run, outputs))


def treat(
    run: Run | runs.Run | str | Path,
    folder: str | Path | None = None,
    *,
    outputs: str | Path | None = None,
    budget: int | None = None,
) -> Treatment:
    """Search for the patches that mend a run, on the same split with new seeds.

    Parameters
    ----------
    run : Run, or the name of its folder below `outputs`, or a path
    folder : path, optional
        Where <name>.fixed.yaml is written; None: config/ of the project.
    budget : int, optional
        Training steps that all candidates together may take; None: the run's own `diagnose.fix_budget`.

    Returns
    -------
    Treatment
        What was tried, and `written`, the path of the config that helps, or None.

    Raises
    ------
    UserError
        If there is no such run, or the data it was trained on are no longer there.

    Examples
    --------
    >>> from nn_scratch import train, treat
    >>> small = {"data": {"source": "iris"}, "layers": [{"type": "dense", "units": 16}], "train": {"epochs": 10}}
    >>> sick = train(small, {"optimizer.lr": 1e-6}, name="slow", outputs=folder)
    >>> treated = treat(sick, folder)
    >>> sick.diagnosis.findings[0].rule, treated.written.name
    ('lr_too_low', 'slow.fixed.yaml')
    """
    from nn_scratch.doctor.treatment import treat as treated

    return treated(_log_of(run, outputs), folder=None if folder is None else expanded(folder), budget=budget)


def visualize(run: Run | runs.Run | str | Path, *, film: bool = True, outputs: str | Path | None = None) -> list[Path]:
    """Draw a run: plots/*.png, weights.mp4, plots.html and report.html in its folder.

    Parameters
    ----------
    run : Run, or the name of its folder below `outputs`, or a path
    film : bool
        Whether the film is made.

    Returns
    -------
    list of Path
        What was written, the page last.

    Raises
    ------
    UserError
        If there is no such run.
    EnvironmentFailure
        If the encoder or the disk fails.

    Examples
    --------
    >>> from nn_scratch import visualize
    >>> [path.name for path in visualize(run, film=False)[-2:]]
    ['plots.html', 'report.html']
    """
    from nn_scratch.runs.files import write_text
    from nn_scratch.visualize.gallery import draw_plots
    from nn_scratch.visualize.plot import choose
    from nn_scratch.visualize.view import View
    from nn_scratch.visualize.web.page import page
    from nn_scratch.visualize.web.plots_page import report

    log = _log_of(run, outputs)
    view = View(log)
    drawn = draw_plots(view, choose(None), log.path / "plots")
    pictures = [(plot, path) for plot, path in drawn if isinstance(path, Path)]
    movie = None
    if film:
        try:
            movie = Run(log).film().path
        except UserError:  # nothing was logged to show
            movie = None
    pages = [log.path / "plots.html", log.path / "report.html"]
    write_text(pages[0], report(view, pictures, movie))
    write_text(pages[1], page(view))
    return [*(path for _, path in pictures), *([] if movie is None else [movie]), *pages]
