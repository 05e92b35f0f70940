"""Runs started at the same moment, in processes of their own, with one name: each gets a folder of its own.

`python -m tests.robustness.starts --starts 100` prints what came of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nn_scratch.errors import NNScratchError
from nn_scratch.runs.folder import new_folder, run_lock


def at_once(count: int, do: Callable[[], str]) -> list[str]:
    """What `do` returns in each of `count` processes that wait for one another, and then all start."""
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(count), context.SimpleQueue()

    def body() -> None:
        barrier.wait()
        results.put(do())
        barrier.wait()  # nobody ends, and gives up a lock, before all have tried

    processes = [context.Process(target=body) for _ in range(count)]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return found


def folders(count: int, outputs: Path) -> list[str]:
    """The folders that `count` runs of one name get at once."""
    return at_once(count, lambda: new_folder("run", outputs).name)


def holders(count: int, folder: Path) -> list[str]:
    """What each of `count` processes is told that claim one folder at once: "mine", or who has it."""
    held: list[Any] = []

    def claim() -> str:
        claim = run_lock(folder)
        try:
            claim.__enter__()
        except NNScratchError as error:
            return str(error)
        held.append(claim)  # until the process ends
        return f"mine, {os.getpid()}"

    return at_once(count, claim)


def main(starts: int) -> int:
    with tempfile.TemporaryDirectory() as outputs:
        found = folders(starts, Path(outputs))
        told = holders(starts, Path(outputs) / found[0])
    mine = [line for line in told if line.startswith("mine")]
    # the holder writes its name when it has the lock: who asks in between is not told whose it is
    true = {f"process {mine[0].partition(', ')[2]}", "unknown"}
    others = [line.partition("writing this run: ")[2].partition(" on ")[0] for line in told if line not in mine]
    told_right = sum(answer in true for answer in others)
    print(
        f"{len(set(found))} folders for {starts} starts; one folder claimed {starts} times was had by {len(mine)}, "
        f"and {told_right} were told by whom"
    )
    return 0 if len(set(found)) == starts and len(mine) == 1 and told_right == starts - 1 else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=100)
    sys.exit(main(parser.parse_args().starts))
