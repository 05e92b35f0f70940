"""What the JSON files of a run's folder hold, so that a reader can rely on it: anybody may have written them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from sys import float_info
from typing import Any

MOST_COUNT = 1 << 53

# a predicate; {key: Shape}, whose keys must be there (of any OTHERS there may be more); [Shape], a list of such;
# Maybe, OrNull, Each, OneOf
Shape = Any
OTHERS = ...  # as a key: every key that is not named


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


@dataclass(frozen=True)
class OneOf:
    """One of these words."""

    words: tuple[str, ...]


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


def text_or_number(value: Any) -> bool:
    return text(value) or number(value)


def anything(value: Any) -> bool:
    return True


WORDS: Mapping[Callable[[Any], bool], str] = {
    text: "text",
    truth: "true or false",
    number: "a number",
    count: "a whole number",
    positive: "a whole number above 0",
    text_or_number: "text or a number",
}

PARTS = ("train", "val", "test")
TASKS = OneOf(("classification", "regression", "multi_label"))
MEASURED = Each(OrNull(number))
SCORES = {"loss": OrNull(number), "recall": Maybe(MEASURED), OTHERS: OrNull(number)}
DIVERGED: Shape = {"epoch": count, "step": count, "layer": text, "what": text}

INFO: Shape = {
    "name": text,
    "status": OneOf(("running", "finished", "stopped", "diverged", "interrupted")),
    **dict.fromkeys(("epochs", "epochs_asked", "steps"), count),
    **dict.fromkeys(("steps_per_epoch", "rows_a_step", "parameters", "threads"), positive),
    "best_epoch": OrNull(count),
    "seconds": number,
    "samples_per_second": OrNull(number),
    "flop_a_step": number,
    "initial": OrNull(MEASURED),
    **dict.fromkeys(PARTS, OrNull(SCORES)),
    "baselines": OrNull(
        {
            **{model: Each(OrNull(MEASURED)) for model in ("constant", "linear", "knn")},
            "best_feature": OrNull({"feature": text, "part": text, OTHERS: OrNull(number)}),
        }
    ),
    "diverged": OrNull(DIVERGED),
    "notices": [text],
    "versions": Each(text),
    **dict.fromkeys(("started", "command", "git_commit", "config_sha256", "data_sha256"), Maybe(text)),
}

EXTREME: Shape = Maybe({"feature": text, "value": OrNull(number)})

CARD: Shape = {
    "origin": text,
    "task": TASKS,
    "rows": positive,
    "features": positive,
    "target": [text],
    "classes": OrNull([text]),
    "image_shape": OrNull([positive]),
    "split": {"own_test": truth, OTHERS: truth},
    "parts": {
        part: {
            "rows": positive if part == "train" else count,
            "class_counts": Maybe(Each(count)),
            "target": Maybe({name: [OrNull(number)] for name in ("mean", "std", "min", "max")}),
        }
        for part in PARTS
    },
    "entropy": Maybe(number),
    "majority": Maybe({"class": text, **dict.fromkeys(PARTS, OrNull(number))}),
    "order": MEASURED,
    "feature_statistics": {"listed": count, "name": [text], OTHERS: [OrNull(number)]},
    "feature_summary": {
        "constant": count,
        "constant_names": [text],
        "missing": count,
        **dict.fromkeys(("std_min", "std_max"), OrNull(number)),
        OTHERS: EXTREME,
    },
    "input": MEASURED,
    "duplicates": {
        **dict.fromkeys(("within_train", "val_in_train", "test_in_train", "test_in_val"), count),
        OTHERS: count,
    },
}

PANEL: Shape = {  # of a dense layer, at step 0
    "layer": text,
    "inputs": count,
    "units": count,
    "activation": text,
    **dict.fromkeys(("W_std", "W_std_suited", "W_std_declared", "b_mean", "b_std"), OrNull(number)),
    **dict.fromkeys(("Z_mean", "Z_std", "Z_spread", "A_std", "A_spread"), OrNull(number)),
    **dict.fromkeys(("dead_share", "flat_share", "gradient_norm", "gradient_rms", "twin_units"), OrNull(number)),
    OTHERS: OrNull(number),
}

SIGNALS: Shape = {
    "start": {
        "loss": OrNull(number),
        "layers": [PANEL],
        "output": MEASURED,
        "gradient_errors": [{"layer": text, "entries": count, "error": OrNull(number)}],
        "target": MEASURED,
    },
    "order": MEASURED,
    "end": Maybe(
        {
            "finite": truth,
            "penalty_over_data": Maybe(number),
            "data_gradient": Maybe(number),
            "layers": Maybe([{"layer": text, "W_rms": OrNull(number), "moved": OrNull(number)}]),
            "confident_errors": Maybe(MEASURED),  # of earlier runs
            "giveaway": Maybe({"feature": text, "val": OrNull(number), "test": OrNull(number)}),
            "repeated_rows": Maybe(Each([count])),
            "copied_target": Maybe({"column": text, "kind": text, OTHERS: anything}),
        }
    ),
    "plain_network": Maybe(MEASURED),
    "attainable": Maybe({"without_best": Maybe({"score": OrNull(number), OTHERS: anything}), OTHERS: OrNull(number)}),
}

STEP_LOG: Shape = {
    "epochs": [count],
    "steps": [count],
    "rates": [number],
    "regular": count,
    "kinds": [text],
    "best": OrNull([OrNull(number)]),
    "last": OrNull([OrNull(number)]),
}

COMMIT: Shape = {
    "epoch": count,
    "step": count,
    "files": Each({"rows": count, "bytes": Maybe(count)}),
    "tensor_epochs": [count],
    "stride": positive,
    "diverged": Maybe(DIVERGED),
    "step_log": Maybe(STEP_LOG),
}

LABELS: Shape = {"tags": Maybe([text]), "note": Maybe(text)}

DIAGNOSIS: Shape = {
    "verdict": text,
    "findings": [
        {
            "rule": text,
            "severity": text,
            "confidence": Maybe(number),
            "stage": text,
            "where": Maybe(Each(OrNull(text_or_number))),
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
    return next(misfits(value, shape, where), None)


def misfits(value: Any, shape: Shape, where: str) -> Iterator[str]:
    here = where.lstrip(".")
    match shape:
        case Maybe() | OrNull():
            if value is not None:
                yield from misfits(value, shape.shape, where)
        case OneOf():
            if not (text(value) and value in shape.words):
                yield f"{here} is none of {', '.join(shape.words)}"
        case Each() | dict():
            entries = {OTHERS: shape.shape} if isinstance(shape, Each) else shape
            if not isinstance(value, dict):
                yield f"{here or 'it'} is no mapping"
                return
            for key, entry in entries.items():
                if key is not OTHERS and key not in value and not isinstance(entry, Maybe):
                    yield f"{where}.{key} is missing".lstrip(".")
            for key, found in value.items():
                entry = entries.get(key, entries.get(OTHERS, anything))
                yield from misfits(found, entry, f"{where}.{key}"[:100])
        case list():
            if not isinstance(value, list):
                yield f"{here} is no list"
                return
            for index, found in enumerate(value):
                yield from misfits(found, shape[0], f"{where}[{index}]")
        case _:
            if not shape(value):
                yield f"{here} is not {WORDS.get(shape, 'as it should be')}"


def info_misfit(info: Mapping[str, Any]) -> str | None:
    """What in run.json, each value of which is as it should be, contradicts the rest."""
    if info["status"] == "diverged" and info["diverged"] is None:
        return "status is diverged, and diverged does not say where"
    names = [list(info[part]) for part in PARTS if info[part] is not None]
    if any(others != names[0] for others in names):
        return "train, val and test have not the same scores"
    return None


def card_misfit(card: Mapping[str, Any]) -> str | None:
    """What in data.json, each value of which is as it should be, contradicts the rest."""
    classes, parts = card["classes"], card["parts"]
    if not card["target"]:
        return "target is empty"
    if (card["task"] == "classification") != bool(classes):
        return f"classes are not those of a {card['task']}"
    if classes:
        for name in ("entropy", "majority"):
            if card.get(name) is None:
                return f"{name} is missing"
        for part, entry in parts.items():
            counts = entry.get("class_counts")
            if counts is None or list(counts) != classes or sum(counts.values()) != entry["rows"]:
                return f"parts.{part}.class_counts are not its rows by class"
    else:
        for part, entry in parts.items():
            moments = entry.get("target")
            if (moments is None) != (entry["rows"] == 0) or any(
                len(values) != len(card["target"]) for values in (moments or {}).values()
            ):
                return f"parts.{part}.target is not of each target"
    listed = card["feature_statistics"]["listed"]
    if listed > card["features"] or any(
        len(values) != listed for name, values in card["feature_statistics"].items() if name != "listed"
    ):
        return "feature_statistics is not of each feature"
    return None
