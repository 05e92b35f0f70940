"""The command that tests the lower bounds of the requirements (python -m tests.bounds) knows each of them."""

from __future__ import annotations

import tomllib

from tests.bounds import ROOT, lowest


def test_every_requirement_has_a_lower_bound() -> None:
    found = lowest((ROOT / "requirements.txt").read_text())
    assert len(found) >= 13
    assert "numpy==2.0" in found
    assert "scikit-learn==1.6" in found


def test_the_oldest_python_is_one_that_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
