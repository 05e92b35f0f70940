"""Examines one case: trains it with its log, asks the doctor and the baselines, and tries the patches."""

from __future__ import annotations

import tempfile
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.config.resolve import change_config
from nn_scratch.errors import UserError
from nn_scratch.runs.run import Run
from tests.doctor_benchmark.baselines import BASELINES
from tests.doctor_benchmark.case import Case
from tests.doctor_benchmark.measures import MOST_PATCHES, Result, Said, Trial
from tests.doctor_benchmark.recipes import dense
from tests.doctor_benchmark.training import config_of, logged_run, planted, score

MOST_KEYS = 2  # a patch changes no more keys; one that does is not counted as one


def examine(case: Case, random_patches: bool, treat: bool = True) -> Result:
    """`random_patches`: whether the baseline of that name is tried too; `treat`: whether patches are tried at all."""
    from threadpoolctl import threadpool_limits

    from nn_scratch.doctor import diagnose

    warnings.simplefilter("ignore")
    threadpool_limits(limits=1, user_api="blas")
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder, planted(case.wrong_gradient):
        run = logged_run(case, Path(folder))
        alarms = {name: tuple(raise_alarms(run)) for name, raise_alarms in BASELINES.items()}
        started = perf_counter()
        error = ""
        try:
            diagnosis = diagnose(run)
        except Exception:  # the doctor's bugs are the benchmark's findings
            error = traceback.format_exc(limit=-3)
        seconds = perf_counter() - started
    harm = harm_of(case, run)
    if error:
        return Result(case, "error", (), (), alarms, (), seconds, error, harm)
    findings = tuple(Said(one.rule, one.severity, one.layer, one.confidence) for one in diagnosis.findings)
    wanted = treat and (case.kind == "healthy" or (case.kind == "fault" and case.curable))
    patches = [dict(patch.set) for one in diagnosis.findings for patch in one.patches] if wanted else []
    patches = [patch for patch in patches if len(patch) <= MOST_KEYS][: 1 if case.kind == "healthy" else MOST_PATCHES]
    trials = tuple(attempt(case, patch) for patch in patches)
    drawn = random_draws(case) if random_patches and wanted and case.kind == "fault" else []
    return Result(
        case,
        diagnosis.verdict,
        findings,
        trials,
        alarms,
        tuple(attempt(case, patch) for patch in drawn),
        seconds,
        harm=harm,
    )


def harm_of(case: Case, run: Run) -> float:
    """How far the run that is diagnosed is behind its twin without the fault; a healthy one, behind its own config."""
    if run.info.get("status") == "diverged":
        own = 0.0 if case.scale != 1.0 else 1 / len(run.card["classes"])
    else:
        own = max(0.0, run.info["test"]["balanced_accuracy" if run.card["task"] == "classification" else "r2"] or 0.0)
    if case.kind == "healthy":
        return float(np.mean(case.cure)) - own / case.scale
    return (score(config_of(case, healthy=True)).test - own) / case.scale


def attempt(case: Case, patch: Mapping[str, Any]) -> Trial:
    """Train with the patch at the seeds of repair."""
    found = []
    for seed in case.repair_seeds:
        try:
            found.append(score(change_config(config_of(case, seed), patch), case.wrong_gradient))
        except UserError:
            return Trial(dict(patch), float("nan"), float("nan"))
    val, test = (float(np.mean([getattr(one, part) for one in found])) / case.scale for part in ("val", "test"))
    return Trial(dict(patch), val, test)


def random_draws(case: Case) -> list[dict[str, Any]]:
    """Three patches that anybody might try without a look at the run, drawn from those that change something."""
    config = config_of(case)
    lr = config.optimizer.parameters["lr"]
    plain = {**case.config, **({"layers": case.changes["layers"]} if "layers" in case.changes else {})}
    layers = [path for path, _ in dense(plain)]
    regression = case.scale != 1.0
    options: list[dict[str, Any]] = [
        {"optimizer.lr": lr / 10},
        {"optimizer.lr": lr * 10},
        {"optimizer": "adam"},
        {"data.scale": "standard"},
        {"data.shuffle": True},
        {"train.shuffle": True},
        {"train.epochs": 5 * config.train.epochs},
        {"train.batch_size": 4 * config.train.batch_size},
        {"train.early_stopping": {"patience": 10}},
        {"regularize.l2": 1e-3},
        {"regularize.l2": 0.0},
        {"regularize.clip_norm": 1.0},
        {"loss": "auto", "output.activation": "auto"},
        {"schedule": "cosine"},
    ]
    if not regression:
        options.append({"class_weight": "balanced"})
    if layers:
        k = layers[0]
        options += [
            {f"{k}.init": "he_normal"},
            {f"{k}.activation": "leaky_relu"},
            {f"{k}.bias_init": 0.0},
            {f"{k}.trainable": True},
            {f"{k}.units": 128},
        ]
    rng = np.random.default_rng(case.seed)
    drawn = []
    for i in rng.permutation(len(options)):
        try:
            if change_config(config, options[i]) != config:
                drawn.append(options[i])
        except UserError:
            continue
        if len(drawn) == MOST_PATCHES:
            break
    return drawn
