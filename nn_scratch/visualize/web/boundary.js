// Two features: what the network answers everywhere in their plane.

import { el, fill, fmt } from "./text.js";
import { run, state } from "./state.js";
import { PALETTE, canvas, colour, ink, largest, paint } from "./draw.js";

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
    const side = Math.max(240, Math.min(560, root.clientWidth - 4));
    this.side = side;
    this.canvas = canvas(side, side);
    this.told = el("p", { class: "told" });
    this.frame = el("div", { role: "img", class: "plane" }, this.canvas);
    this.canvas.onpointermove = (event) => this.tell(event);
    fill(root, el("p", { class: "how" }, "The colour is the network's answer at each point of the plane, paler where it is less sure; dots are training rows."),
      el("p", { class: "legend" }, ...here.classes.slice(0, PALETTE.length).map((name, place) => el("span", { class: "chip", style: { "border-color": PALETTE[place] } }, name))),
      this.frame, this.told);
    this.update();
  },

  update() {
    if (!this.canvas) return;
    const here = run();
    const [cells, outputs] = here.store.shape("B");
    const n = here.plane.side;
    const values = here.store.near("B", state().e);
    const context = this.canvas.getContext("2d");
    if (outputs === 1 || here.task !== "classification") {
      const first = Float64Array.from({ length: cells }, (_, cell) => values[cell * outputs]);
      paint(context, first, n, n, largest(first), [0, 0, this.side, this.side]);
    } else this.paintClasses(context, values, n, outputs);
    const [left, right, bottom, top] = here.plane.extent;
    here.plane.x.forEach(([x, y], row) => {
      context.fillStyle = here.task === "classification" ? PALETTE[here.plane.y[row] % PALETTE.length] : colour(here.plane.y[row], largest(here.plane.y));
      context.strokeStyle = ink("--paper");
      context.beginPath();
      context.arc(((x - left) / (right - left)) * this.side, ((top - y) / (top - bottom)) * this.side, 3.4, 0, 7);
      context.fill();
      context.stroke();
    });
    this.frame.setAttribute("aria-label", `the network's answer over the plane of ${here.features.join(" and ")} near epoch ${state().e}`);
  },

  paintClasses(context, values, n, outputs) {
    const image = new ImageData(n, n);
    const paper = ink("--paper").match(/\w\w/g).map((pair) => parseInt(pair, 16));
    const colours = PALETTE.map((text) => text.slice(1).match(/\w\w/g).map((pair) => parseInt(pair, 16)));
    for (let cell = 0; cell < n * n; cell++) {
      let best = 0;
      for (let k = 1; k < outputs; k++) if (values[cell * outputs + k] > values[cell * outputs + best]) best = k;
      const sure = Math.max(0, (values[cell * outputs + best] - 1 / outputs) / (1 - 1 / outputs));
      for (let channel = 0; channel < 3; channel++) {
        image.data[cell * 4 + channel] = paper[channel] + (colours[best % colours.length][channel] - paper[channel]) * (0.12 + 0.5 * Math.min(1, sure));
      }
      image.data[cell * 4 + 3] = 255;
    }
    const small = document.createElement("canvas");
    small.width = small.height = n;
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, this.side, this.side);
  },

  tell(event) {
    const here = run();
    const n = here.plane.side;
    const outputs = here.store.shape("B")[1];
    const box = this.canvas.getBoundingClientRect();
    const column = Math.min(n - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * n)));
    const row = Math.min(n - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * n)));
    const values = here.store.near("B", state().e);
    const names = here.task === "classification" ? here.classes : here.targets;
    this.told.textContent = names.slice(0, 6).map((name, k) => `${name} ${fmt(values[(row * n + column) * outputs + k], 3)}`).join(", ");
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
