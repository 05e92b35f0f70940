"""Tables with everything wrong that a table can have, through train.py: each case has its stated outcome."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.runs.run import Run
from tests.robustness.processes import Job, Scripts

HEADER = "a,b,label"
NUMBERS = np.random.default_rng(0).normal(size=(60, 2))
ROWS = [f"{a:.4f},{b:.4f},{'yes' if a > 0 else 'no'}" for a, b in NUMBERS]


def table(*odd: str, rows: list[str] = ROWS, header: str = HEADER, end: str = "\n") -> bytes:
    """A CSV file with odd lines at line 7."""
    return end.join([header, *rows[:5], *odd, *rows[5:], ""]).encode()


REFUSED = {
    "beyond float32": (
        table("1e308,1,yes"),
        ":7:1: '1e308' in column 'a' is beyond the numbers of float32 (3.4e38); rescale the column",
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
    "an open quote": (
        table('1,2,"yes'),
        ':7: a quote (") is opened here and never closed; close it, or double a quote that belongs to the text',
    ),
    "a zero byte": (table("1,\0,yes"), ":7: a NUL byte, which no text holds; is this a CSV file?"),
}
TRAINED = {
    "a byte-order mark": (b"\xef\xbb\xbf" + table(), None),
    "lines of Windows": (table(end="\r\n"), None),
    "lines of old Macs": (table(end="\r"), None),
    "quoted line breaks": (table(rows=[row.replace("no", '"n\no"') for row in ROWS]), None),
    "semicolons": (table().replace(b",", b";"), "{path}: the columns are separated by semicolons"),
    "NaN": (table("nan,1,yes"), "a: 1 of 61 missing, filled with the mean"),
    "an infinity": (table("1,inf,yes"), "b: 1 of 61 missing, filled with the mean"),
    "a missing value": (table(",1,yes"), "a: 1 of 61 missing, filled with the mean"),
    "words": (
        table("abc,1,yes"),
        "{path}: column 'a' holds numbers; 1 of 61 cells are none and taken for missing values, such as 'abc' (line "
        "7); for categories: data.columns={{a: text}}",
    ),
    "cp1252": (
        table(rows=[row.replace("no", "caf\u00e9") for row in ROWS]).decode().encode("cp1252"),
        "{path}: the text is not UTF-8; it is read as Windows-1252",
    ),
    "UTF-16": (table().decode().encode("utf-16"), "{path}: the text is not UTF-8; it is read as UTF-16"),
    "one name twice": (
        table(header="a,a,label"),
        "{path}:1:2: column 'a' has the name of column 1; it is called 'a_2'",
    ),
    "a constant column": (
        table(rows=[f"{row.split(',')[0]},7,{row.split(',')[2]}" for row in ROWS]),
        "1 feature is constant in the training rows and become 0: 'b'",
    ),
    "a class of one row": (
        table("1,2,maybe"),
        "no row of val has the class 'maybe', so its scores do not cover it",
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


# --- labels that numbers cannot tell apart, or that no file can hold

LARGE = [2**53, 2**53 + 1, 2**53 + 2, 2**53 + 3]


def labelled(tmp_path: Path, labels: list[str]) -> Path:
    path = tmp_path / "large.csv"
    rows = [f"{a:.4f},{b:.4f},{labels[i % len(labels)]}" for i, (a, b) in enumerate(NUMBERS)]
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
def test_whole_numbers_above_2_to_the_53_stay_classes_of_their_own_in_npz(
    kind: type, scripts: Scripts, tmp_path: Path
) -> None:
    np.savez(tmp_path / "large.npz", X=NUMBERS, y=np.array(LARGE, kind)[np.arange(60) % 4])
    ended = scripts.train(tmp_path, "data.source=./large.npz", "layers=[]", "train.epochs=1", "name=run")
    assert ended.code == 0, ended.output
    assert Run(tmp_path / "run-001").card["classes"] == [str(label) for label in LARGE]


def test_whole_numbers_above_2_to_the_53_are_asked_about_in_csv_and_then_stay_apart(
    scripts: Scripts, tmp_path: Path
) -> None:
    path = labelled(tmp_path, [str(label) for label in LARGE])
    arguments = ["data.source=./large.csv", "layers=[]", "train.epochs=1", "name=run"]
    ended = scripts.train(tmp_path, *arguments)
    assert ended.code == 2
    assert ended.output.splitlines()[-1].endswith(
        "data.task: 'label' holds whole numbers beyond 2^53, which float64 cannot represent exactly; write "
        "classification if they are names of classes, regression if they are quantities"
    ), path
    ended = scripts.train(tmp_path, *arguments, "data.task=classification")
    assert ended.code == 0, ended.output
    assert Run(tmp_path / "run-001").card["classes"] == [str(label) for label in LARGE]


def test_a_label_of_1e19_keeps_its_name(scripts: Scripts, tmp_path: Path) -> None:
    np.savez(tmp_path / "large.npz", X=NUMBERS, y=np.array([1e19, 2.0])[np.arange(60) % 2])
    arguments = ["data.source=./large.npz", "data.task=classification", "layers=[]", "train.epochs=1", "name=run"]
    ended = scripts.train(tmp_path, *arguments)
    assert ended.code == 0, ended.output
    assert Run(tmp_path / "run-001").card["classes"] == ["2", "10000000000000000000"]


def test_an_array_of_large_whole_numbers_is_refused_where_its_labels_would_merge(
    scripts: Scripts, tmp_path: Path
) -> None:
    np.save(tmp_path / "large.npy", np.column_stack([np.arange(60), np.array(LARGE)[np.arange(60) % 4]]))
    ended = scripts.train(tmp_path, "data.source=./large.npy", "layers=[]", "train.epochs=1", "name=run")
    assert ended.code == 2
    assert ended.output.splitlines()[-1] == (
        f"{tmp_path / 'large.npy'}: the target holds whole numbers beyond 2^53, which float64 cannot represent "
        "exactly; save an .npz with X and y, or write data.task: regression"
    )


def test_half_of_a_surrogate_pair_is_no_label(scripts: Scripts, tmp_path: Path) -> None:
    np.savez(tmp_path / "halves.npz", X=NUMBERS, y=np.array(["yes", "\ud800"])[np.arange(60) % 2])
    ended = scripts.train(tmp_path, "data.source=./halves.npz", "layers=[]", "train.epochs=1", "name=run")
    assert ended.code == 2
    assert ended.output.splitlines()[-1] == (
        f"{tmp_path / 'halves.npz'}: y holds '\\ud800', which is no valid text; write other labels"
    )


# --- names and sizes


@pytest.mark.parametrize("name", ["T.CSV.GZ", "T.CSV", "T.NPZ", "T.NPY", "T.Tsv"])
def test_the_case_of_a_suffix_does_not_matter(name: str, scripts: Scripts, tmp_path: Path) -> None:
    path, lower = tmp_path / name, name.lower()
    target = NUMBERS[:, 0] > 0
    if lower.endswith(".npz"):
        with path.open("wb") as file:
            np.savez(file, X=NUMBERS, y=target)
    elif lower.endswith(".npy"):
        with path.open("wb") as file:
            np.save(file, np.column_stack([NUMBERS, target]))
    else:
        content = table().replace(b",", b"\t" if ".tsv" in lower else b",")
        path.write_bytes(gzip.compress(content, mtime=0) if lower.endswith(".gz") else content)
    arguments = [f"data.source=./{name}", "layers=[]", "train.epochs=1", "name=run"]
    ended = scripts.train(tmp_path, *arguments)
    assert ended.code == 0, ended.output
    ended = scripts.run(Job("predict.py", [str(tmp_path / "run-001"), name], str(tmp_path)))
    assert ended.code == 0, ended.output


def test_a_home_folder_of_nobody_is_no_bug_of_ours(scripts: Scripts, tmp_path: Path) -> None:
    ended = scripts.train(tmp_path, "data.source=~nosuchuser/t.csv", "layers=[]", "train.epochs=1", "name=run")
    assert ended.code == 2
    assert ended.output.splitlines()[-1] == ("~nosuchuser/t.csv: no such file: no home folder is known for ~nosuchuser")


@pytest.mark.parametrize("how", ["one line", "quoted line ends"])
def test_a_row_without_end_is_refused_in_little_memory(how: str, scripts: Scripts, tmp_path: Path) -> None:
    cells = b'1,"\n",' if how == "quoted line ends" else b"1,2.5,"
    content = b"a,b,label\n" + cells * (240_000_000 // len(cells)) + b"3\n"
    (tmp_path / "long.csv.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    job = Job("train.py", ["data.source=./long.csv.gz", "--outputs", "."], str(tmp_path))
    job.limits = {"RLIMIT_CPU": 60}
    ended = scripts.run(job)
    assert ended.code == 2
    assert ended.output.splitlines()[-1] == (
        f"{tmp_path / 'long.csv.gz'}:2: a row of more than 16,777,216 characters; are its line ends missing, or is a "
        'quote (") opened here and never closed?'
    )
    assert ended.megabytes < 1500  # the cells of 16 million characters, 60 bytes each
