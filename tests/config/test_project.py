"""The two modes of the project's folders: a checkout, and a package that is installed."""

import importlib.util
import sys
from pathlib import Path

import pytest

from nn_scratch.config import project

SOURCE = Path(project.__file__)


def project_at(root: Path, *, checkout: bool):
    """config/project.py as it is imported from below `root`, with a default config where that mode has one."""
    module_file = root / "nn_scratch" / "config" / "project.py"
    module_file.parent.mkdir(parents=True)
    module_file.write_text(SOURCE.read_text())
    config = root / ("config" if checkout else "nn_scratch/shipped/config")
    config.mkdir(parents=True)
    (config / "param.yaml").touch()
    spec = importlib.util.spec_from_file_location("project_elsewhere", module_file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_in_a_checkout_its_own_folders_serve_from_anywhere(tmp_path, monkeypatch):
    checkout = project_at(tmp_path / "clone", checkout=True)
    monkeypatch.chdir(tmp_path)
    assert checkout.IN_CHECKOUT
    assert checkout.default_config() == tmp_path / "clone" / "config" / "param.yaml"
    assert tmp_path / "clone" / "outputs" == checkout.OUTPUTS
    assert tmp_path / "clone" / "config" / "zoo" == checkout.ZOO


def test_an_installed_package_uses_the_working_directory(tmp_path, monkeypatch):
    installed = project_at(tmp_path / "site-packages", checkout=False)
    monkeypatch.chdir(tmp_path)
    assert not installed.IN_CHECKOUT
    assert installed.OUTPUTS.resolve() == tmp_path / "outputs"
    assert tmp_path / "site-packages/nn_scratch/shipped/config/zoo" == installed.ZOO


def test_an_installed_package_prefers_the_working_directorys_config_to_its_own(tmp_path, monkeypatch):
    installed = project_at(tmp_path / "site-packages", checkout=False)
    monkeypatch.chdir(tmp_path)
    assert installed.default_config() == tmp_path / "site-packages/nn_scratch/shipped/config/param.yaml"
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "param.yaml").touch()
    assert installed.default_config().resolve() == tmp_path / "config" / "param.yaml"


@pytest.mark.parametrize(
    ("started", "checkout", "typed"),
    [
        ("script/train.py", True, "python script/train.py"),
        ("/somewhere/notebook.py", True, "python script/train.py"),
        ("/usr/bin/nn-scratch", True, "nn-scratch train"),
        ("/clone/nn_scratch/__main__.py", True, "python -m nn_scratch train"),
        ("/usr/bin/nn-scratch", False, "nn-scratch train"),
        ("C:/venv/Scripts/nn-scratch.exe", False, "nn-scratch train"),
        ("/site-packages/nn_scratch/__main__.py", False, "python -m nn_scratch train"),
        ("/somewhere/notebook.py", False, "nn-scratch train"),
    ],
)
def test_a_command_is_named_as_the_process_was_started(tmp_path, monkeypatch, started, checkout, typed):
    monkeypatch.setattr(sys, "argv", [started])
    here = project_at(tmp_path, checkout=checkout)
    if checkout:
        (tmp_path / "script").mkdir()
        (tmp_path / "script" / "train.py").touch()
    assert here.command("train") == typed
    assert here.as_typed("first: python script/train.py --check") == f"first: {typed} --check"


def test_a_command_without_a_script_is_run_as_a_module_in_a_checkout(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    assert project.command("init") == "python -m nn_scratch init"
