"""The preprocessing of a run's columns as ONNX operators.

Each column of the table is an input of the graph, named as it, of shape (rows, 1):

    number            double, NaN where missing
    text, yes or no   string; a missing value is empty, or one of the usual words (NA, null, ?)
    date, time        string, as 2024-03-05, 2024-03-05 08:30 or 08:30:15; days first or months first where training
                      had them so, with -, / or . between the numbers; without time zone, am and pm

What is none of the categories is encoded as in training. Scaling is computed in double.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nn_scratch.data.columns import Column
from nn_scratch.data.notation import MISSING_WORDS
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.errors import UserError
from nn_scratch.export.onnx_graph import DOUBLE, FLOAT, INT64, STRING, Graph

Array = NDArray[np.float64]

# the order of day, month and year in the styles of notation.DATES that are numbers alone
ORDERS = {"year first": (2, 1, 0), "day first": (0, 1, 2), "month first": (1, 0, 2)}


def columns_of(preprocessing: Preprocessing) -> list[tuple[str, int]]:
    """The graph's inputs: each column with its element type."""
    names = [column.name for column in preprocessing.columns]
    if len(set(names)) < len(names):
        raise UserError("--to onnx: two columns have one name, and inputs of a graph need names of their own")
    return [(column.name, DOUBLE if column.kind == "number" else STRING) for column in preprocessing.columns]


def scaled_features(graph: Graph, preprocessing: Preprocessing) -> str:
    """The network's input (rows, features) float32, of all columns."""
    plain: list[tuple[Column, int]] = []
    blocks: list[str] = []
    places: list[int] = []  # of the blocks' features among the network's
    start = 0
    for column in preprocessing.columns:
        width = len(column.feature_names)
        place = np.arange(start, start + width)
        start += width
        if column.kind in ("text", "boolean"):
            blocks.append(looked_up(graph, preprocessing, column, place))
        elif column.kind == "number" and not column.marked:
            plain.append((column, int(place[0])))
            continue
        else:
            blocks.append(computed(graph, preprocessing, column, place))
        places += place.tolist()
    if plain:
        features = [place for _, place in plain]
        names = [column.name for column, _ in plain]
        X = names[0] if len(names) == 1 else graph.add("Concat", *names, axis=1)
        blocks.insert(0, scaled(graph, preprocessing, X, np.array(features)))
        places = [*features, *places]
    joined = blocks[0] if len(blocks) == 1 else graph.add("Concat", *blocks, axis=1)
    order = np.argsort(places)
    if np.array_equal(order, np.arange(len(order))):
        return joined
    return graph.add("Gather", joined, graph.constant(order, np.int64), axis=1)


def scaled(graph: Graph, preprocessing: Preprocessing, X: str, place: NDArray[np.int64]) -> str:
    """(x - offset) / scale of features X (rows, features) double; missing values are filled in first."""
    if preprocessing.fill is not None:
        fill = graph.constant(preprocessing.fill[None, place], np.float64)
        X = graph.add("Where", graph.add("IsNaN", X), fill, X)
    X = graph.add("Sub", X, graph.constant(preprocessing.offset[None, place], np.float64))
    X = graph.add("Div", X, graph.constant(preprocessing.scale[None, place], np.float64))
    return graph.add("Cast", X, to=FLOAT)


def spellings(words: frozenset[str]) -> list[str]:
    """Words in lower case as people write them."""
    return sorted({form for word in words for form in (word, word.upper(), word.capitalize())})


def nothing_words(preprocessing: Preprocessing) -> list[str]:
    return spellings(MISSING_WORDS | {word.lower() for word in preprocessing.na_values})


def looked_up(graph: Graph, preprocessing: Preprocessing, column: Column, place: NDArray[np.int64]) -> str:
    """A row of a table of scaled features for each text; the table is computed by the column itself."""
    if column.kind == "text":
        known = {category: index for index, category in enumerate(column.categories)}
        values = [*map(float, range(len(known))), float(len(known)), np.nan]  # the last two: another text, and none
    else:
        no, yes = column.style.split("|")
        known = dict.fromkeys([*spellings(frozenset([no])), "0"], 0) | dict.fromkeys(
            [*spellings(frozenset([yes])), "1"], 1
        )
        values = [0.0, 1.0, np.nan, np.nan]
    features = np.empty((len(values), len(place)))
    column.encode(np.array(values), features)
    if preprocessing.fill is not None:
        features = np.where(np.isnan(features), preprocessing.fill[place], features)
    table = (features - preprocessing.offset[place]) / preprocessing.scale[place]
    codes = {word: len(values) - 1 for word in nothing_words(preprocessing)} | known
    code = graph.add(
        "LabelEncoder",
        column.name,
        domain="ai.onnx.ml",
        keys_strings=list(codes),
        values_int64s=list(codes.values()),
        default_int64=len(values) - 2,
    )
    return graph.add("Gather", graph.constant(table), flat(graph, code), axis=0)


def flat(graph: Graph, X: str) -> str:
    """(rows, 1) to (rows,)."""
    return graph.add("Reshape", X, graph.constant([-1], np.int64))


def computed(graph: Graph, preprocessing: Preprocessing, column: Column, place: NDArray[np.int64]) -> str:
    """Features of a number that is marked where it is missing, of a date, or of a time."""
    if column.kind == "number":
        missing = graph.add("IsNaN", column.name)
        features = [column.name]
    else:
        missing, cells = split_off_missing(graph, preprocessing, column)
        found = date_features(graph, column, cells) if column.kind == "date" else [hours(graph, cells)]
        nan = graph.constant(np.nan, np.float64)
        features = [graph.add("Where", missing, nan, feature) for feature in found]
    if column.marked:
        features.append(graph.add("Cast", missing, to=DOUBLE))
    X = features[0] if len(features) == 1 else graph.add("Concat", *features, axis=1)
    return scaled(graph, preprocessing, X, place)


# --- dates and times, from their letters


def split_off_missing(graph: Graph, preprocessing: Preprocessing, column: Column) -> tuple[str, str]:
    """Where a text is missing (rows, 1), and the texts (rows,), with one that can be read in place of those."""
    words = nothing_words(preprocessing)
    code = graph.add(
        "LabelEncoder",
        column.name,
        domain="ai.onnx.ml",
        keys_strings=words,
        values_int64s=[1] * len(words),
        default_int64=0,
    )
    missing = graph.add("Cast", code, to=9)  # bool
    instead = "0:0" if column.kind == "time" else "19700101" if column.style == "compact" else "1-1-1970"
    if column.style == "year first":
        instead = "1970-1-1"
    return missing, flat(graph, graph.add("Where", missing, graph.constant(instead, np.str_), column.name))


def pieces(graph: Graph, cells: str, separator: str, more: str, number: int) -> list[str]:
    """The first pieces of texts (rows,), (rows, 1) each; `more` is put behind them, so that there are enough."""
    whole = graph.add("StringConcat", cells, graph.constant(more, np.str_))
    split = graph.add("StringSplit", whole, outputs=2, delimiter=separator)
    return [graph.add("Gather", split, graph.constant([index], np.int64), axis=1) for index in range(number)]


def hours(graph: Graph, cells: str) -> str:
    """Hours (rows, 1) double of texts as 8:30 or 08:30:15.5."""
    parts = [graph.add("Cast", piece, to=DOUBLE) for piece in pieces(graph, cells, ":", ":0:0", 3)]
    sixty = [graph.constant(60.0**power, np.float64) for power in range(3)]
    terms = [graph.add("Div", part, by) for part, by in zip(parts, sixty, strict=True)]
    return graph.add("Add", graph.add("Add", terms[0], terms[1]), terms[2])


def date_features(graph: Graph, column: Column, cells: str) -> list[str]:
    """The parts of a date that are features, (rows, 1) double each."""
    if column.style not in (*ORDERS, "compact"):
        raise UserError(
            f"--to onnx: {column.name!r} holds dates with the month as a word, which ONNX cannot read; write them as "
            "2024-03-05 and train again"
        )
    date, rest = pieces(graph, cells, "T", "T0:0:0", 2)  # 2024-03-05T08:30, or with a space between
    both = graph.add("StringConcat", graph.add("StringConcat", date, graph.constant(" ", np.str_)), rest)
    date, time = pieces(graph, flat(graph, both), " ", "", 2)
    day, month, year = numbers_of_date(graph, column.style, flat(graph, date))
    days = days_since_1970(graph, year, month, day)
    hour = hours(graph, flat(graph, time))
    share = graph.add("Div", hour, graph.constant(24.0, np.float64))
    found = {
        "year": graph.add("Cast", year, to=DOUBLE),
        "month": graph.add("Cast", month, to=DOUBLE),
        "day": graph.add("Cast", day, to=DOUBLE),
        "weekday": graph.add("Cast", graph.add("Mod", add(graph, days, 3), integer(graph, 7)), to=DOUBLE),
        "hour": hour,
    }
    moment = graph.add("Add", graph.add("Cast", days, to=DOUBLE), share)
    found["days"] = graph.add("Sub", moment, graph.constant(column.start if column.parts else 0.0, np.float64))
    return [found[part] for part in column.parts or ("days",)]


def numbers_of_date(graph: Graph, style: str, cells: str) -> tuple[str, str, str]:
    """Day, month and year (rows, 1) int64 of texts (rows,)."""
    if style == "compact":
        number = graph.add("Reshape", graph.add("Cast", cells, to=INT64), graph.constant([-1, 1], np.int64))
        month = graph.add("Mod", graph.add("Div", number, integer(graph, 100)), integer(graph, 100))
        return graph.add("Mod", number, integer(graph, 100)), month, graph.add("Div", number, integer(graph, 10_000))
    totals = ["", "", ""]
    for separator in "-/.":  # a text has one of them, and counts for nothing with the others
        whole = graph.add("StringConcat", cells, graph.constant(f"{separator}0" * 2, np.str_))
        split = graph.add("StringSplit", whole, outputs=2, delimiter=separator)
        enough = graph.add("Equal", f"{split}_1", integer(graph, 5))
        for index, place in enumerate(ORDERS[style]):
            piece = graph.add("Gather", split, integer(graph, place), axis=1)
            digits = graph.add("Where", enough, piece, graph.constant("0", np.str_))
            value = graph.add("Cast", digits, to=INT64)
            totals[index] = graph.add("Add", totals[index], value) if totals[index] else value
    day, month, year = (graph.add("Reshape", total, graph.constant([-1, 1], np.int64)) for total in totals)
    century = graph.add(
        "Where", graph.add("GreaterOrEqual", year, integer(graph, 70)), integer(graph, 1900), integer(graph, 2000)
    )
    short = graph.add("Less", year, integer(graph, 100))
    return day, month, graph.add("Where", short, graph.add("Add", year, century), year)


def days_since_1970(graph: Graph, year: str, month: str, day: str) -> str:
    """Days of the Gregorian calendar, int64; years from 1 on. Months count from March, so that leap days come last."""
    early = graph.add("Cast", graph.add("Less", month, integer(graph, 3)), to=INT64)  # January and February
    y = graph.add("Sub", year, early)
    m = add(graph, graph.add("Add", month, graph.add("Mul", early, integer(graph, 12))), -3)
    of_year = graph.add("Div", add(graph, graph.add("Mul", m, integer(graph, 153)), 2), integer(graph, 5))
    leaps = graph.add("Div", y, integer(graph, 4))
    leaps = graph.add("Sub", leaps, graph.add("Div", y, integer(graph, 100)))
    leaps = graph.add("Add", leaps, graph.add("Div", y, integer(graph, 400)))
    total = graph.add("Add", graph.add("Mul", y, integer(graph, 365)), leaps)
    total = graph.add("Add", graph.add("Add", total, of_year), day)
    return add(graph, total, -719_469)


def integer(graph: Graph, value: int) -> str:
    return graph.constant(value, np.int64)


def add(graph: Graph, X: str, value: int) -> str:
    return graph.add("Add", X, integer(graph, value))
