// The chain rule of one weight, with the numbers that the training really had.

import { button, el, fill, fmt, table } from "./text.js";
import { go, layer, run, state, tensorEpoch } from "./state.js";
import { canvas, colour, largest, paint, sparkline } from "./draw.js";
import { chainOf, valueOf } from "./numbers.js";
import { fromName } from "./weights.js";

const MOST_ROWS = 10;

export const chainView = {
  title: "Chain rule",

  build(root) {
    this.root = root;
    this.update();
  },

  update() {
    const here = run();
    const { l, i, u, r } = state();
    const one = layer(l);
    const epoch = tensorEpoch();
    if (!one || !here.store.has(`W:${one.name}`) || one.pooled) {
      fill(this.root, el("p", {}, one?.pooled
        ? "This layer is too large for the page to hold its single weights; choose another layer."
        : "The chain rule of a weight needs log.weights: true."));
      this.found = null;
      return;
    }
    const focus = document.activeElement?.id;
    const found = (this.found = chainOf(one.name, i, u, epoch));
    const opened = found.rows.find((row) => row.row === r) ?? found.rows[0];
    fill(this.root, 
      el("div", { class: "controls" }, stepper("i", "from", i, one.inputs), stepper("u", "to unit", u, one.units),
        el("span", { class: "dim" }, `${fromName(here, one.name, i)} → ${one.name} unit ${u}, epoch ${epoch}`)),
      el("p", { class: "words" }, inWords(here, one, i, u, epoch, found)), flow(here, one, i, u, epoch, found),
      el("ol", { class: "steps" },
        el("li", {}, el("h3", {}, "The gradient: a sum over rows"), formula(), rowTable(here, one, found, opened)),
        opened ? el("li", {}, el("h3", {}, `δ of row ${opened.number}, from the layer after`), ...delta(here, one, u, epoch, opened)) : null,
        el("li", {}, el("h3", {}, "Penalties and clipping"), ...adjustments(here, one, i, u, epoch, found)),
        el("li", {}, el("h3", {}, "The optimizer's step"), ...optimizerStep(here, found, epoch)),
        el("li", {}, el("h3", {}, "The weight over the epochs"), ...movement(here, one, i, u, epoch))));
    if (focus) document.getElementById(focus)?.focus();
  },

  table() {
    return { heads: ["row in the source", "x", "delta", "product"], rows: (this.found?.rows ?? []).map((row) => [row.number, row.x, row.delta, row.product]) };
  },

  picture() {
    return this.root.querySelector("canvas");
  },
};

function stepper(key, label, value, count) {
  return el("label", { class: "picker" }, `${label} `, el("input", { id: `chain-${key}`, type: "number", min: "0", max: String(count - 1), value: String(value),
    on: { change: (event) => go({ [key]: Number(event.target.value) }) } }));
}

/** The four numbers of the story, one after another: gradient, what the optimizer got, its step, the weight. */
function flow(here, one, i, u, epoch, found) {
  const box = (label, value, note) => el("li", {}, el("span", { class: "dim" }, label), el("strong", {}, fmt(value)), el("span", { class: "dim" }, note));
  const step = found.step;
  return el("ol", { class: "flow", "aria-label": "from the gradient to the weight" },
    box("gradient ∂L/∂w", found.gradient, `sum over ${here.rows.probe.toLocaleString("en")} probe rows`),
    step ? box("gradient in the optimizer", step.gradient, "last batch of the epoch, with penalties and clipping") : null,
    step ? box(`step of ${here.optimizer.parameters.type}, Δw`, step.change, `learning rate ${fmt(step.lr)}`) : null,
    box("weight w", valueOf("W", one.name, i, u, epoch), `after epoch ${epoch}`));
}

function formula() {
  return el("p", { class: "formula" }, "∂L/∂w", el("sub", {}, "ij"), " = Σ", el("sub", {}, "rows n"), " x", el("sub", {}, "n i"), " · δ", el("sub", {}, "n j"),
    el("span", { class: "dim" }, "   x: the input; δ = ∂L/∂z: the derivative by the unit's sum z"));
}

function className(here, row) {
  const truth = here.rows.y[row.place];
  return here.task === "classification" ? here.classes[truth] : Array.isArray(truth) ? truth.map((value) => fmt(value)).join(", ") : "";
}

function rowTable(here, one, found, opened) {
  if (!found.rows.length) {
    const why = here.rows.inside ? "the rows could not be replayed" : "the rows were left out (--no-rows)";
    return el("p", {}, `The rows of the sum are not in this page: ${why}. The logged gradient is ${fmt(found.gradient)}.`);
  }
  const shown = found.rows.slice(0, MOST_ROWS);
  if (opened && !shown.includes(opened)) shown[MOST_ROWS - 1] = opened;
  const hidden = found.rows.slice(MOST_ROWS).reduce((sum, row) => sum + row.product, 0)
    + (found.rows.includes(opened) && found.rows.indexOf(opened) >= MOST_ROWS ? found.rows[MOST_ROWS - 1].product - opened.product : 0);
  const others = here.rows.probe - shown.length;
  const scale = largest(found.rows.map((row) => row.product));
  const product = (value) => el("span", { class: "product", style: { "border-color": colour(value, scale) } }, fmt(value));
  const rows = shown.map((row) => [
    el("span", { class: "rowname" }, thumbnail(here, row.place), button(`row ${row.number}`, () => go({ r: row.row }),
      { class: "link", "aria-pressed": row === opened ? "true" : "false", id: `chainrow-${row.row}` })),
    el("span", { class: "short", title: className(here, row) }, className(here, row)), row.x, row.delta, product(row.product)]);
  rows.push([`the other ${others} rows`, "", "", "", found.rest === null ? "–" : product(found.rest + hidden)]);
  rows.push([el("strong", {}, "logged gradient"), "", "", "", el("strong", {}, fmt(found.gradient))]);
  return table(["row", here.task === "classification" ? "true class" : "target", "x", "δ", "x · δ"], rows, "rows of the sum");
}

/** A small picture of a row, where rows are images. */
export function thumbnail(here, place, prefix = "", side = 26) {
  if (!here.image || !here.store.has(`X${prefix}`)) return null;
  const size = here.image[0] * here.image[1];
  const scaled = here.store.near(`X${prefix}`, 0).subarray(place * size, (place + 1) * size);
  const values = here.scaling ? Array.from(scaled, (value, i) => value * here.scaling.scale[i] + here.scaling.offset[i]) : scaled;
  const node = canvas(side, (side * here.image[0]) / here.image[1]);
  paint(node.getContext("2d"), values, here.image[0], here.image[1], largest(values), [0, 0, side, (side * here.image[0]) / here.image[1]], { signed: !here.scaling });
  return node;
}

function delta(here, one, u, epoch, row) {
  const at = here.layers.indexOf(one);
  const next = here.layers[at + 1];
  if (!next) {
    const outputs = here.store.at("p", epoch)?.subarray(row.place * here.store.shape("p")[1], (row.place + 1) * here.store.shape("p")[1]);
    const wanted = here.task === "classification" ? (here.rows.y[row.place] === u ? "1" : "0") : className(here, row);
    return [el("p", { class: "formula" }, "δ", el("sub", {}, "n j"), ` = ∂L/∂z of ${here.loss.name}, times the row's weight in the mean = `, el("strong", {}, fmt(row.delta))),
      el("p", {}, `${here.loss.name}: ${here.loss.delta}. For this row the output is ${outputs && outputs.length > u ? fmt(outputs[u]) : "–"} and the target ${wanted}; `
        + `the loss is a mean over ${here.rows.probe} probe rows.`)];
  }
  const nextDelta = here.store.at(`d:${next.name}`, epoch);
  const W = here.store.at(`W:${next.name}`, epoch);
  if (!one.direct || !nextDelta || !W || next.pooled) {
    const what = one.between.length ? one.between.join(", ") : "another connection";
    return [el("p", {}, `δ = ${fmt(row.delta)}. Between ${one.name} and ${next.name} stands ${what}, through which the derivative passes too.`)];
  }
  const parts = Array.from({ length: next.units }, (_, k) => {
    const d = nextDelta[row.place * next.units + k];
    const w = W[u * next.units + k];
    return { k, d, w, product: d * w };
  });
  const sum = parts.reduce((total, part) => total + part.product, 0);
  const slope = here.store.at(`f:${one.name}`, epoch)?.[row.place * one.units + u];
  const rows = parts.sort((a, b) => Math.abs(b.product) - Math.abs(a.product)).slice(0, 8).map((part) => [
    next.name === "output" && here.classes.length === next.units ? `output for ${here.classes[part.k]}` : `${next.name} unit ${part.k}`, part.d, part.w, part.product]);
  if (parts.length > 8) rows.push([`the other ${parts.length - 8}`, "", "", parts.slice(8).reduce((total, part) => total + part.product, 0)]);
  return [el("p", { class: "formula" }, "δ", el("sub", {}, "n j"), " = (Σ", el("sub", {}, "k"), " δ", el("sub", {}, "n k"), " · w", el("sub", {}, "j k"), ") · f′(z) = ",
    `${fmt(sum)} · ${fmt(slope)} = `, el("strong", {}, fmt(row.delta))),
    slope === 0 ? el("p", {}, `f′(z) is 0: the ${one.activation} is flat here, so this row adds nothing to the gradient.`) : null,
    table([`to ${next.name}`, "δ", "w", "δ · w"], rows, "derivatives that come back")];
}

function adjustments(here, one, i, u, epoch, found) {
  const { l1 = 0, l2 = 0, clip_norm: norm = null, clip_value: clip = null, max_norm: limit = null } = here.regularize;
  const w = valueOf("W", one.name, i, u, epoch);
  const lines = [];
  if (l2) lines.push(`l2 · w = ${l2} · ${fmt(w)} = ${fmt(l2 * w)} pulls the weight towards 0`);
  if (l1) lines.push(`l1 · sign(w) = ${fmt(l1 * Math.sign(w))} pulls it towards 0`);
  if (clip) lines.push(`entries beyond ±${clip} are cut to it`);
  if (norm) lines.push(`a gradient longer than ${norm}, over all weights together, is shortened to that length`);
  if (limit) lines.push(`after the step, weights into a unit longer than ${limit} are shortened to it`);
  if (!lines.length) lines.push("None: the config has no penalty on weights and no clipping (regularize).");
  if (found.step) lines.push(`In the last step of the epoch, on that step's own batch, the optimizer got g = ${fmt(found.step.gradient)}, all of this included.`);
  return [el("ul", {}, ...lines.map((line) => el("li", {}, line)))];
}

function optimizerStep(here, found, epoch) {
  const type = here.optimizer.parameters.type;
  const step = found.step;
  if (!step) {
    const known = Object.keys(here.optimizer.steps).map(Number).filter((e) => here.store.has(`step.update:${state().l}`)
      && here.store.epochs(`step.update:${state().l}`).includes(e));
    return [el("p", {}, known.length ? `The optimizer's own numbers (${type}) were logged in the last step of some epochs only. Go to one: `
      : `The optimizer's own numbers (${type}) are not in this page.`,
    ...known.map((e) => button(`epoch ${e}`, () => go({ e }), { class: "small" })))];
  }
  const rows = [["g", "gradient", step.gradient], ["lr", `learning rate at step ${step.step.toLocaleString("en")}`, step.lr],
    ...(step.formula ?? Object.entries(step.slots).map(([name, value]) => [name.replaceAll("_", " "), "state of the optimizer", value])),
    [el("strong", {}, "logged"), "change of w in that step", el("strong", {}, fmt(step.change))]];
  return [el("p", {}, `${type}, the last step of epoch ${step.epoch}:`), table(["", "what", "value"], rows, "the optimizer's step"),
    step.update === null ? null : el("p", { class: "dim" }, `the equation gives ${fmt(step.update, 6)}, the log has ${fmt(step.change, 6)} (exact to ${fmt(step.maxError, 2)}, as a float32 weight rounds)`)];
}

function movement(here, one, i, u, epoch) {
  const epochs = here.epochs;
  const place = epochs.indexOf(epoch);
  const w = valueOf("W", one.name, i, u, epoch);
  const before = place > 0 ? valueOf("W", one.name, i, u, epochs[place - 1]) : null;
  const course = here.store.course(`W:${one.name}`, i * one.units + u);
  return [el("p", {}, before === null ? `w = ${fmt(w)}: its initial value.`
    : `w = ${fmt(w)}. It changed by ${fmt(w - before)} since epoch ${epochs[place - 1]}, over all steps between, and by ${fmt(w - course[0])} since epoch ${epochs[0]}.`),
  el("div", { role: "img", "aria-label": "course of the weight over the epochs" }, sparkline(course, epochs, epoch, 480, 90))];
}

/** The gradient in a sentence. */
function inWords(here, one, i, u, epoch, found) {
  const w = valueOf("W", one.name, i, u, epoch);
  const from = fromName(here, one.name, i);
  const pull = w < 0 ? "lowers" : "raises";
  const to = one.name === "output" && here.classes.length === one.units ? `the output for ${here.classes[u]}` : `unit ${u} of ${one.name}`;
  const start = `The weight is ${fmt(w)}: a positive value of ${from} ${pull} ${to}.`;
  if (found.gradient === null) return start;
  if (found.gradient === 0) return `${start} Its gradient is exactly 0: a small change of the weight would not change the loss of these rows.`;
  const way = found.gradient > 0 ? "smaller" : "larger";
  const same = found.rows.filter((row) => Math.sign(row.product) === Math.sign(found.gradient)).slice(0, 12);
  const counts = new Map();
  if (here.task === "classification") for (const row of same) counts.set(className(here, row), (counts.get(className(here, row)) ?? 0) + Math.abs(row.product));
  const most = [...counts.entries()].sort((a, b) => b[1] - a[1]).slice(0, 2).map(([name]) => name);
  const who = most.length ? ` Rows of class ${most.join(" and ")} contribute most to that.` : "";
  return `${start} The gradient is ${found.gradient > 0 ? "positive" : "negative"}, so a ${way} weight would lower the loss.${who}`;
}
