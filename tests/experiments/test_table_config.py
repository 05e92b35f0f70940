"""Configs for tables: they load, name the columns with their types, and suit the table's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.cli import main
from nn_scratch.config.resolve import load_config
from nn_scratch.experiments.table_config import default_name, settings_for
from nn_scratch.experiments.train import train

ROWS = np.random.default_rng(0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, rare: float = 0.5) -> None:
    a = ROWS.normal(size=120)
    lines = ["id,size,color,when,ok,label"]
    for i, x in enumerate(a):
        label = "yes" if ROWS.random() < rare else "no"
        size = "" if i % 10 == 0 else f"{x:.3f}"
        lines.append(f"{i},{size},{['red', 'green', 'blue'][i % 3]},2020-01-{1 + i % 28:02d},{'TF'[i % 2]},{label}")
    path.write_text("\n".join(lines) + "\n")


def test_the_config_of_a_table_names_its_columns_and_trains(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here / "people.csv")
    assert main(["init", "people.csv"]) == 0
    assert "next: " in capsys.readouterr().out
    text = (here / "config" / "people.yaml").read_text()
    for line in (
        "source: './people.csv'",
        "target: label",
        "task: classification",
        "id: ignore",
        "# size: number",
        "12 of 120 missing",
        "# color: text",
        "3 categories: blue, green, red",
        "# when: date",
        "2020-01-01 to 2020-01-28",
        "# ok: number (boolean)",
    ):
        assert line in text, line
    config = load_config("config/people.yaml", ["train.epochs=2"])
    assert config.name == "people"
    assert config.class_weight is None
    assert config.train.early_stopping is not None
    run = train(config, here / "outputs")
    assert [column["name"] for column in run.card["columns"]] == ["size", "color", "when", "ok"]


def test_rare_classes_are_weighted(here: Path) -> None:
    write(here / "people.csv", rare=0.1)
    assert main(["init", "people.csv"]) == 0
    assert load_config("config/people.yaml", []).class_weight == {"yes": 2.0}


def test_another_target_can_be_named_and_an_existing_config_is_kept(here: Path) -> None:
    write(here / "people.csv")
    assert main(["init", "people.csv", "--target", "size"]) == 0
    assert load_config("config/people.yaml", []).data.task == "regression"
    before = (here / "config" / "people.yaml").read_bytes()
    assert main(["init", "people.csv"]) == 2
    assert (here / "config" / "people.yaml").read_bytes() == before
    assert main(["init", "people.csv", "--force"]) == 0


@pytest.mark.parametrize("arguments", [["--target", "a"], ["missing.csv"], ["."]])
def test_what_is_no_table_is_refused(arguments: list[str], here: Path) -> None:
    assert main(["init", *arguments]) == 2
    assert not (here / "config").exists()


def test_names_are_those_of_folders() -> None:
    assert default_name(Path("a/My table (2).csv.gz")) == "My_table__2"
    assert default_name(Path("日本.csv")) == "table"


def test_more_rows_have_wider_networks_and_larger_batches() -> None:
    settings = [settings_for(rows) for rows in (100, 1_500, 5_000, 50_000, 500_000)]
    assert [s.units for s in settings] == sorted(s.units for s in settings)
    assert [s.batch_size for s in settings] == sorted(s.batch_size for s in settings)
    assert all(10 <= s.epochs <= 200 for s in settings)
