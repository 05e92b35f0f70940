import gzip
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.data import open_rows, read_rows
from nn_scratch.errors import EnvironmentFailure
from tests.data.reading import loaded, prepared, problems_of
from tests.data.test_idx import IMAGES, LABELS, mnist, packed

FORMATS = ".csv, .tsv (also packed: .csv.gz), .jsonl, .parquet, .feather, .xlsx, .npz, .npy, or a folder of IDX files"


def csv(text, name="t.csv"):
    Path(name).write_text(text)
    return name


# ---- what a source is ----


def test_a_source_is_a_name_a_name_with_parameters_or_a_path(tmp_path):
    assert loaded("iris").origin == "built in: iris"
    assert len(loaded({"type": "moons", "rows": 30}).X) == 30
    csv("a,y\n1,0.5\n2,0.7\n")
    for name in ("t.csv", "./t.csv", str(tmp_path / "t.csv")):
        assert loaded(name).origin == str(Path(name))


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    csv("a,y\n1,0.5\n2,0.7\n")
    assert len(loaded("~/t.csv").X) == 2


def test_the_ending_of_a_name_is_read_in_any_case():
    assert len(loaded(csv("a,y\n1,0.5\n2,0.7\n", "T.CSV")).X) == 2


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("tabel.csv", "tabel.csv: no such file; did you mean 'table.csv'?"),
        ("zzz.csv", "zzz.csv: no such file"),
        ("no/t.csv", "no/t.csv: no such file; there is no folder no either"),
        ("table.xls", f"table.xls: a file of unknown format; the formats are {FORMATS}"),
        ("/dev/null", f"/dev/null: neither a file nor a folder; the formats are {FORMATS}"),
        (
            "./empty",
            "empty: a folder without IDX files; put train-images-idx3-ubyte and train-labels-idx1-ubyte in it "
            "(.gz too), or name a file",
        ),
    ],
)
def test_a_path_that_leads_to_no_table_is_refused(name, problem):
    csv("a,y\n1,0.5\n2,0.7\n", "table.csv")
    csv("", "table.xls")
    Path("empty").mkdir()
    assert problems_of(loaded, name) == [problem]


@pytest.mark.parametrize(
    ("name", "opens"),
    [("t.csv", "pathlib.Path.open"), ("t.npy", "pathlib.Path.open"), ("t.npz", "zipfile.ZipFile")],
)
@pytest.mark.parametrize("failure", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_disk_that_fails_or_refuses_is_the_machines_fault(monkeypatch, name, opens, failure):
    csv("", name)

    def fail(*_, **__):
        raise failure

    monkeypatch.setattr(opens, fail)
    with pytest.raises(EnvironmentFailure) as error:
        loaded(name)
    assert str(error.value) == f"{name}: cannot be read ({failure.strerror})"


def test_a_table_too_large_for_memory_is_the_machines_fault(monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("nn_scratch.data.tables.read_table", fail)
    with pytest.raises(EnvironmentFailure) as error:
        loaded(csv("a,y\n1,2\n"))
    assert str(error.value) == "t.csv: too large for this machine's memory"


# ---- task ----


def test_a_built_in_source_takes_the_task_it_can_have():
    digits = loaded("digits", task="regression")
    assert digits.y[:3].tolist() == [[0.0], [1.0], [2.0]]
    assert digits.class_names == ()
    assert problems_of(loaded, "iris", task="regression") == [
        "built in: iris: 'species' holds classes, 'setosa' for one; data.task: regression needs numbers"
    ]
    assert problems_of(loaded, "friedman", task="classification") == [
        "built in: friedman: 'y' holds 1,000 different values in 1,000 rows, too many for classes; set data.task: "
        "regression if they are quantities"
    ]


def test_numbers_beyond_float32_are_refused_in_built_in_sources_too():
    assert problems_of(loaded, {"type": "moons", "scale": 1e39}) == [
        "data.source: built in: moons with scale and offset like these is beyond the numbers of float32"
    ]


# ---- test rows of their own ----

TRAIN = "size,color,y\n1,red,u\n2,blue,v\n3,red,u\n4,blue,v\n"


def test_test_rows_of_another_file_are_read_in_the_columns_of_training():
    csv("y,color,note,size\nv,blue,x,7\nw,red,y,8\n", "test.csv")
    table = loaded(csv(TRAIN), test_source="test.csv")
    assert table.feature_names == ("size", "color")
    assert table.test.X.tolist() == [[7.0, 0.0], [8.0, 1.0]]
    assert table.class_names == table.test.class_names == ("u", "v", "w")
    assert table.y.tolist() == [0, 1, 0, 1]
    assert table.test.y.tolist() == [1, 2]
    assert table.test.origin == "test.csv"
    data = prepared(table, split={"train": 0.75, "val": 0.25, "test": 0.0})
    assert [len(data.train), len(data.val), len(data.test)] == [3, 1, 2]
    assert "test.csv: not used in training, and ignored: 'note'" in data.notices
    assert "no row to train on has the class 'w', which cannot be learned" in data.notices


def test_numbers_are_classes_in_the_test_rows_as_they_are_in_training():
    csv("a,y\n1,10\n2,9\n", "test.csv")
    table = loaded(csv("a,y\n1,2\n2,2\n3,9\n4,9\n"), test_source="test.csv")
    assert table.class_names == ("2", "9", "10")
    assert table.test.y.tolist() == [2, 1]
    assert table.y.tolist() == [0, 0, 1, 1]


def test_test_rows_may_be_of_one_class():
    csv("a,y\n1,2\n2,2\n", "test.csv")
    assert loaded(csv("a,y\n1,2\n2,2\n3,9\n4,9\n"), test_source="test.csv").test.y.tolist() == [0, 0]


def test_missing_values_of_test_rows_are_treated_as_those_of_training():
    csv("a,y\n,0.5\n5,1.5\n6,\n", "test.csv")
    train = csv("a,y\n1,0.5\n2,0.25\n")
    assert problems_of(loaded, train, test_source="test.csv", missing="error") == [
        "test.csv:2:1: '' in column 'a' is no value; write one, or set data.missing to auto (fill it in) or drop "
        "(leave such rows out)"
    ]
    assert loaded(train, test_source="test.csv", missing="drop").test.X.tolist() == [[5.0]]
    assert np.array_equal(
        loaded(train, test_source="test.csv", missing="mean").test.X, [[np.nan], [5.0]], equal_nan=True
    )


def test_test_rows_of_a_synthetic_source_are_drawn_anew():
    table = loaded({"type": "moons", "rows": 50}, test_source={"type": "moons", "rows": 20, "noise": 0.0})
    assert len(table.test.X) == 20
    assert not np.isin(table.test.X, table.X).any()
    table = loaded("./mnist" if mnist() else "", test_source="./mnist")
    assert table.test.origin == "mnist"
    assert len(table.test.X) == len(IMAGES)


@pytest.mark.parametrize(
    ("source", "test_source", "problem"),
    [
        (
            "iris",
            "wine",
            "data.test_source: built in: wine has 13 features, and built in: iris 4; they have to be the same",
        ),
        (
            "t.csv",
            "./iris.npz",
            "data.test_source: t.csv has columns of text, so its test rows have to be a table with names too",
        ),
        (
            "two.npz",
            "one.npz",
            "data.test_source: one.npz has 1 target, and two.npz 2; they have to be the same",
        ),
    ],
)
def test_test_rows_that_are_of_another_kind_are_refused(source, test_source, problem):
    csv(TRAIN)
    np.savez("iris.npz", X=np.zeros((4, 3)), y=np.arange(4))
    np.savez("two.npz", X=np.zeros((4, 3)), y=np.random.default_rng(0).normal(size=(4, 2)))
    np.savez("one.npz", X=np.zeros((4, 3)), y=np.arange(4) / 3)
    assert problems_of(loaded, source, test_source=test_source) == [problem]


# ---- rows to predict ----


def trained(text=TRAIN, **keywords):
    """The preprocessing of a model trained on this table."""
    table = loaded(csv(text, "train.csv"), **keywords)
    return prepared(table, split={"train": 1.0, "val": 0.0, "test": 0.0}).preprocessing


@pytest.mark.parametrize(
    "text",
    [
        "size,color,y\n7,blue,u\n8,red,v\n",
        "size,color\n7,blue\n8,red\n",
        "color,y,size\nblue,,7\nred,who knows,8\n",
        "7,blue\n8,red\n",
    ],
    ids=["as in training", "no target", "another order", "no header"],
)
def test_new_rows_are_found_by_name_with_the_target_or_without(text):
    rows = read_rows(csv(text), trained())
    assert rows.X.tolist() == [[7.0, 0.0], [8.0, 1.0]]
    first = 1 if text.startswith("7") else 2
    assert rows.lines.tolist() == [first, first + 1]
    assert rows.notices == (("t.csv: no header: the columns are taken in the order of training",) if first == 1 else ())


def test_the_line_of_each_row_is_the_files_own():
    rows = read_rows(csv('size,color\n\n7,"blue"\n\n8,red\n'), trained())
    assert rows.lines.tolist() == [3, 5]
    assert read_rows(csv("a\n1\n\n2\n"), trained("a,y\n1,2\n2,2.5\n")).lines.tolist() == [2, 4]
    assert read_rows(csv("a\n1\n2"), trained("a,y\n1,2\n2,2.5\n")).lines.tolist() == [2, 3]


def test_columns_that_training_did_not_use_are_ignored_and_reported():
    rows = read_rows(csv("id,size,color,y\n1,7,blue,u\n"), trained())
    assert rows.notices == ("t.csv: not used in training, and ignored: 'id'",)


def test_columns_of_a_model_trained_without_a_header_are_found_by_place():
    model = trained("1,2,0.5\n3,4,1.5\n", target=0)
    assert model.feature_names == ("x2", "x3")
    assert read_rows(csv("9,5,6\n"), model).X.tolist() == [[5.0, 6.0]]
    assert read_rows(csv("5,6\n"), model).X.tolist() == [[5.0, 6.0]]
    assert problems_of(read_rows, csv("1,2,3,4\n5,6,7,8\n"), trained()) == [
        "t.csv:1: no header, and 4 columns where 2 are wanted; write a header that names 'size' and 'color'"
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "Size,colour\n1,red\n",
            [
                "t.csv:1: no column 'size'; did you mean 'Size'?",
                "t.csv:1: no column 'color'; did you mean 'colour'?",
            ],
        ),
        ("size,color\n", ["t.csv:1: a header and no rows; write a line for each row"]),
    ],
)
def test_new_rows_that_the_model_cannot_take_are_refused(text, problems):
    assert problems_of(read_rows, csv(text), trained()) == problems


def test_missing_and_unseen_cells_are_filled_in_as_in_training_and_counted():
    model = trained("size,color,y\n1,red,0\n,blue,1\n3,red,0\n4,blue,1\n")
    rows = read_rows(csv("size,color\n,red\n2,\ninf,green\nx,blue\n"), model)
    assert rows.notices == (
        "size: 1 of 4 missing, filled in as in training",
        "size: 2 of 4 not a number ('inf' in line 4), filled in as missing",
        "color: 1 of 4 missing, filled in as in training",
        "color: 1 of 4 not seen in training ('green' in line 4), all its features are 0",
    )
    X = model.transform(rows.X)
    assert np.isfinite(X).all()
    assert np.allclose(X[0, 0], 0)  # the mean
    raw = X * model.scale + model.offset
    assert np.allclose(raw[:, 1:], [[0, 1], [0.5, 0.5], [0, 0], [1, 0]])


def test_strict_refuses_what_training_did_not_know():
    odd = csv("size,color\n1,red\nx,green\n,blue\n,blue\n")
    assert problems_of(open_rows, odd, trained(), strict=True) == [
        "t.csv:3:1: 'x' in column 'size' is no number that training could take; correct it, or leave out --strict",
        "t.csv:3:2: 'green' in column 'color' is none of the categories trained on: 'blue' and 'red'; correct it, or "
        "leave out --strict",
        "t.csv:4:1: '' in column 'size' is no value, nor are 1 more cells; correct it, or leave out --strict",
    ]


def test_a_model_trained_with_missing_values_refused_refuses_them_too():
    model = trained(missing="error")
    assert problems_of(read_rows, csv("size,color\n1,red\n,blue\n"), model) == [
        "t.csv:3:1: '' in column 'size' is no value; write one; the model has no value to fill in, since it was "
        "trained with data.missing: error"
    ]


def test_a_model_takes_rows_in_any_format_whatever_it_was_trained_on():
    X = np.array([[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]])
    model = trained("a,b,y\n1,2,0.5\n3,5,1.5\n")
    np.savez("t.npz", X=X)
    np.save("t.npy", X)
    np.save("with_target.npy", np.column_stack([X, [0.0, 0.0, 0.0]]))
    np.savetxt("t.csv", X, delimiter=",")
    Path("t.csv.gz").write_bytes(gzip.compress(Path("t.csv").read_bytes()))
    for name in ("t.npz", "t.npy", "with_target.npy", "t.csv", "t.csv.gz", Path("t.npz")):
        rows = read_rows(name, model)
        assert rows.X.tolist() == X.tolist()
        assert rows.lines.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.zeros((3, 5)), "t.npy: 5 features where training had 2"),
        (np.zeros(3), "t.npy: the array is (3,) float64; it has to be (rows, features) numbers"),
        (
            np.array([[1.0, np.nan]]),
            "t.npy: X[0, 1] = nan is no value; write one; the model has no value to fill in, since it was trained with "
            "data.missing: error",
        ),
    ],
)
def test_arrays_that_the_model_cannot_take_are_refused(array, problem):
    np.save("t.npy", array)
    assert problems_of(read_rows, "t.npy", trained("a,b,y\n1,2,0.5\n3,5,1.5\n", missing="error")) == [problem]


def test_a_model_of_text_columns_needs_a_text_table():
    np.save("t.npy", np.zeros((3, 3)))
    assert problems_of(read_rows, "t.npy", trained()) == [
        "t.npy: the model was trained on columns of text; give it a .csv file with these"
    ]


def test_images_come_from_a_folder_or_from_one_file():
    folder = mnist()
    model = prepared(loaded(folder)).preprocessing
    rows = read_rows(folder, model)
    assert np.array_equal(rows.X, IMAGES[:6].reshape(6, 12))
    assert rows.notices == ("mnist: the rows are those of t10k-images-idx3-ubyte",)
    rows = read_rows(folder / "train-images-idx3-ubyte", model)
    assert np.array_equal(rows.X, IMAGES.reshape(20, 12))
    assert rows.notices == ()
    assert problems_of(read_rows, folder / "train-labels-idx1-ubyte", model) == [
        "mnist/train-labels-idx1-ubyte: values of type 0x08 in 1 dimensions; unsigned bytes (0x08) in 3 are wanted"
    ]
    (folder / "t10k-images-idx3-ubyte").write_bytes(packed(IMAGES[:, :, :2]))
    assert problems_of(read_rows, folder, model) == [
        "mnist/t10k-images-idx3-ubyte: images of 3 x 2, 6 pixels, where training had 12 features"
    ]
    Path("empty").mkdir()
    assert problems_of(read_rows, "empty", model) == [
        "empty: a folder without IDX files; put t10k-images-idx3-ubyte in it, or name a file"
    ]
    assert len(LABELS) == 20


# ---- the example ----


def test_the_example_is_a_table_with_a_column_of_text():
    table = loaded(Path(__file__).parents[2] / "data" / "fruit.csv")
    assert table.X.shape == (120, 4)
    assert table.class_names == ("apple", "lemon", "pear", "plum")
    assert [column.name for column in table.columns if column.categories] == ["color"]
