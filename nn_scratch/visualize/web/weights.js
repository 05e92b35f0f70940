// A layer's weights, gradients, movement or activations as a matrix, or as tiles where the input is an image.

import { el, fill, fmt } from "./text.js";
import { go, playing, run, state, tensorEpoch } from "./state.js";
import { ink, largest, sparkline } from "./draw.js";
import { Matrix } from "./matrix.js";
import { maxErrorOf } from "./numbers.js";

const KINDS = { W: "weights", G: "gradients", M: "change since epoch 0", A: "activations" };
const SCALES = { epoch: "this epoch", run: "all epochs", network: "all layers" };
let scaleChosen = "run";

export const weightsView = {
  title: "Weights",

  build(root) {
    const here = run();
    const kinds = Object.keys(KINDS).filter((kind) => here.layers.some((one) => here.store.has(blockName(kind, one.name))));
    if (!kinds.length) {
      fill(root, el("p", {}, "This page has neither weights nor gradients nor activations of the run."));
      this.matrix = null;
      return;
    }
    this.kind = kinds.includes(state().k) ? state().k : kinds[0];
    this.name = here.store.has(blockName(this.kind, state().l)) ? state().l
      : here.layers.find((one) => here.store.has(blockName(this.kind, one.name))).name;
    this.block = blockName(this.kind, this.name);
    this.layOut();
    this.told = el("p", { class: "told", "aria-live": "off" });
    this.course = el("div", { class: "course" });
    this.legend = el("p", { class: "legend spaced" });
    fill(root, 
      el("div", { class: "controls" }, picker("show", kinds.map((kind) => [kind, KINDS[kind]]), this.kind, (k) => go({ k })),
        picker("colour scale", Object.entries(SCALES), scaleChosen, (chosen) => { scaleChosen = chosen; this.update(); })),
      this.legend,
      el("div", { class: "side" }, el("div", { class: "main" }, this.matrix.node), el("div", { class: "aside" }, this.told, this.course)));
    this.fit(root);
    this.update();
  },

  /** The matrix, and what each of its cells stands for. */
  layOut() {
    const here = run();
    const [rows, columns] = here.store.shape(this.block);
    const tiled = this.kind !== "A" && here.image && here.layers[0].name === this.name && rows === here.image[0] * here.image[1];
    const label = `${KINDS[this.kind]} of ${this.name}: ${this.kind === "A" ? `${rows} rows` : `${rows} inputs`} by ${columns} units`;
    const options = { rows, columns, label, tall: tiled ? 0 : 18, onPick: (row, column) => this.pick(row, column),
      describe: (row, column) => this.tell(...this.cellOf(row, column)),
      onEnter: () => this.kind !== "A" && go({ v: "chain", l: this.name }), onUnit: () => go({ v: "unit", l: this.name }) };
    this.tiles = null;
    if (tiled) {
      const [height, width] = here.image;
      const across = Math.min(columns, Math.max(1, Math.round(Math.sqrt((columns * 1.9 * height) / width))));
      const down = Math.ceil(columns / across);
      options.rows = down * (height + 1) - 1;
      options.columns = across * (width + 1) - 1;
      options.index = new Int32Array(options.rows * options.columns).fill(-1);
      for (let unit = 0; unit < columns; unit++) {
        for (let pixel = 0; pixel < rows; pixel++) {
          const row = Math.floor(unit / across) * (height + 1) + Math.floor(pixel / width);
          const column = (unit % across) * (width + 1) + (pixel % width);
          options.index[row * options.columns + column] = pixel * columns + unit;
        }
      }
      this.tiles = { across, height, width };
    }
    this.matrix = new Matrix(options);
    this.shape = [rows, columns];
  },

  fit(root) {
    const aside = root.clientWidth > 760 ? 300 : 0;
    this.matrix.fit(Math.max(220, root.clientWidth - aside - 4));
  },

  /** [i, u] of a cell: input (or row) and unit. */
  cellOf(row, column) {
    const place = this.matrix.index ? this.matrix.index[row * this.matrix.columns + column] : row * this.matrix.columns + column;
    return [Math.floor(place / this.shape[1]), place % this.shape[1]];
  },

  values(epoch) {
    const store = run().store;
    if (this.kind !== "M") return store.at(this.block, epoch);
    const now = store.at(this.block, epoch);
    const first = store.at(this.block, run().epochs[0]);
    return now.map((value, place) => value - first[place]);
  },

  scale(values) {
    const here = run();
    if (scaleChosen === "epoch" || this.kind === "M" || here.store.live.size) return largest(values);
    const names = scaleChosen === "run" ? [this.block]
      : here.layers.map((one) => blockName(this.kind, one.name)).filter((name) => here.store.has(name));
    return Math.max(...names.map((name) => here.store.top(name)));
  },

  pick(row, column) {
    const [i, u] = this.cellOf(row, column);
    go(this.kind === "A" ? { l: this.name, u, r: run().rows.shown[i] ?? null } : { l: this.name, i, u });
    this.tell(i, u);
    this.showCourse(i, u);
  },

  tell(i, u) {
    const here = run();
    const epoch = tensorEpoch();
    const values = this.values(epoch);
    const value = values[i * this.shape[1] + u];
    let rank = 1;
    for (const other of values) if (Math.abs(other) > Math.abs(value)) rank++;
    const from = this.kind === "A" ? `row ${here.rows.numbers[i] ?? i}` : fromName(here, this.name, i);
    this.told.textContent = `${this.name}, epoch ${epoch}: ${from} → unit ${u}: ${fmt(value)}, rank ${rank.toLocaleString("en")} of ${values.length.toLocaleString("en")} by size.`;
  },

  showCourse(i, u) {
    const here = run();
    const name = this.block;
    const courses = here.store.course(name, i * this.shape[1] + u);
    const first = this.kind === "M" ? courses[0] : 0;
    const values = courses.map((value) => value - first);
    fill(this.course, el("p", { class: "dim" }, "over the epochs"),
      sparkline(values, here.store.epochs(name), tensorEpoch()),
      this.kind === "A" ? "" : el("p", {}, el("button", { type: "button", on: { click: () => go({ v: "chain", l: this.name, i, u }) } },
        "chain rule of this weight")));
  },

  update() {
    if (!this.matrix) return;
    const epoch = tensorEpoch();
    const values = this.values(epoch);
    const scale = this.scale(values);
    this.matrix.draw(values, scale);
    const error = maxErrorOf(this.kind, this.name);
    fill(this.legend, el("span", {}, `${this.howToRead()} Epoch ${epoch}.`), colourBar(-scale, scale),
      el("span", {}, error === null ? "Each cell is the largest entry of a block of the matrix." : `Values are exact to ${fmt(error, 2)}.`));
    const { i, u } = state();
    if (this.kind !== "A" && i < this.shape[0] && u < this.shape[1]) this.mark(i, u);
  },

  howToRead() {
    const what = this.kind === "G" ? "gradient of each weight, over the probe rows" : KINDS[this.kind];
    if (this.tiles) return `Each tile is a unit of ${this.name}: its ${this.kind === "W" ? "incoming weights" : what} as an image.`;
    if (this.kind === "A") return `Down: probe rows; across: the ${this.shape[1].toLocaleString("en")} units of ${this.name}; colour: activation.`;
    return `Down: inputs; across: the ${this.shape[1].toLocaleString("en")} units of ${this.name}; colour: ${what === "weights" ? "weight" : what}.`;
  },

  mark(i, u) {
    if (this.tiles) {
      const { across, height, width } = this.tiles;
      this.matrix.select(Math.floor(u / across) * (height + 1) + Math.floor(i / width), (u % across) * (width + 1) + (i % width));
    } else this.matrix.select(i, u);
    if (playing.on) return;
    this.tell(i, u);
    this.showCourse(i, u);
  },

  table() {
    if (!this.matrix) return { heads: [], rows: [] };
    const values = this.values(tensorEpoch());
    const [rows, columns] = this.shape;
    const heads = [this.kind === "A" ? "row" : "input", ...Array.from({ length: columns }, (_, u) => `unit ${u}`)];
    return { heads, rows: Array.from({ length: rows }, (_, i) => [i, ...values.slice(i * columns, (i + 1) * columns)]) };
  },

  picture() {
    return this.matrix?.canvas;
  },
};

function blockName(kind, name) {
  return `${kind === "M" ? "W" : kind}:${name}`;
}

/** The colours of signed values between two numbers. */
export function colourBar(low, high) {
  return el("span", { class: "colourbar" }, fmt(low, 3), el("span", { class: "strip", "aria-hidden": "true", style: { background: `linear-gradient(90deg, ${ink("--signed").split(" ").join(", ")})` } }), fmt(high, 3));
}

/** What comes in at i: a pixel, a feature by its name, or a unit of the layer before. */
export function fromName(here, name, i) {
  const at = here.layers.findIndex((one) => one.name === name);
  if (at > 0) return `${here.layers[at - 1].name} unit ${i}`;
  if (here.image) return `pixel (${Math.floor(i / here.image[1])}, ${i % here.image[1]})`;
  return here.features[i] ? `input "${here.features[i]}"` : `input ${i}`;
}

/** The same, where the layer before is known from the heading. */
export function shortName(here, name, i) {
  if (here.layers.findIndex((one) => one.name === name) > 0) return `unit ${i}`;
  return here.image ? fromName(here, name, i) : here.features[i] ?? `input ${i}`;
}

/** A labelled choice. */
export function picker(label, options, chosen, onChange) {
  const select = el("select", { on: { change: () => onChange(select.value) } },
    ...options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
  return el("label", { class: "picker" }, `${label} `, select);
}
