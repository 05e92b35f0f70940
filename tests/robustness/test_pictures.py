"""Pictures and films do not depend on the user's settings of matplotlib, nor on how a folder is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nn_scratch.visualize.film.encoder import probe
from tests.robustness.processes import ROOT, Scripts, without_slow_steps
from tests.robustness.test_surroundings import SHORT


@pytest.fixture(scope="module")
def run(scripts: Scripts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("outputs")
    assert scripts.train(outputs, *SHORT).code == 0
    return outputs / "run-001"


def drawn(run: Path, cwd: Path, *arguments: str, **environment: str) -> dict[str, bytes]:
    """The pictures of a run, drawn in a process of its own with an environment of its own."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "script" / "visualize.py"), str(run), *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, without_slow_steps(done.stderr)) == (0, "")
    return {path.name: path.read_bytes() for path in (run / "plots").iterdir()}


@pytest.fixture(scope="module")
def expected(run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return drawn(run, tmp_path_factory.mktemp("anywhere"), "--no-film")


SETTINGS = {
    "letters of LaTeX, large": "text.usetex: True\nfont.size: 30\nsavefig.bbox: tight\nfigure.facecolor: red\n",
    "bytes that are not UTF-8": b"font.family: caf\xe9\n",
    "nonsense": "font.size: huge\nno such: thing\n",
}


@pytest.mark.parametrize("where", ["the environment", "the working directory"])
@pytest.mark.parametrize("what", SETTINGS)
def test_a_matplotlibrc_changes_no_byte(
    what: str, where: str, run: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    content = SETTINGS[what]
    path = tmp_path / "matplotlibrc"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if where == "the environment":
        (tmp_path / "here").mkdir()
        assert drawn(run, tmp_path / "here", "--no-film", MATPLOTLIBRC=str(path)) == expected
    else:
        assert drawn(run, tmp_path, "--no-film") == expected


@pytest.mark.parametrize("backend", ["nonsense", "TkAgg", "pdf"])
def test_no_backend_of_the_environment_is_used(
    backend: str, run: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    assert drawn(run, tmp_path, "--no-film", MPLBACKEND=backend) == expected


def test_a_home_that_cannot_be_written_makes_no_noise(run: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, which is no folder for anybody")
    assert drawn(run, tmp_path, "--no-film", HOME=str(tmp_path / "home")) == expected


@pytest.mark.parametrize("name", ["a:b", "-y", "pipe:1", "a'b %d|c"])
def test_a_film_is_written_whatever_its_folder_is_called(name: str, run: Path, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for path in run.rglob("*"):
        if path.is_file() and path.parent.name != "plots":
            copy = folder / path.relative_to(run)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    done = subprocess.run(
        [sys.executable, str(ROOT / "script" / "visualize.py"), "--gif", f"./{name}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert probe(folder / "weights.mp4")["frames"] > 0
    assert (folder / "weights.gif").read_bytes().startswith(b"GIF8")
    assert [path.name for path in tmp_path.iterdir()] == [name]
