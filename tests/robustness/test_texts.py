"""Whatever a config's text, the answer is a config or lines that say where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.robustness.texts import files, overrides


@pytest.mark.parametrize(
    ("number_of_files", "number_of_overrides"), [(200, 200), pytest.param(10_000, 1000, marks=pytest.mark.slow)]
)
def test_mutated_texts_give_a_config_or_lines_that_say_where(
    number_of_files: int, number_of_overrides: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    by_file, by_override = files(number_of_files, seed=1), overrides(number_of_overrides, seed=1)
    assert by_file.faults + by_override.faults == []
    assert by_file.valid + by_file.refused == number_of_files
    assert by_override.valid + by_override.refused == number_of_overrides
    assert min(by_file.valid, by_file.refused, by_override.valid, by_override.refused) > 0
