"""The site of lessons: every fault of the zoo broken beside mended, and the cheat sheet as its front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from nn_scratch.runs.files import make_folder, write_bytes
from nn_scratch.visualize.web.lessons import LESSONS
from nn_scratch.visualize.web.page import digest

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2129; --dim: #5a6372; --rule: #dfe3e8; --link: #0062a3; }
@media (prefers-color-scheme: dark) { :root { --paper: #1b1e24; --ink: #e8eaee; --dim: #a9b1bd; --rule: #3a404b;
  --link: #7cc0ff; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1500px;
  margin: 0 auto; padding: 1.2rem; }
a { color: var(--link); } h1 { margin: 0 0 .4rem; } .dim { color: var(--dim); } img { max-width: 100%; height: auto; }
.words { max-width: 65em; } .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
iframe { width: 100%; height: 80vh; border: 1px solid var(--rule); border-radius: 8px; }
pre { border: 1px solid var(--rule); border-radius: 8px; padding: .7rem; white-space: pre-wrap; }
.lessons { display: grid; grid-template-columns: repeat(auto-fill, minmax(19em, 1fr)); gap: .9rem; padding: 0; }
.lessons li { list-style: none; border: 1px solid var(--rule); border-radius: 8px; padding: .7rem .9rem; }
@media (max-width: 900px) { .pair { grid-template-columns: 1fr; } }
"""
POLICY = "default-src 'none'; style-src 'sha256-{style}'; img-src 'self' file:; frame-src 'self' file:; base-uri 'none'"


@dataclass(frozen=True)
class Trained:
    """One lesson as it was trained: the doctor's sentence, and the change that mends it as lines of a difference."""

    rule: str
    verdict: str
    mended_verdict: str
    difference: tuple[str, ...]
    why: str


def write_site(folder: Path, lessons: Sequence[Trained], shapes: Sequence[tuple[str, str]], sheet: str | None) -> None:
    """The front and every lesson's page; the runs' own pages are there already. sheet: the cheat sheet's file."""
    make_folder(folder)
    for number, trained in enumerate(lessons):
        make_folder(folder / trained.rule)
        after = lessons[number + 1].rule if number + 1 < len(lessons) else None
        write_bytes(folder / trained.rule / "index.html", lesson_page(trained, after).encode())
    items = "".join(
        f'<li><a href="{escape(one.rule)}/index.html">{escape(LESSONS[one.rule].title)}</a>'
        f'<br><span class="dim">{escape(LESSONS[one.rule].see)}</span></li>'
        for one in lessons
    )
    known = "".join(f"<dt>{escape(name)}</dt><dd>{escape(see)}</dd>" for name, see in shapes)
    picture = (
        f'<p><img src="{escape(sheet)}" alt="loss, update ratios, gradients and units of nine runs, row by row"></p>'
        if sheet
        else ""
    )
    body = (
        "<h1>Why networks do not learn</h1>"
        '<p class="words">Each lesson is a network that was trained and did not learn, beside one that differs by the '
        "line that mends it. Both can be touched: move the epoch, open a weight, follow a row.</p>"
        f'<h2>Lessons</h2><ul class="lessons">{items}</ul>'
        f"<h2>Nine shapes to know</h2>{picture}<dl>{known}</dl>"
    )
    write_bytes(folder / "index.html", document("Why networks do not learn", body).encode())


def lesson_page(trained: Trained, after: str | None) -> str:
    lesson = LESSONS[trained.rule]
    following = f' · <a href="../{escape(after)}/index.html">next: {escape(LESSONS[after].title)}</a>' if after else ""
    frames = "".join(
        f'<section><h3>{title}: {escape(verdict)}</h3><p><a href="{name}.html">the page alone</a></p>'
        f'<iframe src="{name}.html" title="the {name} run" loading="lazy"></iframe></section>'
        for name, title, verdict in (
            ("broken", "Broken", trained.verdict),
            ("mended", "Mended", trained.mended_verdict),
        )
    )
    difference = "\n".join(trained.difference)
    body = (
        f'<p><a href="../index.html">all lessons</a>{following}</p><h1>{escape(lesson.title)}</h1>'
        f'<div class="words"><p><b>What you see.</b> {escape(lesson.see)}</p><p><b>Why.</b> {escape(lesson.why)}</p>'
        f"<p><b>The line that mends it.</b> {escape(trained.why)}</p><pre>{escape(difference)}</pre>"
        f'<p><b>A question.</b> {escape(lesson.question)}</p></div><div class="pair">{frames}</div>'
    )
    return document(lesson.title, body)


def document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(style=digest(STYLE))}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )
