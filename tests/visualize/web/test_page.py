"""report.html in a real browser: what it shows is what was trained, and it does nothing else."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from nn_scratch.config.project import SOURCE
from nn_scratch.config.resolve import change_config, config_from, load_config, override_config
from nn_scratch.errors import UserError
from nn_scratch.experiments.train import train
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.runs.run import Run
from nn_scratch.visualize.compare import Comparison
from nn_scratch.visualize.replay import Replay
from nn_scratch.visualize.view import View
from nn_scratch.visualize.web.document import BASELINES, balanced_scores, verdict
from nn_scratch.visualize.web.page import MODULES, comparison_page, digest, script
from tests.conftest import edit_json, trained
from tests.visualize.web.conftest import VIEWS, axe_core, written

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028"
MOONS = {"type": "moons", "rows": 120}
HIDDEN = [{"type": "dense", "units": 6, "activation": "relu"}, {"type": "dense", "units": 5, "activation": "tanh"}]


@pytest.mark.parametrize(
    "kind",
    [
        "classes",
        "images",
        "regression",
        "plane",
        "linear",
        "diverged",
        "killed",
        "one_epoch",
        "nothing_logged",
        "labels",
    ],
)
def test_every_view_opens_without_a_message_and_with_one_request(
    kind: str, runs: dict[str, Run], tab: Any, tmp_path: Path
) -> None:
    run = runs.get(kind) or other_run(kind, tmp_path)
    opened = tab(written(run, tmp_path))
    for view in VIEWS:
        opened.go(v=view)
        assert opened.page.inner_text("#view").strip(), view
        opened.page.click("text=as a table")
    assert opened.messages == []
    assert len(opened.requests) == 1
    assert "undefined" not in opened.text
    assert "NaN" not in opened.text
    assert "None" not in opened.text


def other_run(kind: str, folder: Path) -> Run:
    if kind == "one_epoch":
        return trained(folder, kind, "wine", train={"epochs": 1})
    if kind == "nothing_logged":
        return trained(
            folder, kind, "wine", log={"weights": False, "gradients": False, "activations": False, "optimizer": False}
        )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    lines = ["a,b,c,first,second", *(f"{a},{b},{c},{int(a > 0)},{int(b + c > 0)}" for a, b, c in X)]
    path = folder / "labels.csv"
    path.write_text("\n".join(lines))
    return trained(
        folder, kind, str(path), data={"source": str(path), "target": ["first", "second"], "task": "multi_label"}
    )


def test_a_page_is_no_larger_than_asked(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    run = train(load_config(None, ["data.source=digits", "train.epochs=20"]), tmp_path)
    for megabytes in (0.3, 0.5, 1.0):
        path = written(run, tmp_path, megabytes=megabytes)
        assert path.stat().st_size <= megabytes * 1e6
        assert tab(path).messages == []
    with pytest.raises(
        UserError, match=r"^--page-megabytes 0.01: the page takes more without any array; write 0.\d or"
    ):
        written(run, tmp_path, megabytes=0.01)


def test_every_kind_of_event_has_a_mark_and_a_button(tab: Any, tmp_path: Path) -> None:
    dead = [{"type": "dense", "units": 6, "activation": "relu", "bias_init": -10.0}]
    opened = tab(written(trained(tmp_path, "dead", MOONS, layers=dead), tmp_path))
    events = opened.ask("() => JSON.parse(document.getElementById('content').textContent).runs[0].events")
    kinds = {event["kind"] for event in events}
    assert {"best", "death"} <= kinds
    for kind in kinds:
        epochs = sorted({event["epoch"] for event in events if event["kind"] == kind})
        assert opened.ask("kind => document.querySelectorAll(`.tick.mark-${kind}`).length", kind) == len(epochs)
        opened.go(e=epochs[-1])
        opened.page.focus(f"#mark-{kind}")
        opened.page.keyboard.press("Enter")
        assert opened.ask("() => nnPage.state().e") == epochs[0]
        assert events[0]["text"] in opened.page.get_attribute(f"#mark-{events[0]['kind']}", "title")


def test_where_there_are_no_epochs_to_play_none_are_offered(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    for run, plays, slides in (
        (runs["classes"], True, True),
        (other_run("one_epoch", tmp_path), False, True),
        (runs["diverged"], False, False),
    ):
        opened = tab(written(run, tmp_path))
        assert opened.page.is_visible("#play") == plays == ("Play the epochs" in opened.text)
        assert opened.page.is_visible("#epoch") == slides


def test_the_next_mistake_of_labels_has_a_wrong_one(tab: Any, tmp_path: Path) -> None:
    opened = tab(written(other_run("labels", tmp_path), tmp_path))
    opened.go(v="row", k="val", e=0)
    rows = set()
    for _ in range(3):
        opened.page.click("text=next mistake")
        rows.add(opened.ask("() => nnPage.state().r"))
        labels = re.findall(r"(\S+) predicted, ([01]) true", opened.page.inner_text("#view .words"))
        assert len(labels) == 2
        assert any((float(predicted.replace("−", "-")) >= 0.5) != (truth == "1") for predicted, truth in labels)
    assert len(rows) > 1
    opened.go(v="classes")
    assert "recall" in opened.page.inner_text("#view")


def test_what_is_missing_is_said(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    assert "log.weights: false" in tab(written(other_run("nothing_logged", tmp_path), tmp_path)).page.text_content(
        "footer"
    )
    assert "diverged in epoch" in tab(written(runs["diverged"], tmp_path)).text
    killed = tab(written(runs["killed"], tmp_path)).text
    assert "draw it again" in killed
    assert "no weights are on disk yet" in killed


def test_a_wide_network_is_pooled_and_says_so(tab: Any, tmp_path: Path) -> None:
    run = trained(
        tmp_path,
        "wide",
        "digits",
        layers=[{"type": "dense", "units": 10_000}],
        train={"epochs": 1, "batch_size": 512},
        log={"probe_rows": 32, "activations": False},
    )
    path = written(run, tmp_path, megabytes=2.0)
    assert path.stat().st_size < 2e6
    opened = tab(path)
    assert "too large for this page" in opened.page.text_content("footer")
    assert opened.ask("() => nnPage.maxError('W', 'hidden_1')") is None
    W = run.weights("hidden_1.W")[1]
    i, u = 31, 5000
    shown = opened.ask("(i, u) => nnPage.value('W', 'hidden_1', i, u, 1)", i, u)
    assert np.isclose(W, shown, atol=1e-4).any()
    assert abs(shown) >= abs(W[i, u]) - 1e-4
    for view in VIEWS:
        opened.go(v=view)
    assert opened.messages == []


def test_cells_are_those_of_the_log_within_the_stated_error(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    run = runs["images"]
    opened = tab(written(run, tmp_path))
    rng = np.random.default_rng(3)
    checked = 0
    for kind, read in (("W", run.weights), ("G", run.gradients)):
        for layer in run.layer_names:
            error = opened.ask("(k, l) => nnPage.maxError(k, l)", kind, layer)
            for _ in range(20):
                row = int(rng.integers(len(run.epochs)))
                i, u = (int(rng.integers(side)) for side in read(f"{layer}.W").shape[1:])
                shown = opened.ask("(...a) => nnPage.value(...a)", kind, layer, i, u, int(run.epochs[row]))
                assert abs(shown - read(f"{layer}.W")[row, i, u]) <= error
                checked += 1
            assert error <= 1e-3 * np.abs(read(f"{layer}.W")).max()
    assert checked == 2 * 20 * len(run.layer_names)


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge"])
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_rows_and_rest_are_the_logged_gradient(loss: str, weights: str | None, tab: Any, tmp_path: Path) -> None:
    """With every probe row in the page, the rest is what their rounding leaves: the replay is the training's own."""
    run = trained(tmp_path, "sums", "wine", loss=loss, class_weight=weights, log={"probe_rows": 40})
    opened = tab(written(run, tmp_path))
    rng = np.random.default_rng(0)
    for layer in run.layer_names:
        G = run.gradients(f"{layer}.W")
        for row, epoch in enumerate(run.epochs.tolist()):
            i, u = (int(rng.integers(side)) for side in G.shape[1:])
            chain = opened.ask("(...a) => nnPage.chain(...a)", layer, i, u, epoch)
            most = np.abs(G[row]).max()
            assert len(chain["rows"]) == 40
            total = sum(entry["product"] for entry in chain["rows"])
            assert abs(total + chain["rest"] - G[row, i, u]) <= 1e-3 * most
            assert abs(total - G[row, i, u]) <= 1e-3 * most
            assert all(abs(entry["x"] * entry["delta"] - entry["product"]) < 1e-12 for entry in chain["rows"])


@pytest.mark.parametrize(
    "optimizer",
    [
        {"type": "sgd", "lr": 0.05},
        {"type": "sgd", "lr": 0.05, "momentum": 0.9},
        {"type": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True},
        {"type": "adam", "lr": 0.01},
        {"type": "adamw", "lr": 0.01},
        {"type": "rmsprop", "lr": 0.01},
        {"type": "adagrad", "lr": 0.05},
    ],
    ids=lambda o: o["type"] + str(o.get("momentum", "")) + str(o.get("nesterov", "")),
)
def test_the_optimizers_step_is_the_logged_change(optimizer: dict[str, Any], tab: Any, tmp_path: Path) -> None:
    run = trained(
        tmp_path, "steps", "wine", optimizer=optimizer, regularize={"l2": 0.01, "clip_norm": 0.5}, train={"epochs": 12}
    )
    opened = tab(written(run, tmp_path))
    log = run.step_log
    assert log is not None
    rng = np.random.default_rng(1)
    for layer in run.layer_names:
        update = run.step("update", f"{layer}.W")
        for row, epoch in enumerate(log.epochs):
            for _ in range(5):
                i, u = (int(rng.integers(side)) for side in update.shape[1:])
                step = opened.ask("(...a) => nnPage.chain(...a)", layer, i, u, epoch)["step"]
                allowed = 1e-5 * np.abs(update[row]).max() + step["maxError"]
                assert abs(step["change"] - update[row, i, u]) <= allowed
                assert abs(step["update"] - update[row, i, u]) <= allowed
                assert step["step"] == log.steps[row]
    assert opened.ask("() => nnPage.chain('output', 0, 0, 7).step") is None


@pytest.mark.parametrize("optimizer", ["nadam", "lion"])
def test_other_optimizers_show_their_slots_and_the_change(optimizer: str, tab: Any, tmp_path: Path) -> None:
    run = trained(tmp_path, "others", "wine", optimizer=optimizer)
    step = tab(written(run, tmp_path)).ask("() => nnPage.chain('output', 0, 0, 4).step")
    assert step["update"] is None
    assert step["slots"]
    assert abs(step["change"] - run.step("update", "output.W")[-1, 0, 0]) <= step["maxError"]


def layer_cases() -> list[Any]:
    """A network with every activation, and with every type of layer."""
    cases = []
    for name in ACTIVATIONS:
        cases.append(
            pytest.param(
                [{"type": "dense", "units": 6, "activation": name}, {"type": "dense", "units": 4}],
                id=f"activation-{name}",
            )
        )
    inner: dict[str, Any] = {
        "dense": {"type": "dense", "units": 6},
        "activation": {"type": "activation", "function": "relu"},
        "residual": {"type": "residual", "layers": [{"type": "dense", "units": 6}]},
    }
    for name in LAYERS:
        middle = inner.get(name, name)
        cases.append(
            pytest.param(
                [{"type": "dense", "units": 6, "activation": "identity"}, middle, {"type": "dense", "units": 4}],
                id=f"layer-{name}",
            )
        )
    assert len(cases) > 15
    return cases


@pytest.mark.parametrize("layers", layer_cases())
def test_a_row_passes_as_it_passed_the_network(layers: list[Any], tab: Any, tmp_path: Path) -> None:
    run = trained(tmp_path, "rows", "wine", layers=layers, train={"epochs": 2})
    opened = tab(written(run, tmp_path))
    assert opened.messages == []
    opened.go(v="row", k="train")
    for layer in run.layer_names:
        A = run.activations(layer)
        for row, epoch in enumerate(run.epochs.tolist()):
            shown = opened.ask(
                "(l, n, e) => Array.from({length: n}, (_, u) => nnPage.value('A', l, 7, u, e))",
                layer,
                A.shape[2],
                epoch,
            )
            np.testing.assert_allclose(np.array(shown, float), A[row, 7], atol=1e-3 * max(1.0, np.abs(A[row]).max()))
    number = int(run.probe["rows"][7])
    opened.go(r=7, e=2)
    said = opened.page.inner_text("#view")
    truth = run.card["classes"][int(run.probe["y"][7])]
    assert f"Row {number} of the source" in said
    assert f"the true class is {truth}" in said


def test_the_boundary_of_a_batch_norm_run_is_that_of_each_epoch(tab: Any, tmp_path: Path) -> None:
    layers = [
        {"type": "dense", "units": 6, "activation": "identity"},
        "batch_norm",
        {"type": "activation", "function": "relu"},
    ]
    run = trained(tmp_path, "norm", MOONS, layers=layers)
    opened = tab(written(run, tmp_path))
    opened.go(v="boundary", e=0)
    assert opened.messages == []
    replay = Replay(run)
    logits = run.activations("output")[0].astype(float)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(replay.outputs(0, run.probe["X"]), expected, atol=1e-5)


def test_hostile_names_stay_text(own: Any, tab: Any, tmp_path: Path) -> None:
    run = own("classes")
    edit_json(run.path / "run.json", notices=[EVIL])
    card = json.loads((run.path / "data.json").read_text())
    card = json.loads(json.dumps(card).replace(f'"{card["classes"][0]}":', json.dumps(EVIL) + ":"))
    card["classes"][0] = EVIL
    card["feature_statistics"]["name"][0] = EVIL
    (run.path / "data.json").write_text(json.dumps(card))
    finding = {
        "rule": EVIL,
        "severity": EVIL,
        "because": EVIL,
        "where": {"layer": EVIL, "epoch": 2},
        "stage": EVIL,
        "evidence": {EVIL: EVIL},
        "symptoms": [EVIL],
        "source": EVIL,
        "patches": [{"set": {EVIL: EVIL}, "why": EVIL}],
    }
    (run.path / "diagnosis.json").write_text(json.dumps({"verdict": EVIL, "summary": EVIL, "findings": [finding]}))
    path = written(Run(run.path), tmp_path)
    opened = tab(path)
    for view in VIEWS:
        opened.go(v=view)
    assert opened.messages == []
    assert opened.page.query_selector("img") is None
    assert opened.page.evaluate("document.scripts.length") <= 4 + path.read_text().count("octet-stream")
    assert "alert(1)" in opened.text
    thrown = opened.ask(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return 'no' } catch (e) { return e.name } }"
    )
    assert thrown == "TypeError"


def test_state_stands_in_the_hash_and_comes_back(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    path = written(runs["images"], tmp_path)
    opened = tab(path)
    wanted = {"v": "unit", "l": "hidden_2", "k": "G", "e": 1, "i": 5, "u": 2, "r": 17, "s": "images-001"}
    assert opened.go(**wanted) == wanted
    address = opened.page.evaluate("location.href")
    assert tab(address).ask("() => nnPage.state()") == wanted
    opened.page.evaluate("location.hash = '#v=chain&e=2'")
    opened.until("nnPage.state().v === 'chain'")
    assert opened.ask("() => nnPage.state().e") == 2
    assert opened.go(v="nowhere", l="nothing", e=1e9, u=-3)["v"] == "chain"
    assert opened.ask("() => nnPage.state().e") == 2
    assert opened.ask("() => nnPage.state().u") == 0
    assert opened.ask("() => Object.isFrozen(nnPage)")


def test_keys(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    run = runs["classes"]
    opened = tab(written(run, tmp_path))
    press = opened.page.keyboard.press
    state = lambda key: opened.ask("key => nnPage.state()[key]", key)  # noqa: E731
    opened.page.evaluate("document.activeElement.blur()")
    for key, wanted in (
        ("Home", 0),
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 4),
        ("Shift+ArrowLeft", 0),
        ("b", View(run).best_epoch),
    ):
        press(key)
        assert state("e") == wanted, key
    for place, view in enumerate(VIEWS[:9], start=1):
        press(str(place))
        assert state("v") == view
    press("2")
    press("]")
    assert state("l") == "hidden_2"
    press("[")
    assert state("l") == "hidden_1"
    opened.page.focus(".matrix")
    opened.go(i=0, u=0)
    opened.page.focus(".matrix")
    press("ArrowDown")
    press("ArrowRight")
    assert (state("i"), state("u")) == (1, 1)
    press("Enter")
    assert state("v") == "chain"
    press("Escape")
    assert state("v") != "chain"
    opened.go(v="unit")
    opened.page.focus("#unitnumber")
    press("b")
    press("1")
    assert state("v") == "unit"
    opened.page.evaluate("document.activeElement.blur()")
    press("?")
    assert opened.page.is_visible("dialog")
    press("Escape")
    assert not opened.page.is_visible("dialog")


@pytest.mark.parametrize("kind", ["images", "plane", "regression", "diverged"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation(kind: str, theme: str, runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    axe = axe_core()
    opened = tab(written(runs[kind], tmp_path), theme=theme)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
    for view in VIEWS:
        opened.go(v=view)
        found = axe.run(opened.page, options=rules).response["violations"]
        assert [(view, one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found] == []


def test_nothing_traps_the_keyboard(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    opened = tab(written(runs["images"], tmp_path))
    for view in ("network", "weights", "row"):
        opened.go(v=view)
        opened.page.evaluate("document.activeElement.blur()")
        count = opened.ask("() => document.querySelectorAll('button, select, input, summary, [tabindex=\"0\"]').length")
        seen = []
        for _ in range(count + 8):
            opened.page.keyboard.press("Tab")
            seen.append(
                opened.ask("() => document.activeElement === document.body || document.activeElement.id === 'go-guide'")
            )
        assert any(seen), view
        assert opened.ask("() => document.activeElement") is not None


@pytest.mark.parametrize("kind", ["images", "plane", "regression"])
def test_320_pixels_need_no_sideways_scrolling(kind: str, runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    opened = tab(written(runs[kind], tmp_path), width=320)
    for view in VIEWS:
        opened.go(v=view)
        assert opened.ask("() => document.documentElement.scrollWidth") <= 320, view


def test_the_patch_is_a_difference_and_show_goes_there(own: Any, tab: Any, tmp_path: Path) -> None:
    run = own("classes")
    finding = {
        "rule": "lr_too_high",
        "severity": "critical",
        "confidence": 0.9,
        "stage": "first_steps",
        "because": "the steps are too long",
        "where": {"layer": "hidden_2", "epoch": 3, "step": None},
        "evidence": {"ratio": 1.8},
        "symptoms": [],
        "source": "a book",
        "patches": [
            {"set": {"optimizer.lr": 0.001}, "why": "a tenth"},
            {"set": {"layers.1.activation": "tanh", "train.epochs": 9}, "why": "another function"},
            {"set": {"no.such": 1}, "why": "no change of a config"},
        ],
    }
    (run.path / "diagnosis.json").write_text(
        json.dumps({"verdict": "sick", "summary": "sick: lr_too_high", "findings": [finding]})
    )
    opened = tab(written(Run(run.path), tmp_path))
    assert opened.page.inner_text("header .diff").split("\n") == ["- optimizer.lr: 0.01", "+ optimizer.lr: 0.001"]
    opened.go(v="doctor")
    assert re.split(r"\s+", opened.page.inner_text(".finding .buttons >> nth=0")) == ["copy", "YAML", "copy", "command"]
    rate, function = opened.ask("() => nnPage.findings()")[0]["patches"]
    before = config_from(run.config)
    assert (
        config_from(yaml.safe_load(rate["yaml"])).optimizer == change_config(before, {"optimizer.lr": 0.001}).optimizer
    )
    pasted = config_from(yaml.safe_load(function["yaml"]))
    assert pasted.layers == change_config(before, {"layers.1.activation": "tanh"}).layers
    assert pasted.train.epochs == 9
    assert ["+", "layers.1.activation (hidden_2): tanh"] in function["lines"]
    *_, typed, epochs = shlex.split(function["command"])
    assert override_config(before, [typed, epochs]).layers == pasted.layers
    opened.page.click("#show-0")
    state = opened.ask("() => nnPage.state()")
    assert (state["l"], state["e"]) == ("hidden_2", 3)
    assert state["v"] != "doctor"


def test_no_rows_leaves_the_rows_out(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    path = written(runs["images"], tmp_path, rows_inside=False)
    opened = tab(path)
    assert opened.ask("() => nnPage.chain('hidden_1', 0, 0, 1).rows") == []
    for view in VIEWS:
        opened.go(v=view)
    assert opened.messages == []
    assert "No row of the data is inside this file." in opened.text
    assert "Rows of the data are inside" in tab(written(runs["images"], tmp_path)).text


def test_several_runs_on_one_page(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    path = tmp_path / "compared.html"
    path.write_text(comparison_page(Comparison([View(runs["classes"]), View(runs["plane"])])))
    opened = tab(path)
    opened.go(v="compare")
    said = opened.page.inner_text("#view")
    assert "data.source" in said
    assert "classes-001" in said
    assert opened.go(s="plane-001", v="boundary")["s"] == "plane-001"
    assert opened.page.inner_text("h1").startswith("plane-001")
    assert opened.messages == []


def test_the_policy_names_the_scripts_own_digest(runs: dict[str, Run], tmp_path: Path) -> None:
    text = written(runs["classes"], tmp_path).read_text()
    assert f"script-src 'sha256-{digest(script())}'" in text
    assert "trusted-types 'none'" in text
    assert "unsafe" not in text.split("<title>")[0]


def test_modules_share_no_name_and_import_what_comes_before() -> None:
    import re

    from nn_scratch.visualize.web.page import HERE

    assert {path.name for path in HERE.glob("*.js")} == set(MODULES)
    declared: dict[str, str] = {}
    for place, name in enumerate(MODULES):
        source = (HERE / name).read_text()
        for found in re.findall(
            r"^(?:export )?(?:const|let|async function|function|class) (\w+)", source, re.MULTILINE
        ):
            assert found not in declared, f"{name} and {declared.get(found)} both declare {found}"
            declared[found] = name
        for names, origin in re.findall(r'^import \{([^}]*)\} from "\./([a-z]+\.js)";$', source, re.MULTILINE):
            assert origin in MODULES[:place]
            exported = (HERE / origin).read_text()
            for one in names.split(","):
                assert re.search(
                    rf"^export (?:const|let|async function|function|class) {one.strip()}\b", exported, re.MULTILINE
                ), one
                assert len(re.findall(rf"\b{one.strip()}\b", source)) > 1, f"{name} imports {one.strip()} for nothing"
        assert "import " not in re.sub(
            r'^import \{[^}]*\} from "\./[a-z]+\.js";$', "", source, flags=re.MULTILINE
        ).replace("important", "")
        assert "innerHTML" not in source


NORM = "[{type: dense, units: 64, activation: identity}, batch_norm, {type: activation, activation: relu}]"
SIZED = {
    "digits": (),
    "spiral": ("data.source=spiral",),
    "fruit": (f"data.source={SOURCE / 'data' / 'fruit.csv'}",),
    "batch_norm": (f"layers={NORM}",),
}


@pytest.mark.parametrize("kind", SIZED)
def test_the_page_of_the_default_config_has_at_most_5_mb(kind: str, tab: Any, tmp_path: Path) -> None:
    run = train(load_config(None, [*SIZED[kind], f"name={kind}"]), tmp_path)
    path = written(run, tmp_path)
    assert path.stat().st_size <= 5_000_000
    opened = tab(path)
    epochs = opened.ask("() => nnPage.epochs()")
    assert {0, View(run).best_epoch, View(run).last_epoch} <= set(epochs)
    assert opened.ask("() => nnPage.chain('output', 0, 0, nnPage.epochs().at(-1)).step") is not None
    assert opened.messages == []


@pytest.mark.slow
def test_the_page_of_a_network_for_784_pixels_has_at_most_5_mb(tab: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "rows.npz", X=rng.normal(size=(400, 784)), y=rng.integers(10, size=400))
    layers = "layers=[{type: dense, units: 256}, {type: dense, units: 128}]"
    run = train(load_config(None, [f"data.source={tmp_path / 'rows.npz'}", layers]), tmp_path)
    path = written(run, tmp_path)
    assert path.stat().st_size <= 5_000_000
    opened = tab(path)
    assert len(opened.ask("() => nnPage.epochs()")) >= 4
    assert "logged epochs have weights here" in opened.page.text_content("footer")
    for view in VIEWS:
        opened.go(v=view)
    assert opened.messages == []


def test_the_stages_of_the_boundary_go_to_their_epochs(runs: dict[str, Run], tab: Any, tmp_path: Path) -> None:
    opened = tab(written(runs["plane"], tmp_path))
    last = opened.ask("() => nnPage.epochs().at(-1)")
    opened.go(v="boundary", e=last)
    pressed = opened.page.locator(".stage[aria-pressed=true]")
    assert pressed.inner_text() == f"epoch {last}"
    opened.page.click("#stage-0")
    assert opened.ask("() => nnPage.state().e") == 0
    assert pressed.inner_text() == "epoch 0"
    assert opened.messages == []


@pytest.mark.parametrize(
    ("figures", "well"),
    [
        ({"score": 0.61, "train_score": 1.0, "attainable": 0.64}, False),
        ({"score": 0.6396, "train_score": 1.0, "attainable": 0.64}, True),  # both are printed as 0.640
        ({"score": 0.7, "attainable": 0.64}, True),
        ({"score": 0.7}, False),
        ([], False),
    ],
)
def test_a_network_learns_well_that_reaches_what_can_be_reached(own: Any, figures: Any, well: bool) -> None:
    run = own("classes")
    (run.path / "diagnosis.json").write_text(
        json.dumps({"verdict": "healthy", "summary": "healthy", "figures": figures, "findings": []})
    )
    assert verdict(View(Run(run.path)))["well"] is well


def test_the_measure_of_the_verdict_is_named_beside_the_score(runs: dict[str, Run]) -> None:
    info = runs["classes"].info
    (own, value), (best, reached) = balanced_scores(View(runs["classes"]), "test")
    assert own == "this network"
    assert value == pytest.approx(info["test"]["balanced_accuracy"])
    known = [
        scores["test"]["balanced_accuracy"]
        for name, scores in info["baselines"].items()
        if name in BASELINES and "test" in scores
    ]
    assert best in BASELINES.values()
    assert reached == pytest.approx(max(known), abs=1e-5)
    assert balanced_scores(View(runs["regression"]), "test") == []
