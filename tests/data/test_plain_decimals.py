"""Plain decimals are what float() makes of them, and whatever is written in another way is left to others."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_scratch.data import csv_cells
from nn_scratch.data.byte_cells import find_cells
from nn_scratch.data.plain_decimals import LONGEST, plain_decimals
from tests.data.reading import loaded

DECIMALS = st.from_regex(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)", fullmatch=True).filter(lambda text: len(text) <= LONGEST)


@given(st.lists(st.tuples(DECIMALS, st.just("") | DECIMALS), min_size=1))
def test_plain_decimals_are_the_nearest_float64_each_and_an_empty_cell_is_none(rows):
    block = "".join(f"{a};{b}\n" for a, b in rows)
    found = plain_decimals(find_cells(block.encode(), ";", 2), [0, 1])
    wanted = np.array([[cell or "nan" for cell in row] for row in rows], dtype=np.float64)
    assert np.column_stack([found[0], found[1]]).tobytes() == wanted.tobytes()  # -0 is not 0


@pytest.mark.parametrize(
    "cell",
    [
        "-",
        ".",
        "-.",
        "1-2",
        "--2",
        "1.2.3",
        "+2",
        "1e5",
        " 2",
        "nan",
        "2/",
        "2:",
        "½",
        "1234567890.12345",  # more digits than float64 holds
        "1" * 300,
        "\xff",
    ],
)
def test_columns_with_other_cells_are_left_to_others(cell):
    cells = find_cells(f"0.5,1,2\n-1,{cell},3\n".encode(), ",", 3)
    found = plain_decimals(cells, [2, 1, 0])
    assert {place: values.tolist() for place, values in found.items()} == {2: [2.0, 3.0], 0: [0.5, -1.0]}


@pytest.mark.parametrize("block", ["1,2\n3\n", "1\n2,3\n4\n", "1,2\r\n", "1,2\n\n", "1,2,3\n"])
def test_lines_of_another_width_or_with_another_end_are_left_to_others(block):
    assert find_cells(block.encode(), ",", 2) is None


@pytest.mark.parametrize("odd", ["1e-3", " 7", "+2", "0.12345678901234567"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_numbers_in_another_notation_are_read_among_plain_decimals(odd, end, monkeypatch):
    monkeypatch.setattr(csv_cells, "BLOCK_BYTES", 20)
    monkeypatch.setattr(csv_cells, "BYTES_A_COLUMN", 1)
    rows = [[f"{i}.5", f"{-i}", str(i % 2)] for i in range(60)]
    rows[40][1] = odd
    Path("t.csv").write_text("a,b,y" + end + "".join(",".join(row) + end for row in rows) + end, newline="")
    table = loaded("t.csv")
    np.testing.assert_array_equal(table.X, [[float(a), float(b)] for a, b, _ in rows])
    assert table.class_names == ("0", "1")
