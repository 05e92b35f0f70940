"""A wheel, installed into an empty environment, used in an empty folder.

The dependencies are those of the running interpreter: a .pth file adds its site-packages. The package itself is the
wheel's.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


def run(*typed, cwd, code=0):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([*map(str, typed)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def pip(*arguments, cwd):
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The project's files without what is derived, and a git repository of them."""
    folder = tmp_path_factory.mktemp("clone") / "nn_scratch"
    derived = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "outputs", "tests", ".*", "*.fixed.yaml")
    shutil.copytree(PROJECT, folder, ignore=derived)
    (folder / "config" / "mine.fixed.yaml").touch()  # as `diagnose --fix` leaves one
    stale = folder / "build" / "lib" / "nn_scratch" / "stale.py"  # as a build of an earlier version leaves one
    stale.parent.mkdir(parents=True)
    stale.touch()
    return folder


def environment_with(source, folder):
    """An empty environment with the wheel that pip builds of `source`; returns the folder of its programs."""
    pip("wheel", source, "--no-deps", "--no-build-isolation", "--wheel-dir", folder, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=os.name != "nt")
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    pip("--python", python, "install", "--no-deps", wheel, cwd=folder)
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return programs


@pytest.fixture(scope="module")
def programs(checkout, tmp_path_factory):
    return environment_with(checkout, tmp_path_factory.mktemp("installed"))


def test_a_wheel_holds_the_default_config_the_zoo_and_nothing_that_is_left_over(programs, tmp_path):
    code = "from nn_scratch.config import project; print(project.SHIPPED)"
    shipped = Path(run(programs / "python", "-c", code, cwd=tmp_path).strip())
    for folder in ("config", "data"):
        files = {
            path.relative_to(PROJECT)
            for path in (PROJECT / folder).rglob("*")
            if path.is_file() and not path.name.endswith(".fixed.yaml")
        }
        assert len(files) > 3
        assert {path.relative_to(shipped) for path in (shipped / folder).rglob("*") if path.is_file()} == files
    assert not (shipped.parent / "stale.py").exists()


def test_train_visualize_diagnose_and_predict_run_in_an_empty_folder(programs, tmp_path):
    """The sample of the slow tests below that `make test`, and with it CI, runs."""
    cli = programs / "nn-scratch"
    imported = run(programs / "python", "-c", "import nn_scratch; print(nn_scratch.__file__)", cwd=tmp_path)
    assert Path(imported.strip()).is_relative_to(programs.parent)
    run(cli, "train", "data.source={type: moons, rows: 200}", "train.epochs=3", "--name", "m", cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"outputs"}
    run(cli, "visualize", "m-001", "--no-film", cwd=tmp_path)
    assert {"report.html", "plots.html", "plots"} <= {path.name for path in (tmp_path / "outputs/m-001").iterdir()}
    assert run(cli, "diagnose", "m-001", cwd=tmp_path).startswith("m-001\n")
    (tmp_path / "new.csv").write_text("x1,x2\n0.5,0.2\n1.5,-0.3\n")
    header, *rows = run(cli, "predict", "m-001", "new.csv", cwd=tmp_path).splitlines()
    assert (header, len(rows)) == ("prediction,p(0),p(1)", 2)


@pytest.mark.slow
def test_every_command_runs_in_an_empty_folder(programs, tmp_path):
    cli = programs / "nn-scratch"
    table = tmp_path / "shipped.csv"
    table.write_text("a,b,kind\n" + "".join(f"{i % 7},{i % 5},{'xy'[i % 2]}\n" for i in range(80)))
    assert run(cli, "--version", cwd=tmp_path) == "nn-scratch 0.1.0\n"

    # without a config in the working directory, the one that was installed
    printed = run(cli, "train", "train.epochs=2", cwd=tmp_path)
    assert printed.endswith("written to outputs/digits-001/\nnext: nn-scratch visualize digits-001\n")
    assert {path.name for path in tmp_path.iterdir()} == {"outputs", "shipped.csv"}

    # a treated run: config/ does not exist yet
    run(cli, "train", "data.source=moons", "optimizer={type: sgd, lr: 300}", "--name", "sick", cwd=tmp_path, code=3)
    assert "next: nn-scratch train --config config/sick.fixed.yaml" in run(cli, "diagnose", "--fix", cwd=tmp_path)
    run(cli, "train", "--config", "config/sick.fixed.yaml", "train.epochs=1", cwd=tmp_path)

    run(cli, "init", cwd=tmp_path)
    config = tmp_path / "config" / "param.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("name: digits ", "name: mine "), encoding="utf-8")
    run(cli, "train", "data.source=shipped.csv", "train.epochs=2", "log.probe_rows=20", cwd=tmp_path)
    run(cli, "visualize", "mine-001", "--epochs-per-second", "4", "--fps", "8", cwd=tmp_path)
    assert {"report.html", "weights.mp4", "plots"} <= {path.name for path in (tmp_path / "outputs/mine-001").iterdir()}
    assert run(cli, "diagnose", "mine-001", cwd=tmp_path).startswith("mine-001\n")
    assert run(cli, "predict", "mine-001", "shipped.csv", cwd=tmp_path).startswith("prediction,")
    assert "found 1 of 1, false alarms 0 of 1" in run(cli, "zoo", "leakage", "--seeds", "1", cwd=tmp_path)
    assert "train --help" in run(cli, "benchmark", "startup", "--repeats", "1", cwd=tmp_path)


IN_CODE = """
from sklearn.datasets import load_iris
import nn_scratch

run = nn_scratch.train({"data": {"source": "iris"}, "train": {"epochs": 3}}, name="iris")
print(run.diagnosis.verdict)
X, y = load_iris(return_X_y=True)
outputs = nn_scratch.Model.load(run).predict(X)
estimator = nn_scratch.MLPClassifier(max_iter=40, random_state=0).fit(X, y)
print("accuracy above chance:", estimator.score(X, y) > 0.5)
"""


@pytest.mark.slow
def test_the_api_the_estimators_and_exports_run_in_an_empty_folder(programs, tmp_path):
    printed = run(programs / "python", "-W", "ignore", "-c", IN_CODE, cwd=tmp_path)
    assert printed.splitlines()[-1] == "accuracy above chance: True"
    run(programs / "nn-scratch", "export", "iris-001", "--to", "sklearn", cwd=tmp_path)
    assert list((tmp_path / "outputs" / "iris-001" / "export").iterdir())


@pytest.mark.slow
def test_the_package_runs_as_a_module_and_names_its_commands_so(programs, tmp_path):
    python = programs / "python"
    assert "usage: python -m nn_scratch train" in run(python, "-m", "nn_scratch", "train", "--help", cwd=tmp_path)
    printed = run(python, "-m", "nn_scratch", "visualize", cwd=tmp_path, code=2)
    assert printed == "no run under outputs yet: type `python -m nn_scratch train` first\n"


@pytest.mark.slow
def test_it_installs_from_a_git_url(checkout, tmp_path):
    git = ("git", "-c", "user.name=test", "-c", "user.email=test@localhost")
    run(*git, "init", "-q", cwd=checkout)
    run(*git, "add", ".", cwd=checkout)
    run(*git, "commit", "-q", "-m", "all", cwd=checkout)
    programs = environment_with(f"git+file://{checkout}", tmp_path)
    (tmp_path / "empty").mkdir()
    run(programs / "nn-scratch", "train", "train.epochs=1", cwd=tmp_path / "empty")
