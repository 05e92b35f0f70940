"""Every registered plot, over every kind of run."""

import re
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nn_scratch.errors import UserError
from nn_scratch.experiments.train import train
from nn_scratch.visualize import style
from nn_scratch.visualize.palette import THEMES
from nn_scratch.visualize.plot import choose, plots
from nn_scratch.visualize.plots.mistakes import in_units, misclassified
from nn_scratch.visualize.replay import word_features
from nn_scratch.visualize.style import drawing, text_width
from nn_scratch.visualize.view import NotForThisRun, View
from tests.conftest import trained
from tests.small import config

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
    "distance",
}
HIDDEN = {"activation_health", "dying_units"}
TABLES = {"importance", "partial_dependence"}  # drawn in test_columns.py
CLASSES = {"confusion", "calibration", "recall", "mistakes"}
DRAWN = {
    "classes": EVERY_RUN | HIDDEN | CLASSES,
    "images": EVERY_RUN | HIDDEN | CLASSES | {"first_layer"},
    "regression": EVERY_RUN | HIDDEN | {"residuals"},
    "plane": EVERY_RUN | HIDDEN | CLASSES | {"boundary"},
    "linear": EVERY_RUN | CLASSES,
    "diverged": EVERY_RUN | HIDDEN,
    "killed": {"curves", "first_steps", "learning_rate", "gradient_flow", "distance", "recall"},
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
    assert len(PLOTS) == 20
    assert set().union(*DRAWN.values()) | TABLES == set(PLOTS)


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


# --- extreme cases


def test_gradients_of_zero_say_so_in_the_place_of_an_empty_axis(tmp_path):
    layers = [{"type": "dense", "units": 40, "init": "zeros"}]
    run = trained(tmp_path, "zero", "iris", layers=layers, output={"init": "zeros"}, train={"epochs": 2})
    figure = draw("gradient_flow", View(run))
    assert "exactly 0 in every layer, at every epoch" in words(figure)
    assert "hidden_1: exactly 0" in words(figure)
    lives = draw("dying_units", View(run))
    assert [label.get_text() for label in lives.axes[0].get_yticklabels()] == ["hidden_1: 40 units [0 to 39]"]
    assert "40 units of 40 dead at the last epoch" in words(lives)


def test_zeros_among_other_gradients_are_marked(own):
    run = own("classes")
    table = run.layers
    table["dW_norm"][(table["layer"] == "hidden_1") & (table["epoch"] > 1)] = 0.0
    figure = draw("gradient_flow", View(run))
    assert "▼ exactly 0" in words(figure)


def test_saturation_has_a_panel_where_something_can_saturate(tmp_path):
    told = {}
    for activation in ("relu", "sigmoid"):
        layers = [{"type": "dense", "units": 4, "activation": activation}]
        run = trained(tmp_path, activation, "iris", layers=layers, train={"epochs": 2})
        told[activation] = words(draw("activation_health", View(run)))
    assert "saturated activations, %" not in told["relu"]
    assert "saturated activations, %" in told["sigmoid"]
    assert "hidden_1: std ≤" in told["sigmoid"]  # no sigmoid is ever exactly zero: its spread is shown


def test_the_dot_on_each_curve_is_the_best_of_that_curve(own):
    run = own("classes")
    run.metrics["val_loss"][:] = [0.5, 0.4, 0.3, 0.6]
    run.metrics["val_accuracy"][:] = [0.7, 0.95, 0.9, 0.8]
    loss, accuracy = draw("curves", View(run)).axes[:2]
    dots = [
        line.get_xydata().tolist()[0]
        for axes in (loss, accuracy)
        for line in axes.get_lines()
        if "best validation" in str(line.get_label())
    ]
    assert dots == [[3, 0.3], [2, 0.95]]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["curves", "first_steps", "calibration"])
def test_legends_cover_no_line(runs, name, theme):
    with drawing(THEMES[theme]):
        figure = PLOTS[name].draw(View(runs["classes"]))
        FigureCanvasAgg(figure).draw()
    renderer = figure.canvas.get_renderer()
    boxes = [(axes, axes.get_legend().get_window_extent(renderer)) for axes in figure.axes if axes.get_legend()]
    assert boxes
    for axes, box in boxes:
        assert not box.overlaps(axes.get_window_extent(renderer))
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width


def test_bins_of_few_rows_are_not_joined(own):
    run = own("classes")
    sure = np.repeat([0.55, 0.65, 0.75, 0.95], [20, 3, 3, 40])
    run.__dict__["predictions"] = {
        "test_y": np.zeros(len(sure), int),
        "test_output": np.stack([sure, 1 - sure, 0 * sure], axis=1),
    }
    axes = draw("calibration", View(run)).axes[0]
    joined = axes.get_lines()[-1].get_ydata()
    assert np.flatnonzero(np.isfinite(joined)).tolist() == [5, 9]  # apart: no line between them
    assert "bin of fewer than 10 rows" in words(axes.figure)


def test_a_layer_has_one_colour_in_every_picture(pictures):
    def colours(name):
        legend = next(axes.get_legend() for axes in pictures(name, "classes").axes if axes.get_legend())
        return {
            text.get_text(): handle.get_color()
            for text, handle in zip(legend.get_texts(), legend.get_lines(), strict=True)
        }

    flow = colours("gradient_flow")
    assert len(set(flow.values())) == len(flow) == 3
    for name in ("learning_rate", "distance", "activation_health"):
        assert colours(name).items() <= flow.items()


def test_the_former_name_of_a_plot_is_understood():
    assert [plot.name for plot in choose(["update_ratio"])] == ["learning_rate"]


def test_mistakes_are_the_misclassified_rows_the_most_confident_first(runs):
    found = misclassified(View(runs["images"]))
    assert found.looked_at == len(runs["images"].probe["rows_val"])
    assert (found.truth != found.predicted).all()
    assert (np.diff(found.probability) <= 0).all()
    predictions = runs["images"].predictions
    wrong = predictions["val_rows"][predictions["val_output"].argmax(axis=1) != predictions["val_y"]]
    assert set(found.source.tolist()) == set(wrong.tolist()) & set(runs["images"].probe["rows_val"].tolist())


def test_features_that_stand_out_are_given_in_the_units_of_their_columns():
    assert in_units("income", np.float32(60_931), False) == "income 60,930"
    assert in_units("city=Rome", np.float32(0.999), True) == "city=Rome"
    assert in_units("city=Rome", np.float32(1e-7), True) == "not city=Rome"


def test_mistakes_of_a_table_show_its_own_numbers(tmp_path):
    lines = [f"{1000 + 13 * i % 700},{'red' if i % 3 else 'blue'},{'yes' if i % 2 else 'no'}" for i in range(120)]
    (tmp_path / "t.csv").write_text("\n".join(["income,colour,y", *lines]))
    run = train(config(str(tmp_path / "t.csv"), train__epochs=2), tmp_path / "runs")
    assert word_features(run) == {"colour=blue", "colour=red"}
    found = misclassified(View(run))
    words = " ".join(text.get_text() for text in draw("mistakes", View(run)).axes[0].texts)
    assert len(found.X)
    assert "in their own units" in words
    shown = {line.split(",")[0] for line in lines}
    assert {number.replace(",", "") for number in re.findall(r"income ([\d,]+)", words)} <= shown


def test_letters_that_no_font_has_are_named(own, monkeypatch):
    monkeypatch.setattr(style, "FALLBACKS", ())
    monkeypatch.setattr(style, "_missing", set())
    style.families.cache_clear()
    run = own("classes")
    run.card["classes"] = ["中", "ह", "c"]
    draw("confusion", View(run))
    style.families.cache_clear()
    assert style.missing_letters() == (
        "letters that no installed font has are drawn as boxes: ह 中 (CJK, DEVANAGARI); install a Noto font"
    )


def test_a_diverged_run_has_whole_steps_and_is_not_called_healthy(runs):
    view = View(runs["diverged"])
    (*_, axes) = draw("learning_rate", view).axes
    assert [tick for tick in axes.get_xticks() if tick != round(tick)] == []
    words = " ".join(text.get_text() for text in draw("dying_units", view).texts)
    assert "What to look for" in words
    assert "healthy" not in words
