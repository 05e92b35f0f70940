"""Starting from an earlier run's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.nn.network import Network
from nn_scratch.runs.run import Run
from nn_scratch.wording import did_you_mean


def take_parameters(
    run: Run, chosen: Sequence[str] | None, network: Network, preprocessing: Preprocessing
) -> tuple[str, ...]:
    """Copy the trained parameters of a run into the network; returns notices for the user.

    chosen: layers (hidden_1; their running statistics come with them) and single parameters (hidden_1.W); None: all.
    Raises UserError for names that either network lacks, and for shapes that differ.
    """
    mine = network.named(network.theta)
    statistics = network.named_state(network.state)
    names = list(mine) if chosen is None else list(dict.fromkeys(n for name in chosen for n in _meant(name, mine)))
    layers = {name.rpartition(".")[0] for name in mine} if chosen is None else set(chosen)
    wanted = {name: mine[name] for name in names}
    wanted |= {name: view for name, view in statistics.items() if chosen is None or name.rpartition(".")[0] in layers}
    given = model_kind(run.model, "parameters/") | model_kind(run.model, "state/")
    problems = [problem for name, view in wanted.items() if (problem := _misfit(run.name, name, given.get(name), view))]
    if problems:
        raise UserError(problems)
    for name, view in wanted.items():
        view[...] = given[name]
    taken = "all parameters" if len(names) == len(mine) else ", ".join(names)
    notices = [f"init_from: {taken} start as {run.name} left them"]
    before = Preprocessing.from_arrays(model_kind(run.model, "preprocessing/"))
    if before.feature_names != preprocessing.feature_names:
        notices.append(f"init_from: the features of {run.name} have other names than those here")
    elif not (np.allclose(before.offset, preprocessing.offset) and np.allclose(before.scale, preprocessing.scale)):
        notices.append(f"init_from: {run.name} scaled its features otherwise: it was trained on other rows")
    return tuple(notices)


def _meant(name: str, parameters: Mapping[str, Array]) -> list[str]:
    """The parameters that a name stands for: a layer's, or the one itself."""
    if name in parameters:
        return [name]
    of_layer = [parameter for parameter in parameters if parameter.rpartition(".")[0] == name]
    if not of_layer:
        known = {*parameters, *(parameter.rpartition(".")[0] for parameter in parameters)}
        raise UserError(f"init_from.parameters: this network has no {name}{did_you_mean(name, known)}")
    return of_layer


def _misfit(run: str, name: str, theirs: Array | None, mine: Array) -> str | None:
    """Why a parameter cannot be taken."""
    if theirs is None:
        return f"init_from: {run} has no {name}; name those to take in init_from.parameters"
    if theirs.shape != mine.shape:
        shapes = [" x ".join(map(str, values.shape)) for values in (theirs, mine)]
        return f"init_from: {name} is {shapes[0]} in {run} and {shapes[1]} here; name those to take in " + (
            "init_from.parameters"
        )
    if theirs.dtype.kind != "f" or not np.isfinite(theirs).all():
        return f"init_from: {name} of {run} is not finite; train that run anew"
    return None


def model_kind(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The arrays of one kind of what model.npz holds ("parameters/", "state/", "preprocessing/"), by their names."""
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
