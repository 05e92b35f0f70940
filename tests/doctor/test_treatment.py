"""Treatment: what is tried, what is kept, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from nn_scratch.config.resolve import change_config, config_from, load_config
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import to_plain
from nn_scratch.doctor import Diagnosis, Finding, Patch
from nn_scratch.doctor.budget import Budget
from nn_scratch.doctor.diagnosis import Severity
from nn_scratch.doctor.treatment import Node, Search, extended, treat, write_config
from nn_scratch.doctor.trials import Arm
from nn_scratch.doctor.watch import Watch, watch_session
from nn_scratch.experiments.build import build_data
from nn_scratch.experiments.train import Session, train
from nn_scratch.seeding import spawn_generators
from nn_scratch.wording import plural
from tests.doctor.conftest import BASE, Trained


def test_a_healthy_run_is_left_alone(trained: Trained, tmp_path: Path) -> None:
    treatment = treat(trained(), folder=tmp_path / "config")
    assert treatment.outcome == "nothing to mend: the verdict is healthy"
    assert treatment.arms == ()
    assert not (tmp_path / "config").exists()


def test_a_patch_that_helps_is_written_with_what_it_changes(trained: Trained, tmp_path: Path) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6})
    treatment = treat(run, folder=tmp_path, jobs=1)
    assert treatment.before is not None
    assert treatment.best is not None
    assert treatment.best.mean() > treatment.before.mean() + 0.1
    assert treatment.written == tmp_path / "case.fixed.yaml"
    text = treatment.written.read_text()
    assert text.startswith("# Mended by the doctor: lr_too_low")
    assert "\n# optimizer.lr was 1e-06; lr_too_low: " in text
    fixed = load_config(treatment.written)
    assert fixed.optimizer.parameters["lr"] > 1e-4
    assert fixed.layers == config_from(run.config).layers
    assert treatment.gain is not None
    assert treatment.gain.score.low > 0.1


def test_several_faults_are_cured_in_several_rounds(trained: Trained, tmp_path: Path) -> None:
    layers = [{"type": "dense", "units": 16, "activation": "relu", "init": "zeros"}] * 2
    run = trained(optimizer={"type": "sgd", "lr": 1e-5}, layers=layers)
    rounds: list[str] = []
    treatment = treat(run, folder=tmp_path, jobs=1, report=rounds.append)
    assert treatment.before is not None
    assert treatment.before.mean() < 0.4
    assert treatment.best is not None
    assert treatment.best.mean() > 0.9
    assert treatment.written is not None
    fixed = load_config(treatment.written)
    assert fixed.optimizer.parameters["lr"] > 1e-3
    assert len(fixed.layers) == 2
    assert len(rounds) > 2


def test_where_the_folder_of_configs_cannot_be_written_the_run_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file, where a folder should be")
    (tmp_path / "run").mkdir()
    path, problem = write_config("name: x\n", "x", tmp_path / "config", tmp_path / "run")
    assert path == tmp_path / "run" / "fixed.yaml"
    assert path.read_text() == "name: x\n"
    assert f"{tmp_path / 'config'} cannot be written, so it is in the run's folder" in problem


def test_wrong_labels_are_said_to_be_the_datas_fault(trained: Trained, tmp_path: Path) -> None:
    source = {"type": "blobs", "rows": 500, "classes": 3, "noise": 1.0, "label_noise": 0.3}
    treatment = treat(trained(data={"source": source}), folder=tmp_path, jobs=1)
    assert treatment.diagnosis.findings[0].rule == "label_noise"
    assert "the fault is in the data" in treatment.outcome.lower()


def budget_of(config: Config, given: int | None = None) -> Budget:
    return Budget(config, build_data(config, spawn_generators(config.seed)), given)


def test_a_treatment_takes_no_more_steps_than_its_budget_and_says_what_it_may_take(
    trained: Trained, tmp_path: Path
) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6})
    own = int(run.info["steps"])
    for runs, seeds in ((20, 3), (8, 1)):
        said: list[str] = []
        treatment = treat(run, folder=tmp_path, jobs=1, report=said.append, budget=runs * own)
        assert said[0].startswith(
            f"up to 12 candidates, {plural(seeds, 'seed')} each, within {runs * own:,} training steps: about "
        )
        assert treatment.before is not None
        assert len(treatment.before.trials) == seeds
        budget = budget_of(config_from(run.config), runs * own)
        for arm in (treatment.before, *treatment.arms):
            for trial in arm.trials:
                budget.spend(arm.config, trial.share)
        assert 0 <= budget.left < runs * own


def test_of_candidates_those_are_tried_that_the_budget_holds(trained: Trained, tmp_path: Path) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6})
    own = int(run.info["steps"])
    long = Patch({"train.epochs": 2000}, "long")
    slow = Diagnosis("sick", (finding("too_few_epochs", long, Patch({"optimizer.lr": 0.01}, "faster")),), "")
    treatment = treat(run, slow, folder=tmp_path, jobs=1, budget=10 * own)
    assert treatment.best is not None
    assert all(arm.config.train.epochs < 2000 for arm in treatment.arms)
    assert treatment.outcome.endswith(
        f" The budget of {10 * own:,} training steps left some candidates out (--budget, diagnose.fix_budget)."
    )


def test_a_budget_that_holds_no_two_trainings_tries_nothing(trained: Trained, tmp_path: Path) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6}, diagnose={"fix_budget": 50})
    own = int(run.info["steps"])
    treatment = treat(run, folder=tmp_path, jobs=1)
    assert treatment.arms == ()
    assert treatment.outcome == (
        f"nothing was tried: the run takes {own:,} training steps, and the budget is 50; with --budget "
        f"{6 * own} there is room for five candidates"
    )


@pytest.mark.parametrize(("epochs", "units", "more"), [(40, 16, True), (20, 16, False), (20, 1024, True)])
def test_longer_and_wider_candidates_cost_more(epochs: int, units: int, more: bool) -> None:
    config = config_from(BASE)
    budget = budget_of(config)
    wider = change_config(config, {"train.epochs": epochs, "layers.0.units": units})
    assert budget.cost(config) == budget.own
    assert (budget.cost(wider) > budget.own) is more


def finding(rule: str, *patches: Patch, severity: Severity = "critical") -> Finding:
    return Finding(rule, severity, 0.9, "first_steps", "it is", patches=patches)


def proposed(*findings: Finding) -> list[dict[str, object]]:
    """What each candidate of the first round sets."""
    config = config_from(BASE)
    search = Search(config, 1000, 1, lambda line: None, budget_of(config))
    nodes = search.proposals(Node(Arm("", config)), Diagnosis("sick", findings, ""))
    return [{step.key: step.value for step in node.steps} for node in nodes]


LOWER, LOWEST = Patch({"optimizer.lr": 0.1}, "a"), Patch({"optimizer.lr": 0.001}, "b")
OTHER = Patch({"data.scale": "minmax"}, "c")


def test_candidates_are_the_likeliest_first_then_all_together_and_no_two_alike() -> None:
    assert proposed(finding("lr_too_high", LOWER, LOWEST, LOWER), finding("unscaled_inputs", OTHER)) == [
        {"optimizer.lr": 0.1},
        {"optimizer.lr": 0.1, "data.scale": "minmax"},
        {"optimizer.lr": 0.001},
        {"data.scale": "minmax"},
    ]


def test_of_two_patches_for_one_key_the_first_counts() -> None:
    assert proposed(finding("lr_too_high", LOWER), finding("lr_too_low", LOWEST)) == [
        {"optimizer.lr": 0.1},
        {"optimizer.lr": 0.001},
    ]


def test_a_patch_that_does_not_fit_the_config_is_no_candidate() -> None:
    assert proposed(finding("lr_too_high", Patch({"layers.7.units": 3}, "there is no such layer"))) == []


def test_warnings_are_treated_where_nothing_is_critical() -> None:
    assert proposed(finding("overfit", OTHER, severity="warning")) == [{"data.scale": "minmax"}]


def test_changes_of_different_layers_are_joined() -> None:
    config = config_from({**BASE, "layers": [{"type": "dense", "units": 4, "activation": "sigmoid"}] * 2})
    layers = to_plain(config)["layers"]
    wider = Patch({"layers": [{**layers[0], "units": 64}, layers[1]]}, "wider")
    bent = Patch({"layers": [layers[0], {**layers[1], "activation": "relu"}]}, "bent")
    node = extended(Node(Arm("", config)), [(finding("a"), wider), (finding("b"), bent)], config)
    assert node is not None
    assert [layer.parameters["units"] for layer in node.arm.config.layers] == [64, 4]
    assert [layer.parameters["activation"].type for layer in node.arm.config.layers] == ["sigmoid", "relu"]


@pytest.mark.parametrize(("lr", "stops"), [(1e-12, True), (0.01, False)])
def test_the_watch_stops_a_run_that_learns_nothing(tmp_path: Path, lr: float, stops: bool) -> None:
    watches: list[Watch] = []

    def observers_of(session: Session) -> list[Watch]:
        watches.append(watch_session(session))
        return watches

    layers = [{"type": "dense", "units": 16, "activation": "relu", "init": "zeros"}] if stops else BASE["layers"]
    config = config_from({**BASE, "optimizer": {"type": "adam", "lr": lr}, "layers": layers, "train": {"epochs": 40}})
    run = train(config, tmp_path, observers_of)
    assert (run.info["epochs"] < 40) == stops
    assert (watches[0].stopped is not None) == stops
    assert any(notice.startswith("--watch: stopped in epoch 8 of 40: ") for notice in run.info["notices"]) == stops
