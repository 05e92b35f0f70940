"""The film: what is encoded is what was promised, in the colours of the scale."""

import subprocess
from itertools import combinations, pairwise

import numpy as np
import pytest
from imageio import v3 as imageio

from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.visualize import style
from nn_scratch.visualize.events import Event
from nn_scratch.visualize.film import encoder
from nn_scratch.visualize.film.animation import write_animation
from nn_scratch.visualize.film.colour import (
    LEVELS,
    NOT_FINITE,
    Cells,
    Frame,
    Scale,
    diverging,
    sequential,
    yuv,
)
from nn_scratch.visualize.film.curves import read_out
from nn_scratch.visualize.film.encoder import check, encode, probe, top_level_boxes
from nn_scratch.visualize.film.layout import GAP, Matrix, Tiles, arrange
from nn_scratch.visualize.film.letters import bitmap
from nn_scratch.visualize.film.make import write_film
from nn_scratch.visualize.film.matrices import by_movement
from nn_scratch.visualize.film.pace import pace
from nn_scratch.visualize.film.parts import Blocks, CaptionPart, Points, Stamp
from nn_scratch.visualize.film.predictions import predictions
from nn_scratch.visualize.film.scene import HEIGHT, WIDTH, Film
from nn_scratch.visualize.palette import THEMES
from nn_scratch.visualize.style import without_last_clauses
from nn_scratch.visualize.view import NotForThisRun, View
from tests.conftest import trained

SHAPES = [1, 2, 3, 7, 10, 64, 101, 784, 2000]


def silent(done, total):
    pass


@pytest.mark.parametrize("kind", ["classes", "images", "regression", "plane", "linear", "diverged"])
def test_the_file_holds_the_frames_that_were_promised(runs, kind, tmp_path):
    film = Film([View(runs[kind])], epochs_per_second=4)
    path = tmp_path / "weights.mp4"
    write_film(film, path, silent)
    found = probe(path)
    assert {key: found[key] for key in ("frames", "width", "height", "codec", "pixels")} == {
        "frames": film.count,
        "width": 1280,
        "height": 720,
        "codec": "h264",
        "pixels": "yuv420p",
    }
    assert found["seconds"] == pytest.approx(film.count / film.fps, abs=0.1)
    assert top_level_boxes(path)[:2] == ["ftyp", "moov"]  # a browser can start at once
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_without_weights_on_disk_has_no_film(runs):
    with pytest.raises(NotForThisRun, match="it ended before its first weights were on disk"):
        Film([View(runs["killed"])])


def test_layers_of_one_unit_and_of_two_thousand(tmp_path):
    widths = [2000, 1, 3]
    layers = [{"type": "dense", "units": units} for units in widths]
    run = trained(tmp_path, "wide", {"type": "moons", "rows": 40}, layers=layers, train={"epochs": 1, "batch_size": 40})
    film = Film([View(run)], show=("weights", "gradients", "activations"))
    frames = [frame.copy() for frame in film.frames()]
    assert len(frames) == film.count
    assert {frame.shape for frame in frames} == {(WIDTH * HEIGHT * 3 // 2,)}


def test_two_runs_side_by_side(runs, tmp_path):
    film = Film([View(runs["plane"]), View(runs["classes"])])
    assert encode(tmp_path / "both.mp4", film.width, film.height, film.fps, film.frames()) == film.count


def test_every_frame_differs_from_the_one_before_until_the_end(runs):
    film = Film([View(runs["classes"])], epochs_per_second=8, fps=8)
    frames = [frame.copy() for frame in film.frames()]
    changed = [not np.array_equal(a, b) for a, b in pairwise(frames)]
    assert changed == [True] * 4 + [False] * film.pace.hold


def test_what_cannot_be_filmed(runs):
    with pytest.raises(UserError) as caught:
        Film([View(runs["classes"])], show=["weight"])
    assert str(caught.value) == "--show weight: cannot be filmed; did you mean 'weights'?"


@pytest.mark.parametrize("logged", [1, 2, 5, 31, 61, 101, 500, 1200, 100_000])
def test_a_film_is_slow_enough_to_watch_and_not_too_long(logged):
    timing = pace(logged)
    seconds = timing.frames / timing.fps
    assert len(timing.rows) == min(logged, 1200)
    assert (timing.rows[0], timing.rows[-1]) == (0, logged - 1)
    assert seconds <= 25
    assert seconds >= (8 if logged >= 15 else 2)


def test_more_epochs_than_can_be_shown_are_said_to_be_thinned(runs, monkeypatch):
    monkeypatch.setattr("nn_scratch.visualize.film.pace.MOST_EPOCHS", 3)
    film = Film([View(runs["classes"])])
    assert film.pace.rows.tolist() == [0, 2, 4]
    assert "3 of the logged epochs are shown, evenly spread" in [text.get_text() for text in film.figure().texts][-1]


# --- colours


def test_zero_is_the_middle_of_the_scale_and_opposite_values_mirror_each_other():
    scale = Scale(-0.3, 0.3)
    values = np.array([0.0, 0.1, -0.1, 0.3, -0.3, 99.0, -np.inf, np.nan], np.float32)
    levels = scale.levels(values).astype(int)
    assert levels[0] == LEVELS // 2
    assert levels[1] + levels[2] == LEVELS - 1
    assert levels.tolist()[3:] == [LEVELS - 1, 0, LEVELS - 1, 0, NOT_FINITE]


def test_zero_is_neutral():
    palette = diverging()
    assert np.abs(palette.U[LEVELS // 2].astype(int) - 128) <= 1
    assert np.abs(palette.V[LEVELS // 2].astype(int) - 128) <= 1
    assert palette.Y[LEVELS // 2] > 220


def test_yuv_of_known_colours():
    # ITU-R BT.709, limited range
    known = {
        (1, 1, 1): (235, 128, 128),
        (0, 0, 0): (16, 128, 128),
        (1, 0, 0): (63, 102, 240),
        (0, 0, 1): (32, 240, 118),
    }
    for rgb, expected in known.items():
        assert tuple(yuv(np.array(rgb)).tolist()) == expected


@pytest.mark.parametrize("palette", [diverging(), sequential()], ids=["diverging", "sequential"])
@pytest.mark.parametrize("cell", [(4, 4), (2, 6)])
def test_decoded_cells_have_the_colours_of_the_palette(tmp_path, palette, cell):
    rng = np.random.default_rng(0)
    levels = rng.integers(0, LEVELS, (11, 23)).astype(np.uint8)
    frame = Frame(256, 128)
    frame.draw_picture(np.full((128, 256, 3), 255, np.uint8))
    cells = Cells(palette, 10, 6, 11, 23, cell)
    cells.paint(frame, levels)
    path = tmp_path / "cells.mp4"
    encode(path, 256, 128, 10, [frame.buffer] * 4)
    picture = decoded(path, 256, 128)[-1].astype(float)
    down, across = cell
    centres = picture[6 + down // 2 :: down, 10 + across // 2 :: across][:11, :23]
    assert np.abs(centres - 255 * palette.rgb[levels]).mean() < 6
    assert np.abs(picture[-16:] - 255).max() <= 3  # the paper around them is white


def decoded(path, width, height):
    command = [encoder.ffmpeg(), "-loglevel", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def test_a_frame_as_rgb_is_what_was_drawn():
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:, 4:] = (200, 30, 60)
    frame = Frame(8, 4)
    frame.draw_picture(picture)
    assert np.abs(frame.rgb().astype(int) - picture).max() <= 3


def test_blocks_show_their_mean_and_keep_a_rare_extreme():
    values = np.full((8, 6), 0.1, np.float32)
    values[5, 4] = -9.0
    shown = Blocks((2, 3), [values])(values)
    expected = np.full((4, 2), 0.1, np.float32)
    expected[2, 1] = -9.0
    np.testing.assert_allclose(shown, expected, rtol=1e-6)


@pytest.mark.parametrize("block", [(1, 1), (2, 1), (1, 3), (3, 4), (40, 50)])
def test_blocks_at_the_edges_are_of_what_is_left(block):
    values = np.random.default_rng(0).normal(size=(2, 11, 14)).astype(np.float32)
    shown = Blocks(block, values)
    shown.beyond = np.inf  # means alone
    at_rows, at_columns = np.arange(0, 11, block[0]), np.arange(0, 14, block[1])
    sums = np.add.reduceat(np.add.reduceat(values.astype(float), at_rows, axis=1), at_columns, axis=2)
    sizes = np.outer(np.diff([*at_rows, 11]), np.diff([*at_columns, 14]))
    np.testing.assert_allclose(shown(values), sums / sizes, atol=1e-6)


def test_the_last_values_of_a_shorter_run_stay():
    epochs, losses = np.arange(3), np.array([3.0, 2.0, 1.5])
    assert [read_out(epochs, losses, epoch) for epoch in (1, 2, 9)] == ["2.0000", "1.5000", "1.5000"]
    assert read_out(epochs[:0], losses[:0], 9) == ""


def test_points_of_a_larger_film_are_as_large_in_it():
    covered = []
    for larger in (1, 3):
        frame = Frame(60, 60)
        frame.buffer[:] = 0
        Points([(30, 30, (90, 100, 110))], larger).paint(frame)
        covered.append(np.count_nonzero(frame.Y))
    assert covered[1] == 9 * covered[0]


@pytest.fixture
def fallbacks(monkeypatch):
    """Sets the fonts that are installed beside DejaVu Sans."""
    monkeypatch.setattr(style, "_missing", set())

    def install(*names):
        monkeypatch.setattr(style, "FALLBACKS", names)
        style.families.cache_clear()

    yield install
    style.families.cache_clear()


def test_letters_that_the_first_font_lacks_are_of_another(fallbacks):
    fallbacks()
    letter = chr(min(style.characters("STIXGeneral") - style.characters("DejaVu Sans")))
    box = bitmap(letter, 12, "#000000", 60, 30)
    assert style.missing() == {letter}
    style.forget_missing({letter})
    fallbacks("STIXGeneral")
    assert style.spans(f"ab{letter}c") == [("DejaVu Sans", "ab"), ("STIXGeneral", letter), ("DejaVu Sans", "c")]
    drawn = bitmap(letter, 12, "#000000", 60, 30)
    assert (drawn != box).any()
    assert style.missing() == set()
    whole, parts = style.text_width(f"ab{letter}c", 12), [style.text_width(part, 12) for part in ("ab", letter, "c")]
    assert whole == pytest.approx(sum(parts), abs=0.02)


def test_words_in_the_first_font_stand_as_high_beside_others(fallbacks):
    fallbacks("STIXGeneral")
    letter = chr(min(style.characters("STIXGeneral") - style.characters("DejaVu Sans")))
    alone = bitmap("Hxp", 12, "#000000", 200, 30)
    beside = bitmap(f"Hxp     {letter}", 12, "#000000", 200, 30)
    np.testing.assert_array_equal(alone[:, :40], beside[:, :40])


# --- places


@pytest.mark.parametrize("rows", SHAPES)
@pytest.mark.parametrize("columns", SHAPES)
def test_any_matrix_fits_its_box_in_even_cells(rows, columns):
    fit = Matrix(rows, columns).fit(400, 300)
    assert fit.width <= 400
    assert fit.height <= 300
    assert all(side >= 2 and side % 2 == 0 for side in fit.cell)
    assert fit.rows == -(-rows // fit.block[0])
    assert fit.columns == -(-columns // fit.block[1])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, 24])
def test_layers_stand_side_by_side_without_touching(count):
    rng = np.random.default_rng(count)
    for _ in range(10):
        sizes = rng.choice(SHAPES, count + 1)
        items = [Matrix(int(a), int(b)) for a, b in pairwise(sizes)]
        if sizes[0] == 784:
            items[0] = Tiles(int(sizes[1]), 28, 28)
        places = arrange(items, 16, 52, 872, 576)
        taken = np.zeros((720, 1280), int)
        for place in places:
            assert place.x % 2 == place.y % 2 == 0
            assert place.y + place.fit.height <= 52 + 576
            assert place.x + place.fit.width <= 16 + 872 + GAP
            taken[place.y : place.y + place.fit.height, place.x : place.x + place.fit.width] += 1
        assert taken.max() == 1


def test_captions_appear_when_they_happen():
    events = [Event(0, "dead from the start"), Event(5, "best"), Event(6, "rate"), Event(40, "the end")]
    part = CaptionPart(events, np.array([0, 2, 4, 6, 8]), 16, 600, 1200, linger=2)
    assert part.told(0) == [("epoch 0: dead from the start", True)]
    assert part.told(2) == [("epoch 0: dead from the start", False)]
    assert [text for text, _ in part.told(3)] == ["epoch 6: rate", "epoch 5: best", "epoch 0: dead from the start"]
    assert [text for text, _ in part.told(4)] == ["epoch 40: the end", "epoch 6: rate", "epoch 5: best"]


# --- what can go wrong with the file


def frames(count):
    frame = Frame(64, 32)
    frame.draw_picture(np.full((32, 64, 3), 128, np.uint8))
    return [frame.buffer] * count


def test_frames_that_are_missing_are_noticed(tmp_path):
    path = tmp_path / "short.mp4"
    encode(path, 64, 32, 10, frames(3))
    with pytest.raises(EnvironmentFailure) as caught:
        check(path, 64, 32, 4)
    assert str(caught.value) == f"{path}: 3 frames were written, not 4; is the disk full?"


def test_a_file_that_is_cut_off_is_noticed(tmp_path):
    path = tmp_path / "cut.mp4"
    encode(path, 64, 32, 10, frames(30))
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(EnvironmentFailure):
        check(path, 64, 32, 30)


def test_a_folder_that_is_gone_leaves_one_line_and_nothing_half_written(tmp_path):
    path = tmp_path / "gone" / "weights.mp4"
    with pytest.raises(EnvironmentFailure) as caught:
        encode(path, 64, 32, 10, frames(400))
    assert str(caught.value).startswith(f"{path}: the video encoder stopped at frame ")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_reported_as_such(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text(
        "#!/bin/sh\nhead -c 5000 >/dev/null\necho 'av_interleaved_write_frame(): No space left on device' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(encoder, "ffmpeg", lambda: str(program))
    path = tmp_path / "weights.mp4"
    with pytest.raises(EnvironmentFailure) as caught:
        encode(path, 64, 32, 10, frames(400))
    assert "no space left on the disk" in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["ffmpeg"]


def test_an_interrupted_film_leaves_the_old_one(tmp_path):
    path = tmp_path / "weights.mp4"
    path.write_bytes(b"the old film")

    def broken():
        yield from frames(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(path, 64, 32, 10, broken())
    assert path.read_bytes() == b"the old film"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_place_of_the_film_is_replaced_not_followed(tmp_path):
    precious, path = tmp_path / "precious", tmp_path / "weights.mp4"
    precious.write_text("mine")
    path.symlink_to(precious)
    (tmp_path / "weights.mp4.part").symlink_to(precious)
    encode(path, 64, 32, 10, frames(2))
    assert precious.read_text() == "mine"
    assert not path.is_symlink()


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_film_as_an_animation(runs, tmp_path, kind):
    film = Film([View(runs["classes"])], epochs_per_second=4)
    path = write_animation(film, kind, tmp_path, silent)
    pictures = np.stack(list(imageio.imiter(path)))
    assert len(pictures) == len(film.pace.rows)
    assert pictures.shape[1:3] == (540, 960)
    assert list(tmp_path.iterdir()) == [path]


def test_a_film_as_pictures_replaces_the_earlier_ones(runs, tmp_path):
    film = Film([View(runs["classes"])], epochs_per_second=4)
    (tmp_path / "weights-frames").mkdir()
    (tmp_path / "weights-frames" / "99999.png").write_bytes(b"old")
    folder = write_animation(film, "frames", tmp_path, silent)
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{index:05d}.png" for index in range(len(film.pace.rows))]
    np.testing.assert_array_equal(imageio.imread(folder / names[-1]), film.picture(-1))


@pytest.mark.parametrize("centre", [(30, 17.2), (31, 16), (40.4, 21.9)])
def test_a_marker_stands_where_its_value_is(centre):
    frame = Frame(64, 48)
    frame.draw_picture(np.full((48, 64, 3), 255, np.uint8))
    Stamp(5, (16, 128, 128)).paint(frame, *centre)
    ink = 235.0 - frame.Y
    x = (ink.sum(axis=0) * (np.arange(64) + 0.5)).sum() / ink.sum()
    y = (ink.sum(axis=1) * (np.arange(48) + 0.5)).sum() / ink.sum()
    assert abs(x - centre[0]) <= 1
    assert abs(y - centre[1]) <= 1


# --- what stands where


def overlapping(boxes):
    """Pairs of boxes that share more than a pixel."""
    found = []
    for (one, x, y, w, h), (other, x2, y2, w2, h2) in combinations(boxes, 2):
        if min(x + w, x2 + w2) - max(x, x2) > 1 and min(y + h, y2 + h2) - max(y, y2) > 1:
            found.append((one, other))
    return found


def test_boxes_that_overlap_are_found():
    boxes = [("a", 0, 0, 10, 10), ("b", 8, 8, 10, 10), ("c", 18, 0, 5, 5)]
    assert overlapping(boxes) == [("a", "b")]


SIZES = [(1280, 720), (1920, 1080), (1080, 1080), (640, 480)]
PAIRS = [("classes", "wide"), ("images", "many classes"), ("plane", "plane"), ("deep", "narrow")]
NETWORKS = {
    "classes": None,
    "images": None,
    "regression": None,
    "plane": None,
    "linear": None,
    "diverged": None,
    "wide": ("iris", [200]),
    "deep": ("iris", [4] * 14),
    "narrow": ("wine", [1, 1]),
    "many classes": ("digits", [12, 300]),
}


@pytest.fixture(scope="module")
def networks(runs, tmp_path_factory):
    outputs, made = tmp_path_factory.mktemp("networks"), {}
    for name, spec in NETWORKS.items():
        if spec is None:
            made[name] = runs[name]
        else:
            layers = [{"type": "dense", "units": units} for units in spec[1]]
            made[name] = trained(outputs, name.replace(" ", "-"), spec[0], layers=layers, train={"epochs": 1})
    return made


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_collides_or_is_cut_off(networks, name, size):
    check_boxes(Film([View(networks[name])], size=size), size)


@pytest.mark.parametrize("size", SIZES[:3], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    "pair", [("classes", "wide"), ("images", "many classes"), ("plane", "plane"), ("deep", "narrow")]
)
def test_nothing_collides_in_a_film_of_two_runs(networks, pair, size):
    check_boxes(Film([View(networks[name]) for name in pair], size=size), size)


def check_boxes(film, size):
    boxes = film.boxes
    assert sum(name.startswith("tick ") for name, *_ in boxes) > 4
    for name, x, y, width, height in boxes:
        assert x >= 0, name
        assert y >= 0, name
        assert x + width <= size[0] + 1, name
        assert y + height <= size[1] + 1, name
    assert overlapping(boxes) == []
    for text in film.figure().texts:
        assert text.get_window_extent().x1 <= size[0], text.get_text()
    assert film.picture(-1).shape == (size[1], size[0], 3)


def test_films_of_two_runs_show_inputs_and_their_predictions(networks):
    film = Film([View(networks["images"]), View(networks["many classes"])])
    assert {box[0] for box in film.boxes} >= {"predictions"}
    assert sum(box[0].startswith("input ") for box in film.boxes) >= 8


def test_every_matrix_has_a_title(networks):
    film = Film([View(networks["deep"])])
    titles = [box for box in film.boxes if "hidden" in box[0] and not box[0].startswith(("weights ", "changes "))]
    matrices = [box for box in film.boxes if box[0].startswith(("weights ", "changes "))]
    assert len(matrices) > 10
    for _, x, y, _, _ in matrices:
        assert any(abs(left - x) < 1 and 0 < y - (top + high) < 12 for _, left, top, _, high in film.boxes), titles


def test_the_film_of_a_diverged_run_shows_its_steps(runs):
    view = View(runs["diverged"])
    film = Film([view])
    told = [box[0] for box in film.boxes]
    assert "step" in told
    assert any("gradient norm of each layer" in text for text in told)
    assert len(film.pace.rows) == len(set(view.run.steps["step"].tolist())) >= 1


def test_the_rows_shown_are_those_whose_prediction_changes_last(runs):
    found = predictions(View(runs["images"]), 6)
    changes = found.predicted[1:] != found.predicted[:-1]
    assert len(found.rows) == 6
    assert changes[-1].any() or changes.any()
    np.testing.assert_allclose(found.probability, np.clip(found.probability, 1 / 10, 1))


def test_units_stand_in_the_order_of_their_movement():
    tensor = np.zeros((2, 4, 3), np.float32)
    tensor[1] = [[1, 3, 2]] * 4
    assert by_movement(tensor).tolist() == [1, 2, 0]


@pytest.mark.parametrize("seconds", [6, 15])
def test_a_film_lasts_as_long_as_asked(seconds):
    for logged in (5, 61, 900):
        timing = pace(logged, seconds=seconds)
        assert timing.frames / timing.fps == pytest.approx(seconds, abs=0.1)


def test_a_dark_film_is_dark(runs):
    picture = Film([View(runs["classes"])], theme=THEMES["dark"]).picture(-1)
    assert np.median(picture) < 40
    assert picture.max() > 200


def test_a_caption_that_is_too_wide_ends_with_a_clause() -> None:
    text = "epoch 13: doctor: overfit: the loss rises (0.16 to 0.237) while training's falls: the network memorizes"
    whole, shorter, *rest = without_last_clauses(text)
    assert (whole, shorter, rest) == (text, text.removesuffix(": the network memorizes"), [])
    assert without_last_clauses("no clause at all") == ["no clause at all"]
