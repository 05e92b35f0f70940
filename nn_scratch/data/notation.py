"""How people write numbers, dates, times, yes and no, and nothing: single texts to values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from nn_scratch.metrics import Array

Decimal = Literal[".", ","]
DECIMALS: tuple[Decimal, ...] = (".", ",")

# What stands for a missing value, in lower case; config key data.na_values adds others.
MISSING_WORDS = frozenset(
    [
        "",
        "nan",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "#na",
        "<na>",
        "null",
        "<null>",
        "nil",
        "none",
        "nat",
        "?",
        "-",
        "--",
        ".",
        "-nan",
        "1.#qnan",
        "#null!",
        "#value!",
        "#div/0!",
        "missing",
        "(missing)",
    ]
)

TOTALS = frozenset(["total", "totals", "grand total", "sum", "summe", "gesamt", "average", "mean"])  # of a last row
YES_AND_NO = (
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("t", "f"),
    ("on", "off"),
    ("ja", "nein"),
    ("wahr", "falsch"),
    ("oui", "non"),
)

CURRENCY = r"(?:[$€£¥₹₽]|(?:US|CA|AU)\$|(?:USD|EUR|GBP|CHF|JPY|INR|CNY)\b|\b(?:USD|EUR|GBP|CHF|JPY|INR|CNY))"
SPACES = re.compile("[\\s\u00a0\u202f]+")
SIGN = re.compile(r"^\((.*)\)$")
WITH_UNIT = re.compile(r"(.*\d)\s*([^\d\s](?:[^\d]{0,11}[^\d\s])?(?:(?<=m)[23])?)")  # m2 and cm3, too
WRITTEN = {
    decimal: re.compile(
        rf"(?P<sign>[+-]?)\s*{CURRENCY}?\s*(?P<number>[+-]?(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+){point}(?:[eE][+-]?\d+)?"
        rf"|{alone}(?:[eE][+-]?\d+)?)\s*(?:{CURRENCY}|%)?"
    )
    for decimal, group, point, alone in (
        (".", "[,' ]", r"(?:\.\d*)?", r"[+-]?\.\d+"),
        (",", "[.' ]", r"(?:,\d*)?", r"[+-]?,\d+"),
    )
}


def number(cell: str) -> float | None:
    """The number that a cell holds in the notation of programs, None for text; nan and inf are numbers here."""
    if "_" in cell:  # Python reads 1_000 as a number; people who write tables do not
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def written_number(text: str, decimal: Decimal = ".") -> float | None:
    """The number that a person wrote: 1,234.50 or 1.234,50, $5, 5 €, 12 %, (3) for -3; None for anything else.

    A percentage is the number before its sign. decimal: what stands before the fraction.
    """
    text = SPACES.sub(" ", text.strip()).replace("\u2212", "-").replace("\u2019", "'")
    negative = SIGN.match(text)
    found = WRITTEN[decimal].fullmatch(negative[1].strip() if negative else text)
    if found is None:
        return None
    digits = found["number"]
    for mark in "' ," if decimal == "." else "' .":
        digits = digits.replace(mark, "")
    value = float(digits.replace(",", "."))
    return -value if (negative is not None) != (found["sign"] == "-") else value


def unit_of(texts: Sequence[str], decimal: Decimal) -> str:
    """The unit that stands behind all the numbers, as kg in "12 kg"; "" where they have none, or several."""
    found = [WITH_UNIT.fullmatch(text) for text in texts]
    units = {match[2] for match in found if match is not None}
    numbers = [None if match is None else written_number(match[1], decimal) for match in found]
    if len(units) != 1 or None in numbers:
        return ""
    unit = units.pop()
    return unit if any(letter.isalpha() or letter in "\"'°" for letter in unit) else ""


def says_decimal(text: str) -> Decimal | None:
    """The decimal separator that a number shows; None where it may be either, or the text is no number."""
    point, comma = (written_number(text, decimal) is not None for decimal in DECIMALS)
    if point == comma:
        return None
    return "." if point else ","


# ---- yes and no ----


def yes_and_no(texts: Iterable[str]) -> tuple[str, str] | None:
    """The words for no and yes that the texts consist of, in lower case; None where they are others."""
    words = {text.lower() for text in texts}
    return next(((no, yes) for yes, no in YES_AND_NO if words == {yes, no}), None)


# ---- dates ----

MONTHS = {
    name: month
    for month, names in enumerate(
        [
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ],
        start=1,
    )
    for name in names.split()
}
TIME = (
    r"(?:[T ]\s*(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?P<f>[.,]\d+)?)?\s*(?P<ap>[AaPp][Mm])?"
    r"\s*(?P<z>Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
YEAR_FIRST = re.compile(rf"(?P<y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?:(?P=sep)(?P<d>\d{{1,2}}))?{TIME}")
COMPACT = re.compile(r"(?P<y>(?:1[89]|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})")
TWO_NUMBERS = r"(?P<{}>\d{{1,2}})(?P<sep>[-/.])(?P<{}>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}|\d{{2}})"
DAY_FIRST = re.compile(TWO_NUMBERS.format("d", "m") + TIME)
MONTH_FIRST = re.compile(TWO_NUMBERS.format("m", "d") + TIME)
WORD = r"(?P<m>[A-Za-z]{3,9})\.?"
DAY_WORD = re.compile(rf"(?P<d>\d{{1,2}})(?:\.|st|nd|rd|th)?[ -]{WORD}[ ,-]+(?P<y>\d{{4}}|\d{{2}}){TIME}")
WORD_DAY = re.compile(rf"{WORD} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}}){TIME}")
DATES = {
    "year first": YEAR_FIRST,
    "day first": DAY_FIRST,
    "month first": MONTH_FIRST,
    "day and word": DAY_WORD,
    "word and day": WORD_DAY,
    "compact": COMPACT,
}
CLOCK = re.compile(r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2}(?:\.\d+)?))?\s*(?P<ap>[AaPp][Mm])?")
EPOCH = datetime(1970, 1, 1)
EXCEL_DAYS = 25569  # from 1899-12-30 to 1970-01-01


def date_of(text: str, style: str) -> float | None:
    """Days since 1970-01-01 of a date written in a style of DATES, with its time as a fraction; None if it is none."""
    found = DATES[style].fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    try:
        month = int(part["m"]) if part["m"].isdigit() else MONTHS[part["m"].lower()]
        year = int(part["y"])
        if len(part["y"]) == 2:
            year += 1900 if year >= 70 else 2000
        moment = datetime(year, month, int(part.get("d") or 1))
        if part.get("H"):
            hour = _hour(int(part["H"]), part.get("ap"))
            moment += timedelta(hours=hour, minutes=int(part["M"]), seconds=int(part.get("S") or 0))
            if hour > 24 or int(part["M"]) > 59:
                return None
        zone = part.get("z")
        if zone and zone[0] in "+-":
            shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            moment = moment - shift if zone[0] == "+" else moment + shift
    except (ValueError, KeyError, OverflowError):
        return None
    return (moment - EPOCH) / timedelta(days=1)


def has_zone(text: str, style: str) -> bool:
    """Whether a date of this style is written with an offset from UTC, which is not zero."""
    found = DATES[style].fullmatch(text)
    zone = None if found is None else found.groupdict().get("z")
    return zone is not None and any(digit in zone for digit in "123456789")


def _hour(hour: int, half: str | None) -> int:
    return hour if half is None else hour % 12 + 12 * (half.lower() == "pm")


def clock_of(text: str, style: str = "") -> float | None:
    """Hours since midnight of a time of day; None if the text is none."""
    found = CLOCK.fullmatch(text)
    if found is None:
        return None
    hour, minute = _hour(int(found["H"]), found["ap"]), int(found["M"])
    if hour > 24 or minute > 59:
        return None
    return hour + minute / 60 + float(found["S"] or 0) / 3600


def date_style(texts: Sequence[str]) -> tuple[str, bool] | None:
    """The style that all the texts are dates in, and whether another would do as well; None where there is none.

    Dates that begin with the year may be among dates of any style, for they cannot be mistaken.

    A day before the month is recognized by its number; where every date reads both ways, by points between the numbers.
    """
    fitting = [
        style
        for style in DATES
        if style != "compact"
        and date_of(texts[0], style) is not None
        and all(date_of(text, style) is not None for text in texts)
    ]
    if not fitting:
        rest = [text for text in texts if date_of(text, "year first") is None]
        return date_style(rest) if 0 < len(rest) < len(texts) else None
    if {"day first", "month first"} <= set(fitting):
        return ("day first" if "." in texts[0] else "month first"), "." not in texts[0]
    return fitting[0], False


def any_date(text: str) -> float | None:
    """For a column declared to hold dates, numbers included.

    20240131; a year; days of Excel, which counts from 1899-12-30 (10,000 to 99,999: the years 1927 to 2173); seconds
    or, from 1e11, milliseconds since 1970.
    """
    value = date_of(text, "compact")
    if value is None and (whole := number(text)) is not None and math.isfinite(whole):
        if 1000 <= whole <= 3000 and whole == int(whole):
            return date_of(f"{int(whole)}-01-01", "year first")
        if 10_000 <= whole < 100_000:
            return whole - EXCEL_DAYS
        return whole / 86400 if abs(whole) < 1e11 else whole / 86_400_000 if abs(whole) < 1e14 else None
    return value


def is_full_of_words(texts: Sequence[str]) -> bool:
    """Whether texts read as sentences rather than as names of categories."""
    return bool(np.mean([len(text.split()) for text in texts]) >= 5)


def date_parts(days: Array) -> dict[str, Array]:
    """Days since 1970-01-01 (rows,), finite, as numbers: year, month (1 to 12), day, weekday (Monday 0), hour."""
    whole = np.floor(days)
    dates = whole.astype(np.int64).astype("datetime64[D]")
    years, months = dates.astype("datetime64[Y]"), dates.astype("datetime64[M]")
    return {
        "year": years.astype(np.float64) + 1970,
        "month": (months - years.astype("datetime64[M]")).astype(np.float64) + 1,
        "day": (dates - months.astype("datetime64[D]")).astype(np.float64) + 1,
        "weekday": (dates.astype(np.int64) + 3) % 7 * 1.0,
        "hour": (days - whole) * 24,
    }
