"""Chromium plays the films: of every size, dark, and of two runs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.cli.visualize import SIZES
from nn_scratch.runs.run import Run
from nn_scratch.visualize.film.make import write_film
from nn_scratch.visualize.film.scene import Film
from nn_scratch.visualize.palette import THEMES
from nn_scratch.visualize.view import View
from tests.conftest import trained

# plays a film to its end, at 16 times its speed, and returns what it is and its last frame, in 64 x 36 cells
PLAY = """async text => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const video = document.createElement('video');
  video.muted = true;
  video.playbackRate = 16;
  video.src = URL.createObjectURL(new Blob([bytes], {type: 'video/mp4'}));
  document.body.append(video);
  const ended = new Promise((done, failed) => {
    video.onended = done;
    video.onerror = () => failed(video.error.message);
  });
  await video.play();
  await ended;
  const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 36});
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(video, 0, 0, 64, 36);
  const pixels = Array.from(context.getImageData(0, 0, 64, 36).data);
  return {width: video.videoWidth, height: video.videoHeight, seconds: video.duration, pixels};
}"""


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    outputs = tmp_path_factory.mktemp("filmed")
    layers = [{"type": "dense", "units": 6}]
    return [trained(outputs, name, name, layers=layers, train={"epochs": 3}) for name in ("digits", "iris")]


def played(browser: Any, film: Film, path: Path) -> dict[str, Any]:
    write_film(film, path, lambda done, total: None)
    page = browser.new_page()
    try:
        page.set_content("<body></body>")
        found: dict[str, Any] = page.evaluate(PLAY, base64.b64encode(path.read_bytes()).decode())
    finally:
        page.close()
    return found


def check(browser: Any, film: Film, path: Path) -> None:
    found = played(browser, film, path)
    assert (found["width"], found["height"]) == (film.width, film.height)
    assert found["seconds"] == pytest.approx(film.count / film.fps, abs=0.15)
    last = film.picture(-1).astype(float)
    rows, columns = (np.array_split(np.arange(side), cells) for side, cells in ((film.height, 36), (film.width, 64)))
    expected = np.array([[last[np.ix_(row, column)].mean(axis=(0, 1)) for column in columns] for row in rows])
    seen = np.array(found["pixels"], float).reshape(36, 64, 4)[..., :3]
    assert np.abs(seen - expected).mean() < 8, "the last frame is another one"
    assert np.abs(seen.mean(axis=(0, 1)) - expected.mean(axis=(0, 1))).max() < 6


def test_a_film_plays(browser: Any, filmed: list[Run], tmp_path: Path) -> None:
    check(browser, Film([View(filmed[0])], seconds=3), tmp_path / "film.mp4")


@pytest.mark.slow
@pytest.mark.parametrize("size", [*SIZES.values(), (640, 480), (900, 1600)], ids=str)
def test_films_of_all_sizes_play(browser: Any, filmed: list[Run], tmp_path: Path, size: tuple[int, int]) -> None:
    check(browser, Film([View(filmed[1])], seconds=3, size=size), tmp_path / "film.mp4")


@pytest.mark.slow
def test_dark_films_and_those_of_two_runs_play(browser: Any, filmed: list[Run], tmp_path: Path) -> None:
    views = [View(run) for run in filmed]
    check(browser, Film(views, seconds=3), tmp_path / "two.mp4")
    check(browser, Film(views[:1], seconds=3, theme=THEMES["dark"]), tmp_path / "dark.mp4")
