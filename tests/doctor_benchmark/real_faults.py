"""Faults of real programs: a folder with cases/, data/ and run.py, which trains each as it was and with its known fix.

The folder's own run.py is the scoring: it is run as a program on this checkout, and its `judge` says what counts.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from nn_scratch.errors import UserError
from tests.doctor_benchmark.measures import Share
from tests.doctor_benchmark.reliability import Statement

CHECKOUT = Path(__file__).resolve().parents[2]


def measured(folder: Path, work: Path, fix: bool, only: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """The cases, and what run.py found of each; results of an earlier run in `work` are gone on with."""
    if not (folder / "run.py").exists() or not (folder / "cases" / "index.json").exists():
        raise UserError(f"{folder}: no folder of real faults; it has to hold run.py and cases/index.json")
    arguments = [sys.executable, str(folder / "run.py"), str(CHECKOUT), "--work", str(work), "--resume", "--all"]
    arguments += ["--fix"] if fix else []
    for name in [name for name in only.split(",") if name] or [""]:
        subprocess.run([*arguments, *(["--only", name] if name else [])], check=True, stdout=subprocess.DEVNULL)
    cases = json.loads((folder / "cases" / "index.json").read_text())
    return cases, json.loads((work / "results.json").read_text())


def scoring(folder: Path) -> ModuleType:
    """The folder's run.py as a module."""
    spec = importlib.util.spec_from_file_location("real_faults_run", folder / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judged(folder: Path, cases: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What run.py's judge says of the cases that were reproduced."""
    judge = scoring(folder).judge
    return {
        name: judge(cases[name], found)
        for name, found in results.items()
        if name in cases and "error" not in found and found["reproduced"]
    }


def figures(found: Mapping[str, Mapping[str, Any]], fix: bool) -> dict[str, Share]:
    """By name, the shares of the reproduced faults."""
    n = len(found)

    def of(key: str) -> Share:
        return Share(sum(bool(one[key]) for one in found.values()), n)

    shares = {"called sick": of("sick"), "cause named first": of("first")}
    if fix:
        shares["repaired within 2 points of the known fix"] = of("mended")
    unjustified = sum(one["alarm"] and not one["alarm_justified"] for one in found.values())
    shares["known fixes called sick without cause"] = Share(unjustified, n)
    return shares


def statements(
    cases: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]], verdicts: Sequence[str] = ("sick",)
) -> list[Statement]:
    """The first critical finding of every training, of the programs as they were and with their known fix."""
    told = []
    for name, one in found.items():
        for kind in ("buggy", "fixed"):
            for run in one[kind]:
                critical = [finding for finding in run["findings"] if finding["severity"] == "critical"]
                if run["verdict"] in verdicts and critical:
                    right = critical[0]["rule"] in cases[name]["accept"] and kind == "buggy"
                    told.append(
                        Statement(float(critical[0]["confidence"]), right or (kind == "fixed" and justified(one)))
                    )
    return told


def justified(one: Mapping[str, Any]) -> bool:
    """Whether a patch of its own makes the known fix better, so that what was found there is true as well."""
    with contextlib.suppress(KeyError):
        return bool(one["alarm_justified"])
    return False
