"""The colours of the pages, as properties of CSS made from the project's palette."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from nn_scratch.visualize.palette import (
    AFTER,
    BEFORE,
    CLASSES,
    DARK,
    EXPECTED,
    PAGE,
    RUNS,
    SERIES,
    SIGNED_DARK,
    SIGNED_LIGHT,
    TRAIN,
    VAL,
    Theme,
)

# what belongs to pages alone: controls, verdicts, and the cursor of the epoch
CONTROLS = {
    "light": {"panel": "#f5f6f8", "link": "#0062a3", "on-link": "#ffffff", "good": "#00694b"},
    "dark": {"panel": "#212327", "link": "#7cc0ff", "on-link": "#10131a", "good": "#5fd6ae"},
}


@cache
def colours() -> str:
    """Rules that declare every property, on light and on dark paper."""
    data = {
        "train": TRAIN,
        "val": VAL,
        **{f"class-{place}": colour for place, colour in enumerate(CLASSES)},
        **{f"run-{place}": colour for place, colour in enumerate(RUNS)},
        "before": BEFORE,
        "after": AFTER,
        "expected": EXPECTED,
        "series": SERIES,
    }
    light, dark = properties(PAGE, SIGNED_LIGHT, "light"), properties(DARK, SIGNED_DARK, "dark")
    return (
        f":root {{ {declared({**data, **light})} }}\n"
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {declared(dark)} }} }}\n'
        f':root[data-theme="dark"] {{ {declared(dark)} }}'
    )


def properties(theme: Theme, signed: tuple[str, ...], name: str) -> dict[str, str]:
    """Paper, ink and the signed colour map of a theme."""
    paper = {"paper": theme.paper, "ink": theme.ink, "dim": theme.grey, "rule": theme.pale, "bad": theme.warning}
    return {**paper, **CONTROLS[name], "signed": " ".join(signed), "color-scheme": name}


def declared(values: Mapping[str, str]) -> str:
    plain = {"color-scheme"}
    return " ".join(f"{'' if name in plain else '--'}{name}: {value};" for name, value in values.items())
