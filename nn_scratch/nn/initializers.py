"""Initial values of weights.

`sample((fan_in, fan_out), generator)` draws a matrix whose fans are the widths on either side of it; `std` is the
standard deviation it is drawn with, which the log compares with what is found at step 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from nn_scratch.metrics import Array
from nn_scratch.registry import Doc, Registry

Fans = tuple[int, int]
Gain = Annotated[float, Gt(0), Doc("factor on the standard deviation")]
HE_GAIN = sqrt(2.0)  # a ReLU halves the mean square of what passes through it


class Initializer(ABC):
    """How a parameter is filled before the first step."""

    @abstractmethod
    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        """Values of shape `fans` = (fan_in, fan_out), float64."""

    @abstractmethod
    def std(self, fans: Fans) -> float:
        """The standard deviation of the distribution; nan where it has none (orthogonal)."""


INITIALIZERS: Registry[Initializer] = Registry("initializer")


def normal(std: float, fans: Fans, generator: np.random.Generator) -> Array:
    return generator.normal(0.0, std, fans)


def uniform(std: float, fans: Fans, generator: np.random.Generator) -> Array:
    """Uniform on ±√3·std, whose standard deviation is `std`."""
    return generator.uniform(-sqrt(3.0) * std, sqrt(3.0) * std, fans)


class _He(Initializer):
    def __init__(self, gain: Gain = HE_GAIN) -> None:
        self.gain = gain

    def std(self, fans: Fans) -> float:
        return self.gain / sqrt(fans[0])


@INITIALIZERS.register("he_normal")
class HeNormal(_He):
    """W ~ N(0, gain² / fan_in), gain √2: keeps the variance of a signal through ReLUs, which halve it.

    Source: He et al. 2015, Delving Deep into Rectifiers.
    In practice: for a leaky ReLU of slope s the gain is √(2 / (1 + s²)), which its layers take by themselves; √2 is
    too large for tanh and for linear layers.
    """

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return normal(self.std(fans), fans, generator)


@INITIALIZERS.register("he_uniform")
class HeUniform(_He):
    """W ~ U(-a, a) with a = gain √(3 / fan_in), gain √2: the variance of he_normal without its tails.

    Source: He et al. 2015, Delving Deep into Rectifiers.
    """

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return uniform(self.std(fans), fans, generator)


class _Glorot(Initializer):
    def __init__(self, gain: Gain = 1.0) -> None:
        self.gain = gain

    def std(self, fans: Fans) -> float:
        return self.gain * sqrt(2.0 / (fans[0] + fans[1]))


@INITIALIZERS.register("glorot_normal")
class GlorotNormal(_Glorot):
    """W ~ N(0, gain² · 2 / (fan_in + fan_out)): a compromise between the forward and the backward signal.

    Source: Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
    In practice: for tanh and sigmoid; deep ReLU networks fade with it.
    """

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return normal(self.std(fans), fans, generator)


@INITIALIZERS.register("glorot_uniform")
class GlorotUniform(_Glorot):
    """W ~ U(-a, a) with a = gain √(6 / (fan_in + fan_out)): the variance of glorot_normal without its tails.

    Source: Glorot and Bengio 2010.
    """

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return uniform(self.std(fans), fans, generator)


class _LeCun(Initializer):
    def __init__(self, gain: Gain = 1.0) -> None:
        self.gain = gain

    def std(self, fans: Fans) -> float:
        return self.gain / sqrt(fans[0])


@INITIALIZERS.register("lecun_normal")
class LeCunNormal(_LeCun):
    """W ~ N(0, gain² / fan_in): keeps the variance of a signal through linear layers; the one for SELU.

    Source: LeCun et al. 1998, Efficient BackProp.
    """

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return normal(self.std(fans), fans, generator)


@INITIALIZERS.register("lecun_uniform")
class LeCunUniform(_LeCun):
    """W ~ U(-a, a) with a = gain √(3 / fan_in).

    Source: LeCun et al. 1998, Efficient BackProp.
    """

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return uniform(self.std(fans), fans, generator)


@INITIALIZERS.register("normal")
class Normal(Initializer):
    """W ~ N(mean, std²), independent of the layer's width.

    In practice: a fixed std is right for one width alone; it is here to see what too small and too large do.
    """

    def __init__(
        self,
        std: Annotated[float, Ge(0), Doc("standard deviation")] = 0.01,
        mean: Annotated[float, Doc("mean")] = 0.0,
    ) -> None:
        self._std, self.mean = std, mean

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return generator.normal(self.mean, self._std, fans)

    def std(self, fans: Fans) -> float:
        return self._std


@INITIALIZERS.register("uniform")
class Uniform(Initializer):
    """W ~ U(low, high), independent of the layer's width."""

    def __init__(
        self,
        low: Annotated[float, Doc("lower end")] = -0.05,
        high: Annotated[float, Doc("upper end")] = 0.05,
    ) -> None:
        self.low, self.high = low, high

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return generator.uniform(min(self.low, self.high), max(self.low, self.high), fans)

    def std(self, fans: Fans) -> float:
        return abs(self.high - self.low) / sqrt(12.0)


@INITIALIZERS.register("zeros")
class Zeros(Initializer):
    """W = 0.

    In practice: right for biases; as weights, every unit of a layer computes and learns the same.
    """

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return np.zeros(fans)

    def std(self, fans: Fans) -> float:
        return 0.0


@INITIALIZERS.register("constant")
class Constant(Initializer):
    """W = value.

    In practice: as weights, every unit of a layer computes and learns the same.
    """

    def __init__(self, value: Annotated[float, Doc("the value of every entry")] = 0.0) -> None:
        self.value = value

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        return np.full(fans, self.value)

    def std(self, fans: Fans) -> float:
        return 0.0


@INITIALIZERS.register("orthogonal")
class Orthogonal(Initializer):
    """W = gain · Q with orthonormal rows or columns, Q uniform over such matrices: keeps lengths, not only variances.

    Source: Saxe et al. 2014, Exact solutions to the nonlinear dynamics of learning in deep linear networks.
    """

    def __init__(self, gain: Gain = 1.0) -> None:
        self.gain = gain

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        tall = generator.normal(size=(max(fans), min(fans)))
        Q, R = np.linalg.qr(tall)
        Q *= np.sign(np.diag(R))  # without the signs Q would not be uniform (Mezzadri 2007)
        return self.gain * (Q if fans[0] >= fans[1] else Q.T)

    def std(self, fans: Fans) -> float:
        return self.gain / sqrt(max(fans))


@INITIALIZERS.register("truncated_normal")
class TruncatedNormal(Initializer):
    """W ~ N(mean, std²), drawn again where it falls further than `cut` standard deviations from the mean.

    `std` is that of the normal before the cut (at a cut of 2, 0.88 of it remains).
    Source: as PyTorch's trunc_normal_ and TensorFlow's truncated_normal; classical.
    """

    def __init__(
        self,
        std: Annotated[float, Ge(0), Doc("standard deviation before the cut")] = 0.01,
        mean: Annotated[float, Doc("mean")] = 0.0,
        cut: Annotated[float, Ge(0.1), Doc("largest distance from the mean, in standard deviations")] = 2.0,
    ) -> None:
        self._std, self.mean, self.cut = std, mean, cut

    def sample(self, fans: Fans, generator: np.random.Generator) -> Array:
        Z = generator.standard_normal(fans)
        while (outside := np.abs(Z) > self.cut).any():
            Z[outside] = generator.standard_normal(int(outside.sum()))
        return self.mean + self._std * Z

    def std(self, fans: Fans) -> float:
        from scipy.stats import truncnorm

        return self._std * float(truncnorm.std(-self.cut, self.cut))
