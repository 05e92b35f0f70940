"""The page of healthy and sick shapes."""

import pytest

from nn_scratch.config.resolve import load_config
from nn_scratch.visualize.cheat_sheet import SHAPES, page
from nn_scratch.visualize.style import drawing
from nn_scratch.visualize.view import View


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
