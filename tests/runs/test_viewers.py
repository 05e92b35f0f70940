"""What training and a live page tell each other, and that it changes no byte of a run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.experiments.train import Session, resume, train
from nn_scratch.runs import recorder
from nn_scratch.runs.run import Run
from nn_scratch.runs.viewers import WAITING_SECONDS, Viewers
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer
from tests.small import config, differing, rows


@pytest.fixture
def viewers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Viewers:
    beside = tmp_path / "temporary"
    beside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(beside))
    return Viewers(tmp_path / "run")


def test_training_hears_of_a_page_and_the_page_of_what_is_written(viewers: Viewers, tmp_path: Path) -> None:
    training = Viewers(tmp_path / "run")
    assert not training.waiting()
    viewers.ask()
    assert training.waiting()
    assert viewers.written() is None
    training.report({"epoch": 3})
    assert viewers.written() == {"epoch": 3}
    training.withdraw()
    assert viewers.written() is None
    viewers.leave()
    assert not training.waiting()
    assert not viewers.folder.exists()


def test_a_page_that_no_longer_asks_is_not_waited_for(viewers: Viewers) -> None:
    viewers.ask()
    asked = viewers.folder / "asked"
    before = asked.stat().st_mtime - WAITING_SECONDS - 1
    os.utime(asked, (before, before))
    assert not viewers.waiting()


def test_a_link_in_its_place_is_left_alone(viewers: Viewers, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "written.json").write_text('{"epoch": 9}')
    viewers.folder.symlink_to(elsewhere)
    viewers.ask()
    assert not viewers.waiting()
    assert viewers.written() is None
    viewers.withdraw()
    viewers.leave()
    assert [path.name for path in elsewhere.iterdir()] == ["written.json"]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff"])
def test_what_is_no_answer_is_none(content: bytes, viewers: Viewers) -> None:
    viewers.ask()
    viewers.file.write_bytes(content)
    assert viewers.written() is None


class Page(Observer):
    """Asks after every epoch, which takes a second; keeps what was said, and the folder that a kill after the second
    epoch would leave."""

    def __init__(self, session: Session, copy: Path, clock: list[float]) -> None:
        self._clock = clock
        self.folder, self.copy, self.viewers = session.folder, copy, Viewers(session.folder)
        self.said: list[dict[str, Any] | None] = []

    def on_start(self, trainer: Trainer) -> None:
        self.viewers.ask()

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        self._clock[0] += 1.0
        self.viewers.ask()
        self.said.append(self.viewers.written())
        if trainer.epoch == 2:
            shutil.copytree(self.folder, self.copy)
            (self.copy / "lock").unlink()


def test_rows_are_written_before_they_are_committed_and_a_kill_in_between_changes_no_byte(
    viewers: Viewers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(rows(tmp_path), train__epochs=4)
    alone = train(settings, tmp_path / "alone")
    clock, pages, commit_logs = [0.0], list[Page](), recorder.commit_logs

    def commit_slowly(*logs: Any) -> None:
        clock[0] += 1e6
        commit_logs(*logs)

    def observers(session: Session) -> list[Observer]:
        pages.append(Page(session, tmp_path / "killed", clock))
        return list(pages)

    monkeypatch.setattr(recorder, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(recorder, "commit_logs", commit_slowly)

    watched = train(settings, tmp_path / "watched", observers)
    assert not differing(alone, watched)
    killed = Run(tmp_path / "killed")
    assert killed.committed["epoch"] == 0
    said = pages[0].said[1]
    assert said is not None
    further = killed.ahead(said)
    assert further.committed["epoch"] == 2
    assert (further.weights("output.W") == alone.weights("output.W")[:3]).all()
    assert further.metrics["val_loss"].tolist() == alone.metrics["val_loss"][:2].tolist()
    assert not differing(alone, resume(killed))
