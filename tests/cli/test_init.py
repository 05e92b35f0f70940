"""`nn-scratch init`: a config and its schema below the working directory."""

import json
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from nn_scratch.cli import main
from nn_scratch.config.project import CONFIGS
from nn_scratch.config.resolve import load_config


def test_init_writes_a_config_that_loads_and_the_schema_that_describes_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/nn-scratch"])
    assert main(["init"]) == 0
    written = Path("config/param.yaml").read_text(encoding="utf-8")
    first, _, rest = written.partition("\n")
    assert first == "# yaml-language-server: $schema=param.schema.json"
    assert load_config("config/param.yaml") == load_config(CONFIGS / "param.yaml")
    schema = json.loads(Path("config/param.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(rest), schema)
    assert "nn-scratch train optimizer.lr=0.01" in written
    assert "script/" not in written
    # the package of these tests is in a checkout, whose own config stays the default
    assert capsys.readouterr().out == (
        "written: config/param.yaml, config/param.schema.json\nnext: nn-scratch train --config config/param.yaml\n"
    )


def test_init_replaces_a_config_only_by_force(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/param.yaml").write_text("name: mine\n")
    assert main(["init"]) == 2
    assert capsys.readouterr().err == "config/param.yaml: exists already; --force replaces it\n"
    assert Path("config/param.yaml").read_text() == "name: mine\n"
    assert main(["init", "--force"]) == 0
    assert Path("config/param.yaml").read_text() != "name: mine\n"


@pytest.mark.parametrize("name", ["param.yaml", "param.schema.json"])
@pytest.mark.parametrize("points_at", ["a file", "nothing"])
def test_init_replaces_no_link_and_writes_nothing_then(tmp_path, monkeypatch, capsys, name, points_at):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    if points_at == "a file":
        Path("elsewhere").write_text("mine")
    Path("config", name).symlink_to(tmp_path / "elsewhere")
    assert main(["init", "--force"]) == 2
    said = f"config/{name}: is a symbolic link, which is not replaced; name a new file or a regular one\n"
    assert capsys.readouterr().err == said
    assert [path.name for path in Path("config").iterdir()] == [name]
    assert Path("config", name).is_symlink()
    assert Path("elsewhere").exists() == (points_at == "a file")


def test_init_writes_nothing_where_the_schema_has_no_place(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("config/param.schema.json").mkdir(parents=True)
    assert main(["init"]) == 2
    assert capsys.readouterr().err.startswith("config/param.schema.json: is a folder, which is not replaced;")
    assert not Path("config/param.yaml").exists()


def test_names_that_no_config_can_hold_are_refused_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{n},{n % 5 + 0.5}\n" for n in range(30))
    Path("t.csv").write_text("a,\x1b[31mb\n" + rows)
    assert main(["init", "t.csv"]) == 2
    refused = "t.csv: data.target: the text holds the character '\\x1b'; take it out\n"
    assert capsys.readouterr().err.endswith(refused)
    assert not Path("config").exists()
    Path("t.csv").rename("\x1b.csv")
    assert main(["init", "\x1b.csv", "--target", "a"]) == 2
    assert "data.source: the text holds the character '\\x1b'; take it out\n" in capsys.readouterr().err


def test_version_help_and_unknown_commands(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/nn-scratch"])
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "nn-scratch 0.1.0\n"
    assert main([]) == 2
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.count("usage: nn-scratch COMMAND ...") == 2
    assert main(["trian"]) == 2
    assert capsys.readouterr().err == "nn-scratch trian: no such command; did you mean 'train'?\n"


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_init_writes_a_config_that_trains_a_table_of_few_rows(tmp_path, monkeypatch, capsys, rows):
    monkeypatch.chdir(tmp_path)
    Path("few.csv").write_text("a,y\n" + "".join(f"{i},{i / 2}\n" for i in range(rows)))
    assert main(["init", "few.csv"]) == 0
    few = f"note: few.csv: {rows} rows leave none for val and test, so that the scores are of the rows trained on"
    assert (few in capsys.readouterr().out) == (rows < 4)
    assert main(["train", "--config", "config/few.yaml", "train.epochs=1", "--outputs", "runs", "--quiet"]) == 0
