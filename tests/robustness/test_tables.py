"""Tables with everything wrong that a table can have, through train.py: each case has its stated outcome."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.runs.run import Run
from tests.robustness.processes import Scripts

HEADER = "a,b,label"
NUMBERS = np.random.default_rng(0).normal(size=(60, 2))
ROWS = [f"{a:.4f},{b:.4f},{'yes' if a > 0 else 'no'}" for a, b in NUMBERS]


def table(*odd: str, rows: list[str] = ROWS, header: str = HEADER, end: str = "\n") -> bytes:
    """A CSV file with odd lines at line 7."""
    return end.join([header, *rows[:5], *odd, *rows[5:], ""]).encode()


NO_VALUE = "is no value; write one, or set data.missing to drop (leave such rows out) or mean (fill it in)"
REFUSED = {
    "NaN": (table("nan,1,yes"), f":7:1: 'nan' in column 'a' {NO_VALUE}"),
    "an infinity": (table("1,inf,yes"), f":7:2: 'inf' in column 'b' {NO_VALUE.replace('no value', 'not finite')}"),
    "a missing value": (table(",1,yes"), f":7:1: '' in column 'a' {NO_VALUE}"),
    "beyond float32": (
        table("1e308,1,yes"),
        ":7:1: '1e308' in column 'a' is beyond the numbers of float32 (3.4e38); rescale the column",
    ),
    "words": (
        table("abc,1,yes"),
        ":7:1: 'abc' in column 'a' is not a number; write one, as 1234.5, or leave the column out with data.ignore",
    ),
    "one class": (
        table(rows=[row.replace("no", "yes") for row in ROWS]),
        ": every row has 'label' = 'yes'; classification needs two classes or more",
    ),
    "one row": (table(rows=ROWS[:1]), ": 1 row; bring more, to train on and to validate with"),
    "no rows": (table(rows=[]), ":1: a header and no rows; write a line for each row"),
    "nothing": (
        b"",
        ": the file is empty; write a header with the columns' names, and a line for each row",
    ),
    "a short line": (table("1,2"), ":7:3: 2 values on this line; a row has 3 (one that holds a ',' is put in quotes)"),
    "a long line": (
        table("1,2,yes,4"),
        ":7:4: 4 values on this line; a row has 3 (one that holds a ',' is put in quotes)",
    ),
    "cp1252": (
        table("1,2,caf").replace(b"caf", b"caf\xe9"),
        ":7: byte 0xe9 is not UTF-8 (but Windows-1252 or Latin-1, perhaps); save the file as UTF-8",
    ),
    "UTF-16": (table().decode().encode("utf-16"), ": the text is UTF-16; save it as UTF-8"),
    "an open quote": (
        table('1,2,"yes'),
        ':7: a quote (") is opened here and never closed; close it, or double a quote that belongs to the text',
    ),
    "one name twice": (table(header="a,a,label"), ":1:2: column 'a' has the name of column 1; give it another"),
    "a zero byte": (table("1,\0,yes"), ":7: a NUL byte, which no text holds; is this a CSV file?"),
}
TRAINED = {
    "a byte-order mark": (b"\xef\xbb\xbf" + table(), None),
    "lines of Windows": (table(end="\r\n"), None),
    "lines of old Macs": (table(end="\r"), None),
    "quoted line breaks": (table(rows=[row.replace("no", '"n\no"') for row in ROWS]), None),
    "semicolons": (table().replace(b",", b";"), "{path}: the columns are separated by semicolons"),
    "a constant column": (
        table(rows=[f"{row.split(',')[0]},7,{row.split(',')[2]}" for row in ROWS]),
        "1 feature is constant in the training rows and become 0: 'b'",
    ),
    "a class of one row": (
        table("1,2,maybe"),
        "no row of val has the class 'maybe', so its scores say nothing about it",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_table_that_cannot_be_trained_on_is_refused_in_one_line(case: str, scripts: Scripts, tmp_path: Path) -> None:
    content, told = REFUSED[case]
    (tmp_path / "t.csv").write_bytes(content)
    ended = scripts.train(tmp_path, "data.source=./t.csv", "layers=[]", "train.epochs=2")
    assert ended.output == f"{tmp_path / 't.csv'}{told}\n"
    assert ended.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]  # no folder of a run that never was


@pytest.mark.parametrize("case", TRAINED)
def test_a_table_that_can_be_trained_on_is_and_what_was_done_is_said(
    case: str, scripts: Scripts, tmp_path: Path
) -> None:
    content, notice = TRAINED[case]
    (tmp_path / "t.csv").write_bytes(content)
    ended = scripts.train(tmp_path, "data.source=./t.csv", "layers=[]", "train.epochs=2", "name=run")
    assert ended.code == 0, ended.output
    notices = Run(tmp_path / "run-001").info["notices"]
    if notice is None:
        assert notices == []
    else:
        assert notice.format(path=tmp_path / "t.csv") in notices


@pytest.mark.slow
def test_a_million_rows_train(scripts: Scripts, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(table(rows=ROWS * 16_667))
    ended = scripts.train(tmp_path, "data.source=./t.csv", "layers=[]", "train={epochs: 1, batch_size: 1000}")
    assert ended.code == 0, ended.output
    assert ended.megabytes < 600
