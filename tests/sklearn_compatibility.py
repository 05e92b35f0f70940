"""`python -m tests.sklearn_compatibility`: scikit-learn's checks of estimators, and its tests of its MLPs, run on ours.

Both are those of the scikit-learn that is installed; docs/python.md has the counts of the oldest and the newest.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import sklearn
from sklearn.utils.estimator_checks import check_estimator

from nn_scratch import MLPClassifier, MLPRegressor

PROJECT = Path(__file__).resolve().parents[1]
THEIR_IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor"


def checked(estimator: Any) -> Counter[str]:
    """How many of the checks passed, were skipped, failed, or failed as expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Counter(result["status"] for result in check_estimator(estimator, on_fail=None, on_skip=None))


def own_tests() -> tuple[int, list[str]]:
    """How many tests of scikit-learn's test_mlp.py pass, and which fail, where the two estimators are ours."""
    theirs = Path(sklearn.__file__).parent / "neural_network" / "tests" / "test_mlp.py"
    text = theirs.read_text(encoding="utf-8")
    assert text.count(THEIR_IMPORT) == 1
    with tempfile.TemporaryDirectory() as folder:
        ours = Path(folder) / "test_mlp.py"
        ours.write_text(
            text.replace(THEIR_IMPORT, "from nn_scratch import MLPClassifier, MLPRegressor"), encoding="utf-8"
        )
        settings = Path(folder) / "pytest.ini"  # none of this project's
        settings.write_text("[pytest]\n", encoding="utf-8")
        typed = [sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", "-p", "sklearn.conftest"]
        done = subprocess.run(
            [*typed, "-c", str(settings), str(ours)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    counted = re.search(r"(\d+) passed", done.stdout)
    assert counted, done.stdout + done.stderr
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert not re.search(r"\d+ error", done.stdout), done.stdout
    return int(counted[1]), re.findall(r"^FAILED \S*::(\S+)", done.stdout, re.MULTILINE)


if __name__ == "__main__":
    print(f"scikit-learn {sklearn.__version__}")
    for estimator in (MLPClassifier(), MLPRegressor()):
        counts = ", ".join(f"{number} {status}" for status, number in sorted(checked(estimator).items()))
        print(f"check_estimator({type(estimator).__name__}): {counts}")
    passed, failed = own_tests()
    print(f"test_mlp.py: {passed} passed, {len(failed)} failed: {', '.join(failed)}")
