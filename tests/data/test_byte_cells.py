"""Cells read block by block from bytes are those that the csv module finds, whatever they hold."""

import csv
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn_scratch.data import byte_cells, csv_cells
from nn_scratch.data.byte_cells import LONGEST_TEXT, TextCoder, find_cells
from nn_scratch.data.csv_cells import TextSource, read_cells
from nn_scratch.data.csv_layout import find_layout
from nn_scratch.data.notation import MISSING_WORDS
from nn_scratch.errors import UserError

ODD = [
    *[
        "",
        " ",
        "a",
        "A",
        "b ",
        "é",
        "日本語",
        "nan",
        "None",
        "-",
        "?",
        "inf",
        "-inf",
        "1_000",
        "0x1f",
        "1e5",
        "+3",
        "-.5",
    ],
    *[
        ".",
        "-0",
        "007",
        "1.",
        "--2",
        "1.2.3",
        "0.1234567890123456",
        "123456789012345",
        "9" * 16,
        "1e400",
        "12 kg",
        "$5",
    ],
    *["2024-01-02", "#x", "\xa0", "\x0b", "\x1c7", "\u2028z", "\ufeff", "abcdefgh", "abcdefghi", "abcdefgi", "x" * 40],
    *["aaaaaaaXbbbbbbbY", "aaaaaaaYbbbbbbbX", "y" * (LONGEST_TEXT + 1), "12345678", "1 2"],
]
CELLS = st.one_of(
    st.sampled_from(ODD),
    st.floats(-1e6, 1e6).map(lambda x: f"{x:.3f}"),
    st.integers(-99, 99).map(str),
    st.text(st.characters(exclude_characters='\0\r\n",', codec="utf-8"), max_size=12),
)
COLUMNS = st.one_of(st.just(CELLS), st.lists(CELLS, min_size=1, max_size=3).map(st.sampled_from))


@st.composite
def tables(draw):
    """Lines of two to four columns, each of cells of any kind or of a few."""
    columns = [draw(COLUMNS) for _ in range(draw(st.integers(2, 4)))]
    rows = [",".join(draw(column) for column in columns) for _ in range(draw(st.integers(1, 40)))]
    odd_lines = draw(st.lists(st.sampled_from(["", "# comment", ",", "a,b,c,d,e,f"]), max_size=1))
    at = draw(st.integers(0, len(rows)))
    header = ",".join(f"name{i}" for i in range(len(columns)))
    return draw(st.sampled_from(["\n", "\n", "\r\n", "\r"])).join([header, *rows[:at], *odd_lines, *rows[at:]])


def cells_of(source, as_text):
    """Every column, as its numbers or its texts, or the problems of the file."""
    try:
        cells = read_cells(source, source.names, as_text, MISSING_WORDS)
    except UserError as error:
        return list(error.problems)
    return [
        raw.numbers.tobytes() if raw.numbers is not None else [raw.texts[code] for code in raw.codes.tolist()]
        for raw in cells.columns
    ]


@settings(max_examples=300)
@given(tables(), st.sampled_from([1, 100, 1000]), st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_table_reads_the_same_from_bytes_and_cell_by_cell(tmp_path_factory, text, size, as_text, encoding):
    path = tmp_path_factory.getbasetemp() / "t.csv"
    path.write_bytes(text.encode(encoding))
    try:
        layout = find_layout(path)
    except UserError:
        return
    names = layout.names[:1] if as_text else ()
    careful = replace(layout, file=replace(layout.file, has_quotes=True))  # which is read cell by cell
    with patch.multiple(csv_cells, BLOCK_BYTES=size, BYTES_A_COLUMN=1):
        found = cells_of(TextSource(layout), names)
    assert found == cells_of(TextSource(careful), names)


def coded(coder, texts):
    """What a coder makes of a column, as texts."""
    cells = find_cells("".join(f"{text},0\n" for text in texts).encode(), ",", 2)
    found = coder(cells, 0)
    return found if isinstance(found, list) else [found.texts[code] for code in found.codes.tolist()]


@given(st.lists(st.lists(st.sampled_from(ODD) | st.text("ab", max_size=20), min_size=1), min_size=1))
def test_codes_are_those_of_the_texts_whatever_was_known_before(blocks):
    coder = TextCoder("utf-8")
    with patch.object(byte_cells, "KNOWN_TEXTS", 10):
        for texts in blocks:
            assert coded(coder, texts) == texts


def test_texts_are_numbered_as_they_appear():
    coder = TextCoder("utf-8")
    coded(coder, ["b", "a", "b"])
    coded(coder, ["d", "a", "c", "d"])
    assert coder.texts == ["b", "a", "d", "c"]


def test_texts_of_one_hash_are_told_apart(monkeypatch):
    monkeypatch.setattr(byte_cells, "_hashes_of", lambda words: np.zeros_like(words[0]))
    coder = TextCoder("utf-8")
    assert coded(coder, ["same", "same"]) == ["same", "same"]
    assert coded(coder, ["same", "another"]) == ["same", "another"]


@pytest.mark.parametrize("length", [131_072, 131_073])
def test_a_cell_beyond_the_limit_of_the_csv_module_is_left_to_it(length):
    assert csv.field_size_limit() == 131_072
    assert (find_cells(b"a" * length + b",0\n", ",", 2) is None) == (length > 131_072)
