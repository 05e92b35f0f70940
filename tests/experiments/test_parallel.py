"""Runs side by side: results in order, diverged runs among them, and no temporary folder that outlives them."""

import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.config.resolve import change_config
from nn_scratch.config.schema import Config
from nn_scratch.errors import Diverged, EnvironmentFailure, NNScratchError, UserError
from nn_scratch.experiments.parallel import QUIET, Job, run_all, split_by, train_or_diverged
from nn_scratch.experiments.train import Interrupted, Session, train
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer
from tests.small import config, rows

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, as this process and its children see it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def seeded(tmp_path: Path, seeds: Sequence[int], **changes: object) -> list[Config]:
    base = change_config(config(rows(tmp_path), **changes), QUIET)
    return [change_config(base, {"seed": seed}) for seed in seeds]


def seed_and_status(run: Run) -> tuple[int, str]:
    return run.config["seed"], run.info["status"]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_results_come_in_the_order_of_the_jobs_and_temporary_runs_are_removed(
    tmp_path: Path, temporary: Path, n_jobs: int
) -> None:
    jobs = [Job(one, seed_and_status) for one in seeded(tmp_path, range(5))]
    assert list(run_all(jobs, n_jobs)) == [(seed, "finished") for seed in range(5)]
    assert [path for path in temporary.iterdir() if path.name.startswith("nn_scratch-")] == []


def test_unused_results_are_dropped_without_a_warning(tmp_path: Path, temporary: Path) -> None:
    results = run_all([Job(one, seed_and_status) for one in seeded(tmp_path, range(4))], 2)
    assert next(results) == (0, "finished")
    results.close()
    gc.collect()  # warnings are errors in tests, those of generators that are destroyed, too
    assert [path for path in temporary.iterdir() if path.name.startswith("nn_scratch-")] == []


def test_a_run_that_diverged_has_a_result_like_any_other(tmp_path: Path, temporary: Path) -> None:
    fine, wild = seeded(tmp_path, [1])[0], seeded(tmp_path, [2], optimizer__lr=1e30)[0]
    jobs = [Job(one, seed_and_status) for one in (fine, wild, fine)]
    assert list(run_all(jobs, 1)) == [(1, "finished"), (2, "diverged"), (1, "finished")]
    assert train_or_diverged(wild, tmp_path / "kept").path == tmp_path / "kept" / "small-001"


def test_a_run_is_kept_where_outputs_says_so(tmp_path: Path) -> None:
    jobs = [Job(one, seed_and_status, outputs=tmp_path / "outputs") for one in seeded(tmp_path, [3, 4])]
    assert list(run_all(jobs, 2)) == [(3, "finished"), (4, "finished")]
    kept = sorted((tmp_path / "outputs").iterdir())
    assert [path.name for path in kept] == ["small-001", "small-002"]
    assert {Run(path).config["seed"] for path in kept} == {3, 4}


def test_the_jobs_are_those_of_train_run_by_run(tmp_path: Path) -> None:
    """A run in another process has the same bytes as the same run here."""
    one = seeded(tmp_path, [7])[0]
    list(run_all([Job(one, seed_and_status, outputs=tmp_path / "there")], 2))
    train(one, tmp_path / "here")
    there, here = ((tmp_path / name / "small-001" / "model.npz").read_bytes() for name in ("there", "here"))
    assert there == here


def held_out_rows(run: Run) -> list[int]:
    return sorted(run.predictions["val_rows"].tolist())


def test_rows_are_split_by_a_seed_of_their_own(tmp_path: Path) -> None:
    one, other = seeded(tmp_path, [1, 2])
    alone = list(run_all([Job(one, held_out_rows), Job(other, held_out_rows)], 1))
    together = list(run_all([Job(one, held_out_rows, split_by(1)), Job(other, held_out_rows, split_by(1))], 1))
    assert alone[0] != alone[1]
    assert together == [alone[0], alone[0]]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_is_raised_as_it_was_and_nothing_temporary_stays(tmp_path: Path, temporary: Path, n_jobs: int) -> None:
    jobs = [Job(one, failing) for one in seeded(tmp_path, range(3))]
    with pytest.raises(UserError) as raised:
        list(run_all(jobs, n_jobs))
    assert raised.value.problems == ("one", "two")
    assert [path for path in temporary.iterdir() if path.name.startswith("nn_scratch-")] == []


def failing(run: Run) -> None:
    raise UserError(["one", "two"])


@pytest.mark.parametrize(
    "error",
    [
        UserError(["one", "two"]),
        EnvironmentFailure("no space"),
        Diverged(3, 41, "hidden_1", "the gradient"),
        Interrupted(Path("outputs/digits-001"), signal.SIGTERM, 4),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_the_way_between_processes(error: NNScratchError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.exit_code == error.exit_code
    assert vars(back) == vars(error)


def test_every_kind_of_error_is_among_those() -> None:
    kinds = {UserError, EnvironmentFailure, Diverged, Interrupted}
    below_the_terminal = {
        kind
        for kind in NNScratchError.__subclasses__()
        if kind.__module__.startswith("nn_scratch") and not kind.__module__.startswith("nn_scratch.cli")
    }
    assert below_the_terminal == kinds


def test_a_signal_to_a_temporary_run_stops_it_and_says_no_more(tmp_path: Path, temporary: Path) -> None:
    job = Job(seeded(tmp_path, [1])[0], seed_and_status, observers=signalling)
    with pytest.raises(NNScratchError, match=r"^stopped$") as raised:
        list(run_all([job], 1))
    assert raised.value.exit_code == 143
    assert list(temporary.iterdir()) == []


class Signal(Observer):
    def on_epoch_end(self, *_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def signalling(session: Session) -> Sequence[Observer]:
    return (Signal(),)


def signal_the_parent(signum: int, run: Run) -> None:
    os.kill(os.getppid(), signum)


PARENT = """
import sys
from pathlib import Path
from nn_scratch.cli.process import parser, run_script
from nn_scratch.experiments.parallel import run_all
from tests.experiments.test_parallel import interrupting_jobs
main = lambda arguments: list(run_all(interrupting_jobs(Path(sys.argv[1]), int(sys.argv[2])), 2))
sys.exit(run_script(main, parser(""), []))
"""


def interrupting_jobs(folder: Path, signum: int) -> list[Job[None]]:
    """The first of them signals the process that waits for the results, while the others are under way."""
    long = seeded(folder, range(1, 6), train__epochs=100_000)
    return [Job(seeded(folder, [0])[0], partial(signal_the_parent, signum)), *(Job(one, failing) for one in long)]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_jobs_and_leaves_nothing(tmp_path: Path, temporary: Path, signum: int, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT, str(tmp_path), str(int(signum))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "stopped\n")
    assert [path for path in temporary.iterdir() if path.name.startswith("nn_scratch-")] == []
    assert np.all([not path.name.startswith("joblib_") for path in temporary.iterdir()])
