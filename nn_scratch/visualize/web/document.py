"""The content of the page of a run, as plain values for JSON: texts, scores, curves, findings and table of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from shlex import quote
from typing import Any

import numpy as np

from nn_scratch.config.change_text import signed, to_paste, to_type
from nn_scratch.config.project import command
from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.errors import UserError
from nn_scratch.experiments.warm_start import model_kind
from nn_scratch.nn.layers.activation import ActivationLayer
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.network import Network
from nn_scratch.runs.folder import shown
from nn_scratch.runs.run import Run
from nn_scratch.visualize.events import events_of
from nn_scratch.visualize.plot import plots
from nn_scratch.visualize.view import SCORES, View, number, thinned
from nn_scratch.visualize.web.lessons import LESSONS
from nn_scratch.visualize.web.tensors import Tensors
from nn_scratch.wording import one_line, plural

MOST_POINTS = 2000  # of a curve
MOST_FEATURES = 4096  # whose names and scales are in the page
MOST_CHANGES = 8  # lines of a patch's difference
BASELINES = {
    "constant": "majority class",
    "linear": "logistic regression",
    "knn": "k-nearest neighbours",
    "best_feature": "best single feature",
}
PART_NAMES = {"train": "training", "val": "validation", "test": "test"}
OF_VALUES = {"constant": "mean of the target", "linear": "ridge regression"}  # where values are predicted
LOSSES = {
    "cross_entropy": "p - y: the predicted probability minus 1 for the true class, minus 0 for the others",
    "binary_cross_entropy": "p - y: the predicted probability minus the label",
    "mse": "2 (z - y) / outputs: twice the error",
    "mae": "the sign of the error",
}


def document(view: View, tensors: Tensors) -> dict[str, Any]:
    """The run's part of the page's JSON."""
    run = view.run
    config = run.config
    return {
        "name": view.name,
        "typed": run.as_typed,
        "status": view.status,
        "warning": view.warning,
        "asked": view.epochs_asked,
        "sentence": sentence(view, tensors),
        "performance": performance(view),
        "scores": score_table(view),
        "score": view.score,
        "score_label": SCORES.get(view.score, view.score),
        "verdict": verdict(view),
        "findings": findings(view),
        "task": view.task,
        "classes": view.class_names,
        "features": view.feature_names[:MOST_FEATURES],
        "targets": view.target_names,
        "image": view.image_shape,
        "scaling": scaling(tensors),
        "layers": layers(view, tensors),
        "epochs": [int(epoch) for epoch in tensors.epochs] if len(run.epochs) else [],
        "best": view.best_epoch,
        "last": view.last_epoch,
        "metrics": curves(view),
        "events": [{"epoch": event.epoch, "text": event.text, "kind": event.kind} for event in events_of(view)],
        "left_out": tensors.left_out,
        "notices": [str(notice) for notice in run.info.get("notices") or ()],
        "optimizer": optimizer(view),
        "regularize": config.get("regularize", {}),
        "loss": loss_of(view),
        "rows": rows(view, tensors),
        "plane": plane(tensors),
        "config": yaml_text(view),
        "draw_again": f"{command('visualize')} {run.as_typed}",
        "blocks": {name: block.header for name, block in tensors.blocks.items()},
    }


def sentence(view: View, tensors: Tensors) -> str:
    """A description of the network for a first-time reader."""
    outputs = view.widths[-1] if view.widths else len(view.class_names) or len(view.target_names)
    targets = ", ".join(view.target_names[:3]) + (" and more" if len(view.target_names) > 3 else "")
    what = {
        "classification": f"classifies {'images' if view.image_shape else 'rows'} of {view.data_name} "
        f"into {plural(len(view.class_names), 'class')}",
        "multi_label": f"predicts {plural(len(view.target_names), 'label')} for each row of {view.data_name}",
    }.get(view.task, f"predicts {targets} from {view.data_name}")
    inputs = plural(int(view.run.card.get("features") or 0), "pixel" if view.image_shape else "feature")
    answer = "1 number comes out" if outputs == 1 else f"{outputs:,} numbers come out"
    if view.classifies and outputs == len(view.class_names):
        answer += ", one per class"
    train = view.run.card.get("parts", {}).get("train", {}).get("rows", 0)
    trained = f"It was trained on {plural(train, 'row')} for {plural(view.last_epoch, 'epoch')}."
    if not view.last_epoch:
        trained = f"It has completed no epoch on its {plural(train, 'training row')}."
    return f"This network {what}: {inputs} go in, {hidden_layers(view)}, {answer}. {trained}"


def hidden_layers(view: View) -> str:
    """The hidden layers with their widths, as part of a sentence."""
    declared = [layer for layer in view.run.config.get("layers") or () if isinstance(layer, Mapping)]
    of_config = [layer["units"] for layer in declared if isinstance(layer.get("units"), int)]
    units = [f"{width:,}" for width in view.widths[1:-1] or of_config]
    if not units:
        return "there is no hidden layer"
    if len(units) == 1:
        return f"one hidden layer of {units[0]} units transforms them"
    return f"{len(units)} hidden layers ({listed_units(units)} units) transform them"


def listed_units(units: Sequence[str]) -> str:
    if len(units) > 6:
        return f"{', '.join(units[:3])}, ..., {units[-1]}"
    return f"{', '.join(units[:-1])} and {units[-1]}" if len(units) > 1 else units[0]


def scored_part(view: View) -> str | None:
    """The part whose scores are shown first: test rows, or validation rows where there are none."""
    return next((part for part in ("test", "val") if isinstance(view.run.info.get(part), dict)), None)


def baseline_name(view: View, name: str) -> str:
    return BASELINES[name] if view.classifies else OF_VALUES.get(name, BASELINES[name])


def baseline_scores(view: View, part: str) -> dict[str, float]:
    """The score of each baseline on a part, by its name in words; the best first."""
    found: dict[str, float] = {}
    for name, by_part in (view.run.info.get("baselines") or {}).items():
        scores = by_part.get(part) if isinstance(by_part, dict) else None
        value = number(scores.get(view.score)) if isinstance(scores, dict) else float("nan")
        if isfinite(value) and name in BASELINES:
            found[baseline_name(view, name)] = value
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def performance(view: View) -> str:
    """How well the network does, beside the best of the baselines."""
    info, part = view.run.info, scored_part(view)
    if part is None:
        how = {"running": "It has not finished", "diverged": "Training diverged"}.get(view.status, "It did not finish")
        return f"{how}, so there are no final scores."
    own, rows = number(info[part].get(view.score)), view.run.card["parts"][part]["rows"]
    if not isfinite(own):
        return ""
    accuracy = view.score == "accuracy"
    which = f"{plural(rows, f'{PART_NAMES[part]} row')}, unseen in training,"
    start = f"Of {which} {own:.1%} are classified correctly" if accuracy else f"On {which} R² is {own:.3f}"
    baselines = baseline_scores(view, part)
    if not baselines:
        return f"{start}."
    best, value = next(iter(baselines.items()))
    reached = f"{value:.1%}" if accuracy else f"{value:.3f}"
    by = f"{abs(own - value) * 100:.1f} points" if accuracy else f"{abs(own - value):.3f}"
    if by == ("0.0 points" if accuracy else "0.000"):
        return f"{start}, as by the best baseline ({best})."
    return f"{start}: {by} {'more' if own > value else 'less'} than the best baseline ({best}, {reached})."


def score_table(view: View) -> dict[str, Any]:
    """The scores of each part, and the baselines' below; `part`: the part that is shown first."""
    info, score = view.run.info, view.score
    parts = [part for part in ("train", "val", "test") if isinstance(info.get(part), dict)]
    table = [
        {"name": "this network", "own": True, "values": [finite(info[part].get(score)) for part in parts]},
    ]
    for name, by_part in (info.get("baselines") or {}).items():
        if isinstance(by_part, dict) and name in BASELINES:
            values = [finite((by_part.get(part) or {}).get(score)) for part in parts]
            if any(value is not None for value in values):
                table.append({"name": baseline_name(view, name), "own": False, "values": values})
    part = scored_part(view)
    rows = None if part is None else view.run.card["parts"][part]["rows"]
    balanced = balanced_scores(view, part)
    return {"parts": parts, "rows": table if parts else [], "part": part, "of": rows, "balanced": balanced}


def balanced_scores(view: View, part: str | None) -> list[tuple[str, float]]:
    """Balanced accuracy, which the doctor judges by, of the network and of the best baseline by it."""
    if part is None or not view.classifies:
        return []
    own = finite(view.run.info[part].get("balanced_accuracy"))
    best = {
        baseline_name(view, name): value
        for name, by_part in (view.run.info.get("baselines") or {}).items()
        if name in BASELINES and isinstance(by_part, dict)
        if (value := finite((by_part.get(part) or {}).get("balanced_accuracy"))) is not None
    }
    found = [] if own is None else [("this network", own)]
    return found + sorted(best.items(), key=lambda item: -item[1])[:1] if found else []


def finite(value: Any) -> float | None:
    found = number(value.item() if isinstance(value, np.generic) else value)
    return float(f"{found:.6g}") if isfinite(found) else None


def verdict(view: View) -> dict[str, Any]:
    diagnosis = view.run.diagnosis
    if not diagnosis:
        typed = f"{command('diagnose')} {view.run.as_typed}"
        return {"verdict": "unknown", "summary": "The doctor has not looked at this run yet.", "command": typed}
    words = {key: one_line(str(diagnosis.get(key) or "")) for key in ("summary", "note")}
    figures = diagnosis.get("figures")
    known = figures if isinstance(figures, Mapping) else {}
    score, attainable = (number(known.get(key)) for key in ("score", "attainable"))
    well = not words["note"] and round(score, 3) >= round(attainable, 3)  # with the digits of the summary
    return {"verdict": str(diagnosis.get("verdict")), "well": well, **words}


def findings(view: View) -> list[dict[str, Any]]:
    """Each finding with its evidence as words, its place, and its patches as differences of YAML."""
    found = []
    for finding in (view.run.diagnosis or {}).get("findings") or ():
        where = finding.get("where") or {}
        epoch = where.get("epoch")
        if not isinstance(epoch, int) and isinstance(where.get("step"), int):
            epoch = -(-where["step"] // max(1, view.run.info.get("steps_per_epoch") or 1))
        layer = where.get("layer")
        found.append(
            {
                "rule": str(finding["rule"]),
                "severity": str(finding["severity"]),
                "confidence": finite(finding.get("confidence")),
                "because": one_line(str(finding["because"])),
                "layer": layer if layer in view.run.layer_names else None,
                "epoch": min(epoch, view.last_epoch) if isinstance(epoch, int) else None,
                "unit": unit_of(finding),
                "evidence": [[key.replace("_", " "), evidence_text(value)] for key, value in evidence_of(finding)],
                "symptoms": [str(symptom) for symptom in finding.get("symptoms") or ()],
                "patches": [patch for patch in (patch_of(view, p) for p in finding.get("patches") or ()) if patch],
                "source": one_line(str(finding.get("source") or "")),
            }
        )
    return found


def evidence_of(finding: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in (finding.get("evidence") or {}).items() if value is not None]


def unit_of(finding: Mapping[str, Any]) -> int | None:
    unit = (finding.get("where") or {}).get("unit", (finding.get("evidence") or {}).get("unit"))
    return unit if isinstance(unit, int) and not isinstance(unit, bool) else None


def evidence_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return one_line(str(value))[:160]


def patch_of(view: View, patch: Mapping[str, Any]) -> dict[str, Any] | None:
    """A patch as lines of YAML that go and that come; None where it cannot be applied to the config."""
    new, config = patch.get("set"), view.run.config
    if not isinstance(new, dict) or not new:
        return None
    try:
        change_config(config_from(config), new)
    except UserError:
        return None
    lines = [*map(list, signed(new, config))]
    return {
        "lines": lines if len(lines) <= 2 * MOST_CHANGES else [*lines[: 2 * MOST_CHANGES], [" ", "..."]],
        "yaml": "\n".join(to_paste(new, config)),
        "command": f"{command('train')} --config {quote(shown(view.run.path / 'param.yaml'))} {to_type(new, config)}",
        "why": one_line(str(patch.get("why") or "")),
    }


def scaling(tensors: Tensors) -> dict[str, Any] | None:
    """The scaling from the network's inputs back to the table's own values; None where the model is not there."""
    if tensors.replay is None or not tensors.rows_inside:
        return None
    preprocessing: Preprocessing = tensors.replay.model.preprocessing
    if (tensors.run.path / "model.npz").exists() and preprocessing.n_features <= MOST_FEATURES:
        arrays = model_kind(tensors.run.model, "preprocessing/")
        if len(arrays):
            return {
                "offset": [float(f"{v:.7g}") for v in preprocessing.offset],
                "scale": [float(f"{v:.7g}") for v in preprocessing.scale],
            }
    return standard_scaling(tensors.view, len(tensors.run.probe["X"][0]))


def standard_scaling(view: View, features: int) -> dict[str, Any] | None:
    """The same for a run that left no model, from the statistics of its training rows, where it was standardized."""
    data, known = view.run.config.get("data"), view.run.card.get("feature_statistics")
    if not isinstance(data, Mapping) or data.get("scale") != "standard" or not isinstance(known, Mapping):
        return None
    mean, std = known.get("mean"), known.get("std")
    if not isinstance(mean, list) or not isinstance(std, list) or len(mean) != features or len(std) != features:
        return None
    if not all(isfinite(number(value)) for value in (*mean, *std)):
        return None
    return {"offset": mean, "scale": std}


def layers(view: View, tensors: Tensors) -> list[dict[str, Any]]:
    """The dense layers: widths, activation, what stands between each and the next."""
    network = None if tensors.replay is None else tensors.replay.model.network
    found = []
    for name in view.run.layer_names:
        entry: dict[str, Any] = {"name": name, "activation": "", "between": [], "own_input": name in tensors.own_input}
        entry |= {"direct": name in tensors.direct, "pooled": name in tensors.pooled}
        entry["surfaces"] = tensors.surface_units.get(name)
        if view.run.has("weights", f"{name}.W"):
            entry["inputs"], entry["units"] = map(int, view.run.weights(f"{name}.W").shape[1:])
        elif view.run.has("gradients", f"{name}.W"):
            entry["inputs"], entry["units"] = map(int, view.run.gradients(f"{name}.W").shape[1:])
        elif view.run.has("activations", name):
            entry["inputs"], entry["units"] = None, int(view.run.activations(name).shape[2])
        else:
            entry["inputs"] = entry["units"] = None
        if network is not None:
            entry |= between(network, name)
        found.append(entry)
    return found


def between(network: Network, name: str) -> dict[str, Any]:
    activation, following, here = "identity", [], False
    for layer in network.every_layer:
        if isinstance(layer, Dense):
            if here:
                break
            here = layer.name == name
            if here:
                activation = layer.f.registered_name
        elif here:
            following.append(layer.registered_name)
            if isinstance(layer, ActivationLayer) and activation == "identity":
                activation = layer.f.registered_name
    return {"activation": activation, "between": following}


def curves(view: View) -> dict[str, list[float | None]]:
    """metrics.csv, epoch 0 in front."""
    metrics = view.metrics
    kept = thinned(len(metrics["epoch"]), MOST_POINTS) if len(metrics["epoch"]) else np.zeros(0, int)
    return {name: [finite(value) for value in np.asarray(values)[kept]] for name, values in metrics.items()}


def scores_since(run: Run, epoch: int) -> dict[str, list[float | None]]:
    """The rows of metrics.csv behind that of an epoch, by column."""
    return {name: [finite(value) for value in values[max(0, epoch) :]] for name, values in run.metrics.items()}


def optimizer(view: View) -> dict[str, Any]:
    """Its name and parameters, and the steps that the page holds."""
    declared = view.run.config.get("optimizer")
    plain = dict(declared) if isinstance(declared, Mapping) else {"type": str(declared)}
    log = view.run.step_log
    steps = {} if log is None else {str(e): [s, r] for e, s, r in zip(log.epochs, log.steps, log.rates, strict=True)}
    return {"parameters": plain, "steps": steps, "kinds": [] if log is None else list(log.kinds)}


def loss_of(view: View) -> dict[str, str]:
    declared = view.run.config.get("loss")
    name = declared.get("type") if isinstance(declared, Mapping) else declared
    if name in (None, "auto"):
        name = {"classification": "cross_entropy", "multi_label": "binary_cross_entropy"}.get(view.task, "mse")
    return {"name": str(name), "delta": LOSSES.get(str(name), "the loss's derivative")}


def rows(view: View, tensors: Tensors) -> dict[str, Any]:
    """The single rows: their numbers in the source and what is true of them."""
    probe = view.run.probe
    found: dict[str, Any] = {
        "probe": len(probe["X"]),
        "shown": tensors.probe_shown,
        "numbers": [int(probe["rows"][i]) for i in tensors.probe_shown],
        "y": truth(view, probe["y"], tensors.probe_shown, tensors),
        "val_shown": tensors.val_shown,
        "val_numbers": [],
        "val_y": [],
        "val_decided": tensors.decided_val,
        "inside": tensors.rows_inside,
        "labels": np.asarray(probe["y"]).tolist() if view.classifies and not tensors.blocks else [],
    }
    if "X_val" in probe and tensors.val_shown:
        everything: Sequence[int] = range(len(probe["y_val"]))
        found["val_numbers"] = [int(row) for row in probe["rows_val"]]
        found["val_y"] = truth(view, probe["y_val"], everything, tensors)
    return found


def truth(view: View, y: Any, chosen: Sequence[int], tensors: Tensors) -> list[Any]:
    """Class numbers, or values in the target's own units."""
    if view.classifies:
        return [int(y[i]) for i in chosen]
    values = np.asarray(y, np.float64).reshape(len(y), -1)
    if tensors.replay is not None and view.task == "regression":
        values = tensors.replay.model.preprocessing.target_inverse(values)
    return [[finite(value) for value in values[i]] for i in chosen]


def plane(tensors: Tensors) -> dict[str, Any] | None:
    """The plane of two features: its bounds, and the probe rows in it."""
    if tensors.plane is None or not tensors.rows_inside:
        return None
    X, y = tensors.plane.points, np.asarray(tensors.plane.y).reshape(len(tensors.plane.points), -1)[:, 0]
    return {
        "extent": [float(value) for value in tensors.plane.extent],
        "side": tensors.plane.across,
        "x": [[finite(value) for value in row] for row in X],
        "y": [finite(value) for value in y],
    }


def yaml_text(view: View) -> str:
    _ = view.run.config  # that it can be read, and is no link
    return (view.run.path / "param.yaml").read_text(encoding="utf-8")


def rules() -> list[dict[str, str]]:
    """The faults that the doctor looks for, and their signs."""
    return [
        {"name": name, "title": lesson.title, "text": lesson.see, "state": lesson.state}
        for name, lesson in LESSONS.items()
    ]


def guide() -> list[dict[str, str]]:
    """How every plot is read, in the plots' own words."""
    return [
        {"title": plot.title, "text": " ".join(plot.how_to_read.split()), "look": plot.look}
        for plot in plots().values()
    ]
