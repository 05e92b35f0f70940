"""script/visualize.py as it is typed."""

import argparse
import shutil
import subprocess
import sys

import numpy as np
import pytest

from nn_scratch.cli.visualize import add_arguments, main
from nn_scratch.errors import NNScratchError, UserError
from nn_scratch.visualize.plot import plots


def visualize(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    main(parser.parse_args([str(word) for word in words]))


def test_a_run_is_drawn_into_its_folder(own, capsys, monkeypatch):
    run = own("images")
    monkeypatch.chdir(run.path.parent)
    visualize(run.name)
    lines = capsys.readouterr().out.splitlines()
    assert len(list((run.path / "plots").glob("*.png"))) == 16
    assert not [path for path in run.path.rglob("*") if path.name.endswith(".part")]
    assert f"{run.name}/plots/curves.png  Loss and score" in lines
    assert f"{run.name}/weights.mp4  28 frames, 3.5 s" in lines
    size = f"{(run.path / 'report.html').stat().st_size / 1e6:.1f} MB"
    assert lines[-2:] == [
        f"{run.name}/plots.html  the plots and the film on one page",
        f"{run.name}/report.html  the network to touch, epoch by epoch: open it in a browser "
        f"({size}; some rows of the data are inside; --no-rows: none)",
    ]
    assert "residuals (it needs a regression; this has classes)" in "\n".join(lines)


def test_only_some_plots_as_svg_too(own, capsys):
    run = own("classes")
    visualize(run.path, "--only", "curves,distance", "--svg")
    assert sorted(path.name for path in (run.path / "plots").iterdir()) == [
        "curves.png",
        "curves.svg",
        "distance.png",
        "distance.svg",
    ]
    assert not (run.path / "weights.mp4").exists()
    assert not (run.path / "report.html").exists()


def test_two_runs_are_compared_in_a_folder_beside_them(own, capsys):
    one, other = own("classes"), own("plane")
    visualize(one.path, other.path)
    folder = one.path.parent / "compare-classes-001-plane-001"
    assert sorted(path.name for path in folder.iterdir()) == ["plots", "plots.html", "report.html", "weights.mp4"]
    assert sorted(path.stem for path in (folder / "plots").iterdir()) == [
        "config_difference",
        "curves_compared",
        "scores_compared",
        "verdicts_compared",
    ]


def test_list_tells_every_plot(capsys):
    visualize("--list")
    text = capsys.readouterr().out
    for plot in plots().values():
        assert f"{plot.name}: {plot.how_to_read.splitlines()[0]}" in text
        assert f"What to look for: {plot.look}." in text


def test_help_imports_nothing_slow():
    code = (
        "import sys\n"
        "from nn_scratch.cli import run_command\n"
        "try: run_command('visualize', ['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'matplotlib', 'sklearn', 'rich', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--only", "curvs"], "--only curvs: no such plot; did you mean 'curves'?"),
        (["--layer", "hidden_7"], "--layer hidden_7: classes-001 has no such layer; did you mean 'hidden_2'?"),
        (["--show", "weight"], "--show weight: cannot be filmed; did you mean 'weights'?"),
        (["--only", "boundary"], "--only boundary (it needs data with 2 features, and this has 13)"),
    ],
)
def test_what_was_typed_wrong(own, words, problem):
    run = own("classes")
    with pytest.raises(UserError) as caught:
        visualize(run.path, *words)
    assert str(caught.value) == problem
    assert not (run.path / "weights.mp4").exists()


def test_no_such_run():
    with pytest.raises(UserError, match="nothing-like-this: no such run"):
        visualize("nothing-like-this")


# --- folders from strangers


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def flatten(path):
    values = np.load(path)
    np.save(path, values.reshape(len(values), -1))


def drop_columns(path):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.split(",", 4)[3] for line in lines) + "\n")


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("run.json", lambda path: path.write_text("[1")),
        ("data.json", lambda path: path.write_text("3")),
        ("commit.json", lambda path: path.unlink()),
        ("metrics.csv", cut),
        ("metrics.csv", drop_columns),
        ("steps.csv", drop_columns),
        ("weights/hidden_1.W.npy", cut),
        ("weights/hidden_1.W.npy", flatten),
        ("activations/hidden_1.npy", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00")),
        ("predictions.npz", cut),
        ("plots", lambda path: path.symlink_to(path.parent.parent, target_is_directory=True)),
    ],
)
def test_a_damaged_folder_is_one_line_and_no_traceback(own, file, harm):
    run = own("classes")
    harm(run.path / file)
    with pytest.raises(NNScratchError) as caught:
        visualize(run.path, "--only", "weights,activation_health,confusion,curves")
    assert str(run.path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_in_the_place_of_a_picture_is_replaced_not_followed(own, tmp_path):
    run = own("classes")
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (run.path / "plots").mkdir()
    for name in ("plots/curves.png.part", "plots/curves.png"):
        (run.path / name).symlink_to(precious)
    visualize(run.path, "--only", "curves")
    assert precious.read_text() == "mine"
    assert not (run.path / "plots" / "curves.png").is_symlink()


def test_a_run_made_elsewhere_is_drawn(own, tmp_path):
    run = own("plane")
    moved = tmp_path / "a folder with spaces & more"
    shutil.move(run.path, moved)
    visualize(moved, "--only", "boundary")
    assert (moved / "plots" / "boundary.png").exists()
