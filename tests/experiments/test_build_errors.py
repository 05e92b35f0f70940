"""Errors about keys of the config that show only once data and network are built say where the key is written."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import nn_scratch
from nn_scratch.config.origins import locate_errors
from nn_scratch.config.resolve import change_config, config_from, load_config
from nn_scratch.errors import UserError
from nn_scratch.experiments.build import build

PACKAGE = Path(nn_scratch.__file__).parent
TWO_TARGETS = "data: {source: m.csv, target: [p, q]"

# config -> the error; place: line and column of the key or of its value
CASES = {
    "data: {source: t.csv, test_source: test.csv, split: {folds: 3}}": (
        "1:61: data.split.folds: the test rows are those of test.csv; write folds: null"
    ),
    "data: {source: {type: blobs, rows: 1000000, features: 1000}}": (
        "1:16: data.source: 1,000,000 rows x 1,000 features are more than "
    ),
    "data: {source: {type: classification, informative: 5, features: 3}}": (
        "1:52: data.source.informative: 5 informative features of 3; ask for fewer"
    ),
    "data: {source: {type: blobs, scale: [1, 2, 3]}}": (
        "1:37: data.source.scale: 3 numbers for 2 features; give one number, or one a feature"
    ),
    "data: {source: {type: blobs, class_shares: [0.5, 0.5]}}": (
        "1:44: data.source.class_shares: 2 shares for 3 classes; give one for each class"
    ),
    "data: {source: {type: blobs, rows: 2}}": (
        "1:36: data.source.rows: 2 rows for 3 classes; ask for one a class or more"
    ),
    "data: {source: {type: blobs, scale: 1.0e+60}}": (
        "1:16: data.source: built in: blobs with scale and offset like these is beyond the numbers of float32"
    ),
    "data: {source: t.csv, split: {train: 0.01, val: 0.5, test: 0.49}}": (
        "1:30: data.split: of 40 rows val gets 20 and test 20, which leaves none to train on; "
    ),
    "data: {source: t.csv, split: {by: h}}": "1:35: data.split.by: 'h' has 2 groups, fewer than there are parts; ",
    "data: {source: t.npz, split: {by: g}}": "1:35: data.split.by: t.npz has no columns with names; write null",
    "data: {source: t.csv, split: {by: g, folds: 5}}": (
        "1:45: data.split.folds: 5 folds of 3 groups of 'g'; write 3 or fewer"
    ),
    "data: {source: t.csv, split: {by: h, folds: 2}}": "1:35: data.split.by: 2 folds of 'h' leave 1 group to train ",
    "data: {source: iris, task: multi_label}": (
        "1:28: data.task: built in: iris has one target; multi_label needs columns of 0 and 1"
    ),
    "data: {source: t.csv, test_source: t.npz}": (
        "1:36: data.test_source: t.csv has columns of text, so its test rows have to be a table with names too"
    ),
    "data: {source: t.npz, test_source: t3.npz}": "1:36: data.test_source: t3.npz has 3 features, and t.npz 2; ",
    "data: {source: ty1.npz, test_source: ty2.npz}": "1:38: data.test_source: ty2.npz has 2 targets, and ty1.npz 1; ",
    f"{TWO_TARGETS}, task: classification}}": (
        "1:31: data.target: 'p' and 'q': classification has one target; name one, "
    ),
    f"{TWO_TARGETS}}}\nloss: binary_cross_entropy": (
        "1:31: data.target: 'q' holds 2; the labels of data.task: multi_label are 0 or 1"
    ),
    "data: {source: r.csv, target_scale: none}\nloss: poisson": (
        "2:7: loss: poisson needs counts, and y is negative in some rows; write mse, or mae"
    ),
    "data: {source: iris, target_scale: none}\nloss: poisson": (
        "2:7: loss: poisson is no loss for classification; write auto, or one of: "
    ),
    "data: {source: iris, weight: w}": "1:30: data.weight: built in: iris has no column of weights; write null, or ",
    "data: {source: r.csv}\nclass_weight: balanced": (
        "2:15: class_weight: a regression has no classes to weigh; write null"
    ),
    'data: {source: iris}\nclass_weight: {setosa: 1, "a b": 2}': (
        "2:34: class_weight.a b: no such class; one of: setosa, versicolor, virginica"
    ),
    "data: {source: iris}\ntrain: {early_stopping: {monitor: val_rmse}}": (
        "2:35: train.early_stopping.monitor: 'val_rmse' is not measured in this run; did you mean 'val_loss'?"
    ),
    "data: {source: iris}\nschedule: {type: reduce_on_plateau, monitor: val_rmse}": (
        "2:46: schedule.monitor: 'val_rmse' is not measured in this run; did you mean 'val_loss'?"
    ),
    "data: {source: r.csv, split: {val: 0.02, test: 0.02, train: 0.96}}\ntrain: {early_stopping: {monitor: val_r2}}": (
        "2:35: train.early_stopping.monitor: val_r2 needs more than the 1 row of val; write train_r2, or "
    ),
    "data: {source: iris}\nlayers:\n- type: residual\n  layers: [{type: dense, units: 3}, {type: dropout}]": (
        "4:33: layers[0].layers[0].units: a residual block adds its input to its output, but 4 features go in and 3 "
        "come out; write 4"
    ),
}
# not errors of a key: a monitor that went missing while training, whole numbers that only .npz files can hold, and what
# scikit-learn alone refuses
ELSEWHERE = {
    "schedule.monitor: no score is called ",
    "data.task: {} holds whole numbers beyond 2^53",
    "data.split.folds: {} folds cannot be made (",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = range(40)
    Path("t.csv").write_text("a,g,h,y\n" + "".join(f"{i},{'xyz'[i % 3]},{'uv'[i % 2]},{i % 2}\n" for i in rows))
    Path("test.csv").write_text("a,g,h,y\n" + "".join(f"{i},x,u,{i % 2}\n" for i in range(8)))
    Path("r.csv").write_text("a,y\n" + "".join(f"{i},{i * 0.37 - 3}\n" for i in rows))
    Path("m.csv").write_text("a,p,q\n" + "".join(f"{i},{i % 2},{i % 3}\n" for i in rows))
    labels, X = np.arange(40) % 2, rng.normal(size=(40, 3))
    np.savez("t.npz", X=X[:, :2], y=labels)
    np.savez("t3.npz", X=X, y=labels)
    np.savez("ty1.npz", X=X[:, :2], y=X[:, 0])
    np.savez("ty2.npz", X=X[:, :2], y=X[:, :2])
    return tmp_path


@pytest.mark.parametrize("text", CASES)
def test_an_error_found_while_building_names_file_line_and_key(text: str, folder: Path) -> None:
    Path("f.yaml").write_text(f"{text}\n")
    config = load_config("f.yaml")
    with pytest.raises(UserError) as raised:
        build(config)
    (problem,) = raised.value.problems
    assert problem.startswith(f"f.yaml:{CASES[text]}"), problem


def test_the_override_is_named_where_it_sets_the_key(folder: Path) -> None:
    Path("f.yaml").write_text("data: {source: iris, target_scale: none}\n")
    with pytest.raises(UserError, match=r"^loss=poisson: loss: poisson is no loss for classification; "):
        build(load_config("f.yaml", ["loss=poisson"]))


def test_the_file_is_named_where_the_key_is_not_written(folder: Path) -> None:
    Path("f.yaml").write_text("name: x\nlayers: []\n")
    config = load_config("f.yaml")
    with pytest.raises(UserError, match=r"^f.yaml: class_weight: write null$"), locate_errors(config):
        raise UserError("class_weight: write null")


def test_a_config_of_plain_values_has_no_places(folder: Path) -> None:
    config = config_from({"data": {"source": "./r.csv"}})
    assert config.origin is None
    with pytest.raises(UserError, match=r"^class_weight: a regression has no classes to weigh; write null$"):
        build(change_config(config, {"class_weight": "balanced"}))


def test_where_a_config_was_written_has_no_part_in_its_value(folder: Path) -> None:
    Path("f.yaml").write_text("data: {source: iris}\n")
    Path("g.yaml").write_text("\n\ndata:\n  source: iris\n")
    assert load_config("f.yaml") == load_config("g.yaml") == config_from({"data": {"source": "iris"}})


def test_there_is_a_case_for_every_key_that_building_refuses() -> None:
    raised = set(sites())
    assert len(raised) >= 20
    for start in raised - ELSEWHERE:
        pattern = re.escape(start).replace(re.escape("{}"), ".+")
        assert any(re.match(pattern, expected.partition(": ")[2]) for expected in CASES.values()), start
    assert raised >= ELSEWHERE


def sites() -> list[str]:
    """The first words of each message about a key of the config; {} for what is filled in."""
    files = [*(PACKAGE / "data").glob("*.py"), *(PACKAGE / "nn").rglob("*.py"), *(PACKAGE / "training").glob("*.py")]
    files += [PACKAGE / "experiments" / name for name in ("build.py", "networks.py")]
    found = []
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("UserError", "refuse") and node.args:
                text = words(node.args[0])
                if re.match(r"[a-z_]+(\.[a-z_{}]+)*: ", text):
                    found.append(text.partition(";")[0][:45].rstrip("{}"))
    return found


def words(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(words(part) for part in node.values)
    return "{}"
