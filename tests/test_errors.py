"""What an error suggests."""

from __future__ import annotations

import pytest

from nn_scratch.wording import did_you_mean


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("unit", "; did you mean 'units'?"),
        ("Units", "; did you mean 'units'?"),
        ("adma", "; did you mean 'adam'?"),  # nearer by its letters than adamax, which has more of them in place
        ("sgdd", "; did you mean 'sgd'?"),
        ("xyz", "; one of: adam, adamax, sgd, units"),
    ],
)
def test_the_nearest_choice_is_suggested_or_all_of_them(word: str, suggestion: str) -> None:
    assert did_you_mean(word, ["units", "sgd", "adamax", "adam"]) == suggestion


def test_nothing_is_suggested_where_there_is_no_choice() -> None:
    assert did_you_mean("anything", []) == ""
