"""Plurals, ordinals and numbers in messages."""

import numpy as np
import pytest

from nn_scratch.wording import every, number_text, ordinal, plural, shortened


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "row", "1 row"), (0, "row", "0 rows"), (2, "class", "2 classes"), (1200, "unit", "1,200 units")],
)
def test_plurals(number, noun, text):
    assert plural(number, noun) == text


def test_ordinals():
    wanted = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 112: "112th"}
    assert {number: ordinal(number) for number in wanted} == wanted
    assert every(1, "epoch") == "every epoch"
    assert every(3, "epoch") == "every 3rd epoch"


def test_numbers_have_four_digits_and_what_is_none_a_dash():
    assert number_text(0.123456) == "0.1235"
    assert number_text(np.float64(12345.678)) == "12,350"
    assert number_text(388_123) == "388,100"
    assert number_text(-9999.4) == "-9999"
    assert number_text(-9999.6) == "-10,000"
    assert number_text(1.5e15) == "1.5e+15"
    assert number_text(0.0000123) == "1.23e-05"
    for value in (None, float("nan"), float("inf"), "text", True):
        assert number_text(value) == "-"
    assert number_text(None, "–") == "–"


def test_text_is_cut_at_its_end():
    assert shortened("abcdefgh", 8) == "abcdefgh"
    assert shortened("abcdefghi", 8) == "abcde..."
