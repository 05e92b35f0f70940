"""What docs/python.md says of scikit-learn's own tests is so."""

from __future__ import annotations

import re
from pathlib import Path

import sklearn

from tests.sklearn_compatibility import own_tests

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "python.md").read_text(encoding="utf-8")


def test_of_scikit_learns_own_tests_only_those_fail_that_the_page_explains() -> None:
    rows = re.findall(r"^\| (`test_.*?) \|", PAGE, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    passed, failed = own_tests()
    assert {name.partition("[")[0] for name in failed} <= explained
    if f"scikit-learn {sklearn.__version__}'s own" in PAGE:
        assert f"{passed} of {passed + len(failed)} pass" in PAGE
        assert {name.partition("[")[0] for name in failed} == explained
