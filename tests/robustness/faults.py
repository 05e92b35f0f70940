"""The faults that 620 hostile commands found, each with its test and with the commands that show it.

`python -m tests.robustness.faults` lists them. `--probe` types the commands of each at this checkout, `--tree PATH` at
another one, such as a worktree of an earlier commit: a fault that is there is red. `--test` runs the tests.

At b58832e, before they were mended, 31 of the 32 probes are red. That of #10, dropout layers, is green there: its bound
of CPU seconds is wide, so that it holds on any machine. Its test, which counts lines of code executed, is red there.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.robustness.processes import drop_rights

ROOT = Path(__file__).resolve().parents[2]
TESTS = "tests/robustness"
IRIS = ("data.source=iris", "layers=[]", "train.epochs=2", "name=run")


@dataclass(frozen=True)
class Ended:
    """How a command ended. seconds: by the clock."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def told(self) -> list[str]:
        """The lines that were printed on standard error."""
        return self.err.splitlines()

    def summary(self) -> str:
        last = (self.told or self.out.splitlines() or [""])[-1]
        return f"exit code {self.code} after {self.seconds:.0f} s: {last[:110]!r}"


@dataclass(frozen=True)
class Place:
    """A checkout whose commands are typed, and a folder to type them in."""

    tree: Path
    folder: Path

    def command(self, script: str, *arguments: str) -> list[str]:
        return [sys.executable, str(self.tree / "script" / f"{script}.py"), *arguments]

    def environment(self, changes: dict[str, str]) -> dict[str, str]:
        return os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"} | changes

    def type(
        self,
        script: str,
        *arguments: str,
        cwd: Path | None = None,
        limits: dict[int, int] | None = None,
        before: Callable[[], None] = lambda: None,
        **env: str,
    ) -> Ended:
        """Run a command to its end. limits: by the numbers of `resource`; before: called in the process before it."""

        def limited() -> None:
            before()
            for number, most in (limits or {}).items():
                resource.setrlimit(number, (most, most))

        started = time.monotonic()
        done = subprocess.run(
            self.command(script, *arguments),
            cwd=cwd or self.folder,
            env=self.environment(env),
            capture_output=True,
            text=True,
            errors="replace",
            preexec_fn=limited,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - started)

    def train(self, *arguments: str, **options: Any) -> Ended:
        return self.type("train", *arguments, "--outputs", ".", **options)

    def start(self, script: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(script, *arguments),
            cwd=self.folder,
            env=self.environment(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def table(self, name: str = "t.csv", header: str = "a,b,label", constant: bool = False) -> Path:
        rows = np.random.default_rng(0).normal(size=(60, 2))
        lines = [f"{1 if constant else a:.4f},{b:.4f},{'yes' if a > 0 else 'no'}" for a, b in rows]
        path = self.folder / name
        path.write_text("\n".join([header, *lines, ""]))
        return path


def expect(*conditions: tuple[bool, str]) -> str:
    """What the first condition that does not hold says, or nothing."""
    return next((said for holds, said in conditions if not holds), "")


Probe = Callable[[Place], str]


# --- destroys or lies


def replaces_what_is_no_file(at: Place) -> str:
    at.train(*IRIS)
    (at.folder / "new.csv").write_text("a,b,c,d\n1,2,3,4\n")
    np.save(at.folder / "new.npy", np.full((2, 4), 0.5))
    (at.folder / "victim").write_text("precious")
    os.mkfifo(at.folder / "pipe.csv")
    (at.folder / "link.csv").symlink_to("victim")
    for name, there in (("pipe.csv", Path.is_fifo), ("link.csv", Path.is_symlink)):
        ended = at.type("predict", "run-001", "new.npy", "--out", name)
        if not there(at.folder / name) or ended.code != 2:
            return f"{name}: {ended.summary()}, it is {'there' if there(at.folder / name) else 'gone'}"
    return ""


def replaces_its_input(at: Place) -> str:
    at.table()
    at.train("data.source=./t.csv", "layers=[]", "train.epochs=1", "name=run")
    rows = at.folder / "new.csv"
    rows.write_text("a,b\n1,2\n")
    ended = at.type("predict", "run-001", "new.csv", "--out", "new.csv")
    return expect((rows.read_text() == "a,b\n1,2\n" and ended.code == 2, f"the input is gone, {ended.summary()}"))


def merges_labels(at: Place) -> str:
    X = np.random.default_rng(0).normal(size=(60, 2))
    np.savez(at.folder / "t.npz", X=X, y=(2**53 + np.arange(60) % 4).astype(np.int64))
    np.savez(at.folder / "far.npz", X=X, y=np.array([1e19, 2.0])[np.arange(60) % 2])
    for source, classes in (("t.npz", [str(2**53 + k) for k in range(4)]), ("far.npz", ["2", "1" + 19 * "0"])):
        arguments = [f"data.source=./{source}", "data.task=classification", "layers=[]", "train.epochs=1"]
        ended = at.train(*arguments, f"name={source[:-4]}")
        card = at.folder / f"{source[:-4]}-001" / "data.json"
        found = re.search(r'"classes": \[(.*?)\]', card.read_text(), re.DOTALL) if card.exists() else None
        names = re.findall(r'"(.*?)"', found[1]) if found else []
        if names != classes:
            return f"the classes of {source} are {names}, {ended.summary()}"
    return ""


def accepts_changed_data(at: Place) -> str:
    path = at.table()
    at.train("data.source=./t.csv", "layers=[]", "train.epochs=2", "name=run", "data.shuffle=false")
    lines = path.read_text().splitlines()
    (one, *rest), (other, *others) = lines[1].split(","), lines[2].split(",")
    lines[1:3] = [",".join([other, *rest]), ",".join([one, *others])]
    path.write_text("\n".join([*lines, ""]))
    ended = at.type("train", "--resume", "run-001", "train.epochs=4")
    return expect((ended.code == 2, f"two cells swapped: {ended.summary()}"))


def accepts_an_edited_config(at: Place) -> str:
    at.train(*IRIS, "optimizer.lr=0.001")
    path = at.folder / "run-001" / "param.yaml"
    path.write_text(path.read_text().replace("lr: 0.001", "lr: 0.5"))
    ended = at.type("train", "--resume", "run-001", "train.epochs=4")
    return expect((ended.code == 2, f"lr 0.001 edited to 0.5: {ended.summary()}"))


def compares_through_a_link(at: Place) -> str:
    at.train(*IRIS)
    at.train(*IRIS, "seed=2")
    (at.folder / "elsewhere").mkdir()
    for name in ("compare-run-001-run-002", "compare-run-002-run-001"):
        (at.folder / name).symlink_to("elsewhere")
    ended = at.type("visualize", "run-001", "run-002")
    written = list((at.folder / "elsewhere").iterdir())
    return expect((not written and ended.code == 1, f"{len(written)} files in the other folder, {ended.summary()}"))


# --- hangs, eats memory


def takes_memory_of_many_classes(at: Place) -> str:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(30_000) % 10_000)
    np.savez(at.folder / "t.npz", X=rng.normal(size=(30_000, 10)).astype(np.float32), y=y)
    quiet = "log={activations: false, gradients: false}"
    limits = {resource.RLIMIT_AS: 8 << 30, resource.RLIMIT_CPU: 400}
    arguments = ["data.source=./t.npz", "layers=[]", "train={epochs: 1, batch_size: 256}", quiet]
    ended = at.train(*arguments, limits=limits)
    return expect((ended.code == 0, f"within 8 GB and 400 s of CPU: {ended.summary()}"))


def ignores_signals_at_the_end(at: Place) -> str:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 60)).astype(np.float32)
    np.savez(at.folder / "t.npz", X=X, y=(np.sin(3 * X[:, 0]) + X[:, 1] > 0).astype(int))
    arguments = ["data.source=./t.npz", "layers=[]", "train={epochs: 1, batch_size: 4096}", "name=run"]
    process = at.start("train", *arguments, "--outputs", ".")
    predictions = at.folder / "run-001" / "checkpoint.npz"
    while process.poll() is None and not predictions.exists():
        time.sleep(0.01)
    time.sleep(0.3)  # the end phase has begun; what is measured is how long it goes on after the signal
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    process.communicate()
    seconds = time.monotonic() - started
    return expect((seconds < 2 and process.returncode == 143, f"SIGTERM: {process.returncode} after {seconds:.1f} s"))


def holds_a_long_line(at: Place) -> str:
    content = b"a,b,label\n" + b"1,2.5," * 40_000_000 + b"3\n"
    (at.folder / "long.csv.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    ended = at.train("data.source=./long.csv.gz", limits={resource.RLIMIT_AS: 3 << 30, resource.RLIMIT_CPU: 120})
    right = ended.code == 2 and len(ended.told) == 1
    return expect((right and ":2: " in ended.err, f"240 MB in a line, within 3 GB: {ended.summary()}"))


def names_layers_in_quadratic_time(at: Place) -> str:
    layers = "layers:\n" + "  - {type: dropout, rate: 0.0001}\n" * 10_000
    (at.folder / "c.yaml").write_text("data: {source: iris}\ntrain: {epochs: 1, batch_size: 200}\n" + layers)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = at.train("--config", "c.yaml")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime
    return expect((ended.code == 0 and used < 20, f"10,000 layers: {used:.0f} s of CPU, {ended.summary()}"))


# --- exit code 70


def obeys_a_matplotlibrc(at: Place) -> str:
    at.train(*IRIS)
    (at.folder / "matplotlibrc").write_bytes(b"text.usetex: True\nfont.family: caf\xe9\n")
    ended = at.type("visualize", "run-001", "--no-film" if has(at, "--no-film") else "run-001")
    return expect((ended.code == 0, ended.summary()))


def has(at: Place, option: str) -> bool:
    return option in at.type("visualize", "--help").out


def drawn(at: Place, **env: str) -> Ended:
    at.train(*IRIS)
    return at.type("visualize", "run-001", *(["--no-film"] if has(at, "--no-film") else []), **env)


def obeys_a_backend(at: Place) -> str:
    ended = drawn(at, MPLBACKEND="nonsense")
    return expect((ended.code == 0, ended.summary()))


ZOO = ("lr_too_low", "--seeds", "40", "--jobs", "2")


def started_zoo(at: Place) -> subprocess.Popen[str]:
    """The zoo, once it trains below a folder of temporary files of its own."""
    temporary = at.folder / "temporary"
    temporary.mkdir()
    process = at.start("zoo", *ZOO, TMPDIR=str(temporary))
    while process.poll() is None and not list(temporary.rglob("run.json")):
        time.sleep(0.02)
    return process


def workers(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in children if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()]


def alive(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def blames_itself_for_a_killed_worker(at: Place) -> str:
    process = started_zoo(at)
    os.kill(workers(process.pid)[-1], signal.SIGKILL)
    _, err = process.communicate()
    lines = err.splitlines()
    return expect((process.returncode == 1 and len(lines) == 1, f"exit code {process.returncode}: {lines[-1:]}"))


def stumbles_over_markup(at: Place) -> str:
    at.table(header="[/],b,label", constant=True)
    ended = at.train("data.source=./t.csv", "layers=[]", "--find-lr")
    return expect((ended.code == 0, f"a column [/]: {ended.summary()}"))


def stumbles_over_a_home(at: Place) -> str:
    ended = at.train("data.source=~nosuchuser/t.csv", "layers=[]")
    return expect((ended.code == 2 and len(ended.told) == 1, ended.summary()))


def stumbles_over_a_folder_to_write(at: Place) -> str:
    at.train(*IRIS)
    np.save(at.folder / "new.npy", np.full((2, 4), 0.5))
    ended = at.type("predict", "run-001", "new.npy", "--out", ".")
    return expect((ended.code == 2 and len(ended.told) == 1, ended.summary()))


def stumbles_over_a_surrogate(at: Place) -> str:
    X = np.random.default_rng(0).normal(size=(60, 2))
    np.savez(at.folder / "t.npz", X=X, y=np.array(["yes", "\ud800"])[np.arange(60) % 2])
    ended = at.train("data.source=./t.npz", "layers=[]", "train.epochs=1")
    return expect((ended.code == 2 and len(ended.told) == 1, ended.summary()))


# --- wrong code, wrong words, lost work


def films_no_odd_folder(at: Place) -> str:
    at.train(*IRIS)
    for name in ("a:b", "-y"):
        shutil.copytree(at.folder / "run-001", at.folder / name)
        ended = at.type("visualize", f"./{name}")
        if ended.code != 0 or not (at.folder / name / "weights.mp4").exists():
            return f"{name}: {ended.summary()}"
    return ""


def loses_a_fix(at: Place) -> str:
    copy = at.folder / "checkout"
    for name in ("script", "nn_scratch", "config"):
        shutil.copytree(at.tree / name, copy / name)
    # what cannot be written even by root: a folder that is not empty stands where the file is to be
    (copy / "config" / "run.fixed.yaml" / "taken").mkdir(parents=True)
    there = Place(copy, at.folder)
    there.train("data.source=iris", "train.epochs=30", "optimizer={type: sgd, lr: 1e-6}", "name=run")
    ended = there.type("diagnose", "run-001", "--fix")
    told = "1e-06" in ended.out or "baseline" in ended.out or "as it is" in ended.out
    written = list((at.folder / "run-001").glob("*fixed*.yaml"))
    return expect((ended.code in (0, 1) and bool(told and written), f"{ended.summary()}, {len(written)} configs"))


def stumbles_over_a_removed_folder(at: Place) -> str:
    gone = at.folder / "gone"
    gone.mkdir()
    train = " ".join(f"'{word}'" for word in at.command("train", *IRIS, "--outputs", str(at.folder)))
    done = subprocess.run(
        ["bash", "-c", f"cd '{gone}' && rmdir '{gone}' && {train}"], capture_output=True, text=True, check=False
    )
    ended = Ended(done.returncode, done.stdout, done.stderr, 0)
    right = ended.code == 1 and "working directory" in ended.err and len(ended.told) == 1
    return expect((right or ended.code == 0, ended.summary()))


def calls_denied_files_damaged(at: Place) -> str:
    at.train(*IRIS)
    (at.folder / "run-001" / "checkpoint.npz").chmod(0)
    ended = at.type("train", "--resume", "run-001", "train.epochs=4", before=drop_rights)
    return expect((ended.code == 1, ended.summary()))


def holds_a_file_a_parameter_open(at: Place) -> str:
    layers = f"layers=[{', '.join(['{type: dense, units: 2}'] * 300)}]"
    ended = at.train("data.source=iris", layers, "train.epochs=1", limits={resource.RLIMIT_NOFILE: 1024})
    return expect((ended.code == 0, ended.summary()))


def knows_suffixes_in_lower_case_only(at: Place) -> str:
    content = at.table().read_bytes()
    (at.folder / "T.CSV.GZ").write_bytes(gzip.compress(content))
    with (at.folder / "T.NPZ").open("wb") as file:
        np.savez(file, X=np.random.default_rng(0).normal(size=(60, 2)), y=np.arange(60) % 2)
    for name in ("T.CSV.GZ", "T.NPZ"):
        ended = at.train(f"data.source=./{name}", "layers=[]", "train.epochs=1")
        if ended.code != 0:
            return f"{name}: {ended.summary()}"
    return ""


def works_in_no_folder_beside_utf_8(at: Place) -> str:
    folder = Path(os.fsdecode(os.fsencode(at.folder) + b"/caf\xe9"))
    folder.mkdir()
    ended = at.train(*IRIS, cwd=folder)
    if ended.code != 0:
        return ended.summary()
    at.table().rename(folder / "t.csv")
    ended = at.train("data.source=./t.csv", "layers=[]", "train.epochs=1", cwd=folder)
    return expect((ended.code == 0 or "unknown data source" not in ended.err, ended.summary()))


def names_no_deleted_log(at: Place) -> str:
    at.train(*IRIS)
    (at.folder / "run-001" / "metrics.csv").unlink()
    ended = at.type("train", "--resume", "run-001", "train.epochs=4")
    return expect((ended.code == 1 and "folder is gone" not in ended.err, ended.summary()))


def needs_signals_only_at_the_end(at: Place) -> str:
    at.train(*IRIS)
    (at.folder / "run-001" / "signals.json").unlink()
    ended = at.type("train", "--resume", "run-001", "train.epochs=4")
    rows = len((at.folder / "run-001" / "metrics.csv").read_text().splitlines()) - 1
    return expect((ended.code == 0 or rows == 2, f"{ended.summary()}, after {rows} epochs"))


def names_no_line_of_the_config(at: Place) -> str:
    path = at.folder / "c.yaml"
    path.write_text(
        "data: {source: iris}\nlayers:\n  - {type: dense, units: 8}\n"
        "  - type: residual\n    layers:\n      - {type: dense, units: 5}\n"
    )
    ended = at.train("--config", "c.yaml")
    return expect((ended.code == 2 and ended.err.startswith("c.yaml:"), ended.summary()))


# --- leaks and noise


def leaves_temporary_folders(at: Place) -> str:
    process = started_zoo(at)
    time.sleep(0.5)  # into the training of both workers
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    process.communicate()
    left = list((at.folder / "temporary").iterdir())
    return expect((not left, f"{len(left)} folders in TMPDIR after Ctrl-C"))


def leaves_processes(at: Place) -> str:
    process = started_zoo(at)
    children = workers(process.pid)
    process.kill()
    process.wait()
    time.sleep(3)
    left = [child for child in children if alive(child)]
    for child in left:
        os.kill(child, signal.SIGKILL)
    return expect((bool(children) and not left, f"{len(left)} of {len(children)} processes 3 s after SIGKILL"))


def sends_control_characters(at: Place) -> str:
    for number, name in enumerate(("a\x1b[2Jb", "a\x9b2Jb")):
        rows = at.table(header=f"{name},b,label", constant=True)
        rows.write_text(rows.read_text().replace("yes", name))
        for script, arguments in (
            ("train", ["data.source=./t.csv", "layers=[]", "train.epochs=1", f"name=run{number}", "--outputs", "."]),
            ("train", ["data.source=./t.csv", f"data.target={name}x", "--outputs", "."]),
            ("diagnose", ["--data", "t.csv"]),
            ("diagnose", [f"run{number}-001"]),
            ("predict", [f"run{number}-001", "t.csv", "--out", f"{name}.csv"]),
            ("predict", [f"run{number}-001", f"{name}-gone.csv"]),
        ):
            ended = at.type(script, *arguments)
            if any(raw in ended.out + ended.err for raw in "\x1b\x9b") or ended.code not in (0, 2):
                return f"{script} {arguments[:2]} prints {name!r} raw, {ended.summary()}"
    return ""


def warns_of_arithmetic(at: Place) -> str:
    X = 1e-310 * np.random.default_rng(0).normal(size=(60, 2))
    np.savez(at.folder / "t.npz", X=X, y=np.arange(60) % 2)
    for arguments in (["data.source=./t.npz", "layers=[]"], ["data.source=iris", "optimizer.lr=1e300"]):
        ended = at.train(*arguments, "train.epochs=2")
        if "Warning" in ended.out + ended.err or ended.code not in (0, 2, 3):
            return f"{arguments}: {ended.summary()}"
    return ""


def shows_noise_of_matplotlib(at: Place) -> str:
    (at.folder / "home").write_text("no folder")
    ended = drawn(at, HOME=str(at.folder / "home"), XDG_CACHE_HOME=str(at.folder / "home"))
    return expect((ended.code == 0 and not ended.err, ended.summary()))


@dataclass(frozen=True)
class Fault:
    """says: in the words of who found it. tests: which hold it mended. probe: says what is wrong, or nothing."""

    says: str
    probe: Probe
    tests: tuple[str, ...]


OUT, TABLES, LIMITS, SIGNALS = (f"{TESTS}/test_{name}.py::" for name in ("outputs", "tables", "limits", "signals"))
NAMES, AROUND, PICTURES = (f"{TESTS}/test_{name}.py::" for name in ("names", "surroundings", "pictures"))
RESUME = "tests/experiments/test_resume.py::"
FAULTS = (
    Fault(
        "predict --out replaces a device, a pipe or a link",
        replaces_what_is_no_file,
        (f"{OUT}test_predictions_replace_nothing_but_a_regular_file", f"{OUT}test_a_device_is_not_replaced"),
    ),
    Fault(
        "predict --out replaces its own input",
        replaces_its_input,
        (f"{OUT}test_predictions_do_not_replace_what_they_are_made_from",),
    ),
    Fault(
        "labels above 2^53 merge; 1e19 becomes negative",
        merges_labels,
        (
            f"{TABLES}test_whole_numbers_above_2_to_the_53_stay_classes_of_their_own_in_npz",
            f"{TABLES}test_a_label_of_1e19_keeps_its_name",
        ),
    ),
    Fault(
        "resume accepts changed data",
        accepts_changed_data,
        (f"{RESUME}test_one_cell_that_has_changed_since_is_found",),
    ),
    Fault(
        "resume accepts an edited param.yaml",
        accepts_an_edited_config,
        (f"{RESUME}test_a_config_that_was_edited_in_the_folder_is_not_gone_on_with",),
    ),
    Fault(
        "a comparison writes through a linked folder",
        compares_through_a_link,
        (f"{OUT}test_a_comparison_is_not_written_through_a_link",),
    ),
    Fault(
        "10,000 classes x 30,000 rows: 11 GB",
        takes_memory_of_many_classes,
        (f"{LIMITS}test_10000_classes_of_30000_rows_train_in_3_gigabytes",),
    ),
    Fault(
        "a signal waits for the end phase",
        ignores_signals_at_the_end,
        (
            f"{SIGNALS}test_a_signal_in_the_end_phase_is_heeded_and_the_run_goes_on",
            f"{SIGNALS}test_a_signal_in_a_long_call_of_a_library_ends_the_command",
        ),
    ),
    Fault(
        "one long line takes 8.5 GB",
        holds_a_long_line,
        (f"{TABLES}test_a_row_without_end_is_refused_in_little_memory",),
    ),
    Fault(
        "10,000 dropout layers: a minute after one epoch",
        names_layers_in_quadratic_time,
        (f"{LIMITS}test_the_work_of_a_run_grows_with_its_layers_and_not_with_their_square",),
    ),
    Fault(
        "a matplotlibrc: exit code 70, other bytes",
        obeys_a_matplotlibrc,
        (f"{PICTURES}test_a_matplotlibrc_changes_no_byte",),
    ),
    Fault(
        "MPLBACKEND: exit code 70",
        obeys_a_backend,
        (f"{PICTURES}test_no_backend_of_the_environment_is_used",),
    ),
    Fault(
        "a worker killed: exit code 70",
        blames_itself_for_a_killed_worker,
        (f"{SIGNALS}test_a_process_that_is_killed_while_it_trains_is_reported_in_one_line",),
    ),
    Fault(
        "names with [/]: exit code 70",
        stumbles_over_markup,
        (
            f"{NAMES}test_names_of_columns_classes_and_folders_are_shown",
            f"{NAMES}test_notices_are_no_markup",
        ),
    ),
    Fault(
        "~nosuchuser: exit code 70",
        stumbles_over_a_home,
        (f"{TABLES}test_a_home_folder_of_nobody_is_no_bug_of_ours",),
    ),
    Fault(
        "--out .: exit code 70",
        stumbles_over_a_folder_to_write,
        (f"{OUT}test_a_folder_is_no_file_to_write",),
    ),
    Fault(
        "a lone surrogate in labels: exit code 70",
        stumbles_over_a_surrogate,
        (f"{TABLES}test_half_of_a_surrogate_pair_is_no_label",),
    ),
    Fault(
        "folders with : or a leading - break the film",
        films_no_odd_folder,
        (f"{PICTURES}test_a_film_is_written_whatever_its_folder_is_called",),
    ),
    Fault(
        "--fix loses its table where config/ cannot be written",
        loses_a_fix,
        (f"{AROUND}test_a_fix_that_finds_no_room_in_config_is_written_into_the_run",),
    ),
    Fault(
        "a removed working directory: exit code 70",
        stumbles_over_a_removed_folder,
        (f"{AROUND}test_a_working_directory_that_is_gone_is_named",),
    ),
    Fault(
        'permission denied is told as damage: code 2, "train anew"',
        calls_denied_files_damaged,
        (f"{AROUND}test_what_may_not_be_read_is_an_error_of_the_environment",),
    ),
    Fault(
        "300 layers do not train under ulimit -n 1024",
        holds_a_file_a_parameter_open,
        (f"{LIMITS}test_300_layers_train_with_few_files_open",),
    ),
    Fault(
        "X.CSV.GZ and X.NPZ are unknown formats",
        knows_suffixes_in_lower_case_only,
        (f"{TABLES}test_the_case_of_a_suffix_does_not_matter",),
    ),
    Fault(
        "a working directory that is not UTF-8",
        works_in_no_folder_beside_utf_8,
        (f"{NAMES}test_a_folder_whose_name_no_config_can_hold_is_refused_only_where_the_config_would_hold_it",),
    ),
    Fault(
        'a deleted log is "the folder is gone"',
        names_no_deleted_log,
        (f"{AROUND}test_a_log_that_was_deleted_is_named_when_the_run_is_to_go_on",),
    ),
    Fault(
        "a deleted signals.json fails only after training",
        needs_signals_only_at_the_end,
        (
            f"{RESUME}test_what_was_made_before_the_first_step_is_made_again_where_it_was_deleted",
            f"{RESUME}test_a_damaged_document_is_reported_before_training",
        ),
    ),
    Fault(
        "errors found while the network is built name no line",
        names_no_line_of_the_config,
        ("tests/experiments/test_build_errors.py::test_an_error_found_while_building_names_file_line_and_key",),
    ),
    Fault(
        "the zoo leaves folders in TMPDIR after Ctrl-C",
        leaves_temporary_folders,
        (f"{SIGNALS}test_processes_that_train_leave_nothing_behind_when_they_are_stopped",),
    ),
    Fault(
        "SIGKILL leaves processes that train",
        leaves_processes,
        (f"{SIGNALS}test_processes_that_train_end_with_the_one_that_started_them",),
    ),
    Fault(
        "ESC and U+009B in names reach the terminal",
        sends_control_characters,
        (f"{NAMES}test_names_of_columns_classes_and_folders_are_shown",),
    ),
    Fault(
        "NumPy's warnings of arithmetic are printed",
        warns_of_arithmetic,
        (f"{AROUND}test_numpy_warns_of_nothing",),
    ),
    Fault(
        "matplotlib's noise about a HOME that cannot be written",
        shows_noise_of_matplotlib,
        (f"{PICTURES}test_a_home_that_cannot_be_written_makes_no_noise",),
    ),
)


@contextmanager
def place(tree: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        yield Place(tree, Path(folder))


def probe(fault: Fault, tree: Path = ROOT) -> str:
    """Type a fault's commands at a checkout: what is wrong there, or nothing."""
    with place(tree) as at:
        return fault.probe(at)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probe", action="store_true", help="type the commands of each fault at this checkout")
    parser.add_argument("--tree", type=Path, help="type them at this one")
    parser.add_argument("--test", action="store_true", help="run the tests")
    parser.add_argument("numbers", type=int, nargs="*", help="these faults alone")
    options = parser.parse_args(arguments)
    chosen = [number for number in range(1, len(FAULTS) + 1) if number in (options.numbers or range(99))]
    red = 0
    for number in chosen:
        fault = FAULTS[number - 1]
        if options.probe or options.tree:
            wrong = probe(fault, (options.tree or ROOT).resolve())
            red += bool(wrong)
            print(f"{number:>2} {'red  ' if wrong else 'green'} {fault.says}{': ' if wrong else ''}{wrong}", flush=True)
        else:
            print(f"{number:>2} {fault.says}", *fault.tests, sep="\n     ")
    if options.probe or options.tree:
        print(f"{red} of {len(chosen)} red")
        return min(red, 1)
    if options.test:
        ids = [test for number in chosen for test in FAULTS[number - 1].tests]
        return subprocess.run([sys.executable, "-m", "pytest", "-q", *ids], cwd=ROOT, check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
