"""report.html: whole, escaped, and in need of nothing else."""

import re
from html.parser import HTMLParser

import pytest

from nn_scratch.visualize.compare import COMPARISONS, Comparison
from nn_scratch.visualize.gallery import draw_plots, save
from nn_scratch.visualize.plot import choose
from nn_scratch.visualize.style import drawing
from nn_scratch.visualize.view import View
from nn_scratch.visualize.web.plots_page import comparison_report, report
from tests.conftest import edit_json

EVIL = "<script>alert(1)</script><img src=http://example.com/x>"
EMPTY = {"meta", "img", "br", "link", "hr", "input"}


class Outline(HTMLParser):
    """Tags that are open, and every address that the page speaks of."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(text):
    outline = Outline(text)
    assert outline.open == []
    assert "script" not in outline.seen
    assert outline.addresses
    assert all(address.startswith(("data:", "#")) for address in outline.addresses)
    assert "default-src 'none'" in text
    return outline


def test_the_page_holds_pictures_film_scores_and_config(own):
    run = own("classes")
    pictures = list(draw_plots(View(run), choose(["curves", "confusion"]), run.path / "plots"))
    film = run.path / "weights.mp4"
    film.write_bytes(b"a film")
    text = report(View(run), pictures, film)
    outline = check_page(text)
    assert outline.seen.count("img") == 2
    assert outline.seen.count("video") == 1
    assert "a linear" in text.lower() or "linear baseline" in text
    assert "optimizer:" in text


def test_what_a_folder_says_is_text_not_markup(own):
    run = own("classes")
    finding = {"rule": EVIL, "severity": EVIL, "because": EVIL, "where": {"layer": EVIL}, "patches": [{"why": EVIL}]}
    edit_json(run.path / "run.json", notices=[EVIL])
    run.info.update(status=EVIL, test={EVIL: 1.0}, baselines={EVIL: {"test": {EVIL: 1}}})
    run.__dict__["diagnosis"] = {"verdict": EVIL, "findings": [finding]}
    with (run.path / "param.yaml").open("a") as file:
        file.write(f"# {EVIL}\n")
    text = report(View(run), [], None)
    outline = check_page(text)
    assert "img" not in outline.seen
    assert text.count("&lt;script&gt;") >= 8


@pytest.mark.parametrize("kind", ["diverged", "killed"])
def test_the_page_of_a_run_that_did_not_end(runs, kind):
    text = report(View(runs[kind]), [], None)
    check_page(text)
    assert View(runs[kind]).warning in re.sub(r"&#x27;", "'", text)


def test_the_page_of_several_runs(runs, tmp_path):
    comparison = Comparison([View(runs["classes"]), View(runs["plane"])])
    pictures = []
    for name, plot in COMPARISONS.items():
        with drawing():
            pictures.append((plot, save(plot.draw(comparison), tmp_path / name)))
    outline = check_page(comparison_report(comparison, pictures, None))
    assert outline.seen.count("img") == len(COMPARISONS) == 4
