"""The runs there are, a summary of each, and several side by side."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from nn_scratch.config.project import OUTPUTS
from nn_scratch.config.writer import ABSENT, config_differences, value_text
from nn_scratch.errors import UserError
from nn_scratch.metrics import lower_is_better
from nn_scratch.runs.files import disk_errors, write_json
from nn_scratch.runs.folder import GROUPED, find_folder, run_lock, shown
from nn_scratch.runs.run import Run
from nn_scratch.wording import listed, one_line

# how the score of a run is called, the first that there is
SCORES = ("accuracy", "r2")
DEEPEST = 3  # levels below outputs/ that are searched


@dataclass(frozen=True)
class Summary:
    """A run as lists show it; None where a value is not known (it is under way, or damaged)."""

    name: str  # as it is typed: relative to outputs/
    path: Path
    started: float | None  # seconds since 1970
    status: str
    data: str
    network: str  # widths: 64-128-10
    parameters: int | None
    epochs: int | None
    metric: str | None  # accuracy or r2
    score: float | None  # of validation rows
    test_score: float | None
    verdict: str | None
    bytes: int
    tags: tuple[str, ...]
    note: str
    problem: str = ""  # why the run cannot be read

    def to_json(self) -> dict[str, Any]:
        values = dict(self.__dict__) | {"path": str(self.path), "tags": list(self.tags)}
        started = None if self.started is None else datetime.fromtimestamp(self.started).astimezone()
        return values | {"started": None if started is None else started.isoformat(timespec="seconds")}

    @property
    def when(self) -> str:
        """When the run began, to the minute, local time."""
        return "" if self.started is None else f"{datetime.fromtimestamp(self.started):%Y-%m-%d %H:%M}"


def run_folders(outputs: Path = OUTPUTS) -> list[Path]:
    """Every run's folder below `outputs`, those of groups included, by name."""

    def inside(folder: Path, depth: int) -> Iterator[Path]:
        try:
            entries = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())
        except OSError:
            return
        for entry in entries:
            if is_run(entry):
                yield entry
            elif depth < DEEPEST:
                yield from inside(entry, depth + 1)

    return list(inside(outputs, 1))


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's: it holds run.json and param.yaml, plain files."""
    return all((folder / name).is_file() and not (folder / name).is_symlink() for name in ("run.json", "param.yaml"))


def typed_name(folder: Path, outputs: Path = OUTPUTS) -> str:
    """How a run is named: its path below outputs/, or from the working directory."""
    with suppress(ValueError):
        return folder.resolve().relative_to(outputs.resolve()).as_posix()
    return shown(folder)


def matching(patterns: Sequence[str], outputs: Path = OUTPUTS) -> list[Path]:
    """The folders of runs that names, paths or patterns (digits-*) stand for, in the order given, each once.

    A pattern is compared with the name below `outputs` and with the folder's own name. Raises UserError for one that
    nothing matches.
    """
    known = run_folders(outputs)
    found: list[Path] = []
    problems = []
    for pattern in patterns:
        if any(letter in pattern for letter in "*?["):
            meant = [
                folder
                for folder in known
                if fnmatchcase(typed_name(folder, outputs), pattern) or fnmatchcase(folder.name, pattern)
            ]
            if not meant:
                problems.append(f"{one_line(pattern)}: no run under {shown(outputs)} matches")
        else:
            try:
                meant = [find_folder(pattern, outputs)]
            except UserError as error:
                problems += error.problems
                meant = []
        found += [folder for folder in meant if folder not in found]
    if problems:
        raise UserError(problems)
    return found


def summary(folder: Path, outputs: Path = OUTPUTS) -> Summary:
    """The summary of a run; of a damaged run what can be read, and the problem."""
    run = Run(folder)
    values: dict[str, Any] = {
        **dict.fromkeys(("started", "parameters", "epochs", "metric", "score", "test_score", "verdict")),
        "status": "damaged",
        "data": "",
        "network": "",
    }
    problem = ""
    try:
        info = run.info
        values |= {name: info.get(name) for name in ("status", "parameters", "epochs")}
        with suppress(ValueError, OverflowError):
            values["started"] = datetime.fromisoformat(info["started"]).timestamp() if "started" in info else None
        values["data"] = data_name(run.config)
        values |= scores(info)
        values["network"] = network_name(run)
        values["verdict"] = None if run.diagnosis is None else run.diagnosis["verdict"]
    except UserError as error:
        problem = error.problems[0]
    if values["started"] is None:
        with suppress(OSError):
            values["started"] = (folder / "param.yaml").stat().st_mtime
    tags, note = labels(run)
    return Summary(
        name=typed_name(folder, outputs),
        path=folder,
        bytes=size(folder),
        tags=tags,
        note=note,
        problem=problem,
        **values,
    )


def data_name(config: Mapping[str, Any]) -> str:
    source = config["data"]["source"]
    return one_line(str(source["type"] if isinstance(source, Mapping) else Path(source).name))


def scores(info: Mapping[str, Any]) -> dict[str, Any]:
    """metric, score (of val, or of test where there is no val) and test_score."""
    val, test = info.get("val") or {}, info.get("test") or {}
    metric = next((name for name in SCORES if name in {**val, **test, **(info.get("train") or {})}), None)
    if metric is None:
        return {"metric": None, "score": None, "test_score": None}
    return {"metric": metric, "score": val.get(metric, test.get(metric)), "test_score": test.get(metric)}


def network_name(run: Run) -> str:
    """Widths from input to output."""
    try:
        widths = [int(run.weights(f"{layer}.W").shape[-1]) for layer in run.layer_names]
    except UserError:  # weights are not logged
        widths = [layer["units"] for layer in run.config["layers"] if layer["type"] == "dense"]
    return "-".join(str(width) for width in (run.card["features"], *widths))


def size(folder: Path) -> int:
    """Bytes of all files of a folder; links are not followed."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total


# ---- tags and notes ----

LABELS = "labels.json"


def labels(run: Run) -> tuple[tuple[str, ...], str]:
    """The tags and the note that people gave a run."""
    try:
        found = run.labels
    except UserError:
        return (), ""
    return tuple(found.get("tags", ())), str(found.get("note", ""))


def label(run: Run, *, add: Sequence[str] = (), remove: Sequence[str] = (), note: str | None = None) -> None:
    """Change a run's tags, or its note ("" takes it away)."""
    found = run.labels
    tags = [tag for tag in dict.fromkeys((*found.get("tags", ()), *add)) if tag not in remove]
    write_json(run.path / LABELS, {"tags": tags, "note": found.get("note", "") if note is None else note})


# ---- removal ----

# every file that the project writes into a run's folder, and, by WRITTEN_BESIDE, what a killed process leaves of it
WRITTEN = tuple(
    PurePosixPath(pattern)
    for pattern in (
        *("param.yaml", "fixed.yaml", "lock", "metrics.csv", "times.csv", "layers.csv", "steps.csv"),
        *("run.json", "data.json", "commit.json", "signals.json", "diagnosis.json", "labels.json"),
        *("importance.json", "importance.csv", "checkpoint.npz", "model.npz", "predictions.npz", "probe.npz"),
        *("weights/*.npy", "gradients/*.npy", "activations/*.npy", "state/*.npy", "step/*/*.npy", "confusion/*.npy"),
        *("plots.html", "report.html", "plots/*.png", "plots/*.svg", "plots/*.pdf"),
        *("weights.mp4", "weights.gif", "weights.webp", "weights-frames/*.png", "weights-frames.part/*.png"),
        *("export/model.onnx", "export/model.safetensors", "export/parameters.npz", "export/model_*.py"),
        "export/tensorboard/*/events.*",
    )
)
WRITTEN_BESIDE = ".part"
OF_FILE_MANAGERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def foreign_files(folder: Path) -> list[str]:
    """The files below a run's folder that the project does not write, as paths from there; links are not followed."""
    found = []
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        paths = [(Path(root) / name).relative_to(folder) for name in (*files, *links)]
        found += [path.as_posix() for path in paths if path.name not in OF_FILE_MANAGERS and not _is_written(path)]
    return sorted(found)


def _is_written(path: Path) -> bool:
    parts = path.with_name(path.name.removesuffix(WRITTEN_BESIDE) or path.name).parts
    return any(len(parts) == len(pattern.parts) and all(map(fnmatchcase, parts, pattern.parts)) for pattern in WRITTEN)


def removal_problem(folder: Path) -> str | None:
    """Why a folder is not removed: it is no whole run, a link to one, or holds files that are not the run's."""
    if not is_run(folder) or folder.is_symlink():
        return "is not a folder of its own with run.json and param.yaml; not removed"
    if foreign := foreign_files(folder):
        return f"holds what is not the run's: {listed(foreign)}; move it elsewhere; not removed"
    return None


def remove(run: Run) -> None:
    """Delete a run's folder; raises UserError (`removal_problem`), or EnvironmentFailure while a process writes it."""
    folder = run.path
    if problem := removal_problem(folder):
        raise UserError(f"{shown(folder)}: {problem}")
    with run_lock(folder):
        pass
    with disk_errors(folder):
        gone = folder.rename(folder.with_name(f".removed-{folder.name}"))  # a kill leaves no half of a run
        shutil.rmtree(gone)
    if folder.parent.name == GROUPED:
        with suppress(OSError):  # other runs, or other files, are in it
            folder.parent.rmdir()
            folder.parent.parent.rmdir()


# ---- several side by side ----


@dataclass(frozen=True)
class RunTable:
    """Several runs: a row a score, a verdict, and each key of the config whose values are not all the same.

    rows: (heading, a text a run, the index of the best or None).
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...], int | None], ...]
    values: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return dict(self.values)

    def _repr_html_(self) -> str:
        from html import escape

        head = "".join(f"<th>{escape(name)}</th>" for name in self.names)
        body = ""
        for heading, cells, best in self.rows:
            marked = [f"<b>{escape(cell)}</b>" if index == best else escape(cell) for index, cell in enumerate(cells)]
            body += f"<tr><th>{escape(heading)}</th>{''.join(f'<td>{cell}</td>' for cell in marked)}</tr>"
        return f"<table><tr><th></th>{head}</tr>{body}</table>"

    def __str__(self) -> str:
        """Plain text, the best of a row marked with *."""
        lines = [("", *self.names)]
        for heading, cells, best in self.rows:
            lines.append((heading, *(f"{cell} *" if index == best else cell for index, cell in enumerate(cells))))
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )


def compared(runs: Sequence[Run], outputs: Path = OUTPUTS) -> RunTable:
    """Scores, verdicts and differences of the configs of several runs, the best marked."""
    names = tuple(typed_name(run.path, outputs) for run in runs)
    rows: list[tuple[str, tuple[str, ...], int | None]] = [("status", tuple(run.info["status"] for run in runs), None)]
    verdicts = [(run.diagnosis or {}).get("verdict") for run in runs]
    rows.append(("verdict", tuple(verdict or "-" for verdict in verdicts), None))
    by_score: dict[str, list[float | None]] = {}
    for part in ("val", "test", "train"):
        known = [name for run in runs for name in (run.info[part] or {}) if name != "recall"]
        for name in dict.fromkeys(known):
            values = [(run.info[part] or {}).get(name) for run in runs]
            by_score[f"{part} {name}"] = values
            rows.append(
                (f"{part} {name}".replace("_", " "), tuple(map(_number, values)), _best(values, f"{part}_{name}"))
            )
    rows.append(("epochs", tuple(f"{run.info['epochs']:,}" for run in runs), None))
    differing = config_differences([run.config for run in runs])
    rows += [(key, tuple(map(_text, values)), None) for key, values in differing.items()]
    document = {
        "runs": list(names),
        "verdicts": verdicts,
        "scores": by_score,
        "config": {key: [None if value is ABSENT else value for value in values] for key, values in differing.items()},
    }
    return RunTable(names, tuple(rows), document)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}"


def _text(value: Any) -> str:
    return "-" if value is ABSENT else one_line(value_text(value))


def _best(values: Sequence[float | None], column: str) -> int | None:
    """The index of the best value; None where fewer than two are known, or all are the same."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or len(set(known)) == 1:
        return None
    return values.index(min(known) if lower_is_better(column) else max(known))
