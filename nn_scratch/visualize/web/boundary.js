// Two features: what the network answers everywhere in their plane.

import { button, el, fill, fmt } from "./text.js";
import { go, run, state } from "./state.js";
import { axes, canvas, channels, classColour, colour, ink, largest, paint, ticks } from "./draw.js";
import { nearest } from "./blocks.js";
import { colourBar } from "./weights.js";
import { bars } from "./unit.js";

const STAGES = 6; // small pictures of the plane, closer together in the first epochs, in which it changes most
const STAGE = 146; // pixels of one

export const boundaryView = {
  title: "Boundary",

  build(root) {
    const here = run();
    this.canvas = null;
    if (!here.store.has("B") || !here.plane) {
      const why = here.features.length === 2 ? "the weights were not logged, or the rows were left out" : `these data have ${here.features.length.toLocaleString("en")}`;
      fill(root, el("p", {}, `A boundary in the plane can be drawn for two features; ${why}.`));
      return;
    }
    const side = Math.max(240, Math.min(640, root.clientWidth - 4));
    this.side = side;
    this.box = [60, 8, side - 8, side - 46];
    this.canvas = canvas(side, side);
    this.told = el("div", { class: "told" });
    this.frame = el("div", { role: "img", class: "plane" }, this.canvas);
    this.at = null;
    this.canvas.onpointermove = (event) => this.point(event);
    this.canvas.onpointerleave = () => { this.at = null; this.tell(); };
    const classes = here.task === "classification";
    fill(root, el("p", { class: "how" }, classes ? "The colour is the class that the network predicts at each point of the plane, paler where it is less certain; dots are training rows."
      : "The colour is the network's prediction at each point of the plane; dots are training rows in the colour of their true value."),
    el("div", { class: "side" }, el("div", { class: "main" }, this.frame),
      el("div", { class: "aside wide" }, classes ? el("p", {}, ...here.classes.map((name, place) => el("span", { class: "chip", style: { "border-left-color": classColour(place) } }, name)))
        : (this.legend = el("p", { class: "legend" })), this.told, ...this.stages(here))));
    this.update();
  },

  /** How it came about: the plane at some epochs, each a button that goes there. */
  stages(here) {
    const epochs = here.store.epochs("B");
    const last = epochs.length - 1;
    const chosen = [...new Set(Array.from({ length: STAGES }, (_, k) => epochs[Math.round(last * (k / (STAGES - 1)) ** 2)]))];
    this.buttons = chosen.map((epoch) => {
      const picture = canvas(STAGE, STAGE);
      this.plane(picture.getContext("2d"), here.store.at("B", epoch), [0, 0, STAGE, STAGE]);
      return [epoch, button([picture, el("span", {}, `epoch ${epoch.toLocaleString("en")}`)], () => go({ e: epoch }), { class: "stage", id: `stage-${epoch}` })];
    });
    return last ? [el("h3", {}, "How it came about"), el("div", { class: "stages" }, ...this.buttons.map(([, node]) => node))] : [];
  },

  update() {
    if (!this.canvas) return;
    const here = run();
    const context = this.canvas.getContext("2d");
    const [x0, y0, x1, y1] = this.box;
    const [left, right, bottom, top] = here.plane.extent;
    context.clearRect(0, 0, this.side, this.side);
    const scale = this.plane(context, here.store.near("B", state().e), [x0, y0, x1 - x0, y1 - y0]);
    if (this.legend) fill(this.legend, `${here.targets[0]} `, colourBar(-scale, scale));
    const shown = nearest(here.store.epochs("B"), state().e);
    for (const [epoch, node] of this.buttons) node.setAttribute("aria-pressed", String(epoch === shown));
    const x = (value) => x0 + ((value - left) / (right - left)) * (x1 - x0);
    const y = (value) => y0 + ((top - value) / (top - bottom)) * (y1 - y0);
    const text = (value) => fmt(value, 3);
    const names = here.features;
    axes(context, this.box, { ticks: ticks(left, right, 5), at: x, text, label: names[0] ?? "" }, { ticks: ticks(bottom, top, 5), at: y, text, label: names[1] ?? "" });
    here.plane.x.forEach(([across, up], row) => {
      context.fillStyle = here.task === "classification" ? classColour(here.plane.y[row]) : colour(here.plane.y[row], largest(here.plane.y));
      context.strokeStyle = ink("--paper");
      context.beginPath();
      context.arc(x(across), y(up), 3.6, 0, 7);
      context.fill();
      context.stroke();
    });
    this.frame.setAttribute("aria-label", `the network's prediction over the plane of ${here.features.join(" and ")} near epoch ${state().e}`);
    this.tell();
  },

  /** Paint the answers over the plane into a box (left, top, width, height); returns the scale of the colours of values. */
  plane(context, values, box) {
    const n = run().plane.side;
    const [cells, outputs] = run().store.shape("B");
    if (run().task === "classification" && outputs > 1) {
      this.paintClasses(context, values, n, outputs, box);
      return 1;
    }
    const first = Float64Array.from({ length: cells }, (_, cell) => values[cell * outputs]);
    const scale = largest(first);
    paint(context, first, n, n, scale, box);
    return scale;
  },

  paintClasses(context, values, n, outputs, box) {
    const image = new ImageData(n, n);
    const paper = channels(ink("--paper"));
    const colours = Array.from({ length: outputs }, (_, label) => channels(classColour(label)));
    for (let cell = 0; cell < n * n; cell++) {
      let best = 0;
      for (let k = 1; k < outputs; k++) if (values[cell * outputs + k] > values[cell * outputs + best]) best = k;
      const sure = Math.max(0, (values[cell * outputs + best] - 1 / outputs) / (1 - 1 / outputs));
      for (let channel = 0; channel < 3; channel++) {
        image.data[cell * 4 + channel] = paper[channel] + (colours[best][channel] - paper[channel]) * (0.12 + 0.5 * Math.min(1, sure));
      }
      image.data[cell * 4 + 3] = 255;
    }
    const small = document.createElement("canvas");
    small.width = small.height = n;
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, ...box);
  },

  point(event) {
    const n = run().plane.side;
    const [x0, y0, x1, y1] = this.box;
    const frame = this.canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - frame.left - x0) / (x1 - x0)) * n);
    const row = Math.floor(((event.clientY - frame.top - y0) / (y1 - y0)) * n);
    this.at = column >= 0 && row >= 0 && column < n && row < n ? [row, column] : null;
    this.tell();
  },

  /** What the network predicts at the point under the pointer. */
  tell() {
    const here = run();
    const n = here.plane.side;
    const outputs = here.store.shape("B")[1];
    const classes = here.task === "classification";
    if (!this.at) {
      fill(this.told, el("p", { class: "dim" }, "Point at the plane to read the prediction there."));
      return;
    }
    const [row, column] = this.at;
    const [left, right, bottom, top] = here.plane.extent;
    const values = here.store.near("B", state().e);
    const names = classes ? here.classes : here.targets;
    const where = [left + ((column + 0.5) / n) * (right - left), top - ((row + 0.5) / n) * (top - bottom)];
    const entries = names.slice(0, 10).map((name, k) => [name, values[(row * n + column) * outputs + k]]);
    fill(this.told, el("h3", {}, `${here.features[0]} = ${fmt(where[0], 3)}, ${here.features[1]} = ${fmt(where[1], 3)}`),
      outputs > 1 && classes ? bars(entries, 1) : el("p", {}, entries.map(([name, value]) => `${name}: ${fmt(value, 4)}`).join(", ")));
  },

  table() {
    const here = run();
    if (!here.store.has("B")) return { heads: [], rows: [] };
    const outputs = here.store.shape("B")[1];
    const n = here.plane.side;
    const values = here.store.near("B", state().e);
    return { heads: ["row", "column", ...(here.task === "classification" ? here.classes : here.targets)],
      rows: Array.from({ length: n * n }, (_, cell) => [Math.floor(cell / n), cell % n, ...values.slice(cell * outputs, (cell + 1) * outputs)]) };
  },

  picture() {
    return this.canvas;
  },
};
