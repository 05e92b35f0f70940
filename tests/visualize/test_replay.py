"""A network replayed at any logged epoch is the network that was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nn_scratch.visualize.replay import Replay
from tests.conftest import trained


def test_a_batch_norm_run_is_replayed_with_the_running_statistics_of_each_epoch(tmp_path: Path) -> None:
    layers = [{"type": "dense", "units": 6, "activation": "identity"}, "batch_norm", {"type": "activation"}]
    layers[-1] = {"type": "activation", "function": "relu"}
    run = trained(tmp_path, "norm", {"type": "moons", "rows": 120}, layers=layers)
    replay, probe = Replay(run), run.probe["X"]
    logits = run.activations("output")
    for row in range(len(run.epochs)):
        exponentials = np.exp(logits[row].astype(float))
        expected = exponentials / exponentials.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(replay.outputs(row, probe), expected, atol=1e-5)
