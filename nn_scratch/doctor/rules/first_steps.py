"""What goes wrong within the first steps: the learning rate."""

from __future__ import annotations

from nn_scratch.doctor.case import Case
from nn_scratch.doctor.diagnosis import Finding, Patch
from nn_scratch.doctor.rule import rule


@rule("lr_too_high", stage="first_steps", source="LeCun et al. 1998, Efficient BackProp", explains=("dead_relu",))
def lr_too_high(case: Case) -> Finding | None:
    """The network is fine at step 0 and broken by its own updates."""
    if not case.diverged:
        return None
    return Finding(
        "lr_too_high",
        "critical",
        0.6,
        "first_steps",
        f"the learning rate {case.lr:g} is too high",
        patches=(Patch({"optimizer.lr": case.lr / 10}, "smaller steps"),),
    )
