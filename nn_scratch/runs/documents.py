"""What the JSON files of a run's folder hold, so that a reader can rely on it: a stranger may have written them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sys import float_info
from typing import Any

MOST_COUNT = 1 << 53

Shape = Any  # a predicate; {key: Shape}, which must be there; [Shape], a list of such; Maybe, OrNull, Each


@dataclass(frozen=True)
class Maybe:
    """Null, or not there, or of this shape."""

    shape: Shape


@dataclass(frozen=True)
class OrNull:
    """There, and null or of this shape."""

    shape: Shape


@dataclass(frozen=True)
class Each:
    """A mapping of any keys to values of this shape."""

    shape: Shape


def text(value: Any) -> bool:
    return isinstance(value, str)


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= float_info.max


def count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_COUNT


def positive(value: Any) -> bool:
    return count(value) and value > 0


def anything(value: Any) -> bool:
    return True


WORDS: Mapping[Callable[[Any], bool], str] = {
    text: "text",
    truth: "true or false",
    number: "a number",
    count: "a whole number",
    positive: "a whole number above 0",
}

MOMENTS = {name: [Maybe(number)] for name in ("mean", "std", "min", "max")}
MEASURED = Each(Maybe(number))
# of one part: loss, accuracy ...; recall, by class
SCORES = Each(lambda value: value is None or number(value) or misfit(value, MEASURED) is None)

DIVERGED: Shape = {"epoch": count, "step": count, "layer": text, "what": text}

INFO: Shape = {
    "name": text,
    "status": text,
    "epochs": count,
    "epochs_asked": count,
    "steps": count,
    "steps_per_epoch": count,
    "best_epoch": Maybe(count),
    "seconds": Maybe(number),
    "samples_per_second": Maybe(number),
    "initial": Maybe(MEASURED),
    "train": Maybe(SCORES),
    "val": Maybe(SCORES),
    "test": Maybe(SCORES),
    "baselines": Maybe(
        {
            **{model: Maybe(Each(Maybe(MEASURED))) for model in ("constant", "linear", "knn")},
            "best_feature": Maybe(Each(lambda value: value is None or text(value) or number(value))),
        }
    ),
    "diverged": Maybe(DIVERGED),
    "threads": Maybe(count),
    "notices": [text],
    "versions": Maybe(Each(text)),
    "events": Maybe([{"epoch": count, "kind": text, "text": text}]),
}

CARD: Shape = {
    "origin": text,
    "task": text,
    "rows": count,
    "features": count,
    "target": [text],
    "classes": Maybe([text]),
    "image_shape": Maybe([count]),
    "split": {"own_test": truth},
    "parts": {
        part: {"rows": count, "class_counts": Maybe(Each(count)), "target": Maybe(MOMENTS)}
        for part in ("train", "val", "test")
    },
    "entropy": Maybe(number),
    "order": Maybe(MEASURED),
    "feature_statistics": {"name": [text], **{name: Maybe([Maybe(number)]) for name in MOMENTS}},
    "feature_summary": Each(anything),
    "input": MEASURED,
    "duplicates": Each(Maybe(count)),
}

PANEL: Shape = {  # of a dense layer, at step 0
    "layer": text,
    "inputs": count,
    "units": count,
    "activation": text,
    **dict.fromkeys(("W_std", "W_std_suited", "W_std_declared", "b_mean", "b_std"), OrNull(number)),
    **dict.fromkeys(("Z_mean", "Z_std", "Z_spread", "A_std", "A_spread"), OrNull(number)),
    **dict.fromkeys(("dead_share", "flat_share", "gradient_norm", "gradient_rms", "twin_units"), OrNull(number)),
}

FIGURES: Shape = Each(lambda value: value is None or number(value) or text(value) or truth(value))
NESTED: Shape = Each(lambda value: misfit({"": value}, FIGURES) is None or misfit(value, FIGURES) is None)

SIGNALS: Shape = {
    "start": Maybe(
        {
            "loss": OrNull(number),
            "layers": [PANEL],
            "output": MEASURED,
            "gradient_errors": [{"layer": text, "entries": count, "error": OrNull(number)}],
            "target": MEASURED,
        }
    ),
    "order": Maybe(MEASURED),
    "end": Maybe(
        {
            "finite": truth,
            "penalty_over_data": Maybe(number),
            "data_gradient": Maybe(number),
            "layers": Maybe([{"layer": text, "W_rms": OrNull(number), "moved": OrNull(number)}]),
            "confident_errors": Maybe(MEASURED),
            "giveaway": Maybe(NESTED),
        }
    ),
    "attainable": Maybe(NESTED),
}

COMMIT: Shape = {
    "epoch": count,
    "step": count,
    "files": Each({"rows": count, "bytes": Maybe(count)}),
    "tensor_epochs": [count],
    "stride": positive,
    "diverged": Maybe(DIVERGED),
}

DIAGNOSIS: Shape = {
    "verdict": text,
    "findings": [
        {
            "rule": text,
            "severity": text,
            "confidence": Maybe(number),
            "stage": text,
            "where": Maybe(Each(lambda value: value is None or text(value) or number(value))),
            "evidence": Maybe(Each(anything)),
            "because": text,
            "symptoms": Maybe([text]),
            "patches": Maybe([{"set": Each(anything), "why": Maybe(text)}]),
            "source": Maybe(text),
        }
    ],
}


def misfit(value: Any, shape: Shape, where: str = "") -> str | None:
    """The first thing about `value` that is not as its shape says, in words; None where it fits."""
    if isinstance(shape, Maybe):
        return None if value is None else misfit(value, shape.shape, where)
    if isinstance(shape, OrNull):
        return None if value is None else misfit(value, shape.shape, where)
    if isinstance(shape, Each):
        if not isinstance(value, dict):
            return f"{where or 'it'} is no mapping"
        return first(misfit(entry, shape.shape, f"{where}.{key}"[:100]) for key, entry in value.items())
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{where or 'it'} is no mapping"
        missing = [key for key, entry in shape.items() if key not in value and not isinstance(entry, Maybe)]
        if missing:
            return f"{where}.{missing[0]} is missing".lstrip(".")
        return first(misfit(value.get(key), entry, f"{where}.{key}".lstrip(".")) for key, entry in shape.items())
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is no list"
        return first(misfit(entry, shape[0], f"{where}[{index}]") for index, entry in enumerate(value))
    return None if shape(value) else f"{where.lstrip('.')} is not {WORDS.get(shape, 'as it should be')}"


def first(problems: Any) -> str | None:
    return next((problem for problem in problems if problem is not None), None)
