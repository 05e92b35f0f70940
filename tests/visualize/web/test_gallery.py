"""The site of lessons, and "show me" on every fault of the zoo."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.cli.lessons import LOGGED, conclude, write_gallery
from nn_scratch.config.resolve import change_config
from nn_scratch.doctor.zoo import config_of, exhibits
from nn_scratch.experiments.parallel import Job, run_all
from nn_scratch.visualize.web.lessons import LESSONS

BROKEN = [one for one in exhibits() if not one.healthy]


def test_every_fault_of_the_zoo_has_a_lesson() -> None:
    assert set(LESSONS) == {one.rule for one in BROKEN}
    for lesson in LESSONS.values():
        assert lesson.question.endswith("?") or "?" in lesson.question or lesson.question.endswith(".")
        assert lesson.title
        assert lesson.see
        assert lesson.why


def test_a_lesson_shows_broken_beside_mended(tab: Any, tmp_path: Path) -> None:
    assert write_gallery(tmp_path, ["lr_too_high"], jobs=1, cheat_sheet=False) == ["lr_too_high"]
    assert "lr_too_high/index.html" in (tmp_path / "index.html").read_text()
    text = (tmp_path / "lr_too_high" / "index.html").read_text()
    assert "- optimizer.lr: 3.0<" in text
    assert LESSONS["lr_too_high"].question in text
    assert text.count("<iframe") == 2
    assert text.count(f".html#compact=1&amp;{LESSONS['lr_too_high'].state}") == 2
    for page in (text, (tmp_path / "index.html").read_text()):
        links = re.findall(r'(?:href|src)="([^"]+)"', page)
        assert links
        for link in links:
            assert not re.match(r"[a-z]+:|/", link), "a link that is not relative"
    broken, mended = (tab(tmp_path / "lr_too_high" / f"{name}.html") for name in ("broken", "mended"))
    assert "Something is wrong" in broken.text
    assert "It learns well" in mended.text
    assert broken.messages == mended.messages == []


@pytest.mark.slow
@pytest.mark.parametrize("one", BROKEN, ids=lambda one: one.rule)
def test_show_me_goes_to_the_findings_place(one: Any, tab: Any, tmp_path: Path) -> None:
    config = change_config(config_of(one, 1), LOGGED)
    (diagnosis,) = run_all([Job(config, partial(conclude, tmp_path / "broken.html"))], n_jobs=1)
    opened = tab(tmp_path / "broken.html")
    findings = opened.ask("() => nnPage.findings()")
    assert len(findings) == len(diagnosis["findings"]) > 0
    assert findings[0]["rule"] == one.rule
    for number, (told, found) in enumerate(zip(diagnosis["findings"], findings, strict=True)):
        opened.go(v="doctor", e=0)
        opened.page.click(f"#show-{number}")
        state = opened.ask("() => nnPage.state()")
        where = told["where"]
        assert state["v"] != "doctor"
        assert state["e"] == (opened.ask("() => nnPage.epochs().at(-1)") if found["epoch"] is None else found["epoch"])
        if where["epoch"] is not None:
            assert found["epoch"] == where["epoch"]
        if where["layer"] is not None:
            assert state["l"] == where["layer"]
        assert opened.page.inner_text("#view").strip()
        for patch in found["patches"]:
            assert {sign for sign, _ in patch["lines"]} <= {"-", "+", " "}
            assert patch["lines"]
    assert opened.messages == []
    assert "None" not in opened.page.inner_text("header")
