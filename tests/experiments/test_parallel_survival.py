"""Processes that die take no result of others with them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from nn_scratch.experiments.parallel import survive

Call = tuple[str, int, str]  # folder, number, what happens


def work(call: Call) -> int:
    """Leaves a mark, or kills its process: always, or the first time."""
    folder, number, fate = call
    tried = Path(folder) / f"{number}.tried"
    first = not tried.exists()
    tried.touch()
    if fate == "poison" or (fate == "unlucky" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    done = Path(folder) / f"{number}.done"
    with done.open("a") as file:
        file.write("x")
    return number


def test_every_call_has_one_result_and_the_one_that_kills_its_process_is_known(tmp_path: Path) -> None:
    fates = {3: "poison", 5: "unlucky"}
    calls: list[Call] = [(str(tmp_path), number, fates.get(number, "")) for number in range(10)]
    found = list(
        survive(
            work,
            calls,
            2,
            died=lambda call: -call[1],
            done=lambda call: (tmp_path / f"{call[1]}.done").exists(),
        )
    )
    done = {int(path.stem) for path in tmp_path.glob("*.done")}
    assert done == set(range(10)) - {3}
    assert found.count(-3) == 1
    assert set(found) <= {*range(10), -3}
