"""The site of lessons: every fault of the zoo broken beside mended, and the cheat sheet as its front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from nn_scratch.runs.files import make_folder, write_text
from nn_scratch.visualize.web.colours import colours
from nn_scratch.visualize.web.lessons import LESSONS
from nn_scratch.visualize.web.page import digest

STYLE = (
    colours()
    + """
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1500px;
  margin: 0 auto; padding: 1.2rem; }
a { color: var(--link); } h1 { margin: 0 0 .4rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin: 1.4rem 0 .5rem; }
.dim { color: var(--dim); } img { max-width: 100%; height: auto; border: 1px solid var(--rule); border-radius: 8px; }
.words { max-width: 65em; } .told { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem 2rem; }
.told h2 { font-size: 1rem; margin: .5rem 0 .1rem; } .told p { margin: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; grid-template-rows: auto auto auto; gap: .3rem 1.2rem; }
.pair section { display: grid; grid-row: span 3; grid-template-rows: subgrid; margin-top: .8rem; }
.pair h2, .pair p { margin: 0; } .pair h2 { border-left: 6px solid var(--good); padding-left: .6rem; }
.pair .sick h2 { border-color: var(--bad); }
iframe { width: 100%; height: 900px; border: 1px solid var(--rule); border-radius: 8px; }
pre { border: 1px solid var(--rule); border-radius: 8px; padding: .5rem .8rem; margin: .4rem 0; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.minus { color: var(--bad); } .plus { color: var(--good); font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19em), 1fr)); gap: .9rem;
  padding: 0; }
.cards li { list-style: none; border: 1px solid var(--rule); border-radius: 8px; padding: .6rem .9rem; }
.cards strong, .cards a { font-weight: 600; }
@media (max-width: 900px) { .pair, .told { grid-template-columns: 1fr; } }
"""
)
POLICY = "default-src 'none'; style-src 'sha256-{style}'; img-src 'self' file:; frame-src 'self' file:; base-uri 'none'"


@dataclass(frozen=True)
class Trained:
    """One lesson as it was trained: the doctor's sentences, the change that mends it as lines of a difference, and the
    place of the finding (layer, epoch) as in a page's address."""

    rule: str
    verdict: str
    mended_verdict: str
    difference: tuple[str, ...]
    why: str
    place: str = ""


def write_site(folder: Path, lessons: Sequence[Trained], shapes: Sequence[Sequence[str]], sheet: str | None) -> None:
    """The front and every lesson's page; the runs' own pages are there already.

    shapes: name, what to see and the lesson ("" for none) of each row of the cheat sheet. sheet: its file.
    """
    make_folder(folder)
    for number, trained in enumerate(lessons):
        make_folder(folder / trained.rule)
        after = lessons[number + 1].rule if number + 1 < len(lessons) else None
        write_text(folder / trained.rule / "index.html", lesson_page(trained, after))
    known = [one.rule for one in lessons]
    body = (
        "<h1>Why networks do not learn</h1>"
        '<p class="words">Each lesson is a network that was trained and did not learn, beside one that differs by the '
        "line that mends it. Both can be touched: move the epoch, open a weight, follow a row.</p>"
        f"{front_of_shapes(shapes, sheet, known)}"
        f'<h2>The {len(lessons)} lessons</h2><ul class="cards">'
        + "".join(card(linked(rule, LESSONS[rule].title), LESSONS[rule].see) for rule in known)
        + "</ul>"
    )
    write_text(folder / "index.html", document("Why networks do not learn", body))


def front_of_shapes(shapes: Sequence[Sequence[str]], sheet: str | None, lessons: Sequence[str]) -> str:
    if not sheet:
        return ""
    cards = ""
    for name, see, rule in shapes:
        title = name.capitalize()
        cards += card(linked(rule, title) if rule in lessons else f"<strong>{escape(title)}</strong>", see)
    return (
        f'<h2>Nine shapes to know</h2><ul class="cards">{cards}</ul><p><a href="{escape(sheet)}">'
        f'<img src="{escape(sheet)}" alt="loss, score, update ratio, gradients and active units of nine runs">'
        "</a></p>"
    )


def linked(rule: str, title: str) -> str:
    return f'<a href="{escape(rule)}/index.html">{escape(title)}</a>'


def card(title: str, text: str) -> str:
    return f'<li>{title}<br><span class="dim">{escape(sentence(text))}</span></li>'


def sentence(text: str) -> str:
    """Begin with a capital letter and end with a stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"


def told(verdict: str) -> tuple[str, str]:
    """The doctor's verdict and its sentence."""
    name, _, text = verdict.partition(": ")
    return (name, sentence(text)) if text else ("", sentence(verdict))


def lesson_page(trained: Trained, after: str | None) -> str:
    lesson = LESSONS[trained.rule]
    following = f' · <a href="../{escape(after)}/index.html">next: {escape(LESSONS[after].title)}</a>' if after else ""
    frames = ""
    for name, title, verdict in (("broken", "Broken", trained.verdict), ("mended", "Mended", trained.mended_verdict)):
        kind, text = told(verdict)
        address = escape(f"{name}.html#compact=1&{lesson.state}{trained.place}")
        frames += (
            f'<section class="{escape(kind)}"><h2>{title}</h2><p>{escape(text)} '
            f'<a href="{name}.html">Open its page.</a></p>'
            f'<iframe src="{address}" title="the {name} run" loading="lazy"></iframe></section>'
        )
    kinds = {"+": "plus", "-": "minus"}
    difference = "\n".join(
        f'<span class="{kinds.get(line[:1], "dim")}">{escape(line)}</span>' for line in trained.difference
    )
    body = (
        f'<p><a href="../index.html">all lessons</a>{following}</p><h1>{escape(lesson.title)}</h1>'
        f'<div class="told"><div><h2>What you see</h2><p>{escape(lesson.see)}</p>'
        f"<h2>Why</h2><p>{escape(lesson.why)}</p><h2>A question</h2><p>{escape(lesson.question)}</p></div>"
        f"<div><h2>The line that mends it</h2><pre>{difference}</pre><p>{escape(sentence(trained.why))}</p></div></div>"
        f'<div class="pair">{frames}</div>'
    )
    return document(lesson.title, body)


def document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(style=digest(STYLE))}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )
