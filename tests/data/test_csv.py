import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn_scratch.data import csv_table
from nn_scratch.data.csv_cells import AnyReader
from nn_scratch.data.csv_layout import find_layout
from nn_scratch.errors import UserError
from tests.data.reading import loaded, problems_of

FILL_IN = "write one, or set data.missing to drop (leave such rows out) or mean (fill it in)"
FILL_IN_TARGET = "write one, or set data.missing: drop to leave such rows out"
NOT_A_NUMBER = "is not a number; write one, as 1234.5, or leave the column out with data.ignore"


def write(content, name="t.csv"):
    content = content.encode() if isinstance(content, str) else content
    Path(name).write_bytes(content)
    return name


def read(content, name="t.csv", **keywords):
    return loaded(write(content, name), **keywords)


def refused(content, name="t.csv", **keywords):
    return problems_of(loaded, write(content, name), **keywords)


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


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_delimiter_is_found_where_it_is_the_only_one_that_fits_and_told(delimiter, name):
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
    assert table.feature_names == ("country=A", "country=B", "2019", "2020")


def test_a_line_of_numbers_and_text_that_may_be_either_is_refused():
    assert refused("5.1,3.5,setosa\n6.2,3.0,virginica\n") == [
        "t.csv:1: '5.1' is a number and 'setosa' is text: a header, or the first of 2 rows? "
        "Write a header whose names are no numbers"
    ]


def test_a_column_without_a_name_is_named_by_its_place_and_one_that_counts_the_rows_is_told():
    table = read(",a,y\n" + "".join(f"{i},{i * i},{i / 8}\n" for i in range(12)))
    assert table.feature_names == ("x1", "a")
    assert table.notices == (
        "t.csv:1:1: the column has no name; it is called 'x1'",
        "t.csv: column 'x1' only counts the rows, which says nothing about new ones; to leave it "
        "out, write data.ignore: [x1]",
    )


def test_a_column_without_a_name_takes_none_that_another_has():
    assert read(",x1,column_1,y\n" + "".join(f"r{i % 2},{i},{i * i},{i / 8}\n" for i in range(4))).feature_names == (
        "column__1=r0",
        "column__1=r1",
        "x1",
        "column_1",
    )


def test_column_names_are_on_one_line_and_bare():
    assert read('" a  b","c\nd",y\n1,2,0.5\n3,4,1.5\n').feature_names == ("a b", "c d")


# ---- text ----


def test_a_column_of_text_becomes_a_feature_for_each_of_its_sorted_categories_and_is_told():
    table = read("size,color,y\n1,red,0.5\n2,blue,1.5\n3, red ,2.5\n")
    assert table.feature_names == ("size", "color=blue", "color=red")
    assert table.X.tolist() == [[1.0, 0.0, 1.0], [2.0, 1.0, 0.0], [3.0, 0.0, 1.0]]
    assert table.notices == ("t.csv: column 'color' is text: 2 features of 0 or 1, one for 'blue' and 'red'",)


def test_text_of_too_many_kinds_is_refused_as_an_identifier():
    rows = "".join(f"id{i},{i % 2}\n" for i in range(101))
    assert refused("name,y\n" + rows) == [
        "t.csv:2:1: 'id0' in column 'name' is one of 101 different texts, as identifiers and free text are; "
        "leave the column out with data.ignore"
    ]
    assert len(read("name,y\n" + rows.replace("id100,", "id99,")).feature_names) == 100


def test_text_in_a_column_of_numbers_is_refused_where_it_stands():
    assert refused("a,b,y\n1,2,0.5\n1,two,0.5\n1_000,2,0.5\n") == [
        f"t.csv:3:2: 'two' in column 'b' {NOT_A_NUMBER}",
        f"t.csv:4:1: '1_000' in column 'a' {NOT_A_NUMBER}",
    ]


def test_a_number_in_a_column_of_text_is_refused_where_it_stands():
    assert refused("a,y\nA1,0.5\nB2,0.5\n77,0.5\n") == [
        "t.csv:4:1: '77' in column 'a' is a number, and most of the column is text; write one, as 1234.5, or leave "
        "the column out with data.ignore"
    ]


@pytest.mark.parametrize("cell", ['"1,234"', '"1,5"', "1 234", "1'234", '"1.234,5"'])
def test_numbers_with_separators_are_text_and_no_categories(cell):
    text = cell.strip('"')
    assert refused(f"a,y\n{cell},0.5\n{cell},0.7\n") == [
        f"t.csv:{line}:1: {text!r} in column 'a' is text; write numbers as 1234.5" for line in (2, 3)
    ]


def test_decimal_commas_are_refused_too():
    assert refused("a;y\n1,5;2\n2,5;3\n") == [
        "t.csv:2:1: '1,5' in column 'a' is text; write numbers as 1234.5",
        "t.csv:3:1: '2,5' in column 'a' is text; write numbers as 1234.5",
    ]


def test_a_long_cell_is_cut_in_the_message_and_a_line_end_does_not_break_it():
    assert refused("a,y\n1,0\n2,0\n" + f'"x\n{"y" * 50}",1\n') == [
        f"t.csv:4:1: 'x\\n{'y' * 35}...' in column 'a' {NOT_A_NUMBER}"
    ]


# ---- places ----


def test_lines_are_the_files_own_whatever_cells_and_blank_lines_came_before():
    text = 'note,b,y\n"one\ntwo",2,0.5\n\n"a\nb\nc",x,0.5\nz,3,0.5\n'
    assert refused(text) == [f"t.csv:7:2: 'x' in column 'b' {NOT_A_NUMBER}"]


def test_the_first_ten_problems_are_told_in_the_files_order_and_the_number_of_the_others():
    rows = "".join("1,x,0.5\n" if i % 2 else "y,1,0.5\n" for i in range(30))
    problems = refused("a,b,y\n" + rows)
    assert problems[:10] == [
        f"t.csv:{line}:{place}: '{cell}' in column '{name}' {NOT_A_NUMBER}"
        for line, (place, cell, name) in enumerate([(1, "y", "a"), (2, "x", "b")] * 5, start=2)
    ]
    assert problems[10:] == ["and 20 more"]


def test_problems_are_counted_across_the_chunks_in_which_a_file_is_read(monkeypatch):
    monkeypatch.setattr(csv_table, "CHUNK_CELLS", 1)  # 64 rows at a time
    rows = "".join("1,0.5\n" for _ in range(400)) + "x,0.5\n" * 12
    problems = refused("a,y\n" + rows)
    assert problems[0] == f"t.csv:402:1: 'x' in column 'a' {NOT_A_NUMBER}"
    assert problems[10:] == ["and 2 more"]


def test_a_table_is_the_same_whatever_the_size_of_the_chunks(monkeypatch):
    rows = "".join(f"{'abc'[i % 3]},{i},{'' if i % 7 == 0 else i / 8},c{i % 5}\n" for i in range(300))
    whole = read("t,a,b,y\n" + rows, missing="mean")
    monkeypatch.setattr(csv_table, "CHUNK_CELLS", 1)
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
                "(columns are separated by commas, semicolons or tabs)"
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
            b"a,b,a,b,y\n1,2,3,4,5\n",
            [
                "t.csv:1:3: column 'a' has the name of column 1; give it another",
                "t.csv:1:4: column 'b' has the name of column 2; give it another",
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
        (
            "a,y\n1,2\nm\xfcll,3\n".encode("cp1252"),
            ["t.csv:3: byte 0xfc is not UTF-8 (but Windows-1252 or Latin-1, perhaps); save the file as UTF-8"],
        ),
        ("a,y\n1,2\n".encode("utf-16"), ["t.csv: the text is UTF-16; save it as UTF-8"]),
        (b"a,y\n1,2\n1,\xe2\x82", ["t.csv:3: the file ends within a character; save the file as UTF-8"]),
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
        "duplicate names",
        "open quote",
        "text after quote",
        "huge cell",
        "cp1252",
        "utf-16",
        "half a character",
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


def test_missing_values_are_refused_by_default():
    assert refused(HOLES) == [
        f"t.csv:2:2: '' in column 'b' is no value; {FILL_IN}",
        f"t.csv:3:1: 'NaN' in column 'a' is no value; {FILL_IN}",
        f"t.csv:4:3: '' in column 'y' is no value; {FILL_IN_TARGET}",
        f"t.csv:6:1: 'inf' in column 'a' is not finite; {FILL_IN}",
        f"t.csv:7:3: '?' in column 'y' is no value; {FILL_IN_TARGET}",
    ]


def test_rows_with_values_missing_are_dropped_when_asked_for_and_told():
    table = read(HOLES + "7,x,4.5\n", missing="drop")
    assert table.X.tolist() == [[4.0, 1.0, 0.0], [7.0, 1.0, 0.0]]
    assert table.y.tolist() == [[2.5], [4.5]]
    assert table.notices == (
        "t.csv: column 'b' is text: 2 features of 0 or 1, one for 'x' and 'z'",
        "t.csv: 5 of 7 rows left out for values missing (data.missing: drop)",
    )


def test_under_mean_features_wait_to_be_filled_in_and_rows_without_a_target_go():
    table = read(HOLES, missing="mean")
    nan = np.nan
    wanted = [[1.0, nan, nan], [nan, 1.0, 0.0], [4.0, 1.0, 0.0], [nan, 0.0, 1.0]]
    assert np.array_equal(table.X, wanted, equal_nan=True)
    assert table.y.tolist() == [[0.5], [1.5], [2.5], [3.5]]
    assert table.notices[1] == (
        "t.csv: 2 of 6 rows left out for a target missing, which data.missing: mean does not fill in"
    )


def test_a_table_without_a_whole_row_is_refused_under_drop():
    assert refused("a,b,y\n1,,0.5\n,2,0.7\n", missing="drop") == [
        "t.csv: no row has all its values; data.missing: mean would fill the features' in"
    ]


@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_a_column_without_any_value_is_refused(missing):
    assert refused("a,b,y\n1,,0.5\n2,,0.7\n", missing=missing) == [
        "t.csv:2:2: '' in column 'b' is no value, nor is any other; leave the column out with data.ignore"
    ]


def test_a_column_of_infinities_has_no_value_either():
    assert refused("a,b,y\n1,inf,0.5\n2,-inf,0.7\n", missing="mean") == [
        "t.csv:2:2: 'inf' in column 'b' is no value, nor is any other; leave the column out with data.ignore"
    ]


def test_a_column_of_numbers_beyond_float32_is_told_as_such():
    assert refused("a,y\n1e300,0.5\n1e301,0.7\n", missing="mean") == [
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
    assert table.task_rule == (
        "'y' holds 3 different whole numbers in 8 rows (up to 20, each on 2 rows or more on average, are taken for "
        "classes)"
    )


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ([0.5, 1, 1, 0.5], "'y' holds fractions"),
        (
            [1, 2, 3, 4, 5],
            "'y' holds 5 different whole numbers in 5 rows (up to 20, each on 2 rows or more on average, would be "
            "taken for classes)",
        ),
        (
            list(range(21)) * 3,
            "'y' holds 21 different whole numbers in 63 rows (up to 20, each on 2 rows or more on average, would be "
            "taken for classes)",
        ),
    ],
)
def test_other_numbers_are_quantities(values, rule):
    table = read(rows_of(values))
    assert table.task == "regression"
    assert table.task_rule == rule


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


def test_a_target_of_numbers_and_text_is_refused_unless_it_is_said_to_hold_classes():
    assert refused(rows_of(["7", "unknown", "7", "8"])) == [
        "t.csv:3:2: 'unknown' in column 'y' is not a number; write one, or set data.task: classification if the values "
        "are classes"
    ]


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
    st.sampled_from(["error", "drop", "mean"]),
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
        assert np.isfinite(table.X).all() or missing == "mean"
    assert all("t.csv" in line and len(line.splitlines()) == 1 for line in lines)


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
    layout = find_layout(path)
    readers = [AnyReader(name, place, None) for place, name in ((3, "c"), (1, "a"), (2, "b"))]
    quick = csv_table._read_numbers(layout, readers)
    careful = csv_table._read_carefully(layout, readers)
    assert quick is not None
    assert np.array_equal(quick, careful.values)
    assert careful.categories == ((), (), ())
    assert careful.lines.tolist() == list(range(2, len(rows) + 2))


def test_a_table_of_plain_numbers_goes_the_quick_way(monkeypatch):
    monkeypatch.setattr(csv_table, "_read_carefully", None)
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
