"""Phrases that messages share: quoted cells, lists of names, plurals, ordinals, numbers, suggestions."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

MOST_PLAIN, MOST_WITH_COMMAS = 1e4, 1e15  # from which numbers have commas, and from which a power of ten


def printable(text: str) -> str:
    """One line that any terminal can show: what is not printable is escaped."""
    return text if text.isprintable() else repr(text)[1:-1]


def visible(text: str) -> str:
    """Text whose control characters, line breaks and tabs aside, are escaped: no terminal obeys what a name holds."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else repr(one)[1:-1] for one in text)


def utf8(text: str) -> bytes:
    """Text as UTF-8; half of a surrogate pair, as a name that is not UTF-8 has, becomes its escape: \\udce9.

    In JSON, the escape stands for the same character.
    """
    return text.encode(errors="backslashreplace")


def shortened(text: str, most: int = 60) -> str:
    """At most `most` characters, the last three of them dots where something is left out."""
    return text if len(text) <= most else text[: most - 3] + "..."


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none; at most 200 characters."""
    return printable(shortened(str(error).split("\n", 1)[0], 200)) or type(error).__name__


def quoted(cell: str) -> str:
    """A cell as messages show it: quoted, on one line, at most 40 characters."""
    return repr(shortened(cell, 40))


def listed(names: Iterable[str], shown: int = 5) -> str:
    """'a', 'b' and 3 more."""
    known = [quoted(name) for name in names]
    if len(known) > shown + 1:
        return f"{', '.join(known[:shown])} and {len(known) - shown:,} more"
    return f"{', '.join(known[:-1])} and {known[-1]}" if len(known) > 1 else "".join(known)


def plural(number: int, noun: str) -> str:
    """`1 row`, `2 rows`, `1,200 classes`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith('s') else 's'}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th, 21st."""
    teens = number % 100 in (11, 12, 13)
    return f"{number:,}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def every(number: int, noun: str) -> str:
    """`every epoch`, `every 3rd epoch`."""
    return f"every {noun}" if number == 1 else f"every {ordinal(number)} {noun}"


def number_text(value: Any, missing: str = "-") -> str:
    """Four significant digits, large numbers with commas; `missing` for what is no number, or not finite."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        return missing
    text = f"{value:.4g}"
    return f"{float(text):,.0f}" if MOST_PLAIN <= abs(float(text)) < MOST_WITH_COMMAS else text


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`"; did you mean 'units'?"` for the nearest of `choices`, or the choices themselves when none is near."""
    from difflib import get_close_matches

    known = sorted(choices)
    near = get_close_matches(word.lower(), known, cutoff=0.6)
    if near:
        # two letters in the wrong order are the commonest slip: "adma" is adam, not adamax
        meant = min(near, key=lambda choice: sorted(choice) != sorted(word.lower()))
        return f"; did you mean {meant!r}?"
    return f"; one of: {', '.join(known)}" if known else ""


def one_line(text: str) -> str:
    """Control characters and line breaks, which names from a table may hold, as spaces."""
    return "".join(character if character.isprintable() else " " for character in text)


def duration(seconds: float) -> str:
    """About two digits, in seconds, minutes, hours or days."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.2g} s"
