"""The gradient of one step: of a batch in one pass, of a batch in several passes, or of all training rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from nn_scratch.nn.losses import Loss
from nn_scratch.nn.network import Graph, Network
from nn_scratch.nn.optimizers import Optimizer
from nn_scratch.training.batches import Batch
from nn_scratch.training.evaluation import bound_loss
from nn_scratch.training.regularization import Penalty


class BatchGradient(Protocol):
    """Fills the network's gradient vector, for batches of a fixed size."""

    graph: Graph  # of the latest pass

    def gradient(self, batch: Batch) -> None: ...

    def gradient_and_loss(self, batch: Batch) -> float: ...

    def mean_loss(self, batch: Batch) -> float: ...


class Step:
    """The gradient of one batch, passed at once."""

    def __init__(self, network: Network, loss: Loss, rows: int) -> None:
        self.graph = network.on(rows, training=True)
        self.loss = bound_loss(loss, network, rows)

    def gradient(self, batch: Batch) -> None:
        """Fill the network's gradient vector for a batch."""
        Z = self.graph.forward(batch.X)
        self.graph.backward(self.loss.backward(Z, batch.Y, batch.w))

    def gradient_and_loss(self, batch: Batch) -> float:
        """Fill the gradient vector likewise; returns the batch's loss."""
        Z = self.graph.forward(batch.X)
        loss = batch.mean(self.loss.forward(Z, batch.Y))
        self.graph.backward(self.loss.backward(Z, batch.Y, batch.w))
        return loss

    def mean_loss(self, batch: Batch) -> float:
        """The batch's loss with the network as it is now, in training mode."""
        return batch.mean(self.loss.forward(self.graph.forward(batch.X), batch.Y))


class AccumulatedGradient:
    """The gradient of a batch that passes in pieces: the sum of their gradients.

    A row's weight is its share of the whole batch, so that the sum is the gradient of the mean over all its rows.
    Batch normalization measures each piece by itself.
    """

    def __init__(self, network: Network, loss: Loss, rows: int, piece: int) -> None:
        """rows: of the whole batch; piece: of each piece but the last, which may have fewer."""
        steps = {size: Step(network, loss, size) for size in {piece, rows % piece or piece}}
        parts = [slice(start, min(start + piece, rows)) for start in range(0, rows, piece)]
        self._parts = [(steps[part.stop - part.start], part) for part in parts]
        self._grad, self._sum = network.grad, np.empty_like(network.grad)
        self.graph = self._parts[-1][0].graph

    def gradient(self, batch: Batch) -> None:
        self._sum.fill(0.0)
        for step, part in self._parts:
            step.gradient(batch[part])
            np.add(self._sum, self._grad, out=self._sum)
        np.copyto(self._grad, self._sum)

    def gradient_and_loss(self, batch: Batch) -> float:
        loss = 0.0
        self._sum.fill(0.0)
        for step, part in self._parts:
            loss += step.gradient_and_loss(batch[part])
            np.add(self._sum, self._grad, out=self._sum)
        np.copyto(self._grad, self._sum)
        return loss

    def mean_loss(self, batch: Batch) -> float:
        return sum(step.mean_loss(batch[part]) for step, part in self._parts)


class FullBatchGradient:
    """The gradient over all training rows, and the update of an optimizer that evaluates several θ a step.

    All tries of an update have the same dropout masks, and running statistics are updated once a step.
    """

    def __init__(self, network: Network, loss: Loss, rows: int, optimizer: Optimizer, penalty: Penalty | None) -> None:
        self._step, self._network = Step(network, loss, rows), network
        self._optimizer, self._penalty = optimizer, penalty
        self.graph = self._step.graph

    def gradient(self, batch: Batch) -> None:
        self.gradient_and_loss(batch)

    def gradient_and_loss(self, batch: Batch) -> float:
        self._noise, self._batch = self._network.noise.bit_generator.state, batch
        self._loss = self._step.gradient_and_loss(batch)
        return self._loss

    def mean_loss(self, batch: Batch) -> float:
        return self._step.mean_loss(batch)

    def update(self, lr: float) -> None:
        """One update from the θ whose gradient, penalties included, has just been computed."""
        state, noise, penalty = self._network.state, self._network.noise.bit_generator, self._penalty
        state_after = state.copy()

        def evaluate() -> float:
            noise.state = self._noise
            loss = self._step.gradient_and_loss(self._batch)
            if penalty is None:
                return loss
            penalty.add_gradient()
            return loss + penalty.loss()

        loss = self._loss if penalty is None else self._loss + penalty.loss()
        self._optimizer.step_with(lr, loss, evaluate)
        state[...] = state_after
