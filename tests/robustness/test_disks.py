"""A full disk costs what was not committed, and says so in one line."""

from __future__ import annotations

import pytest

from tests.robustness import disks
from tests.robustness.processes import Scripts


def test_a_full_disk_leaves_what_was_committed(scripts: Scripts) -> None:
    assert disks.main(scripts, 3, pictures=False) == 0


@pytest.mark.slow
def test_20_sizes_of_full_disks_leave_what_was_committed_and_no_half_picture(scripts: Scripts) -> None:
    assert disks.main(scripts, 20) == 0
