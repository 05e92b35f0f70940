import gzip
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn_scratch.data import ColumnOptions, csv_cells
from nn_scratch.data.csv_cells import TextSource, read_cells
from nn_scratch.data.csv_layout import find_layout
from nn_scratch.data.notation import MISSING_WORDS
from nn_scratch.errors import UserError
from tests.data.reading import loaded, problems_of

NUMBERS = {"a": "number", "b": "number"}
FILL_IN = "write one, or set data.missing to auto (fill it in) or drop (leave such rows out)"
FILL_IN_TARGET = "write one, or set data.missing: drop to leave such rows out"
NOT_A_NUMBER = "is no number; write one, or name it in data.na_values"


def write(content, name="t.csv"):
    content = content.encode() if isinstance(content, str) else content
    Path(name).write_bytes(content)
    return name


def read(content, name="t.csv", **keywords):
    return loaded(write(content, name), **keywords)


def refused(content, name="t.csv", **keywords):
    return problems_of(loaded, write(content, name), **keywords)


def in_small_parts(monkeypatch):
    for name in ("CHUNK_CELLS", "BYTES_A_COLUMN"):
        monkeypatch.setattr(csv_cells, name, 1)
    monkeypatch.setattr(csv_cells, "BLOCK_BYTES", 300)


# ---- tables as they should be ----


def test_the_last_column_is_the_target_and_the_others_are_features():
    table = read("height,weight,species\n1,2.5,cat\n3,4e-1,dog\n-5, 6 ,cat\n")
    assert table.X.tolist() == [[1.0, 2.5], [3.0, 0.4], [-5.0, 6.0]]
    assert table.y.tolist() == [0, 1, 0]
    assert table.task == "classification"
    assert table.class_names == ("cat", "dog")
    assert table.feature_names == ("height", "weight")
    assert table.target_names == ("species",)
    assert table.origin == "t.csv"
    assert table.task_rule == "'species' is text"
    assert table.notices == ()


def test_the_target_is_the_column_that_is_named_or_counted_from_0():
    text = "a,b,c\n1,2,3.5\n4,5,6.5\n"
    for target in ("a", 0, -3):
        table = read(text, target=target, task="regression")
        assert table.target_names == ("a",)
        assert table.feature_names == ("b", "c")
        assert table.X.tolist() == [[2.0, 3.5], [5.0, 6.5]]
        assert table.y.tolist() == [[1.0], [4.0]]


def test_several_targets_make_a_regression_of_several_outputs():
    table = read("a,b,c\n1,2,3\n4,5,6\n", target=["c", "a"])
    assert table.task == "regression"
    assert table.task_rule == "several targets"
    assert table.target_names == ("c", "a")
    assert table.y.tolist() == [[3.0, 1.0], [6.0, 4.0]]
    assert table.X.tolist() == [[2.0], [5.0]]


def test_ignored_columns_are_not_read_whatever_they_hold():
    table = read("id,a,y\nx7,1,0.5\nx8,2,0.25\n", ignore=["id"])
    assert table.feature_names == ("a",)
    assert read("a,y,id\n1,0.5,x\n2,0.7,y\n", ignore=["id"]).target_names == ("y",)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xef\xbb\xbfa,b,y\n1,2,0.5\n3,4,1.5\n", "t.csv"),
        (b"a,b,y\r\n1,2,0.5\r\n3,4,1.5\r\n", "t.csv"),
        (b"a,b,y\r1,2,0.5\r3,4,1.5\r", "t.csv"),
        (b"a,b,y\n1,2,0.5\n\n   \n3,4,1.5\n\n", "t.csv"),
        (b"a,b,y\n1,2,0.5\n3,4,1.5", "t.csv"),
        (b'"a","b","y"\n"1","2","0.5"\n3,4,1.5\n', "t.csv"),
        (b"a\tb\ty\n1\t2\t0.5\n3\t4\t1.5\n", "t.tsv"),
        (gzip.compress(b"a,b,y\n1,2,0.5\n3,4,1.5\n", mtime=0), "t.csv.gz"),
        (gzip.compress(b"a\tb\ty\n1\t2\t0.5\n3\t4\t1.5\n", mtime=0), "t.tsv.gz"),
    ],
    ids=["byte order mark", "CRLF", "CR", "blank lines", "no line end", "quotes", "tsv", "csv.gz", "tsv.gz"],
)
def test_these_are_all_the_same_table(content, name):
    table = read(content, name)
    assert table.X.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert table.y.tolist() == [[0.5], [1.5]]
    assert table.feature_names == ("a", "b")
    assert table.notices == ()


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
def test_another_delimiter_is_found_where_it_is_the_only_one_that_fits_and_reported(delimiter, name):
    table = read("a,1;b;y\n1;2;0.5\n3;4;1.5\n".replace(";", delimiter))
    assert table.X.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert table.feature_names == ("a,1", "b")
    assert table.notices == (f"t.csv: the columns are separated by {name}",)


def test_commas_win_where_several_delimiters_fit():
    table = read("a;b,y\nu;v,0.5\nu;w,1.5\n")
    assert [(column.name, column.categories) for column in table.columns] == [("a;b", ("u;v", "u;w"))]


def test_a_first_line_of_numbers_is_a_row_and_columns_are_numbered():
    table = read("1,2,0.5\n3,4,1.5\n")
    assert table.X.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert table.feature_names == ("x1", "x2")
    assert table.target_names == ("x3",)
    assert table.notices == ("t.csv: no header, so the first line is a row, and the columns are called x1 to x3",)


def test_a_first_line_whose_text_comes_again_below_is_a_row():
    table = read("5.1,3.5,setosa\n6.2,3.0,virginica\n5.0,3.1,setosa\n")
    assert table.y.tolist() == [0, 1, 0]
    assert table.X[0].tolist() == [5.1, 3.5]


def test_a_header_may_hold_numbers_if_a_column_shows_that_it_is_one():
    table = read("country,2019,2020,growth\nA,1,2,0.5\nB,3,4,1.5\n")
    assert table.feature_names == ("country", "2019", "2020")


def test_a_line_of_numbers_and_text_that_may_be_either_is_refused():
    assert refused("5.1,3.5,setosa\n6.2,3.0,virginica\n") == [
        "t.csv:1: '5.1' is a number and 'setosa' is text: a header, or the first of 2 rows? "
        "Write a header whose names are no numbers"
    ]


def test_a_column_without_a_name_that_numbers_the_rows_is_left_out_and_reported():
    table = read(",a,y\n" + "".join(f"{i},{i * i},{i / 8}\n" for i in range(12)))
    assert table.feature_names == ("a",)
    assert table.notices == (
        "t.csv:1:1: the column has no name; it is called 'x1'",
        "t.csv: column 'x1' is left out: numbers the rows; to use it, set its type in data.columns",
    )


def test_a_named_column_that_numbers_the_rows_is_kept_and_reported():
    table = read("t,a,y\n" + "".join(f"{i},{i * i},{i / 8}\n" for i in range(12)))
    assert table.feature_names == ("t", "a")
    assert table.notices == (
        "t.csv: column 't' numbers the rows, which is not predictive; to leave it out: data.ignore=[t]",
    )


def test_a_column_without_a_name_takes_none_that_another_has():
    assert read(",x1,column_1,y\n" + "".join(f"r{i % 2},{i},{i * i},{i / 8}\n" for i in range(4))).feature_names == (
        "column__1",
        "x1",
        "column_1",
    )


def test_column_names_are_on_one_line_and_bare():
    assert read('" a  b","c\nd",y\n1,2,0.5\n3,4,1.5\n').feature_names == ("a b", "c d")


ODD = {
    "duplicate names": (
        b"a,a,y\n1,2,0.5\n3,4,1.5\n",
        ["t.csv:1:2: column 'a' has the name of column 1; it is called 'a_2'"],
    ),
    "Windows-1252": (
        "a,b,y\n1,2,0.5\n3,4,1.5\n".replace("b", "gr\u00f6\u00dfe \u20ac").encode("cp1252"),
        ["t.csv: the text is not UTF-8; it is read as Windows-1252"],
    ),
    "Latin-1": (b"a,b\xe9\x81,y\n1,2,0.5\n3,4,1.5\n", ["t.csv: the text is not UTF-8; it is read as Latin-1"]),
    "UTF-16": ("a,b,y\n1,2,0.5\n3,4,1.5\n".encode("utf-16"), ["t.csv: the text is not UTF-8; it is read as UTF-16"]),
    "vertical bars": (b"a|b|y\n1|2|0.5\n3|4|1.5\n", ["t.csv: the columns are separated by vertical bars"]),
    "comments": (
        b"# made by hand, in 2020\n#\na,b,y\n1,2,0.5\n# a break\n3,4,1.5\n",
        ["t.csv: 2 lines before the table left out as comments (#)"],
    ),
    "a header in a comment": (
        b"# a,b,y\n1,2,0.5\n3,4,1.5\n",
        ["t.csv: 1 line before the table left out as comments (#)"],
    ),
    "a trailing comma": (b"a,b,y\n1,2,0.5,\n3,4,1.5,\n", []),
    "a trailing comma in the header too": (
        b"a,b,y,\n1,2,0.5,\n3,4,1.5,\n",
        ["t.csv: column 'x4' is left out: it has no values"],
    ),
    "quoted line ends": (b'"a\n(cm)",b,y\n1,2,0.5\n"3",4,1.5\n', []),
    "spaces around": (b"a , b,y\n 1,2 ,0.5\n3,\t4,1.5\n", []),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_files_are_read_and_what_is_odd_is_reported(case):
    content, told = ODD[case]
    table = read(content, target=2)
    assert table.X.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert table.y.tolist() == [[0.5], [1.5]]
    assert list(table.notices) == told


def test_a_table_of_very_many_columns_is_read():
    names = ",".join(f"c{i}" for i in range(100_000))
    row = ",".join("5" for _ in range(100_000))
    table = read(f"{names},y\n" + "".join(f"{row},{i / 4}\n" for i in range(3)))
    assert table.X.shape == (3, 100_000)


# ---- kinds of columns ----


def column_of(cells, **keywords):
    """The first column of a table with these cells, and its values."""
    table = read("a;b;y\n" + "".join(f"{cell};{i};{i / 4}\n" for i, cell in enumerate(cells)), **keywords)
    return table.columns[0], table.X[:, 0]


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["1970-01-02", "1970-02-01"], [1, 31]),
        (["1970-01-02T12:00:00Z", "1970-01-02 06:00"], [1.5, 1.25]),
        (["1970-01-02T12:00:00+06:00", "1970-01-02"], [1.25, 1]),
        (["02/01/1970", "13/01/1970"], [1, 12]),
        (["01/02/1970", "01/13/1970"], [1, 12]),
        (["02.01.1970", "13.01.1970"], [1, 12]),
        (["1970/1/2", "1970/1/13"], [1, 12]),
        (["2 Jan 1970", "13 February 1970"], [1, 43]),
        (["Jan 2, 1970", "February 13, 1970"], [1, 43]),
        (["1970-01", "1970-02"], [0, 31]),
    ],
)
def test_dates_are_days(cells, days):
    column, values = column_of(cells)
    assert column.kind == "date"
    assert values.tolist() == days


def test_a_column_can_be_said_to_hold_dates():
    column, values = column_of(["19700102", "19700113"], options=ColumnOptions({"a": "date"}))
    assert (column.kind, values.tolist()) == ("date", [1, 12])


def test_times_of_day_are_hours():
    column, values = column_of(["12:30", "6:00 PM", "23:15:36"])
    assert column.kind == "time"
    assert values.tolist() == [12.5, 18.0, 23.26]


@pytest.mark.parametrize(
    "cells", [["True", "false", "TRUE"], ["yes", "no", "yes"], ["Y", "n", "y"], ["on", "off", "on"]]
)
def test_yes_and_no_are_1_and_0(cells):
    column, values = column_of(cells)
    assert column.kind == "boolean"
    assert values.tolist() == [1.0, 0.0, 1.0]


def test_a_column_can_be_said_to_hold_text_which_keeps_its_zeros():
    column, values = column_of(["01234", "1234", "01234"], options=ColumnOptions({"a": "text"}))
    assert column.categories == ("01234", "1234")
    assert values.tolist() == [0.0, 1.0, 0.0]


def test_columns_can_be_ignored_by_their_type_and_names_that_are_not_there_are_refused():
    assert read("id,a,y\n1,2,0.5\n2,3,1.5\n", options=ColumnOptions({"id": "ignore"})).feature_names == ("a",)
    assert refused("zip,a,y\n1,2,0.5\n2,3,1.5\n", options=ColumnOptions({"zpi": "text"})) == [
        "t.csv:1: data.columns: no column 'zpi'; did you mean 'zip'?"
    ]


@pytest.mark.parametrize("name", ["id", "Id", "customer_id", "PassengerId", "uuid", "row", "nr"])
def test_identifiers_are_left_out_and_reported(name):
    table = read(f"{name},a,y\n" + "".join(f"{i * 7 % 100},{i * i},{i / 8}\n" for i in range(30)))
    assert table.feature_names == ("a",)
    assert table.notices == (
        f"t.csv: column {name!r} is left out: holds 30 different whole numbers in 30 rows: identifiers; to use it, set "
        "its type in data.columns",
    )


# ---- text ----


def test_a_column_of_text_holds_codes_of_its_sorted_categories_and_is_reported():
    table = read("size,color,y\n1,red,0.5\n2,blue,1.5\n3, red ,2.5\n")
    assert table.feature_names == ("size", "color")
    assert table.columns[1].categories == ("blue", "red")
    assert table.X.tolist() == [[1.0, 1.0], [2.0, 0.0], [3.0, 1.0]]
    assert table.notices == ("t.csv: column 'color' holds text: 2 categories, 'blue' and 'red'",)


@pytest.mark.parametrize("unit", ["m2", "cm3", "m²", "kg"])
def test_a_unit_may_end_with_its_power(unit):
    table = read("a,b,y\n" + "".join(f"{i * 3} {unit},{i % 5},{i + 0.5}\n" for i in range(30)))
    assert table.columns[0].kind == "number"
    assert table.X[:3, 0].tolist() == [0, 3, 6]


def test_categories_that_differ_in_case_stay_apart_and_are_named():
    cells = ["Berlin", "berlin", "Rome", "ROME", "Oslo", "Oslo "] * 5
    table = read("a,b,y\n" + "".join(f"{cell},{i},{i % 2}\n" for i, cell in enumerate(cells)))
    assert table.columns[0].categories == ("Berlin", "Oslo", "ROME", "Rome", "berlin")
    assert (
        "; 'Berlin' and 'berlin' differ in case alone and stay apart, as do 1 more: write them alike to make them one"
    ) in " ".join(table.notices)


def test_text_of_as_many_kinds_as_rows_is_left_out_as_identifiers_unless_it_is_said_to_be_text():
    rows = "".join(f"id{i},{i * i % 7},{i % 2}\n" for i in range(101))
    table = read("name,a,y\n" + rows)
    assert table.feature_names == ("a",)
    assert table.notices[0] == (
        "t.csv: column 'name' is left out: holds 101 different texts in 101 rows: names or identifiers; to use it, set "
        "its type in data.columns"
    )
    assert len(read("name,a,y\n" + rows, options=ColumnOptions({"name": "text"})).columns[0].categories) == 101


def test_a_table_without_a_column_of_use_is_refused_with_the_reasons():
    assert refused("name,y\n" + "".join(f"id{i},{i % 2}\n" for i in range(101))) == [
        "t.csv: no column but 'y' is of use: 'name' holds 101 different texts in 101 rows: names or identifiers; "
        "data.columns sets what a column holds"
    ]


def test_a_few_texts_in_a_column_of_many_numbers_are_missing_values_and_reported():
    rows = "".join(f"{i / 8},{i % 2}\n" for i in range(50))
    table = read("a,y\n" + rows + "two,1\ntwo,0\n")
    assert np.isnan(table.X[:, 0]).tolist() == [False] * 50 + [True] * 2
    assert table.notices[0] == (
        "t.csv: column 'a' holds numbers; 2 of 52 cells are none and taken for missing values, such as 'two' (line "
        "52); for categories: data.columns={a: text}"
    )


def test_text_in_a_column_that_is_said_to_hold_numbers_is_refused_where_it_stands():
    assert refused("a,b,y\n1,2,0.5\n1,two,0.5\n1_000,2,0.5\n", options=ColumnOptions(NUMBERS)) == [
        f"t.csv:3:2: 'two' in column 'b' {NOT_A_NUMBER}",
        f"t.csv:4:1: '1_000' in column 'a' {NOT_A_NUMBER}",
    ]


def test_few_numbers_among_texts_are_categories():
    assert read("a,y\nA1,0.5\nB2,0.5\n77,0.5\n").columns[0].categories == ("77", "A1", "B2")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,234", "5"], [1234, 5]),
        (["1,5", "2,25"], [1.5, 2.25]),
        (["1 234", "5"], [1234, 5]),
        (["1'234.5", "5"], [1234.5, 5]),
        (["1.234,5", "5"], [1234.5, 5]),
        (["$1,234.50", "$5"], [1234.5, 5]),
        (["5 €", "1.234,5 €"], [5, 1234.5]),
        (["12%", "3.5 %"], [12, 3.5]),
        (["(3)", "4.5"], [-3, 4.5]),
        (["USD 12", "13.5 USD"], [12, 13.5]),
        (["-$3", "$4"], [-3, 4]),
        (["1\u00a0234", "\u22125"], [1234, -5]),
    ],
)
def test_numbers_as_people_write_them_are_numbers_and_reported(cells, values):
    table = read("a;y\n" + "".join(f"{cell};{i + 0.5}\n" for i, cell in enumerate(cells)))
    assert table.X[:, 0].tolist() == values
    assert table.notices[1] == f"t.csv: column 'a' holds numbers such as {cells[0]!r}"


def test_decimal_commas_are_reported_from_the_file_and_can_be_set():
    rows = "a;b;y\n1,5;1.234;2,5\n2,75;5;3,5\n"
    table = read(rows)
    assert table.X.tolist() == [[1.5, 1234.0], [2.75, 5.0]]
    assert table.y.tolist() == [[2.5], [3.5]]
    table = read("a;y\n1,234;1\n2,345;2\n", options=ColumnOptions(decimal="."))
    assert table.X.tolist() == [[1234.0], [2345.0]]
    assert read("a;y\n1,234;1\n2,345;2\n").X.tolist() == [[1.234], [2.345]]


def test_a_long_cell_is_cut_in_the_message_and_a_line_end_does_not_break_it():
    assert refused("a,y\n1,0\n2,0\n" + f'"x\n{"y" * 50}",1\n', options=ColumnOptions({"a": "number"})) == [
        f"t.csv:4:1: 'x\\n{'y' * 35}...' in column 'a' {NOT_A_NUMBER}"
    ]


# ---- places ----


def test_lines_are_the_files_own_whatever_cells_and_blank_lines_came_before():
    text = 'note,b,y\n"one\ntwo",2,0.5\n\n"a\nb\nc",x,0.5\nz,3,0.5\n'
    assert refused(text, options=ColumnOptions({"b": "number"})) == [f"t.csv:7:2: 'x' in column 'b' {NOT_A_NUMBER}"]


def test_the_first_ten_problems_are_reported_in_the_files_order_and_the_number_of_the_others():
    rows = "".join("1,x,0.5\n" if i % 2 else "y,1,0.5\n" for i in range(30))
    problems = refused("a,b,y\n" + rows, options=ColumnOptions(NUMBERS))
    assert problems[:10] == [
        f"t.csv:{line}:{place}: '{cell}' in column '{name}' {NOT_A_NUMBER}"
        for line, (place, cell, name) in enumerate([(1, "y", "a"), (2, "x", "b")] * 5, start=2)
    ]
    assert problems[10:] == ["and 20 more"]


def test_problems_are_counted_across_the_chunks_in_which_a_file_is_read(monkeypatch):
    in_small_parts(monkeypatch)
    rows = "".join("1,0.5\n" for _ in range(400)) + "x,0.5\n" * 12
    problems = refused("a,y\n" + rows, options=ColumnOptions({"a": "number"}))
    assert problems[0] == f"t.csv:402:1: 'x' in column 'a' {NOT_A_NUMBER}"
    assert problems[10:] == ["and 2 more"]


def test_a_table_is_the_same_whatever_the_size_of_the_chunks(monkeypatch):
    rows = "".join(f"{'abc'[i % 3]},{i},{'' if i % 7 == 0 else i / 8},c{i % 5}\n" for i in range(300))
    whole = read("t,a,b,y\n" + rows, missing="mean")
    in_small_parts(monkeypatch)
    parts = read("t,a,b,y\n" + rows, missing="mean")
    assert np.array_equal(whole.X, parts.X, equal_nan=True)
    assert np.array_equal(whole.y, parts.y)
    assert whole.columns == parts.columns
    assert whole.class_names == parts.class_names


# ---- the shape of the file ----


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b"", ["t.csv: the file is empty; write a header with the columns' names, and a line for each row"]),
        (b"\n \n\n", ["t.csv: the file is empty; write a header with the columns' names, and a line for each row"]),
        (b"a,b,y\n", ["t.csv:1: a header and no rows; write a line for each row"]),
        (b"a,b,y\n1,2,0.5\n", ["t.csv: 1 row; bring more, to train on and to validate with"]),
        (
            b"y\n1\n2\n",
            [
                "t.csv:1: no column but 'y': a table needs features beside its target "
                "(columns are separated by commas, semicolons, tabs or vertical bars)"
            ],
        ),
        (
            b"a,b,y\n1,2,0.5\n1,2\n1,2,3,4\n1,2,3,4,5\n",
            [
                "t.csv:3:3: 2 values on this line; a row has 3 (one that holds a ',' is put in quotes)",
                "t.csv:4:4: 4 values on this line; a row has 3 (one that holds a ',' is put in quotes)",
                "t.csv:5:4: 5 values on this line; a row has 3 (one that holds a ',' is put in quotes)",
            ],
        ),
        (
            b'a,y\n1,2\n"1,2\n1,2\n',
            [
                't.csv:3: a quote (") is opened here and never closed; close it, or double a quote that belongs to the '
                "text"
            ],
        ),
        (
            b'a,y\n"1"2,2\n',
            ['t.csv:2: text follows a closed quote ("); double a quote that belongs to the text'],
        ),
        (
            b'a,y\n1,2\n"' + b"x" * 140_000 + b'",3\n',
            ['t.csv:3: a cell of more than 131,072 characters; is a quote (") opened here and never closed?'],
        ),
        (b"a,y\n1,2\n1,\x00\n", ["t.csv:3: a NUL byte, which no text holds; is this a CSV file?"]),
        (
            b"a,y\n1,2\n1,1e308\n-3.5e38,3\n",
            [
                "t.csv:3:2: '1e308' in column 'y' is beyond the numbers of float32 (3.4e38); rescale the column",
                "t.csv:4:1: '-3.5e38' in column 'a' is beyond the numbers of float32 (3.4e38); rescale the column",
            ],
        ),
        (
            b"a,y\n1,u\n2,u\n",
            ["t.csv: every row has 'y' = 'u'; classification needs two classes or more"],
        ),
        (
            b"a,y\n1,3\n2,3\n",
            ["t.csv: every row has 'y' = '3'; classification needs two classes or more"],
        ),
    ],
    ids=[
        "empty",
        "blank",
        "header only",
        "one row",
        "one column",
        "ragged",
        "open quote",
        "text after quote",
        "huge cell",
        "NUL",
        "beyond float32",
        "one class of text",
        "one class of numbers",
    ],
)
def test_a_file_that_is_no_table_is_refused(content, problems):
    assert refused(content) == problems


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            gzip.compress(b"a,y\n1,2\n3,4\n", mtime=0)[:-9],
            "Compressed file ended before the end-of-stream marker was reached",
        ),
        (b"a,y\n1,2\n", "Not a gzipped file (b'a,')"),
    ],
)
def test_a_broken_gzip_file_is_refused(content, problem):
    assert refused(content, "t.csv.gz") == [f"t.csv.gz: no whole gzip file ({problem}); pack it again"]


def test_a_gzip_file_with_a_flipped_bit_is_refused():
    content = bytearray(gzip.compress(b"a,y\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(500)), mtime=0))
    content[60] ^= 4
    (problem,) = refused(bytes(content), "t.csv.gz")
    assert problem.startswith("t.csv.gz: no whole gzip file (")
    assert problem.endswith("); pack it again")


def test_a_small_file_that_unpacks_to_gigabytes_is_not_unpacked(monkeypatch):
    unpacked = []
    monkeypatch.setattr("nn_scratch.data.csv_layout.is_bomb", lambda packed, size: unpacked.append(size) or size > 3e6)
    content = gzip.compress(b"0" * 10_000_000)
    assert refused(content, "t.csv.gz") == [
        f"t.csv.gz: {len(content):,} bytes that unpack to more than 3,145,728; unpack the file yourself"
    ]
    assert max(unpacked) == 3 << 20


# ---- missing values ----

HOLES = "a,b,y\n1,,0.5\nNaN,x,1.5\n3,x,\n4,x,2.5\ninf,z,3.5\n6,z,?\n"


def test_missing_values_are_refused_when_asked_for():
    assert refused(HOLES, missing="error") == [
        f"t.csv:2:2: '' in column 'b' is no value; {FILL_IN}",
        f"t.csv:3:1: 'NaN' in column 'a' is no value; {FILL_IN}",
        f"t.csv:4:3: '' in column 'y' is no value; {FILL_IN_TARGET}",
        f"t.csv:6:1: 'inf' in column 'a' is not finite; {FILL_IN}",
        f"t.csv:7:3: '?' in column 'y' is no value; {FILL_IN_TARGET}",
    ]


def test_rows_with_values_missing_are_dropped_when_asked_for_and_reported():
    table = read(HOLES + "7,x,4.5\n", missing="drop")
    assert table.X.tolist() == [[4.0, 0.0], [7.0, 0.0]]
    assert table.y.tolist() == [[2.5], [4.5]]
    assert table.notices == (
        "t.csv: column 'b' holds text: 2 categories, 'x' and 'z'",
        "t.csv: 5 of 7 rows left out for values missing (data.missing: drop)",
    )


@pytest.mark.parametrize("missing", ["mean", "auto"])
def test_features_wait_to_be_filled_in_and_rows_without_a_target_go(missing):
    table = read(HOLES, missing=missing)
    nan = np.nan
    assert np.array_equal(table.X, [[1.0, nan], [nan, 0.0], [4.0, 0.0], [nan, 1.0]], equal_nan=True)
    assert table.y.tolist() == [[0.5], [1.5], [2.5], [3.5]]
    assert table.notices[1] == "t.csv: 2 of 6 rows left out for a missing target, which is never filled in"


def test_a_table_without_a_whole_row_is_refused_under_drop():
    assert refused("a,b,y\n1,,0.5\n,2,0.7\n", missing="drop") == [
        "t.csv: no row has all its values; data.missing: auto would fill in those of the features"
    ]


@pytest.mark.parametrize("word", ["", "-", "None", "<null>", "#N/A", "n/a", "NULL", "?", "."])
def test_a_column_without_any_value_is_left_out_and_reported(word):
    table = read(f"a,b,y\n1,{word},0.5\n2,{word},0.7\n")
    assert table.feature_names == ("a",)
    assert table.notices == ("t.csv: column 'b' is left out: it has no values",)


def test_what_else_stands_for_a_missing_value_can_be_said():
    table = read("a,b,y\n1,-999,0.5\n-999,x,0.7\n3,nothing,1.5\n", options=ColumnOptions(na_values=(-999, "nothing")))
    assert np.isnan(table.X).tolist() == [[False, True], [True, False], [False, True]]
    assert table.columns[1].categories == ("x",)


def test_a_column_of_infinities_has_no_value_either():
    table = read("a,b,y\n1,inf,0.5\n2,-inf,0.7\n")
    assert table.notices == ("t.csv: column 'b' is left out: it has no values",)


def test_a_column_of_numbers_beyond_float32_is_reported_as_such():
    assert refused("a,b,y\n1e300,1,0.5\n1e301,2,0.7\n") == [
        f"t.csv:{line}:1: '{cell}' in column 'a' is beyond the numbers of float32 (3.4e38); rescale the column"
        for line, cell in ((2, "1e300"), (3, "1e301"))
    ]


def test_a_class_whose_rows_are_all_dropped_is_no_class():
    table = read("a,y\n1,u\n,v\n2,w\n3,u\n", missing="drop")
    assert table.class_names == ("u", "w")
    assert table.y.tolist() == [0, 1, 0]


# ---- target and task ----


def test_columns_that_are_not_there_are_refused_with_what_may_be_meant():
    text = "height,weight,y\n1,2,0.5\n3,4,0.7\n"
    assert refused(text, target="wieght") == ["t.csv:1: data.target: no column 'wieght'; did you mean 'weight'?"]
    assert refused(text, target="zzz") == ["t.csv:1: data.target: no column 'zzz'; one of: height, weight, y"]
    assert refused(text, target=3) == ["t.csv:1: data.target: no column 3; they are counted from 0 to 2"]
    assert refused(text, ignore=["Height"]) == ["t.csv:1: data.ignore: no column 'Height'; did you mean 'height'?"]
    assert refused(text, target="y", ignore=["y"]) == [
        "t.csv:1: data.target and data.ignore both name 'y'; take it out of one"
    ]


def rows_of(values):
    return "a,y\n" + "".join(f"{i * i},{value}\n" for i, value in enumerate(values))


def test_whole_numbers_of_few_values_are_classes_in_the_order_of_numbers():
    table = read(rows_of([10, 9, 10.0, "1e1", 9, 2, 2, 2]))
    assert table.task == "classification"
    assert table.class_names == ("2", "9", "10")
    assert table.y.tolist() == [2, 1, 2, 2, 1, 0, 0, 0]
    assert table.task_rule == "'y' holds 3 different whole numbers in 8 rows"
    assert table.notices == (
        "3 whole numbers taken as classes; for a quantity: data.task=regression ('y' holds 3 different whole numbers "
        "in 8 rows)",
    )


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ([0.5, 1, 1, 0.5], "'y' holds fractions"),
        (
            [1, 2, 3, 4, 5],
            "'y' holds 5 different whole numbers in 5 rows, most of them once",
        ),
        (
            list(range(21)) * 3,
            "'y' holds 21 different whole numbers in 63 rows, more than 20",
        ),
    ],
)
def test_other_numbers_are_quantities(values, rule):
    table = read(rows_of(values))
    assert table.task == "regression"
    assert table.task_rule == rule


COUNTS = np.random.default_rng(0)


def table_of_counts(y, *features):
    return (
        ",".join([*(f"x{i}" for i in range(len(features))), "y"])
        + "\n"
        + "".join(",".join(map(str, row)) + "\n" for row in zip(*features, y, strict=True))
    )


def test_an_ordered_count_is_a_quantity():
    x = COUNTS.normal(size=30_000)
    noise = COUNTS.normal(size=30_000)
    y = np.clip(np.round(5 + 2 * x + noise), 0, 10).astype(int)
    table = read(table_of_counts(y, x.round(3), noise.round(2)))
    assert table.task == "regression"
    assert table.task_rule == (
        "'y' holds 11 different whole numbers in 30,000 rows, in order: the other columns change along them"
    )
    assert table.notices[0].startswith("11 whole numbers taken as a quantity; for classes: data.task=classification (")


def test_counts_that_nothing_explains_are_reported_by_their_one_peak():
    y = np.minimum(COUNTS.poisson(3, size=5_000), 11)
    assert read(table_of_counts(y, COUNTS.normal(size=5_000).round(3))).task == "regression"


def test_rounded_prices_are_quantities():
    y = COUNTS.choice([10, 15, 20, 25, 30, 40, 50], 500)
    table = read(table_of_counts(y, COUNTS.normal(size=500).round(3)))
    assert table.task_rule.endswith("spread over 10 to 50 as quantities are")


def test_codes_of_classes_in_no_order_are_classes():
    y = COUNTS.integers(0, 11, 2_000)
    centres = COUNTS.normal(size=(11, 4))
    X = centres[y] + 0.5 * COUNTS.normal(size=(2_000, 4))
    assert read(table_of_counts(y, *X.T.round(3))).class_names == tuple(map(str, range(11)))


def test_labels_that_differ_in_case_or_outer_spaces_are_one_class_and_reported():
    rows = rows_of(["Yes", "yes", "Yes", " yes ", "NO", "no", "no", "Yes"])
    table = read(rows)
    assert table.class_names == ("Yes", "no")
    assert table.notices == (
        "t.csv: column 'y': the labels 'Yes' and 'yes' are one class, 'Yes'; to keep them apart: data.labels=exact",
        "t.csv: column 'y': the labels 'no' and 'NO' are one class, 'no'; to keep them apart: data.labels=exact",
    )
    exact = read(rows, options=ColumnOptions(labels_exact=True))
    assert exact.class_names == ("NO", "Yes", "no", "yes")


def test_capitals_within_a_word_are_names_of_their_own():
    assert read(rows_of(["hid", "hId", "hid", "hId"])).class_names == ("hId", "hid")


def test_the_task_that_is_asked_for_is_what_it_becomes():
    table = read(rows_of([1, 2, 1, 2]), task="regression")
    assert table.y.tolist() == [[1.0], [2.0], [1.0], [2.0]]
    assert table.task_rule == "data.task: regression"
    table = read(rows_of([0.5, "1.50", 1.5, 0.5]), task="classification")
    assert table.class_names == ("0.5", "1.5")
    assert table.y.tolist() == [0, 1, 1, 0]
    table = read("t,y\n" + "u,10\nv,9\nu,9.0\nv,1e1\n", task="classification")
    assert table.class_names == ("9", "10")
    assert table.y.tolist() == [1, 0, 0, 1]
    table = read(rows_of(["7", "unknown", "7", "8"]), task="classification")
    assert table.class_names == ("7", "8", "unknown")


def test_a_target_of_many_numbers_and_text_is_refused_unless_it_is_said_to_hold_classes():
    assert refused(rows_of([*range(30), "unknown", 8])) == [
        "t.csv:32:2: 'unknown' in column 'y' is not a number; write one, or set data.task: classification if the "
        "values are classes"
    ]
    assert read(rows_of(["7", "unknown", "7", "8"])).class_names == ("7", "8", "unknown")


def test_a_target_in_peoples_notation_is_a_quantity():
    table = read(rows_of(['"$1,200"', "$950.50", "$3", '"$1,200"']))
    assert table.y.tolist() == [[1200.0], [950.5], [3.0], [1200.0]]
    assert table.notices == ("t.csv: column 'y' holds numbers such as '$1,200'",)


def test_text_is_no_quantity():
    assert refused(rows_of(["u", "v"]), task="regression") == [
        "t.csv:2:2: 'u' in column 'y' is not a number; write one",
        "t.csv:3:2: 'v' in column 'y' is not a number; write one",
    ]


def test_several_targets_are_no_classes():
    assert refused("a,b,c\n1,2,3\n4,5,6\n", target=["b", "c"], task="classification") == [
        "data.target: 'b' and 'c': classification has one target; name one, or write data.task: multi_label if each "
        "is a label of its own, 0 or 1"
    ]


def test_a_target_with_about_as_many_values_as_rows_holds_no_classes():
    assert refused(rows_of([f"name{i}" for i in range(50)])) == [
        "t.csv: 'y' holds 50 different values in 50 rows, too many for classes; name another column in data.target"
    ]
    assert refused(rows_of([i / 4 for i in range(50)]), task="classification") == [
        "t.csv: 'y' holds 50 different values in 50 rows, too many for classes; set data.task: regression if they are "
        "quantities"
    ]


# ---- anything at all ----

WORDS = [
    "a",
    "b",
    "y",
    "1",
    "2",
    "0.5",
    "-3e4",
    "nan",
    "inf",
    "1e308",
    "1e400",
    "1_0",
    "x1",
    "?",
    "1,5",
    "#",
    "'",
    "{cell}",
    "%s",
]
MARKS = [
    "",
    " ",
    ",",
    ",",
    ";",
    "\t",
    '"',
    '""',
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\x00",
    "\x0c",
    "\u2028",
    "\ufeff",
    "\u0661",
]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*WORDS, *MARKS]), max_size=30),
    st.sampled_from(["error", "drop", "mean", "auto"]),
    st.binary(max_size=1),
)
def test_whatever_a_file_holds_it_is_a_table_or_problems_of_one_line_each(pieces, missing, end):
    text = "a,b,y\n1,2,0.5\n3,4,1.5\n" + "".join(pieces) + "\n"
    try:
        table = read(text.encode() + end, missing=missing)
    except UserError as error:
        lines = error.problems
    else:
        lines = table.notices
        assert len(table.X) == len(table.y)
        assert np.isfinite(table.X).all() or missing in ("mean", "auto")
    assert all(("t.csv" in line or "whole number" in line) and len(line.splitlines()) == 1 for line in lines)


# ---- the quick way and the careful way ----


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
                st.integers(-(10**12), 10**12).map(str),
                st.floats(-1e6, 1e6).map(lambda x: f" {x:.3e}\t"),
            ),
            min_size=3,
            max_size=3,
        ),
        min_size=2,
        max_size=8,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_clean_table_of_numbers_reads_the_same_both_ways(tmp_path_factory, rows, line_end):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text(line_end.join(["a,b,c", *(",".join(row) for row in rows)]), newline="")
    source = TextSource(find_layout(path))
    quick = read_cells(source, "abc", (), MISSING_WORDS)
    quoted_file = replace(source.layout.file, has_quotes=True)  # which is read cell by cell
    careful = read_cells(TextSource(replace(source.layout, file=quoted_file)), "abc", (), MISSING_WORDS)
    assert quick.matrix is not None
    assert careful.matrix is None
    for one, other in zip(quick.columns, careful.columns, strict=True):
        assert np.array_equal(one.numbers, other.numbers)


def test_a_table_of_plain_numbers_goes_the_quick_way(monkeypatch):
    monkeypatch.setattr(TextSource, "batches", None)
    assert len(read("a,y\n" + "1,0.5\n2,0.25\n" * 1000).X) == 2000


def test_reading_holds_the_table_once_and_little_else(tmp_path):
    import tracemalloc

    rows = "".join(f"{i},{i + 0.5},t{i % 3}\n" for i in range(20_000))
    path = write("a,b,y\n" + rows)
    tracemalloc.start()
    table = loaded(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    values = 20_000 * 3 * 8
    assert len(table.X) == 20_000
    # line numbers and class indices beside the values, room for one row a line end, and a chunk of cells
    assert peak < 3 * values + 16_000_000
    assert all(a < b for a, b in pairwise(table.X[:10, 0].tolist()))
