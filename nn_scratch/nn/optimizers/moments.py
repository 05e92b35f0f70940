"""The two running means that Adam's relatives keep."""

from __future__ import annotations

import numpy as np

from nn_scratch.metrics import Array


def update_moments(g: Array, m: Array, s: Array, beta1: float, beta2: float, work: Array) -> None:
    """m ← β₁ m + (1 - β₁) g; s ← β₂ s + (1 - β₂) g²."""
    np.subtract(g, m, out=work)
    np.multiply(work, 1.0 - beta1, out=work)
    np.add(m, work, out=m)  # m ← m + (1 - β₁) (g - m)
    np.multiply(g, g, out=work)
    np.subtract(work, s, out=work)
    np.multiply(work, 1.0 - beta2, out=work)
    np.add(s, work, out=s)  # s ← s + (1 - β₂) (g² - s)
