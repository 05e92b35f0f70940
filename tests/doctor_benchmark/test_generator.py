"""What the benchmark is made of: every fault is really there, and the parts have nothing in common."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from nn_scratch.config.schema import Config
from nn_scratch.experiments.build import Built, build, examples
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.training.batches import Batch
from nn_scratch.training.trainer import Step
from tests.doctor_benchmark.case import FOLDER, Case, load, save
from tests.doctor_benchmark.controls import CONTROLS, CONTROLS_WANT
from tests.doctor_benchmark.examine import examine, random_draws
from tests.doctor_benchmark.faults import FAULTS, WANTED, Planted
from tests.doctor_benchmark.generate import TRIES, Generator
from tests.doctor_benchmark.parts import DEV, PARTS, REPORTED, Part, generator, seeds
from tests.doctor_benchmark.recipes import Recipe, Scorer, draw
from tests.doctor_benchmark.tables import make
from tests.doctor_benchmark.training import Scores, config_of, planted

RULES = {
    *("lr_too_high", "lr_too_low", "constant_init", "init_too_large", "init_too_small", "vanishing_gradient"),
    *("exploding_gradient", "dead_relu", "saturated", "unscaled_inputs", "sorted_data", "split_mismatch", "leakage"),
    *("class_imbalance", "label_noise", "wrong_loss_output", "over_regularized", "too_few_epochs", "underfit"),
    *("overfit", "frozen_layer", "wrong_gradient", "noisy_batches"),
}
BOTH = pytest.mark.parametrize("part", [DEV, REPORTED], ids=lambda part: part.name)


def wanted_of(wants: dict[str, Any], part: Part, rng: np.random.Generator) -> dict[str, Any]:
    wanted = dict(wants)
    if wanted.get("depth") == "deep":
        wanted["depth"] = int(rng.choice(part.deep))
    if wanted.get("width") == "widest":
        wanted["width"] = max(width for width in part.widths if width <= 256)
    return wanted


def draws(part: Part, wants: dict[str, Any], start: int = 0) -> Iterator[tuple[Recipe, np.random.Generator]]:
    for index in range(start, start + 60):
        rng = generator(part, 99, 2, index)
        yield draw(part, 99, index, **wanted_of(wants, part, rng)), rng


def case_with(part: Part, name: str) -> Case:
    """The first recipe that the fault can be planted in, with it; nothing is trained."""
    for recipe, rng in draws(part, WANTED[name]):
        found: Planted | None = FAULTS[name](recipe, part, rng)
        if found is not None:
            twin = found.twin or recipe
            return Case(
                *("test", "fault", name, found.severity, found.rules, found.layer),
                seed=twin.check_seeds[0],
                config=twin.config,
                changes=found.changes,
                tables={**twin.tables, **found.tables},
                wrong_gradient=found.wrong_gradient,
            )
    raise AssertionError(f"{name} suits no recipe")


def built_with(part: Part, name: str) -> tuple[Case, Built]:
    case = case_with(part, name)
    return case, build(config_of(case))


def one_step(built: Built) -> tuple[Step, Batch]:
    """What computes the gradient over all training rows, and these rows."""
    rows = examples(built.config, built.data, built.data.train, built.loss)
    return Step(built.network, built.loss, len(rows)), next(rows.batches(len(rows)))


def test_every_cause_of_the_doctors_table_can_be_planted() -> None:
    named = {rule for name in FAULTS for rule in case_with(DEV, name).rules}
    assert named == RULES


@BOTH
@pytest.mark.parametrize("name", list(FAULTS))
def test_a_fault_changes_a_config_that_is_accepted(part: Part, name: str) -> None:
    case = case_with(part, name)
    healthy, faulty = config_of(case, healthy=True), config_of(case)
    assert isinstance(faulty, Config)
    assert (faulty != healthy) or case.wrong_gradient
    assert 0 <= case.severity <= 1


@BOTH
@pytest.mark.parametrize("name", list(CONTROLS))
def test_a_control_is_a_config_that_is_accepted(part: Part, name: str) -> None:
    class AllTheSame(Scorer):
        def __call__(self, *arguments: Any, **more: Any) -> Scores:
            return Scores(1.0, 1.0)

    for recipe, rng in draws(part, CONTROLS_WANT[name]):
        made = CONTROLS[name](recipe, part, rng, AllTheSame())
        if made is not None:
            case = Case("test", "healthy", name, 0.0, (), None, made.check_seeds[0], made.config, {}, made.tables)
            build(config_of(case))
            return
    raise AssertionError(f"{name} suits no recipe")


@BOTH
def test_the_same_seed_draws_the_same_recipe_and_another_seed_another(part: Part) -> None:
    first, again, other = draw(part, 1, 7), draw(part, 1, 7), draw(part, 2, 7)
    assert first.config == again.config
    assert first.check_seeds == again.check_seeds
    assert (other.config, other.check_seeds) != (first.config, first.check_seeds)


def test_the_parts_share_no_data_no_width_no_depth_and_no_seed() -> None:
    for one, other in combinations(PARTS.values(), 2):
        assert not {data.name for data in one.data} & {data.name for data in other.data}
        assert not set(one.widths) & set(other.widths)
        assert not set(one.deep) & set(other.deep)
        used = [{s for g in (1, 2, 3) for i in range(50) for s in seeds(part, g, i, 6)} for part in (one, other)]
        assert not used[0] & used[1]


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_every_part_has_data_for_every_fault_and_control(part: Part) -> None:
    wanted = {name: wants.get("data") for name, wants in (WANTED | CONTROLS_WANT).items()}
    assert not [name for name, suits in wanted.items() if suits and not any(map(suits, part.data))]


# ---- planted as promised ----


@BOTH
def test_sorted_rows_train_in_the_order_of_their_classes(part: Part) -> None:
    _, built = built_with(part, "sorted_data")
    y = built.data.train.y
    n = int(0.98 * len(y))  # the last rows may belong to the part that is not sorted
    assert (np.diff(y[:n]) >= 0).all()
    assert len(np.unique(built.data.val.y)) == len(built.data.class_names)
    assert not built.config.train.shuffle


@BOTH
def test_unscaled_inputs_differ_in_size_by_far_and_scaled_ones_do_not(part: Part) -> None:
    case, built = built_with(part, "unscaled_inputs")
    healthy = build(config_of(case, healthy=True)).data.train.X
    assert np.allclose(healthy.std(axis=0), 1, atol=1e-2)
    assert np.abs(built.data.train.X).max() > 20


@BOTH
def test_a_leaking_column_tells_the_target_in_the_rows_at_hand_alone(part: Part) -> None:
    case, built = built_with(part, "leakage")
    train, test = built.data.train, built.data.test
    assert abs(np.corrcoef(train.X[:, 0], train.y)[0, 1]) > 0.9
    assert abs(np.corrcoef(test.X[:, 0], test.y)[0, 1]) < 0.3
    assert build(config_of(case, healthy=True)).data.train.X.shape[1] == train.X.shape[1] - 1


@BOTH
def test_duplicates_stand_in_two_splits(part: Part) -> None:
    _, built = built_with(part, "duplicates")
    assert built.data.card["duplicates"]["test_in_train"] > 20


@BOTH
def test_imbalanced_classes_are_fifteen_to_one_or_worse(part: Part) -> None:
    _, built = built_with(part, "class_imbalance")
    counts = np.bincount(built.data.train.y)
    assert counts.max() > 9 * counts.min()


def test_noisy_labels_are_as_many_as_asked_for() -> None:
    spec = {"make": "linear", "rows": 400, "seed": 3}
    _, clean = make(spec)
    _, noisy = make({**spec, "spoil": {"label_noise": 0.25}})
    assert np.mean(clean != noisy) == 0.25


def test_a_dead_layer_is_zero_on_every_row_before_the_first_step() -> None:
    for recipe, rng in draws(DEV, WANTED["dead_relu"]):
        found = FAULTS["dead_relu"](recipe, DEV, rng)
        if found is not None and min(found.changes.values()) < -8:
            break
    case = Case(
        *("test", "fault", "dead_relu", 1.0, found.rules, found.layer, recipe.check_seeds[0]),
        *(recipe.config, found.changes, recipe.tables),
    )
    step, batch = one_step(build(config_of(case)))
    step.gradient(batch)
    (layer,) = (layer for layer in step.graph.layers if layer.name == case.layer)
    assert isinstance(layer, Dense)
    assert (layer.A == 0).all()


def test_a_constant_layer_has_equal_columns() -> None:
    case, built = built_with(DEV, "constant_init")
    layer = case.layer or "hidden_1"
    W = built.network.named(built.network.theta)[f"{layer}.W"]
    assert np.ptp(W) == 0


@pytest.mark.parametrize("how", ["sign", "rolled", "dX_sign", "no_derivative"])
def test_a_wrong_gradient_is_wrong_in_its_layer_and_right_again_afterwards(how: str) -> None:
    recipe = draw(DEV, 5, 0, plain=True, depth=3, activation="tanh", width=16)
    case = Case("test", "fault", "wrong_gradient", 0.5, (), "hidden_2", 4, recipe.config, {}, recipe.tables)
    built = build(config_of(case))
    step, batch = one_step(built)

    def gradients() -> dict[str, Any]:
        step.gradient(batch)
        return {name: dW.copy() for name, dW in built.network.named(built.network.grad).items()}

    right = gradients()
    with planted({"layer": "hidden_2", "how": how}):
        wrong = gradients()
    differ = {name for name in right if not np.allclose(right[name], wrong[name], rtol=1e-4, atol=1e-8)}
    before = {"hidden_1.W", "hidden_1.b"}
    own = {"hidden_2.W", "hidden_2.b"}
    assert differ == {"sign": own, "rolled": own, "dX_sign": before, "no_derivative": before | own}[how]
    again = gradients()
    assert all((right[name] == again[name]).all() for name in right)


def test_random_patches_are_accepted_and_change_something() -> None:
    case = case_with(DEV, "lr_too_high")
    assert len(random_draws(case)) == 3
    assert random_draws(case) == random_draws(case)


def test_a_case_that_was_drawn_before_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_with(DEV, "lr_too_high")
    seeds_drawn = iter([1, 1, 2, *[1, 2] * TRIES])
    maker = Generator(DEV, 1)
    monkeypatch.setattr(maker, "_fault", lambda name, rng: replace(case, seed=next(seeds_drawn)))
    made = [maker.attempt("fault", "lr_too_high") for _ in range(3)]
    assert [one and one.seed for one in made] == [1, 2, None]


# ---- the cached cases ----


def cached() -> list[list[Case]]:
    return [load(path) for path in sorted(FOLDER.glob("*.json"))]


def test_cases_are_read_as_they_were_written(tmp_path: Any) -> None:
    case = case_with(REPORTED, "leakage")
    save([case, case], tmp_path / "cases.json")
    assert load(tmp_path / "cases.json") == [case, case]


def test_there_are_cached_cases_of_every_part_with_as_many_healthy_runs_as_faults() -> None:
    names = {path.stem.split("-")[0] for path in FOLDER.glob("*.json")}
    assert names == set(PARTS)
    for cases in cached():
        assert len({case.id for case in cases}) == len(cases)
        assert len({json.dumps(asdict(replace(case, id="")), sort_keys=True) for case in cases}) == len(cases)
        healthy = sum(case.kind == "healthy" for case in cases)
        assert abs(healthy - len(cases) / 2) <= 0.1 * len(cases)
        assert all(case.harm >= 0.05 for case in cases if case.kind == "fault")
        assert all(case.harm < 0.05 for case in cases if case.kind == "decoy")
        assert all(len(case.cure) == len(case.repair_seeds) for case in cases if case.curable)


def test_every_eighth_cached_case_is_still_a_config_that_is_accepted() -> None:
    checked = [config_of(case) for cases in cached() for case in cases[::8]]
    assert len(checked) >= 10


def test_a_case_is_examined_from_its_training_to_what_everybody_says_of_it() -> None:
    recipe = draw(DEV, 3, 1, plain=True, depth=1, width=16, data=lambda d: d.name == "moons")
    recipe.config["train"]["epochs"] = 5
    case = Case("test", "healthy", "plain", 0.0, (), None, 3, recipe.config, {}, recipe.tables)
    result = examine(case, random_patches=False, treat=False)
    assert result.error == ""
    assert result.verdict in ("healthy", "sick", "inconclusive")
    assert result.alarms["always_healthy"] == ()
    assert result.alarms["inputs_outside_one"] == ("inputs",)  # standardized, as it should be
