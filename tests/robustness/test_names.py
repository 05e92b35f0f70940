"""Names of columns, classes and folders may hold anything: they are shown, and neither obeyed nor stumbled over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.robustness.processes import Job, Scripts

NAMES = {
    "markup": ("[/]", "[/]"),
    "a style": ("[red]a[/red]", "[red]a[/red]"),
    "escape": ("a\x1b[2Jb", "a\\x1b[2Jb"),
    "a control sequence introducer": ("a\x9b2Jb", "a\\x9b2Jb"),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_of_columns_classes_and_folders_are_shown(case: str, scripts: Scripts, tmp_path: Path) -> None:
    name, seen = NAMES[case]
    rows = np.random.default_rng(0).normal(size=(60, 2))
    lines = [f"{a:.3f},{b:.3f},{name if a > 0 else 'other'}" for a, b in rows]
    folder = tmp_path / ("here" if "\x1b" in name else f"here {name.replace('/', '')}")
    folder.mkdir()
    (folder / "t.csv").write_text("\n".join([f"{name},b,label", *lines, ""]))
    (folder / "new.csv").write_text(f"{name},b\n0.5,0.25\n")
    arguments = ["data.source=./t.csv", "layers=[]", "train.epochs=2", "name=run"]
    ended = scripts.train(folder, *arguments)
    printed = ended.output
    assert ended.code == 0, printed
    assert seen in printed
    run = str(folder / "run-001")
    for script, given, code in (
        ("diagnose.py", [run], 0),
        ("diagnose.py", ["--data", "t.csv"], 0),
        ("predict.py", [run, "new.csv", "--out", "out.csv"], 0),
        ("visualize.py", [run, "--no-film"], 0),
        ("train.py", ["--resume", run], 0),
        ("train.py", [*arguments, "--check", "--outputs", "."], 0),
        ("train.py", [*arguments, f"data.target={name}x", "--outputs", "."], 2),
    ):
        ended = scripts.run(Job(script, given, str(folder)))
        assert ended.code in (code, 2) if "--check" in given else (code,), ended.output
        printed += ended.output
    assert printed.replace("\n", "").isprintable()
    shutil.rmtree(folder)


@pytest.mark.parametrize("script", ["train.py", "predict.py", "runs.py", "export.py", "diagnose.py"])
def test_arguments_that_are_not_known_are_shown(script: str, scripts: Scripts, tmp_path: Path) -> None:
    ended = scripts.run(Job(script, ["a", "b", "--to", "onnx", "--nosuch\x1b[2J", "\x9b2J"], str(tmp_path)))
    assert ended.code == 2
    assert "--nosuch\\x1b[2J" in ended.output
    assert ended.output.replace("\n", "").isprintable()


def test_notices_are_no_markup(scripts: Scripts, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=60)
    lines = [f"1,{value:.3f},{'yes' if value > 0 else 'no'}" for value in values]
    (tmp_path / "t.csv").write_text("\n".join(["[/],b,label", *lines, ""]))
    for how in ("--find-lr", "--check"):
        ended = scripts.train(tmp_path, "data.source=./t.csv", "layers=[]", how)
        assert ended.code in (0, 2), ended.output  # 2: --check found what to mend
        notice = "note: 1 feature is constant in the training rows and become 0: '[/]'"
        assert notice in " ".join(ended.output.split())


@pytest.mark.parametrize(("name", "seen"), [(b"caf\xe9", "caf\\udce9"), (b"a\x1b[2Jb", "a\\x1b[2Jb")])
def test_a_folder_whose_name_no_config_can_hold_is_refused_only_where_the_config_would_hold_it(
    name: bytes, seen: str, scripts: Scripts, tmp_path: Path
) -> None:
    folder = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))  # noqa: PTH118
    folder.mkdir()
    np.savez(folder / "t.npz", X=np.random.default_rng(0).normal(size=(60, 2)), y=np.arange(60) % 2)
    arguments = ["layers=[]", "train.epochs=2", "name=run"]
    ended = scripts.train(folder, "data.source=./t.npz", *arguments)
    assert ended.code == 2
    assert ended.output.splitlines()[-1] == (
        f"data.source: {tmp_path}/{seen}/t.npz: param.yaml cannot hold this path; rename the folder or the file"
    )
    assert [path.name for path in folder.iterdir()] == ["t.npz"]
    ended = scripts.train(folder, "data.source=iris", *arguments)
    assert ended.code == 0, ended.output
    run = str(folder / "run-001")
    np.save(folder / "new.npy", np.full((2, 4), 0.5))
    for script, given in (
        ("diagnose.py", [run]),
        ("predict.py", [run, "new.npy", "--out", "out.csv"]),
        ("visualize.py", [run]),
        ("train.py", ["--resume", run, "train.epochs=3"]),
    ):
        ended = scripts.run(Job(script, given, str(folder)))
        assert ended.code == 0, ended.output
        assert ended.output.replace("\n", "").isprintable()
