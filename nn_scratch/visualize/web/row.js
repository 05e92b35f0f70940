// One row through the network: its input, every layer's answer, and how the answer was made.

import { button, el, fill, fmt, percent, table } from "./text.js";
import { go, run, state, tensorEpoch } from "./state.js";
import { largest } from "./draw.js";
import { Matrix } from "./matrix.js";
import { inputsOf } from "./numbers.js";
import { picker, shortName } from "./weights.js";
import { bars, strongestOf } from "./unit.js";
import { thumbnail } from "./chain.js";

/** Validation rows, or the training rows of the probe: which are shown, and what is true of them. */
export function partOf(here, k = state().k) {
  const val = k !== "train" && here.rows.val_shown.length > 0;
  return val ? { prefix: "v", val, name: "validation", shown: here.rows.val_shown, number: (row) => here.rows.val_numbers[row], truth: (row) => here.rows.val_y[row] }
    : { prefix: "", val, name: "training", shown: here.rows.shown, number: (row) => here.rows.numbers[here.rows.shown.indexOf(row)],
      truth: (row) => here.rows.y[here.rows.shown.indexOf(row)] };
}

/** Probabilities or values of a row at an epoch. */
export function answerOf(here, part, row, epoch) {
  const name = part.val ? "pv" : "p";
  const values = here.store.at(name, epoch);
  if (!values) return null;
  const width = here.store.shape(name)[1];
  const place = part.val ? row : part.shown.indexOf(row);
  return [...values.subarray(place * width, (place + 1) * width)];
}

export function lossOf(here, part, row, epoch) {
  return here.store.at(part.val ? "lv" : "l", epoch)?.[part.val ? row : part.shown.indexOf(row)] ?? null;
}

export function decidedOf(here, part, row, epoch) {
  if (part.val) return here.rows.val_decided[here.epochs.indexOf(epoch)]?.[row] ?? null;
  const answer = answerOf(here, part, row, epoch);
  return answer ? answer.indexOf(Math.max(...answer)) : null;
}

/** Whether an answer is wrong: of classes the decision, of labels any; of numbers none is quite right. */
function isMistake(here, part, row, epoch) {
  const truth = part.truth(row);
  if (here.task === "classification") return decidedOf(here, part, row, epoch) !== truth;
  return here.task === "regression" || (answerOf(here, part, row, epoch) ?? []).some((value, place) => value >= 0.5 !== [].concat(truth)[place] >= 0.5);
}

export const rowView = {
  title: "One row",

  build(root) {
    const here = run();
    this.root = root;
    this.part = partOf(here);
    if (!this.part.shown.length || !here.store.has(`A${this.part.prefix}:${here.layers[0]?.name}`)) {
      fill(root, el("p", {}, here.rows.inside ? "No single row of this run can be shown: that needs log.weights: true." : "The rows were left out (--no-rows)."));
      this.part = null;
      return;
    }
    this.row = this.part.shown.includes(state().r) ? state().r : this.part.shown[0];
    const choices = [["val", "validation rows"], ["train", "training rows of the probe"]].filter(([k]) => k === "train" ? here.rows.shown.length : here.rows.val_shown.length);
    const byLoss = () => [...this.part.shown].sort((a, b) => lossOf(here, this.part, b, tensorEpoch()) - lossOf(here, this.part, a, tensorEpoch()));
    this.head = el("p", { class: "words" });
    this.strips = el("div", { class: "strips" });
    this.detail = el("div", { class: "detail" });
    this.answer = el("div", {});
    fill(root, 
      el("div", { class: "controls" }, picker("rows", choices, this.part.val ? "val" : "train", (k) => go({ k, r: null })),
        picker("row", byLoss().map((row) => [String(row), this.label(here, row)]), String(this.row), (r) => go({ r: Number(r) })),
        button(here.task === "regression" ? "next row" : "next mistake", () => this.nextMistake()), button("random", () => go({ r: this.part.shown[Math.floor(Math.random() * this.part.shown.length)] }))),
      this.head, el("div", { class: "side" }, el("div", { class: "main" }, this.strips), el("div", { class: "aside wide" }, this.answer, this.detail)));
    this.selected = null;
    this.layOut(here);
    this.update();
  },

  label(here, row) {
    const truth = this.part.truth(row);
    return `${this.part.number(row)} (${here.task === "classification" ? here.classes[truth] : [].concat(truth).map((value) => fmt(value)).join(", ")}, loss ${fmt(lossOf(here, this.part, row, tensorEpoch()), 3)})`;
  },

  nextMistake() {
    const here = run();
    const epoch = tensorEpoch();
    const at = this.part.shown.indexOf(this.row);
    const order = [...this.part.shown.slice(at + 1), ...this.part.shown.slice(0, at + 1)];
    const wrong = order.find((row) => isMistake(here, this.part, row, epoch));
    if (wrong === undefined) this.head.textContent = `No mistake among the ${this.part.shown.length} rows shown at this epoch.`;
    else go({ r: wrong });
  },

  layOut(here) {
    this.matrices = here.layers.map((one, place) => {
      const columns = Math.min(32, one.units);
      const rows = Math.ceil(one.units / columns);
      const index = new Int32Array(rows * columns).map((_, cell) => (cell < one.units ? cell : -1));
      const matrix = new Matrix({ rows, columns, index, most: 150, label: `activations of ${one.name}, ${one.units} units`,
        describe: (row, column) => this.explain(place, row * columns + column), onPick: (row, column) => this.explain(place, row * columns + column, true),
        onUnit: (row, column) => go({ v: "unit", l: one.name, u: row * columns + column }), onEnter: (row, column) => go({ v: "unit", l: one.name, u: row * columns + column }) });
      return matrix;
    });
    const picture = thumbnail(here, this.part.shown.indexOf(this.row), this.part.prefix, 128);
    fill(this.strips, 
      el("section", {}, el("h3", {}, "Input"), picture ? el("div", { role: "img", "aria-label": "the row as an image" }, picture) : this.features(here)),
      ...here.layers.map((one, place) => el("section", {}, el("h3", {}, `${one.name}${one.activation ? `, ${one.activation}` : ""}`), this.matrices[place].node)));
    const room = this.root.clientWidth;
    const width = Math.max(200, Math.min(620, room > 820 ? room * 0.5 : room - 8));
    for (const matrix of this.matrices) matrix.fit(width);
  },

  features(here) {
    const name = `X${this.part.prefix}`;
    if (!here.store.has(name)) return el("p", { class: "dim" }, "left out (--no-rows)");
    const width = here.store.shape(name)[1];
    const place = this.part.shown.indexOf(this.row);
    const scaled = here.store.near(name, 0).subarray(place * width, (place + 1) * width);
    const raw = (value, i) => {
      if (!here.scaling) return value;
      const found = value * here.scaling.scale[i] + here.scaling.offset[i];
      const whole = Math.round(found); // what was rounded in the file is not shown as a value near a whole number
      return Math.abs(found - whole) <= 2 * (here.store.maxError(name) ?? 0) * Math.abs(here.scaling.scale[i]) + 1e-6 * Math.abs(here.scaling.offset[i]) ? whole : found;
    };
    const items = Array.from(scaled).slice(0, 40).map((value, i) => el("li", {}, `${here.features[i] ?? `feature ${i}`}: ${fmt(raw(value, i))}`));
    return el("ul", { class: "features" }, ...items, width > 40 ? el("li", { class: "dim" }, `and ${width - 40} more`) : null);
  },

  update() {
    if (!this.part) return;
    const here = run();
    const epoch = tensorEpoch();
    const place = this.part.shown.indexOf(this.row);
    here.layers.forEach((one, at) => {
      const values = here.store.at(`A${this.part.prefix}:${one.name}`, epoch)?.subarray(place * one.units, (place + 1) * one.units);
      if (values) this.matrices[at].draw(values, largest(values));
    });
    this.conclude(here, epoch);
    const answer = here.task === "classification" ? decidedOf(here, this.part, this.row, epoch) ?? 0 : 0;
    const [at, unit] = this.selected ?? [here.layers.length - 1, Math.min(answer, here.layers.at(-1).units - 1)];
    this.explain(at, unit);
  },

  conclude(here, epoch) {
    const answer = answerOf(here, this.part, this.row, epoch) ?? [];
    const truth = this.part.truth(this.row);
    const loss = fmt(lossOf(here, this.part, this.row, epoch));
    const number = this.part.number(this.row);
    if (here.task !== "classification") {
      const said = answer.map((value, place) => `${here.targets[place] ?? "output"}: ${fmt(value)} predicted, ${fmt([].concat(truth)[place])} true`).join("; ");
      fill(this.head, `${said}.`, el("span", { class: "dim" }, ` Row ${number} of the source, ${this.part.name}, epoch ${epoch}, loss ${loss}.`));
      fill(this.answer);
      return;
    }
    const decided = decidedOf(here, this.part, this.row, epoch);
    fill(this.head, el("strong", { class: decided === truth ? "good" : "bad" }, decided === truth ? "Right: " : "Wrong: "),
      `the true class is ${here.classes[truth]}, the network answers ${here.classes[decided]} with probability ${percent(answer[decided])}.`,
      el("span", { class: "dim" }, ` Row ${number} of the source, ${this.part.name}, epoch ${epoch}, loss ${loss}.`));
    const order = strongestOf(answer, 6);
    if (!order.includes(truth)) order[order.length - 1] = truth;
    const at = here.layers.length - 1;
    const units = here.layers[at].units;
    const z = here.store.at(`A${this.part.prefix}:${here.layers[at].name}`, epoch)?.subarray(this.part.shown.indexOf(this.row) * units, (this.part.shown.indexOf(this.row) + 1) * units);
    const parts = [el("h3", {}, "Probabilities"), bars(order.map((label) => [here.classes[label], answer[label]]), 1, here.store.maxError(this.part.val ? "pv" : "p"))];
    if (z && units === answer.length && here.loss.name === "cross_entropy") {
      const top = Math.max(...z);
      const total = Array.from(z).reduce((sum, value) => sum + Math.exp(value - top), 0);
      parts.push(el("details", {}, el("summary", {}, "Softmax, step by step"),
        el("p", { class: "formula" }, "p", el("sub", {}, "k"), " = e", el("sup", {}, "zₖ − max z"), ` / Σ, with max z = ${fmt(top)} and Σ = ${fmt(total)}`),
        table(["class", "z", "z − max z", "e^(z − max z)", "p"], order.map((label) => [here.classes[label], z[label], z[label] - top, Math.exp(z[label] - top), Math.exp(z[label] - top) / total]), "softmax")));
    }
    fill(this.answer, ...parts);
  },

  /** A unit's largest contributions: x_i w_ij + b = z -> a. */
  explain(at, unit, keep = false) {
    const here = run();
    const one = here.layers[at];
    if (!one || unit >= one.units) return;
    if (keep) this.selected = [at, unit];
    const epoch = tensorEpoch();
    const place = this.part.shown.indexOf(this.row);
    const W = one.pooled ? null : here.store.at(`W:${one.name}`, epoch);
    const inputs = inputsOf(one.name, epoch, this.part.prefix);
    const a = here.store.at(`A${this.part.prefix}:${one.name}`, epoch)?.[place * one.units + unit];
    const answers = one.name === "output" && here.task !== "regression" ? here.task === "classification" ? here.classes : here.targets : [];
    const title = el("h3", {}, answers.length === one.units ? `Output for ${answers[unit]}` : one.units === 1 ? `Output for ${here.targets[0]}` : `Unit ${unit} of ${one.name}`);
    if (!W || !inputs) {
      fill(this.detail, title, el("p", {}, `a = ${fmt(a)}; its inputs are not in the page.`));
      return;
    }
    const products = Array.from({ length: one.inputs }, (_, i) => inputs[place * one.inputs + i] * W[i * one.units + unit]);
    const bias = here.store.at(`Wb:${one.name}`, epoch)?.[unit] ?? 0;
    const z = products.reduce((sum, value) => sum + value, bias);
    const between = one.between.filter((name) => name !== "dropout").join(", ");
    fill(this.detail, title,
      el("p", { class: "formula" }, `Σ x·w + b = ${fmt(z - bias)} ${bias < 0 ? "−" : "+"} ${fmt(Math.abs(bias))} = z ${fmt(z)}${one.activation === "identity" ? "" : ` → a ${fmt(a)}`}`),
      one.name === "output" ? this.inOwnUnits(here, unit, epoch, a) : "",
      between && one.activation ? el("p", { class: "dim" }, `after it: ${between}`) : "",
      el("p", { class: "dim" }, `Its largest contributions x·w${at ? `, from ${here.layers[at - 1].name}` : ""}. Point at a cell for another unit.`),
      bars(strongestOf(products, 8).map((i) => [shortName(here, one.name, i), products[i], () => go({ v: "chain", l: one.name, i, u: unit })]), largest(products)));
  },

  /** What an output means where it is not the prediction itself. */
  inOwnUnits(here, unit, epoch, output) {
    const said = answerOf(here, this.part, this.row, epoch)?.[unit];
    if (here.task === "classification" || said === undefined || Math.abs(said - output) <= 1e-3 * Math.abs(said)) return "";
    return el("p", {}, here.task === "regression" ? `In the units of ${here.targets[unit] ?? "the target"}: ` : "As a probability: ", el("strong", {}, fmt(said)));
  },

  table() {
    const here = run();
    const epoch = tensorEpoch();
    const place = this.part?.shown.indexOf(this.row) ?? -1;
    const rows = [];
    if (place >= 0) for (const one of here.layers) {
      const values = here.store.at(`A${this.part.prefix}:${one.name}`, epoch);
      for (let u = 0; values && u < one.units; u++) rows.push([one.name, u, values[place * one.units + u]]);
    }
    return { heads: ["layer", "unit", "activation"], rows };
  },

  picture() {
    return this.strips?.querySelector("canvas");
  },
};
