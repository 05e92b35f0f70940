"""The models of a run's documents: what they let pass, what they say of the rest, and the page made from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.runs import documents
from nn_scratch.runs.documents.page import DOCUMENTS, PAGE_PATH, page

FOLDER = Path(__file__).parent / "made-by-0.1.0"
FILES: dict[str, type[documents.Document]] = {
    "run.json": documents.Info,
    "data.json": documents.Card,
    "signals.json": documents.Signals,
    "commit.json": documents.Commit,
    "diagnosis.json": documents.Diagnosis,
}


def of_run(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_a_document_of_an_earlier_version_fits_and_may_have_more_keys(name: str) -> None:
    document = of_run(name)
    assert documents.misfit(FILES[name], document) is None
    assert documents.misfit(FILES[name], document | {"a key of a later version": {"x": [None]}}) is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_a_document_is_a_mapping(name: str, value: Any) -> None:
    assert documents.misfit(FILES[name], value) == "it is not a mapping"


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        ("epochs", True, "epochs is not a whole number"),
        ("epochs", 3.0, "epochs is not a whole number"),
        ("epochs", "3", "epochs is not a whole number"),
        ("epochs", -1, "epochs is not a whole number"),
        ("epochs", 1 << 53, "epochs is not a whole number"),
        ("threads", 0, "threads is not a whole number above 0"),
        ("seconds", 10**400, "seconds is not a number"),
        ("seconds", float("nan"), "seconds is not a number"),
        ("seconds", 3, None),
        ("best_epoch", None, None),
        ("name", None, "name is not text"),
        ("name", "\udcff", None),
        ("name", b"bytes", "name is not text"),
        ("notices", {}, "notices is not a list"),
        ("notices", ["", 1], "notices[1] is not text"),
        ("versions", {"numpy": 2}, "versions.numpy is not text"),
        ("val", {"loss": 1.0, "accuracy": []}, "val.accuracy is not a number"),
        ("val", {"accuracy": 1.0}, "val.loss is missing"),
        ("status", "well", "status is none of running, finished, stopped, diverged, interrupted"),
        ("diverged", {"epoch": 1, "step": 1, "layer": "output"}, "diverged.what is missing"),
    ],
)
def test_the_first_misfit_is_named_with_its_place(key: str, value: Any, wrong: str | None) -> None:
    assert documents.misfit(documents.Info, of_run("run.json") | {key: value}) == wrong


@pytest.mark.parametrize(
    ("end", "wrong"),
    [
        ({"row_order": 2147483648}, "end.row_order is not a mapping"),
        ({"row_order": [[[]]]}, "end.row_order is not a mapping"),
        ({"row_order": {"column": "x"}}, "end.row_order.counts is missing"),
        ({"telling_columns": {"columns": ["x", 1]}}, "end.telling_columns.columns[1] is not text"),
        ({"copied_target": {"column": "x", "kind": "other"}}, "end.copied_target.kind is none of share, ratio, r2"),
        ({"copied_target": None, "telling_columns": None, "row_order": None}, None),
    ],
)
def test_what_gives_the_target_away_is_checked(end: dict[str, Any], wrong: str | None) -> None:
    assert documents.misfit(documents.Signals, of_run("signals.json") | {"end": {"finite": True, **end}}) == wrong


def test_the_place_of_a_misfit_is_not_longer_than_a_line() -> None:
    wrong = documents.misfit(documents.Info, of_run("run.json") | {"versions": {"x" * 10_000: 1}})
    assert wrong is not None
    assert len(wrong) < 130


def test_the_page_of_the_documents_is_current() -> None:
    assert len(DOCUMENTS) == 6
    assert PAGE_PATH.read_text(encoding="utf-8") == page(), "python -m nn_scratch.runs.documents.page"
