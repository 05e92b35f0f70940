"""The page of healthy and sick shapes."""

from pathlib import Path

import pytest

from nn_scratch.config.resolve import load_config
from nn_scratch.visualize.cheat_sheet import SHAPES, page
from nn_scratch.visualize.style import drawing
from nn_scratch.visualize.view import View

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_changes_of_a_shape_fit_the_project_s_config(shape):
    assert load_config(None, shape.overrides)


def test_any_run_can_be_a_row_of_the_page(runs):
    kinds = ("classes", "linear", "diverged", "regression")
    with drawing():
        figure = page(SHAPES[: len(kinds)], [View(runs[kind]) for kind in kinds])
    assert len(figure.axes) == 5 * len(kinds)
    told = [text.get_text() for text in figure.texts]
    assert all(shape.name in told for shape in SHAPES[: len(kinds)])


def test_each_sick_shape_has_a_lesson_of_the_zoo():
    assert [shape.name for shape in SHAPES if not shape.lesson] == ["healthy"]
    for shape in SHAPES[1:]:
        assert (PROJECT / "config" / "zoo" / f"{shape.lesson}.yaml").is_file()
        assert shape.lesson in (PROJECT / "docs" / "pictures.md").read_text()
