"""Names that look like markup, or that a terminal would obey, are shown."""

from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from nn_scratch.cli import process
from nn_scratch.cli.printer import Printer
from nn_scratch.wording import visible

NAMES = {
    "[/]": "[/]",
    "[bold]x[/bold]": "[bold]x[/bold]",
    ":warning:": ":warning:",
    "a\x1b]0;title\x07b": "a\\x1b]0;title\\x07b",
    "a\x9b31mb": "a\\x9b31mb",
    "a\u202eb": "a\\u202eb",
    "a\rb": "a\\rb",
    "\udcff": "\\udcff",
    "größe µ 年": "größe µ 年",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_printed_as_it_is(name: str) -> None:
    printer = Printer()
    table = Table(name, title=name)
    table.add_row(name)
    with printer.capture() as captured:
        printer.print(name)
        printer.print(Text(name))
        printer.say(("note:", "yellow"), f" {name}")
        printer.print(table)
    printed = captured.get()
    assert printed.count(NAMES[name]) >= 5  # rich itself leaves some out of a Text
    assert printed.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_printed_as_it_is(name: str) -> None:
    stream = io.StringIO()
    process.say(f"{name}: no such column\nnor this one", stream)
    assert stream.getvalue() == f"{NAMES[name]}: no such column\nnor this one\n"


def test_what_is_visible_stays_the_same() -> None:
    assert visible("a\tb\nc") == "a\tb\nc"
