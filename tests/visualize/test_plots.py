"""Every registered plot, over every kind of run."""

from itertools import pairwise

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nn_scratch.errors import UserError
from nn_scratch.visualize.plot import choose, plots
from nn_scratch.visualize.style import drawing, text_width
from nn_scratch.visualize.view import NotForThisRun, View

PLOTS = plots()
EVERY_RUN = {
    "curves",
    "first_steps",
    "learning_rate",
    "weights",
    "gradients",
    "activations",
    "distributions",
    "gradient_flow",
    "update_ratio",
    "distance",
}
HIDDEN = {"activation_health", "dying_units"}
CLASSES = {"confusion", "calibration", "recall"}
DRAWN = {
    "classes": EVERY_RUN | HIDDEN | CLASSES,
    "images": EVERY_RUN | HIDDEN | CLASSES | {"first_layer"},
    "regression": EVERY_RUN | HIDDEN | {"residuals"},
    "plane": EVERY_RUN | HIDDEN | CLASSES | {"boundary"},
    "linear": EVERY_RUN | CLASSES,
    "diverged": EVERY_RUN | HIDDEN,
    "killed": {"curves", "first_steps", "learning_rate", "gradient_flow", "update_ratio", "distance", "recall"},
}


def draw(name, view):
    with drawing():
        figure = PLOTS[name].draw(view)
        FigureCanvasAgg(figure).draw()
    return figure


@pytest.fixture(scope="session")
def pictures(runs):
    """Each plot of each run, drawn when it is first asked for; an exception NotForThisRun in the place of a figure."""
    found = {}

    def picture(name, kind):
        if (name, kind) not in found:
            try:
                found[name, kind] = draw(name, View(runs[kind]))
            except NotForThisRun as reason:
                found[name, kind] = reason
        return found[name, kind]

    return picture


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")))


def test_there_are_as_many_plots_as_the_runs_show():
    assert len(PLOTS) == 18
    assert set().union(*DRAWN.values()) == set(PLOTS)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_run_is_drawn_by_every_plot_that_fits_it(runs, pictures, kind):
    found = {name: pictures(name, kind) for name in PLOTS}
    assert {name for name, figure in found.items() if not isinstance(figure, NotForThisRun)} == DRAWN[kind]
    for name, figure in found.items():
        if name in DRAWN[kind]:
            assert PLOTS[name].title in words(figure)
            assert runs[kind].name in words(figure)
            assert "What to look for:" in words(figure)
        else:
            assert str(figure)  # why it is not


@pytest.mark.parametrize("kind", ["diverged", "killed"])
def test_pictures_of_a_run_that_did_not_end_say_so(runs, pictures, kind):
    warning = View(runs[kind]).warning
    assert warning
    for name in DRAWN[kind]:
        assert warning.split(":")[0] in words(pictures(name, kind)), name


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_tells_how_to_read_it(name):
    plot = PLOTS[name]
    assert len(plot.how_to_read) > 150
    assert plot.how_to_read.split("\n")[0].endswith(".")
    assert text_width(f"What to look for: {plot.look}", 10) < 11.5


@pytest.mark.parametrize("kind", ["images", "regression"])
def test_labels_do_not_overlap(pictures, kind):
    for name in DRAWN[kind]:
        figure = pictures(name, kind)
        renderer = figure.canvas.get_renderer()
        for axes in figure.axes:
            for axis, low, high in ((axes.xaxis, "x0", "x1"), (axes.yaxis, "y0", "y1")):
                labels = [label for label in axis.get_ticklabels() if label.get_text() and label.get_visible()]
                boxes = sorted(
                    (label.get_window_extent(renderer) for label in labels), key=lambda box, low=low: getattr(box, low)
                )
                for one, other in pairwise(boxes):
                    assert getattr(one, high) <= getattr(other, low) + 1.0, (name, axes.get_title(loc="left"))


def test_thirty_classes_with_long_names_find_room(own):
    run = own("images")
    names = [f"class {i} of a rather long name, $x_{i}$\n<b>" for i in range(10)]
    run.card["classes"] = names
    for name in ("confusion", "recall"):
        figure = draw(name, View(run))
        width, height = figure.get_size_inches() * figure.dpi
        across = figure.axes[0].get_xticklabels() if name == "confusion" else []
        for label in [*figure.axes[0].get_yticklabels(), *across]:
            box = label.get_window_extent(figure.canvas.get_renderer())
            assert box.x0 >= 0, name
            assert box.y0 >= 0, name
            assert box.x1 <= width, name
            assert box.y1 <= height, name


def test_one_layer_alone(runs):
    figure = draw("weights", View(runs["classes"], layer="hidden_2"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["hidden_2  6 → 3, a line each"]


def test_a_plot_or_layer_that_is_not_there(runs):
    with pytest.raises(UserError) as caught:
        choose(["curve", "weigths"])
    assert caught.value.problems == (
        "--only curve: no such plot; did you mean 'curves'?",
        "--only weigths: no such plot; did you mean 'weights'?",
    )
    with pytest.raises(UserError) as caught:
        View(runs["classes"], layer="hidden_9")
    assert str(caught.value) == "--layer hidden_9: classes-001 has no such layer; did you mean 'hidden_2'?"
