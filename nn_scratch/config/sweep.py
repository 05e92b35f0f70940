"""The `sweep:` block: the keys whose values are searched, how they are drawn, and what makes one trial the best."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Literal

from annotated_types import Gt, Interval
from pydantic import GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema
from typing_extensions import Doc

from nn_scratch.config.section import Section, refuse
from nn_scratch.config.value_schema import JSONSchema, show
from nn_scratch.wording import did_you_mean

__all__ = ["Sweep"]

FORMS = ("choices", "range", "log")
OPTIONS = ("steps", "when")
MAX_TRIALS = 100_000
MAX_GRID_STEPS = 1000


@dataclass(frozen=True)
class SearchedValues:
    """Marks the values that a searched key may take: a list of choices, or a mapping with one of the forms.

    {choices: [a, b]}: one of these. {range: [low, high]}: uniform, whole numbers where both ends are whole numbers,
    both included. {log: [low, high]}: uniform in the logarithm. `steps`: how many values a grid takes of a range.
    `when: {other.key: value or [values]}`: searched only where the other key has that value.
    """

    def json_schema(self, annotation: Any) -> JSONSchema:
        ends = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
        forms: dict[str, JSONSchema] = {
            "choices": {"type": "array", "items": {}, "minItems": 1},
            "range": ends,
            "log": ends,
        }
        options: dict[str, JSONSchema] = {
            "steps": {"type": "integer", "minimum": 1, "maximum": MAX_GRID_STEPS},
            "when": {"type": "object", "additionalProperties": {}},
        }
        mappings = [
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {form: values, **options},
                "required": [form],
            }
            for form, values in forms.items()
        ]
        return {"anyOf": [{"type": "array", "items": {}, "minItems": 1, "title": "list of choices"}, *mappings]}

    def __get_pydantic_core_schema__(self, annotation: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(check_searched_values)


def check_searched_values(value: Any) -> Any:
    """The value itself; raises a problem, at its place inside, where it is no list of choices and no range."""
    if isinstance(value, list):
        if not value:
            refuse("has no entry; write the values to try, as in [16, 64]")
        return value
    if not isinstance(value, dict):
        refuse(f"must be a list of choices or a range, as in [16, 64] or {{log: [1e-4, 0.1]}}, not {show(value)}")
    for key in value:
        if key not in (*FORMS, *OPTIONS):
            refuse(f"unknown key{did_you_mean(str(key)[:100], (*FORMS, *OPTIONS))}", key)
    given = [form for form in FORMS if form in value]
    if len(given) != 1:
        refuse("must have one of choices, range and log, as in {log: [1e-4, 0.1]}")
    form = given[0]
    if form == "choices":
        if not isinstance(value[form], list) or not value[form]:
            refuse(f"must be a list of values, not {show(value[form])}", form)
    else:
        _check_ends(form, value[form])
    steps = value.get("steps", 1)
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MAX_GRID_STEPS:
        refuse(f"must be a whole number from 1 to {MAX_GRID_STEPS}, not {show(steps)}", "steps")
    when = value.get("when", {})
    if not isinstance(when, dict):
        refuse(f"must be a mapping, as in {{optimizer.type: sgd}}, not {show(when)}", "when")
    return value


def _check_ends(form: str, ends: Any) -> None:
    numbers = isinstance(ends, list) and all(
        isinstance(end, int | float) and not isinstance(end, bool) and isfinite(end) for end in ends
    )
    if not numbers or len(ends) != 2:
        refuse(f"must be two numbers, the lowest and the highest, not {show(ends)}", form)
    low, high = ends
    if not low < high:
        refuse(f"must rise from the lowest to the highest, not [{low:g}, {high:g}]", form)
    if form == "log" and low <= 0:
        refuse(f"must be above 0 on a logarithmic scale, not {show(low)}", form, 0)


class Sweep(Section):
    method: Annotated[
        Literal["grid", "random", "sobol", "halving", "optuna"],
        Doc(
            "grid: every combination; random: independent draws; sobol: even draws; halving: random draws, of which "
            "only the better ones train to the end; optuna: its sampler (an optional package)"
        ),
    ] = "random"
    space: Annotated[
        dict[str, Annotated[Any, SearchedValues()]],
        Doc(
            "what is searched, by dotted key: a list of choices, {log: [low, high]} or {range: [low, high]}; in such a "
            "mapping also steps (of a grid) and when: {other.key: value}"
        ),
    ]
    trials: Annotated[
        Annotated[int, Interval(ge=1, le=MAX_TRIALS)] | None,
        Doc("how many settings are tried; null: every one of a grid, or as many as the minutes allow"),
    ] = 20
    minutes: Annotated[
        float | None, Gt(0), Doc("no trial begins after so many minutes; null: the trials alone decide")
    ] = None
    seeds: Annotated[int, Interval(ge=1, le=1000), Doc("runs of each setting, which differ in the seed")] = 1
    metric: Annotated[
        str | None,
        Doc(
            "what is compared: a score of a part, such as val_accuracy, val_loss, val_r2; null: val_accuracy or val_r2"
        ),
    ] = None
    direction: Annotated[
        Literal["auto", "maximize", "minimize"], Doc("auto: minimize for losses and rmse, maximize for other scores")
    ] = "auto"
    reduction: Annotated[
        int,
        Interval(ge=2, le=16),
        Doc("halving: how many times fewer trials and more epochs the next rung has"),
    ] = 3
    first_epochs: Annotated[
        Annotated[int, Interval(ge=1, le=1_000_000)] | None,
        Doc("halving: epochs of the first rung; null: such that the last rung has one trial at least"),
    ] = None

    log_tensors: Annotated[
        bool,
        Doc("whether trials log weights, gradients and activations as configured in `log`; false: statistics alone"),
    ] = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Sweep:
        if not self.space:
            refuse("searches no key; write one, as in {optimizer.lr: {log: [1e-4, 0.1]}}", "space")
        if self.trials is None and self.minutes is None and self.method != "grid":
            refuse("null needs a limit of minutes; write a number of trials", "trials")
        for key, values in self.space.items():
            for other in values.get("when", {}) if isinstance(values, dict) else ():
                if other == key:
                    refuse("a key cannot depend on itself", "space", key, "when")
        return self
