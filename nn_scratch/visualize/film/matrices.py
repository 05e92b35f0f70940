"""The matrices of a film: weights, their changes, gradients and activations, and their colour bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.visualize.film.colour import Cells, Palette, Scale, diverging, sequential
from nn_scratch.visualize.film.layout import Item, Matrix, Place, Tiles, arrange, even
from nn_scratch.visualize.film.parts import Blocks, MatrixPart, TileGrid
from nn_scratch.visualize.film.stage import Stage, row_names
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.style import DPI, first_that_fits, short_number, symmetric_limit, widest
from nn_scratch.visualize.view import NotForThisRun, View, thinned
from nn_scratch.wording import did_you_mean

KINDS = ("weights", "changes", "gradients", "activations")
MOST_LAYERS = {1: 24, 2: 10, 3: 6, 4: 5}  # layers that are shown, by the number of kinds
MOST_TILES = 48  # units as images: more would be too small to see
SCALE_ROWS = 48  # epochs that a colour scale is taken from


def kinds_of(stage: Stage, view: View) -> Sequence[str]:
    if stage.show is not None:
        return stage.show
    return ("weights", "changes") if view.run.has("weights", f"{view.layers[0]}.W") else KINDS


def draw_matrices(stage: Stage, view: View, x: int, y: int, width: int, height: int) -> None:
    kinds = kinds_of(stage, view)
    logged = {kind: tensors for kind in kinds if (tensors := tensors_of(view, kind))}
    if not logged:
        raise UserError(f"{view.name}: nothing to film; it logged no {', no '.join(kinds)}")
    for kind in kinds:
        if kind not in logged:
            stage.remark(f"{kind} were not logged")
    zone = height // len(logged)
    names = names_of_features(view)
    room = 0
    if names and set(logged) - {"activations"}:
        widest_name = min(1.1, widest(names, 8) + 0.08)
        room = even(round(widest_name * DPI * stage.unit))
    for number, (kind, tensors) in enumerate(logged.items()):
        layers = layers_shown(stage, list(tensors), MOST_LAYERS[len(logged)])
        items = [item_of(view, kind, layer, tensors[layer]) for layer in layers]
        left = x + (room if kind != "activations" else 0)
        box = even(left), even(y + number * zone), even(width - (left - x)), even(zone - 4)
        places = arrange(items, *box, stage.unit)
        for layer, item, place in zip(layers, items, places, strict=True):
            draw_matrix(stage, view, kind, layer, tensors[layer], item, place)
            first = layer == view.run.layer_names[0] and place.x == box[0]
            if first and room and kind != "activations" and place.fit.block[0] == 1:
                cells = Cells(sequential(), place.x, place.y, place.fit.rows, place.fit.columns, place.fit.cell)
                row_names(stage, names, cells, left - stage.px(4), room)


def names_of_features(view: View) -> list[str]:
    """Of a table whose columns have names; empty for images and for many features."""
    names = view.feature_names
    return names if 0 < len(names) <= 40 and view.image_shape is None else []


def tensors_of(view: View, kind: str) -> dict[str, Array]:
    try:
        return view.tensors("weights" if kind == "changes" else kind)
    except NotForThisRun:
        return {}


def layers_shown(stage: Stage, layers: list[str], most: int) -> list[str]:
    if len(layers) <= most:
        return layers
    stage.remark(f"{most} of {len(layers)} layers are shown, evenly spread")
    return [layers[i] for i in thinned(len(layers), most)]


def item_of(view: View, kind: str, layer: str, tensor: Array) -> Item:
    rows, columns = tensor.shape[1:]
    if kind != "activations" and layer == view.run.layer_names[0] and view.image_shape is not None:
        down, across = view.image_shape
        if down * across == rows and rows > 1:
            return Tiles(min(columns, MOST_TILES), down, across)
    return Matrix(rows, columns)


def draw_matrix(stage: Stage, view: View, kind: str, layer: str, tensor: Array, item: Item, place: Place) -> None:
    shown = place.fit
    as_tiles = isinstance(item, Tiles) and shown.across > 0
    order = row_order(view, tensor) if kind == "activations" else None
    log = np.asarray(tensor)  # without the cost of a memory map's own class
    rows = np.array([stage.row(view, index) for index in range(len(stage.epochs))])

    def at(logged: Array) -> Array:
        values = log[logged] if kind != "changes" else log[logged] - log[0]
        return values if order is None else values[:, order]

    def source(indices: Array) -> Array:
        return at(rows[indices])

    blocks = None
    samples = at(thinned(len(tensor), SCALE_ROWS))
    if shown.block != (1, 1):
        blocks = Blocks(shown.block, samples)
        samples = blocks(samples)
    signed = kind != "activations" or bool((samples < 0).any())
    limit = robust_limit(samples)
    scale = Scale(-limit if signed else 0.0, limit)
    scales = scale_of_each_epoch(stage, source, blocks) if kind == "gradients" else None
    cells = Cells(diverging() if signed else sequential(), place.x, place.y, shown.rows, shown.columns, shown.cell)
    tiles = TileGrid(item, shown, by_movement(tensor)) if isinstance(item, Tiles) and as_tiles else None
    stage.parts.append(MatrixPart(source, len(rows), scale, cells, blocks, tiles, scales))
    stage.frame_around(place.x, place.y, cells.width, cells.height)
    stage.take(f"{kind} {layer}", place.x, place.y, cells.width, cells.height)
    write_title(stage, kind, layer, tensor, place, None if scales else (limit, signed))
    columns = tensor.shape[2]
    if tiles is not None:
        some = "" if shown.shown == columns else f", {shown.shown:,} of {columns:,}"
        stage.remark(
            f"{layer}: each unit's weights as an image of {item.rows} × {item.columns}, what moved most first{some}"
        )
    if blocks is not None:
        down, across = shown.block
        beyond = short_number(float(f"{blocks.beyond:.2g}"))
        name = {"changes": f"Δ {layer}", "gradients": f"∂ {layer}"}.get(kind, layer)
        stage.remark(f"{name}: a cell is the mean of {down} × {across}, or its extreme beyond ±{beyond}")


def scale_of_each_epoch(stage: Stage, source: Callable[[Array], Array], blocks: Blocks | None) -> list[Scale]:
    """A scale for each epoch: gradients shrink as the loss does, and on one scale would fade early."""
    scales = []
    for index in range(len(stage.epochs)):
        values = source(np.array([index]))
        limit = symmetric_limit(values if blocks is None else blocks(values))
        limit = max(limit, 1e-30)  # so that its inverse is a float32
        scales.append(Scale(-limit, limit))
    return scales


def write_title(
    stage: Stage, kind: str, layer: str, tensor: Array, place: Place, ends: tuple[float, bool] | None
) -> None:
    rows, columns = tensor.shape[1:]
    name = {"weights": f"{layer}.W", "changes": f"Δ {layer}.W", "gradients": f"∂ {layer}.W"}.get(kind, layer)
    size = {"activations": f"{rows:,} rows × {columns:,}"}.get(kind, f"{rows:,}→{columns:,}")
    if ends is None:
        scale = "scale of each epoch"
    else:
        end = short_number(float(f"{ends[0]:.2g}"))
        scale = "all exactly 0" if not tensor.any() else f"±{end}" if ends[1] else f"0 to {end}"
    room = place.room
    long = f"{name} since the start" if kind == "changes" else f"{name}  {size}"
    variants = [f"{long}  {scale}", f"{name}  {scale}", name]
    title = first_that_fits(variants, room / (DPI * stage.unit), 8.5)
    stage.text(place.x, place.y - stage.px(11), title, room, 8.5)


def draw_colour_bars(stage: Stage, view: View, x: int, y: int, width: int) -> None:
    if stage.steps is not None:
        return
    px, kinds = stage.px, kinds_of(stage, view)
    palettes: list[tuple[Palette, tuple[str, str, str], str]] = []
    if set(kinds) - {"activations"}:
        palettes.append((diverging(), ("−", "0", "+"), "ends as in each title, of the whole run"))
    unsigned = "activations" in kinds and any(
        not (np.asarray(values[-1]) < 0).any() for values in tensors_of(view, "activations").values()
    )
    if unsigned:
        palettes.append((sequential(), ("0", "activations", "+"), ""))
    for i, (palette, labels, what) in enumerate(palettes):
        top = y + px(38) * i
        axes = stage.axes(x, top, width, px(12))
        axes.imshow(palette.rgb[None, :253], aspect="auto", extent=(-1, 1, 0, 1))
        axes.set_yticks([])
        axes.grid(False)
        axes.set_xticks([])
        for place, label in zip((x + px(6), x + width / 2, x + width - px(6)), labels, strict=True):
            stage.text(place, top + px(21), label, px(80), 9, ha="center")
        stage.text(x + width / 2, top - px(10), what, width, 8, color=theme().grey, ha="center")


def by_movement(tensor: Array) -> Array:
    """A layer's units, the one whose weights moved furthest first."""
    moved = np.nan_to_num(np.linalg.norm(np.asarray(tensor[-1], np.float64) - tensor[0], axis=0))
    return np.argsort(-moved, kind="stable")


def row_order(view: View, tensor: Array) -> Array | None:
    """Probe rows by class, so that what a unit has learned shows as stripes."""
    y = view.run.probe.get("y")
    if y is None or len(y) != tensor.shape[1]:
        return None
    return np.argsort(np.ravel(y) if y.ndim == 1 else y[:, 0], kind="stable")


def robust_limit(samples: Array) -> float:
    """The 99.5 % quantile of |values| over all epochs; but where a run explodes at its end, ten times what is usual,
    so that its first epochs are not white."""
    overall = symmetric_limit(samples)
    usual = float(np.median([symmetric_limit(sample) if np.any(sample) else 0.0 for sample in samples]))
    return min(overall, 10 * usual) if usual > 0 else overall


def check_kinds(show: Sequence[str]) -> None:
    problems = [f"--show {kind}: cannot be filmed{did_you_mean(kind, KINDS)}" for kind in show if kind not in KINDS]
    if problems:
        raise UserError(problems)
