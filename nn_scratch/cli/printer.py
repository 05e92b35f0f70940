"""The printer of every command: names from configs, tables and folders are shown as they are, and do nothing.

Text is plain: square brackets are no markup, and control characters, which a terminal would obey, are escaped. Styles
are given beside the text, as in `printer.say(("note:", "yellow"), " the rest")`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from nn_scratch.wording import visible


class Printer(Console):
    """A rich console without markup, highlighting or emoji codes, which escapes control characters."""

    def __init__(self, **options: Any) -> None:
        """options: of rich's Console, such as `file` and `width`."""
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def say(self, *parts: str | tuple[str, str]) -> None:
        """Print a line that is not wrapped, of texts and (text, style) pairs."""
        shown = ((part, "") if isinstance(part, str) else part for part in parts)
        self.print(Text.assemble(*((visible(text), style) for text, style in shown)), soft_wrap=True)

    def render_str(self, text: str, **options: Any) -> Text:
        """Texts of tables are escaped before their width is measured."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)
