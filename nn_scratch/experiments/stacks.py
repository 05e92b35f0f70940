"""Which runs are trained together: those whose networks have one shape, where that is faster than one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from nn_scratch.config.schema import Config
from nn_scratch.config.writer import to_plain
from nn_scratch.data.prepare import Data
from nn_scratch.errors import Diverged, NNScratchError
from nn_scratch.experiments.build import Built, build, build_data
from nn_scratch.experiments.train import (
    ObserverFactory,
    Session,
    has_begun,
    no_observers,
    rebuilt,
    resume_built,
    train_built,
    train_stacked,
    with_absolute_paths,
)
from nn_scratch.runs.folder import new_folder
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.observers import Observer
from nn_scratch.training.stacked import stackable

# Where stacks pay, measured on one core (docs/sweeps.md): a small network spends its time in the calls of NumPy, which
# a stack makes once for all; one that is not so small, in arithmetic and memory, which no stack spares.
MOST_WORK = 200_000  # parameters x rows of a step
MOST_PARAMETERS = 8_000
MOST_TOGETHER = 64
MOST_ENTRIES = 1 << 16  # parameters of all networks of a stack: more than these do not stay in the cache

# keys in which networks of one stack may differ; the trainers decide in the end (`training.stacked.differences`)
FREE = (
    r"seed|name|tags|note|optimizer\.lr|data\.split\.fold|train\.(epochs|ema_decay|early_stopping.*)"
    r"|(regularize|class_weight|schedule|diagnose|init_from|log|sweep)(\..*)?|layers\..*\.(rate|init|bias_init)(\..*)?"
)


@dataclass(frozen=True)
class Request:
    """A run to be trained: the folder of outputs in which its own is made, what observes it, and its rows where they
    are not the config's. folder: the run's own, where it is there already: empty, or of a run that was stopped, which
    goes on."""

    config: Config
    outputs: Path
    observers: ObserverFactory = no_observers
    data: Data | Callable[[Config], Data] | None = None
    folder: Path | None = None

    @property
    def epoch(self) -> int:
        """How many epochs are on disk."""
        return int(Run(self.folder).committed["epoch"]) if self.folder is not None and has_begun(self.folder) else 0

    def data_key(self) -> tuple[Any, ...]:
        """Equal for requests that have the same rows, split and scaled alike."""
        plain = to_plain(self.config)
        source: Any = (self.data.func, self.data.args) if isinstance(self.data, partial) else self.data
        seed = plain["seed"] if source is None else None
        return source, json.dumps([plain["data"], plain["loss"], plain["train"]["dtype"], seed], default=str)


def pays(built: Built) -> bool:
    """Whether a network is so small that it trains faster in a stack."""
    trainer, parameters = built.trainer, built.network.theta.size
    return parameters <= MOST_PARAMETERS and parameters * trainer.step_rows <= MOST_WORK


def may_pay(config: Config) -> bool:
    """The same as far as the config alone says it: without the data, the first layer's inputs are not known."""
    units = [layer.parameters["units"] for layer in config.layers if "units" in layer.parameters]
    parameters = sum(a * b for a, b in pairwise(units)) + 2 * sum(units)
    rows = config.train.batch_size if isinstance(config.train.batch_size, int) else 1
    return parameters <= MOST_PARAMETERS and parameters * rows <= MOST_WORK and config.train.accumulate == 1


def free(key: str) -> bool:
    """Whether networks that differ in this dotted key of their configs may still be stacked."""
    return re.fullmatch(FREE, key) is not None


def shape_key(config: Config) -> str | None:
    """Equal for configs whose networks may be stacked; None where no stack would pay."""
    if not may_pay(config):
        return None
    return json.dumps({key: value for key, value in flat(to_plain(config)) if not free(key)}, default=str)


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every leaf of nested mappings and lists."""
    if isinstance(value, Mapping | list) and value:
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, entry in items:
            yield from flat(entry, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def grouped(keys: Sequence[str | None], processes: int) -> list[list[int]]:
    """The numbers of the keys, equal ones together: at most MOST_TOGETHER, and shared evenly by the processes."""
    by_key: dict[str, list[int]] = {}
    for number, key in enumerate(keys):
        by_key.setdefault(f"alone {number}" if key is None else key, []).append(number)
    groups = []
    for numbers in by_key.values():
        parts = max(min(processes, len(numbers)), -(-len(numbers) // MOST_TOGETHER))
        groups += [numbers[part::parts] for part in range(parts)]
    return sorted(groups)


def train_requests(requests: Sequence[Request]) -> Iterator[tuple[int, Run | NNScratchError]]:
    """Train all, those together that can be stacked and pay; yields (number, run or error) as each ends.

    A run that diverged is a run. Errors are those of `train`: of a config or its data, or Interrupted.
    """
    built: dict[int, Built] = {}
    epochs: dict[int, int] = {}
    known: dict[tuple[Any, ...], Data] = {}  # rows that several have in common are read once
    for number, request in enumerate(requests):
        try:
            epochs[number] = request.epoch
            built[number] = _build(request, known)
        except NNScratchError as error:
            yield number, error
    known.clear()
    for numbers in _stacks(built, epochs):
        if len(numbers) == 1:
            yield numbers[0], _alone(built.pop(numbers[0]), requests[numbers[0]])
            continue
        members = []
        for number in numbers:
            request, one = requests[number], built.pop(number)
            members.append((one, request.folder or new_folder(one.config.name, request.outputs), request.observers))
        yield from zip(numbers, train_stacked(members), strict=True)


def _build(request: Request, known: dict[tuple[Any, ...], Data]) -> Built:
    config, data = with_absolute_paths(request.config, request.outputs), request.data
    if not isinstance(data, Data):
        key = request.data_key()
        if key not in known:
            known[key] = data(config) if data is not None else build_data(config, spawn_generators(config.seed))
        data = known[key]
    return rebuilt(Run(request.folder), data) if request.epoch and request.folder else build(config, data)


def _stacks(built: Mapping[int, Built], epochs: Mapping[int, int]) -> list[list[int]]:
    stacks: list[list[int]] = []
    for number, one in built.items():
        for stack in stacks:
            first = built[stack[0]]
            room = min(MOST_TOGETHER, MOST_ENTRIES // first.network.theta.size)
            if len(stack) < room and epochs[number] == epochs[stack[0]] and _fit(first, one):
                stack.append(number)
                break
        else:
            stacks.append([number])
    return stacks


def _fit(a: Built, b: Built) -> bool:
    return pays(a) and a.threads == b.threads and stackable([a.trainer, b.trainer])


def _alone(built: Built, request: Request) -> Run | NNScratchError:
    folders: list[Path] = []

    def observe(session: Session) -> Sequence[Observer]:
        folders.append(session.folder)
        return request.observers(session)

    try:
        if request.epoch and request.folder is not None:
            return resume_built(built, request.folder, observe)
        return train_built(built, request.outputs, observe, request.folder)
    except Diverged:
        return Run(folders[-1])
    except NNScratchError as error:
        return error
