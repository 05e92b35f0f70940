"""Plain decimals are what float() makes of them, and whatever is written in another way is left to others."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_scratch.data import csv_cells
from nn_scratch.data.plain_decimals import LONGEST, plain_decimals
from tests.data.reading import loaded

DECIMALS = st.from_regex(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)", fullmatch=True).filter(lambda text: len(text) <= LONGEST)


@given(st.lists(st.tuples(DECIMALS, DECIMALS), min_size=1))
def test_plain_decimals_are_the_nearest_float64_each(rows):
    block = "".join(f"{a};{b}\n" for a, b in rows)
    found = plain_decimals(block.encode(), ";", 2)
    assert found.tobytes() == np.array(rows, dtype=np.float64).tobytes()  # -0 is not 0


@pytest.mark.parametrize(
    "block",
    [
        "1,2\n3\n",  # rows of another width
        "1\n2,3\n4\n",
        "1,\n",
        "1,-\n",
        "1,.\n",
        "1,-.\n",
        "1,1-2\n",
        "1,--2\n",
        "1,1.2.3\n",
        "1,+2\n",
        "1,1e5\n",
        "1, 2\n",
        "1,nan\n",
        "1,2\r\n",
        "1,2/\n",
        "1,2:\n",
        "1,½\n",
        "1,1234567890.12345\n",  # more digits than float64 holds
        "1,\xff\n",
    ],
)
def test_other_cells_are_left_to_others(block):
    assert plain_decimals(block.encode(), ",", 2) is None


@pytest.mark.parametrize("odd", ["1e-3", " 7", "+2", "0.12345678901234567"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_numbers_in_another_notation_are_read_among_plain_decimals(odd, end, monkeypatch):
    monkeypatch.setattr(csv_cells, "BLOCK_BYTES", 20)
    rows = [[f"{i}.5", f"{-i}", str(i % 2)] for i in range(60)]
    rows[40][1] = odd
    Path("t.csv").write_text("a,b,y" + end + "".join(",".join(row) + end for row in rows) + end, newline="")
    table = loaded("t.csv")
    np.testing.assert_array_equal(table.X, [[float(a), float(b)] for a, b, _ in rows])
    assert table.class_names == ("0", "1")
