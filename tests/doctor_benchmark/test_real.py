"""The parts of the benchmark on real tables and programs, on folders made up for the purpose."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.errors import UserError
from tests.doctor_benchmark import __main__ as benchmark
from tests.doctor_benchmark import real_faults, real_tables, reliability
from tests.doctor_benchmark.reliability import Statement

RUN = """
import json, pathlib, sys
work = pathlib.Path(sys.argv[sys.argv.index("--work") + 1])
work.mkdir(parents=True, exist_ok=True)
finding = {"rule": "lr_too_high", "severity": "critical", "confidence": 0.95}
sick, well = {"verdict": "sick", "findings": [finding]}, {"verdict": "healthy", "findings": []}
cases = {
    "a": {"buggy": [sick], "fixed": [well], "reproduced": True, "first": "lr_too_high"},
    "b": {"buggy": [sick], "fixed": [sick], "reproduced": True, "first": "lr_too_high"},
    "c": {"buggy": [well], "fixed": [well], "reproduced": False},
    "d": {"error": "not expressible"},
}

def judge(case, found):
    found["sick"] = found["buggy"][0]["verdict"] == "sick"
    found["first"] = found["first"] in case["accept"]
    found["mended"] = found["first"]
    found["alarm"] = found["fixed"][0]["verdict"] == "sick"
    found["alarm_justified"] = False
    return found

if __name__ == "__main__":
    (work / "results.json").write_text(json.dumps(cases))
"""


def faults(folder: Path) -> Path:
    (folder / "cases").mkdir(parents=True)
    (folder / "run.py").write_text(
        RUN.replace("work = pathlib", "work = None if __name__ != '__main__' else pathlib").replace(
            "work.mkdir", "work and work.mkdir"
        )
    )
    accept = {"a": ["lr_too_high"], "b": ["underfit"], "c": [], "d": []}
    (folder / "cases" / "index.json").write_text(
        json.dumps({name: {"accept": rules} for name, rules in accept.items()})
    )
    return folder


def test_real_faults_are_scored_by_the_folder_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = faults(tmp_path / "faults")
    assert benchmark.main(["--faults", str(folder), "--work", str(tmp_path / "work")]) == 0
    said = capsys.readouterr().out
    lines = {line[:48].strip(): line[48:].strip() for line in said.splitlines()}
    assert lines["called sick"].startswith("100.0 % [34, 100] (2 of 2)")
    assert lines["cause named first"].startswith("50.0 % [9, 91] (1 of 2)")
    assert lines["known fixes called sick without cause"].startswith("50.0 % [9, 91] (1 of 2)")
    assert "90% to 100%" in said
    assert "33.3 % [6, 79] (1 of 3)" in said


def test_a_folder_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"run\.py and cases/index\.json"):
        real_faults.measured(tmp_path, tmp_path, fix=False)
    with pytest.raises(UserError, match=r"manifest\.json"):
        real_tables.measured(tmp_path, [1])


def test_the_reliability_table_sets_confidence_against_share_right() -> None:
    told = [*[Statement(0.95, True)] * 9, Statement(0.97, False), Statement(0.6, True), Statement(1.0, True)]
    lines = [line.split() for line in reliability.table(told)[1:]]
    assert [line[0] for line in lines] == ["50%", "90%"]
    assert "(10 of 11)" in reliability.table(told)[2]


@pytest.mark.slow
def test_a_real_table_is_trained_untouched_with_copies_and_with_faults(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = np.array(["no", "yes"])[(X[:, 0] + 0.5 * X[:, 1] > 0).astype(int)]
    with (tmp_path / "one.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "c", "y"], *([*map(str, x), t] for x, t in zip(X, y, strict=True))])
    (tmp_path / "manifest.json").write_text(json.dumps({"one": {"target": "y"}}))
    told: list[str] = []
    found = real_tables.measured(tmp_path, [1], told=told.append)
    kinds = [run.kind for run in found.runs]
    assert kinds[:3] == ["untouched", "copy, exact", "copy, noisy"]
    assert len(kinds) > 6
    assert found.false_alarms.hits == 0
    assert found.share("copy").hits == 2
    assert len(told) == len(kinds)
