"""Tables as people have them: titles, totals, units, several notations of dates, numbers that stand for nothing."""

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.data import read_rows
from nn_scratch.data.column_types import ColumnOptions
from nn_scratch.data.notation import any_date, unit_of
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.tables import open_rows
from nn_scratch.experiments.prediction_scores import scores_for
from tests.data.reading import loaded, prepared, problems_of

ROWS = "".join(f"{i / 4},{i * 7 % 5},{'uv'[i % 2]}\n" for i in range(30))


def csv(text, name="t.csv"):
    Path(name).write_text(text, encoding="utf-8")
    return name


def told(table):
    return [notice.removeprefix("t.csv: ") for notice in table.notices]


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("Sales of 2024\n", 1),
        ("Sales of 2024\n\n", 2),
        ("Sales of 2024,,\n,,\n", 2),
        ('"Sales, and more"\nby region\n', 2),
        ("sep=,\n", 1),
    ],
)
def test_a_title_above_the_header_is_left_out_and_reported(title, lines):
    table = loaded(csv(f"{title}a,b,y\n{ROWS}"))
    assert table.feature_names == ("a", "b")
    assert table.X.shape == (30, 2)
    assert table.class_names == ("u", "v")
    assert told(table) == [f"{lines} line{'s' * (lines > 1)} before the header left out as a title"]


def test_a_line_of_the_delimiter_is_left_out_whatever_the_columns_hold():
    table = loaded(csv("sep=;\na;y\n" + "r;u\ng;v\n" * 5))
    assert table.feature_names == ("a",)
    assert told(table)[:2] == [
        "the columns are separated by semicolons",
        "1 line before the header left out as a title",
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"5,,\n{ROWS}",  # a row without a header
        "red,,\nblue,x,u\ngreen,z,v\n" * 3,  # nothing shows that a header follows
        f'"a\n(cm)",b,y\n{ROWS}',
        "a,b,c\n0.5,0.5,0.5\n0.5,0.5,1.5\n0.5, 0.500e+00\t,2.5\n0.5,0.5, 0.500e+00\t\n",  # tabs within cells
    ],
)
def test_a_first_line_that_is_a_row_or_the_header_is_no_title(text):
    assert not any("title" in notice for notice in loaded(csv(text)).notices)


def test_rows_to_predict_may_have_a_title_too():
    model = prepared(loaded(csv(f"a,b,y\n{ROWS}"))).preprocessing
    rows = read_rows(csv(f"New ones\n\na,b\n{ROWS.replace(',u', '').replace(',v', '')}"), model)
    assert rows.X.shape == (30, 2)
    assert rows.lines[0] == 4


def test_a_header_that_is_repeated_among_the_rows_is_left_out_and_reported():
    table = loaded(csv(f"a,b,y\n{ROWS}a,b,y\n{ROWS}a,b,y\n{ROWS}"))
    assert table.X.shape == (90, 2)
    assert np.isfinite(table.X).all()
    assert table.class_names == ("u", "v")
    assert told(table) == [
        "the header stands among the rows again, lines 32 and 63: left out",
        "2 of 92 rows left out for a missing target, which is never filled in",
    ]


@pytest.mark.parametrize("word", ["Total", "SUM", "Grand total", "Gesamt"])
def test_a_last_row_of_totals_is_left_out_and_reported(word):
    rows = "".join(f"{i / 4},{i % 7},{i / 8}\n" for i in range(30))
    table = loaded(csv(f"a,b,y\n{rows}{word},90,54.375\n"))
    assert table.X.shape == (30, 2)
    assert np.isfinite(table.X).all()
    assert table.y.max() == 29 / 8
    assert told(table) == [
        f"the last row, line 32, holds totals ({word!r}): left out",
        "1 of 31 rows left out for a missing target, which is never filled in",
    ]
    in_text = loaded(csv("a,b,y\n" + "x,1,0.5\nz,2,0.75\n" * 9 + f"{word},27,11.25\n"))
    assert in_text.columns[0].categories == ("x", "z")
    assert in_text.X.shape == (18, 2)


def test_a_category_that_is_called_total_is_one():
    table = loaded(csv("a,b,y\n" + "total,1,0.5\nnet,2,0.75\n" * 9 + "total,3,1.5\n"))
    assert table.X.shape == (19, 2)


def test_a_first_row_of_units_is_left_out_and_reported():
    rows = "".join(f"{i / 4},{i % 7},,{'uv'[i % 2]}\n" for i in range(30))
    table = loaded(csv(f"a,b,empty,y\ncm,kg,,kind\n{rows}"))
    assert table.X.shape == (30, 2)
    assert np.isfinite(table.X).all()
    assert table.class_names == ("u", "v")
    assert told(table)[0] == "the first row, line 2, holds units ('cm' and 'kg'): left out"


@pytest.mark.parametrize("first", ["cm,5,u\n", "cm,,u\n", "1,2,u\n", ",,u\n"])
def test_a_first_row_with_a_number_or_one_word_alone_is_a_row(first):
    assert len(loaded(csv(f"a,b,y\n{first}{ROWS}")).X) == 31


def test_the_target_is_the_last_column_that_has_a_name():
    rows = "".join(f"{i / 4},{'uv'[i % 2]},\n" for i in range(30))
    table = loaded(csv(f"a,y,\n{rows}"))
    assert (table.feature_names, table.target_names) == (("a",), ("y",))
    assert "the last column has no name: the target is 'y'" in told(table)
    rows = read_rows(csv(f"a,y,\n{rows}", name="new.csv"), prepared(table).preprocessing)
    assert not [notice for notice in rows.notices if "ignored" in notice]


def test_a_single_class_beside_words_for_a_missing_value_names_them():
    assert problems_of(loaded, csv("a,y\n" + "1,NaN\n2,none\n3,real\n" * 9)) == [
        "t.csv: every row has 'y' = 'real'; classification needs two classes or more",
        "t.csv: column 'y': 'NaN' is a missing value, in 9 rows; for a class: data.columns={y: text}",
        "t.csv: column 'y': 'none' is a missing value, in 9 rows; for a class: data.columns={y: text}",
    ]


@pytest.mark.parametrize("quote", ["", '"'])  # read from bytes, or with care
def test_a_last_row_of_totals_is_predicted_and_not_scored(quote):
    rows = "".join(f"{quote}{'xz'[i % 2]}{quote},{i % 7},{i / 8}\n" for i in range(30))
    table = loaded(csv(f"a,b,y\n{rows}"))
    preprocessing = prepared(table).preprocessing
    for end, scored, told_of in (("Total,90,54.375\n", 30, True), ("x,90,54.375\n", 31, False), ("w,1,1\n", 31, False)):
        opened = open_rows(csv(f"a,b,y\n{rows}{end}", name="new.csv"), preprocessing)
        scores, n = scores_for(preprocessing), 0
        for block in opened.blocks():
            n += len(block.X)
            scores.add(block.targets, np.zeros((len(block.X), 1)), np.zeros((len(block.X), 1)))
        assert (n, scores.rows) == (31, scored)
        notices = opened.reader.column_notices()
        line = "the last row, line 32, holds totals, which training leaves out: its target is not compared"
        assert (line in notices) == told_of


def test_a_class_label_in_a_row_of_totals_is_not_scored():
    rows = "".join(f"{'xz'[i % 2]},{i % 7},{'uv'[i % 2]}\n" for i in range(30))
    preprocessing = prepared(loaded(csv(f"a,b,y\n{rows}"))).preprocessing
    (block,) = open_rows(csv(f"a,b,y\n{rows}Sum,90,u\n", name="new.csv"), preprocessing).blocks()
    scores = scores_for(preprocessing)
    scores.add(block.targets, np.zeros(31, np.int64), np.full((31, 2), 0.5))
    assert scores.rows == 30


# ---- units ----


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["12 kg", "3.5 kg", "1,200 kg"], "kg"),
        (["5°", "7.5°"], "°"),
        (["3 m/s", "-4 m/s"], "m/s"),
        (['5"', '7"'], '"'),
        (["12 kg", "500 g"], ""),
        (["12 kg", "13"], ""),
        (["12-", "13-"], ""),
        (["Q1", "Q2"], ""),
        (["1st", "2nd"], ""),
    ],
)
def test_a_unit_is_one_if_all_numbers_have_it(texts, unit):
    assert unit_of(texts, ".") == unit


def test_numbers_with_a_unit_are_numbers_in_training_and_in_new_rows():
    weights = [f"{i / 2} kg" for i in range(30)]
    train = "weight,b,y\n" + "".join(f"{w},{i * 7 % 5},{'uv'[i % 2]}\n" for i, w in enumerate(weights))
    table = loaded(csv(train))
    assert table.X[:, 0].tolist() == [i / 2 for i in range(30)]
    assert told(table) == ["column 'weight' holds numbers such as '0.0 kg', read without their unit"]
    rows = read_rows(csv("weight,b\n2.5 kg,1\n3,2\n4 lb,3\n,4\n"), prepared(table).preprocessing)
    assert np.array_equal(rows.X[:, 0], [2.5, 3, np.nan, np.nan], equal_nan=True)
    assert rows.notices[-2:] == (
        "weight: 1 of 4 missing, filled in as in training",
        "weight: 1 of 4 not a number ('4 lb' in line 4), filled in as missing",
    )
    with_commas = loaded(csv("weight;y\n" + "".join(f"{i},5 kg;{i},25\n" for i in range(9))))
    assert with_commas.X[:, 0].tolist() == [i + 0.5 for i in range(9)]


def test_a_few_labels_with_a_unit_are_classes_and_many_numbers_a_quantity():
    stars = loaded(csv("a,y\n" + "".join(f"{i / 4},{i % 3 + 3} stars\n" for i in range(30))))
    assert stars.class_names == ("3 stars", "4 stars", "5 stars")
    heights = loaded(csv("a,y\n" + "".join(f"{i / 4},{150.5 + i} cm\n" for i in range(30))))
    assert heights.task == "regression"
    assert heights.y[0, 0] == 150.5


# ---- dates ----


def test_dates_in_two_notations_are_dates_where_none_can_be_mistaken():
    cells = [f"2024-01-{i + 1:02d}" if i % 2 else f"{i + 1:02d}/01/2024" for i in range(30)]
    table = loaded(csv("when,y\n" + "".join(f"{cell},{i / 4}\n" for i, cell in enumerate(cells))))
    assert (table.X[:, 0] - table.X[0, 0]).tolist() == list(range(30))
    assert told(table) == ["column 'when' holds dates, day first or year first"]


def test_times_with_an_offset_are_said_to_be_in_utc():
    def noted(zone):
        rows = "".join(f"2024-01-{i + 1:02}T00:30:00{zone},{i / 4}\n" for i in range(30))
        return told(loaded(csv(f"when,y\n{rows}")))

    assert noted("+01:00") == ["column 'when' holds dates, year first, their times in UTC"]
    assert noted("Z") == noted("") == ["column 'when' holds dates, year first"]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("45292", 19723),  # Excel: 2024-01-01
        ("45292.5", 19723.5),
        ("1704067200", 19723),  # seconds
        ("1704067200000", 19723),  # milliseconds
        ("20240101", 19723),
        ("2024", 19723),
    ],
)
def test_numbers_are_dates_in_a_column_that_is_said_to_hold_dates(text, days):
    assert any_date(text) == days


# ---- numbers that stand for nothing ----


def test_numbers_written_as_codes_are_reported_and_may_be_categories():
    text = "zip,share,y\n" + "".join(f"{(1067, 10115, 4109)[i % 3]:05d},0.{i},{'uv'[i % 2]}\n" for i in range(60))
    table = loaded(csv(text))
    assert told(table) == [
        "column 'zip' holds numbers; '01067' is written as codes are; for categories: data.columns={zip: text}"
    ]
    assert table.X[0, 0] == 1067
    assert told(loaded(csv(text), options=ColumnOptions(kinds={"zip": "number"}))) == []
    assert told(loaded(csv(text), options=ColumnOptions(kinds={"zip": "text"}))) == ["column 'zip' holds 3 categories"]


@pytest.mark.parametrize("stand_in", [-999, 9999])
def test_a_number_of_nines_far_from_all_others_is_reported(stand_in):
    text = "a,y\n" + "".join(f"{stand_in if i % 6 == 0 else i / 4},{'uv'[i % 2]}\n" for i in range(60))
    table = loaded(csv(text))
    assert told(table) == [
        f"column 'a' holds numbers; {stand_in} in 10 of 60 cells is far from all others; if it stands for a missing "
        f"value: data.na_values=[{stand_in}]"
    ]
    assert loaded(csv(text)).X[0, 0] == stand_in


def test_nines_among_numbers_like_them_are_numbers():
    assert told(loaded(csv("a,y\n" + "".join(f"{i % 100},{i / 4}\n" for i in range(300))))) == []


# ---- what is refused ----


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            f"a,b,y\n{ROWS}1,2\n",
            "t.csv:32:3: 2 values on this line; a row has 3 (one that holds a ',' is put in quotes)",
        ),
        ("a,y\n" + "1,u\n2,u\n" * 5, "t.csv: every row has 'y' = 'u'; classification needs two classes or more"),
        (f"a,b,y\n{ROWS}\0\0", "t.csv:32: a NUL byte, which no text holds; is this a CSV file?"),
        ("<html></html>\n", "t.csv:1: a header and no rows; write a line for each row"),
    ],
)
def test_what_is_no_table_is_one_line_each(text, problem):
    assert problems_of(loaded, csv(text)) == [problem]


# ---- targets in peoples' notation ----


def test_a_target_in_decimal_commas_stays_so_in_test_rows():
    csv("a;y\n1;2,500\n2;3,125\n", "test.csv")
    table = loaded(csv("a;y\n" + "".join(f"{i};{i % 9},{i % 7}5\n" for i in range(30))), test_source="test.csv")
    assert table.target_styles == (",",)
    assert table.test.y[:, 0].tolist() == [2.5, 3.125]


@pytest.mark.parametrize(
    ("train", "cells", "values"),
    [
        ("a;y\n" + "".join(f"{i};{i % 9},{i % 7}5\n" for i in range(30)), ["2,500", "3,125"], [2.5, 3.125]),
        ("a,y\n" + "".join(f"{i},{150.5 + i} cm\n" for i in range(30)), ["2.5 cm", "3"], [2.5, 3]),
        ("a,y\n" + "".join(f'{i},"$1,{100 + i}.50"\n' for i in range(30)), ["$1,200", "3"], [1200, 3]),
    ],
)
def test_a_target_of_new_rows_is_read_as_in_training(train, cells, values):
    model = prepared(loaded(csv(train))).preprocessing
    model = Preprocessing.from_arrays(model.to_arrays())
    scores = scores_for(model)
    scores.add([cells], np.zeros(2), np.array(values)[:, np.newaxis])
    assert scores.rows == 2
    assert scores.result()["mae"] == 0


# ---- text that is no category, and text of very many ----


def test_free_text_is_left_out_and_reported():
    rows = "".join(f"{i / 4},the {i}th part came late and broken,{'uv'[i % 2]}\n" for i in range(60))
    table = loaded(csv(f"a,remark,y\n{rows}"))
    assert table.feature_names == ("a",)
    assert told(table) == [
        "column 'remark' is left out: holds 60 different texts in 60 rows: free text; to use it, set its type in "
        "data.columns"
    ]


def test_rare_categories_of_very_many_share_a_feature_in_training_and_in_new_rows():
    towns = [f"town {i}" for i in range(60) for _ in range(2 if i < 49 else 1)]
    rows = "".join(f"{i / 4},{town},{'uv'[i % 2]}\n" for i, town in enumerate(towns * 2))
    table = loaded(csv(f"a,town,y\n{rows}"))
    data = prepared(table, split={"train": 1.0, "val": 0.0, "test": 0.0}, shuffle=False, stratify=False)
    column = data.preprocessing.columns[1]
    assert len(column.categories) == 49
    assert set(column.counts) == {4}
    assert column.feature_names[-1] == "town=(other)"
    new = read_rows(csv("a,town\n1,town 3\n2,town 55\n3,elsewhere\n"), data.preprocessing)
    features = data.preprocessing.encode(new.X)[:, 1:]
    assert features.sum(axis=1).tolist() == [1, 1, 1]
    assert features[:, -1].tolist() == [0, 1, 1]


# ---- a target with words for missing values ----


def with_target(*labels, end=""):
    return csv("a,y\n" + "".join(f"{i / 8},{labels[i % len(labels)]}\n" for i in range(30)) + end)


@pytest.mark.parametrize("word", ["None", "none", "NONE"])
def test_none_is_a_class_where_it_is_as_frequent_as_the_others(word):
    table = loaded(with_target("High", word, "Low"))
    assert table.class_names == tuple(sorted(["High", word, "Low"]))
    assert len(table.X) == 30
    assert told(table) == [f"column 'y': {word!r} is a class, of 10 rows; for a missing value: data.na_values=[{word}]"]


def test_a_class_called_none_can_be_made_a_missing_value():
    table = loaded(with_target("High", "None", "Low"), options=ColumnOptions(na_values=("None",)))
    assert table.class_names == ("High", "Low")
    assert told(table) == ["10 of 30 rows left out for a missing target, which is never filled in"]


@pytest.mark.parametrize(
    ("labels", "end", "word", "rows"),
    [
        (("High", "NA", "Low"), "", "NA", "10 rows"),
        (("High", "n/a", "Low"), "", "n/a", "10 rows"),
        (("High", "?", "Low"), "", "?", "10 rows"),
        (("High", "None", "Low"), "1,\n", "None", "10 rows"),  # beside an empty cell
        (("High", "Low"), "1,None\n", "None", "1 row"),  # rarer than any class
    ],
)
def test_other_words_for_a_missing_target_name_the_key_that_makes_them_a_class(labels, end, word, rows):
    path = with_target(*labels, end=end)
    table = loaded(path)
    assert table.class_names == ("High", "Low")
    assert told(table)[0] == (
        f"column 'y': {word!r} is a missing value, in {rows}; for a class: data.columns={{y: text}}"
    )
    as_class = loaded(path, options=ColumnOptions(kinds={"y": "text"}))
    assert as_class.class_names == tuple(sorted(["High", word, "Low"]))
    assert len(as_class.X) == len(table.X) + int(rows.split()[0])


def test_a_class_called_none_is_one_in_test_rows_too():
    path = with_target("High", "None", "Low")
    csv("a,y\n1,None\n2,High\n3,\n", name="test.csv")
    table = loaded(path, test_source="./test.csv")
    assert [table.test.class_names[code] for code in table.test.y] == ["None", "High"]


def test_a_target_without_any_value_is_named():
    assert problems_of(loaded, csv("a,b,y\n" + "1,2,\n" * 20)) == [
        "t.csv: column 'y', the target, has no values; name another in data.target"
    ]


@pytest.mark.parametrize(
    ("end", "what"),
    [
        ("a,b,y\n", "the header stands among the rows again, line 32"),
        ("Total,90,54.5\n", "the last row, line 32, holds totals ('Total')"),
    ],
)
def test_rows_that_are_none_are_refused_where_missing_values_are(end, what):
    rows = "".join(f"{i / 4},{i % 7},{i / 8}\n" for i in range(30))
    assert problems_of(loaded, csv(f"a,b,y\n{rows}{end}"), missing="error") == [
        f"t.csv: {what}; remove it, or set data.missing: auto to leave it out"
    ]
