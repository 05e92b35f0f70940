"""Tables in Parquet, Feather, Excel and JSON lines, as pandas and pyarrow write them."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.data import read_rows
from nn_scratch.errors import EnvironmentFailure
from tests.data.reading import loaded, prepared, problems_of

NAMES = ["t.parquet", "t.feather", "t.xlsx", "t.jsonl"]


def frame(rows=60):
    """Numbers, text, dates, booleans and a categorical column, with missing cells."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    made = pandas.DataFrame(
        {
            "size": rng.normal(size=rows).round(3),
            "color": rng.choice(["red", "blue", "gr\u00fcn"], rows),
            "n": rng.integers(0, 50, rows),
            "ok": rng.random(rows) < 0.5,
            "when": pandas.date_range("2024-01-01", periods=rows, freq="D"),
            "kind": pandas.Categorical(rng.choice(["a", "b"], rows)),
        }
    )
    made["y"] = np.where(made["size"] > 0, "up", "down")
    made.loc[3, "size"] = np.nan
    made.loc[4, "color"] = None
    return made


def write(made, name):
    if name.endswith((".parquet", ".feather")):
        pytest.importorskip("pyarrow")
        made.to_parquet(name) if name.endswith(".parquet") else made.to_feather(name)
    elif name.endswith(".xlsx"):
        pytest.importorskip("openpyxl")
        made.to_excel(name, index=False)
    elif name.endswith(".jsonl"):
        made.to_json(name, orient="records", lines=True, date_format="iso")
    else:
        made.to_csv(name, index=False)
    return name


def text(content, name="t.jsonl"):
    Path(name).write_text(content, encoding="utf-8")
    return name


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_the_same_in_every_format(name):
    made = frame()
    wanted = loaded(write(made, "t.csv"))
    table = loaded(write(made, name))
    assert table.feature_names == wanted.feature_names == ("size", "color", "n", "ok", "when", "kind")
    assert [column.kind for column in table.columns] == ["number", "text", "number", "boolean", "date", "text"]
    assert np.allclose(table.X, wanted.X, equal_nan=True)
    assert np.array_equal(table.y, wanted.y)
    assert table.class_names == ("down", "up")
    assert np.isnan(table.X).sum() == 2
    assert table.notices == tuple(notice.replace("t.csv", name) for notice in wanted.notices)


@pytest.mark.parametrize("name", NAMES)
def test_rows_to_predict_come_in_every_format_in_any_order(name):
    made = frame()
    model = prepared(loaded(write(made, "t.csv"))).preprocessing
    wanted = read_rows("t.csv", model)
    rows = read_rows(write(made[list(made.columns)[::-1]].assign(extra=1), name), model)
    assert np.allclose(rows.X, wanted.X, equal_nan=True)
    assert rows.lines.tolist() == list(range(1, 61))
    assert f"{name}: not used in training, and ignored: 'extra'" in rows.notices


@pytest.mark.parametrize(("name", "package"), [(NAMES[0], "pyarrow"), (NAMES[2], "openpyxl")])
def test_a_missing_library_is_one_line_that_says_what_to_install(monkeypatch, name, package):
    text("", name)
    for module in [module for module in sys.modules if module.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EnvironmentFailure) as error:
        loaded(name)
    assert str(error.value) == f"{name}: needs {package}, which is not installed: pip install {package}"


def test_what_parquet_alone_can_hold_is_read():
    from datetime import date, time, timedelta
    from decimal import Decimal

    arrow = pytest.importorskip("pyarrow")
    columns = {
        "price": [Decimal("1.50"), None, Decimal("2.25")],
        "open": [True, False, None],
        "at": [time(12, 30), time(1, 0), None],
        "when": [date(1970, 1, 2), date(1970, 1, 3), None],
        "took": [timedelta(days=1), timedelta(hours=12), None],
        "code": [b"a", b"b", None],
        "tags": [[1], [2], None],
        "large": [2**60, 1, None],
        "wide": [np.inf, 1.5, np.nan],
        "y": [0.5, 1.5, 0.25],
    }
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table(columns), "t.parquet")
    table = loaded("t.parquet")
    assert dict(zip(table.feature_names, table.X.T[:, :2].tolist(), strict=True)) == {
        "price": [1.5, pytest.approx(np.nan, nan_ok=True)],
        "open": [1, 0],
        "at": [12.5, 1],
        "when": [1, 2],
        "took": [1, 0.5],
        "code": [0, 1],
        "tags": [0, 1],
        "large": [2**60, 1],
        "wide": [pytest.approx(np.nan, nan_ok=True), 1.5],
    }
    assert np.isnan(table.X[2, 1:]).all()


def test_keys_of_json_lines_may_be_missing_and_the_file_packed():
    lines = '{"a": 1, "y": 0.5}\n\n{"y": 1.5, "b": 2}\n{"a": 3.5, "b": null, "y": 2.25}\n'
    Path("t.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    for name in (text("\ufeff" + lines), "t.jsonl.gz"):
        table = loaded(name, target="y")
        assert table.feature_names == ("a", "b")
        assert np.array_equal(table.X, [[1, np.nan], [np.nan, 2], [3.5, np.nan]], equal_nan=True)
        assert table.notices == ()


def test_json_lines_in_another_encoding_are_read_and_reported():
    Path("t.jsonl").write_bytes('{"gr\u00f6\u00dfe": 1, "y": 0.5}\n{"gr\u00f6\u00dfe": 2, "y": 1.5}\n'.encode("cp1252"))
    table = loaded("t.jsonl")
    assert table.feature_names == ("gr\u00f6\u00dfe",)
    assert table.notices == ("t.jsonl: the text is not UTF-8; it is read as Windows-1252",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "t.jsonl: the file is empty; write an object a line"),
        ("[1]\n", "t.jsonl:1: '[1]' is no object; write {name: value, ...}"),
        (
            '{"a": 1}\nno\n',
            "t.jsonl:2: not JSON (Expecting value: line 1 column 1 (char 0)); write an object a line",
        ),
    ],
)
def test_lines_that_are_no_objects_are_refused(content, problem):
    assert problems_of(loaded, text(content)) == [problem]


def test_a_broken_packed_file_of_json_lines_is_refused():
    Path("t.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1, "y": 2}\n' * 9)[:-9])
    (problem,) = problems_of(loaded, "t.jsonl.gz")
    assert problem.startswith("t.jsonl.gz: no whole gzip file (")


@pytest.mark.parametrize(
    ("name", "library", "begins"),
    [
        ("t.parquet", "pyarrow", "t.parquet: cannot be read as a table ("),
        ("t.feather", "pyarrow", "t.feather: cannot be read as a table ("),
        ("t.xlsx", "openpyxl", "t.xlsx: not an Excel workbook ("),
    ],
)
def test_a_file_that_is_of_another_kind_than_its_name_says_is_refused(name, library, begins):
    pytest.importorskip(library)
    (problem,) = problems_of(loaded, text("a,y\n1,2\n", name))
    assert problem.startswith(begins)


@pytest.mark.parametrize("name", NAMES[:3])
def test_names_without_rows_are_refused(name):
    assert problems_of(loaded, write(frame().head(0), name)) == [f"{name}: names of columns and no rows"]


def test_two_columns_of_a_name_and_an_empty_sheet_are_refused():
    arrow = pytest.importorskip("pyarrow")
    both = arrow.table([arrow.array([1, 2]), arrow.array([1, 2])], names=["a", "a"])
    pytest.importorskip("pyarrow.parquet").write_table(both, "t.parquet")
    assert problems_of(loaded, "t.parquet") == ["t.parquet: two columns have the name 'a'; give one another"]
    pytest.importorskip("openpyxl").Workbook().save("t.xlsx")
    assert problems_of(loaded, "t.xlsx") == [
        "t.xlsx: the first sheet is empty; write the columns' names in its first row"
    ]
