"""One colour, one meaning; and every colour can be seen."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.visualize import palette, web
from nn_scratch.visualize.palette import (
    CLASSES,
    RUNS,
    SIGNED_LIGHT,
    THEMES,
    TRAIN,
    VAL,
    contrast,
    legend_svg,
    linear,
    meanings,
    moment_shades,
    themed,
)
from nn_scratch.visualize.web.colours import colours as css

# Machado, Oliveira and Fernandes 2009: deuteranopia, severity 1, on linear RGB
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(light):
    """CIELAB of linear RGB, D65."""
    xyz = np.asarray(light) @ TO_XYZ.T / (0.95047, 1.0, 1.08883)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one, other):
    return float(np.linalg.norm(lab(linear(one)) - lab(linear(other))))


def difference_to_a_deuteranope(one, other):
    seen = [lab(np.clip(DEUTERANOPIA @ linear(colour), 0, 1)) for colour in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


@pytest.fixture(params=THEMES)
def theme(request):
    with themed(THEMES[request.param]):
        yield THEMES[request.param]


def test_the_measures_are_right_where_the_answer_is_known():
    assert contrast("white", "black") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.01)  # the known near miss of 4.5
    assert difference_to_a_deuteranope("#b15a00", "#6e7300") < 12 < difference("#b15a00", "#6e7300")
    assert lab(linear("white")) == pytest.approx([100, 0, 0], abs=0.1)


def test_marks_have_a_contrast_of_three_and_letters_of_four_and_a_half(theme):
    marks = {colour: meaning for meaning, colours in meanings().items() for colour in colours}
    marks |= dict.fromkeys(moment_shades(5), "epochs")
    assert len(marks) >= 25
    assert pale(marks, theme) == []
    assert {name: contrast(getattr(theme, name), theme.paper) >= 4.5 for name in ("ink", "grey", "warning")} == {
        "ink": True,
        "grey": True,
        "warning": True,
    }


def test_no_two_meanings_share_a_colour(theme):
    for (one, first), (other, second) in combinations(meanings().items(), 2):
        for a in first:
            for b in second:
                assert difference(a, b) > 8, (one, other, a, b)


def pale(marks, theme):
    """The colours that cannot be told from the paper."""
    return [(meaning, colour) for colour, meaning in marks.items() if contrast(colour, theme.paper) < 3]


def alike(colours):
    """Pairs of colours that some people cannot tell apart."""
    return [
        (a, b)
        for a, b in combinations(colours, 2)
        if not (difference(a, b) > 15 and difference_to_a_deuteranope(a, b) > 12)
    ]


def test_the_colours_of_one_meaning_differ_for_everybody(theme):
    assert {meaning: alike(colours) for meaning, colours in meanings().items() if alike(colours)} == {}


def test_colours_that_are_pale_or_alike_would_be_found(theme):
    """Okabe and Ito's yellow on white, and the red and green that a deuteranope takes for one."""
    pale_one = "#f0e442" if not theme.dark else "#333333"
    assert pale({pale_one: "classes", theme.ink: "ink"}, theme) == [("classes", pale_one)]
    assert alike(["#b15a00", "#6e7300", "#0072b2"]) == [("#b15a00", "#6e7300")]


def test_layers_are_ordered_in_lightness(theme):
    lightness = [lab(linear(shade))[0] for shade in palette.layer_shades(12, theme)]
    assert lightness == sorted(lightness)


def test_the_guide_shows_the_palette_as_it_is():
    path = Path(__file__).parents[2] / "docs" / "palette.svg"
    assert path.read_text() == legend_svg(), "run python -m nn_scratch.visualize.palette"


def test_the_signed_colours_of_pages_are_those_of_the_plots() -> None:
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    stops = np.linspace(0, 1, len(SIGNED_LIGHT))
    found = colormaps["RdBu_r"](stops)[:, :3]
    np.testing.assert_allclose(found, [to_rgb(colour) for colour in SIGNED_LIGHT], atol=0.02)


def test_pages_declare_the_palette() -> None:
    declared = css()
    for name, colour in {"train": TRAIN, "val": VAL, "class-2": CLASSES[2], "run-0": RUNS[0]}.items():
        assert f"--{name}: {colour};" in declared
    scripts = [path.read_text() for path in (Path(web.__file__).parent).glob("*.js")]
    assert len(scripts) > 15
    for source in scripts:
        assert not re.findall(r"#[0-9a-fA-F]{6}\b", source), "a colour outside the palette"
