// The network as units and links: width and colour of a link are its weight's, a unit shows what it answers.

import { el, fill, fmt } from "./text.js";
import { go, layer, run, tensorEpoch } from "./state.js";
import { canvas, colour, ink, largest, paint, resize } from "./draw.js";

const MOST_UNITS = 24;
const MOST_LAYERS = 5;
const LINKS = 420;

export const networkView = {
  title: "Network",

  build(root) {
    const here = run();
    this.columns = chosen(here);
    if (!this.columns.length) {
      fill(root, el("p", {}, "No weights are on disk, so there is no network to draw."));
      this.canvas = null;
      return;
    }
    this.canvas = canvas(10, 10);
    this.stage = el("div", { class: "stage" }, this.canvas);
    this.told = el("p", { class: "told" });
    fill(root, 
      el("p", { class: "how" }, "Each line is a weight: blue is negative, orange positive, thick is large. Bars in a unit: "
        + "its mean activation for each class. Choose a unit to see into it, a line to see its chain rule; play the epochs."),
      this.stage, this.told);
    this.layOut();
    this.update();
  },

  layOut() {
    const width = Math.max(280, this.stage.clientWidth || 900);
    const most = Math.max(...this.columns.map((column) => column.units.length));
    const size = Math.max(13, Math.min(28, width / 24));
    const height = Math.max(240, most * (size + 4) + 46);
    this.box = { width, height, size };
    resize(this.canvas, width, height);
    this.stage.style.height = `${height}px`;
    for (const node of [...this.stage.children].slice(1)) node.remove();
    this.columns.forEach((column, place) => {
      const x = size + (place * (width - 2 * size)) / Math.max(1, this.columns.length - 1);
      this.stage.append(el("span", { class: "columnname", style: { left: `${Math.max(0, Math.min(width - 84, x - 42))}px` } },
        column.title));
      column.x = x;
      column.y = column.units.map((_, row) => 34 + ((row + 0.5) * (height - 40)) / column.units.length);
      if (place === 0) return;
      column.faces = column.units.map((unit, row) => {
        const face = canvas(size - 4, size - 4);
        const node = el("button", { type: "button", class: "unit", style: { left: `${x - size / 2}px`, top: `${column.y[row] - size / 2}px`,
          width: `${size}px`, height: `${size}px` }, "aria-label": `${column.name}, unit ${unit}`,
          on: { click: () => go({ v: "unit", l: column.name, u: unit }) } }, face);
        this.stage.append(node);
        return face;
      });
    });
    this.stage.onpointermove = (event) => this.tell(event);
    this.canvas.onclick = (event) => {
      const link = this.linkAt(event);
      if (link) go({ v: "chain", l: link.name, i: link.i, u: link.u });
    };
  },

  update() {
    if (!this.canvas) return;
    const here = run();
    const epoch = tensorEpoch();
    const context = this.canvas.getContext("2d");
    const { width, height, size } = this.box;
    context.clearRect(0, 0, width, height);
    this.links = [];
    for (let place = 1; place < this.columns.length; place++) this.collect(place, epoch, here);
    this.links.sort((a, b) => a.share - b.share);
    for (const link of this.links) {
      context.strokeStyle = colour(link.value, link.scale);
      context.globalAlpha = 0.25 + 0.75 * link.share;
      context.lineWidth = 0.4 + 3.2 * link.share;
      context.beginPath();
      context.moveTo(link.x0, link.y0);
      context.bezierCurveTo((link.x0 + link.x1) / 2, link.y0, (link.x0 + link.x1) / 2, link.y1, link.x1, link.y1);
      context.stroke();
    }
    context.globalAlpha = 1;
    this.columns.forEach((column, place) => (place ? this.paintUnits(column, epoch, here) : this.paintInputs(column, context, size)));
  },

  collect(place, epoch, here) {
    const column = this.columns[place];
    const before = this.columns[place - 1];
    const values = here.store.at(`W:${column.name}`, epoch);
    if (!values || column.skips) return;
    const units = layer(column.name).units;
    const found = [];
    for (let a = 0; a < before.units.length; a++) {
      for (let b = 0; b < column.units.length; b++) {
        const value = values[before.units[a] * units + column.units[b]];
        found.push({ name: column.name, i: before.units[a], u: column.units[b], value, x0: before.x, y0: before.y[a], x1: column.x, y1: column.y[b] });
      }
    }
    const scale = largest(found.map((link) => link.value)) || 1;
    for (const link of found) Object.assign(link, { scale, share: Math.abs(link.value) / scale });
    found.sort((a, b) => b.share - a.share);
    this.links.push(...found.slice(0, LINKS));
  },

  paintInputs(column, context, size) {
    context.fillStyle = ink("--ink");
    context.font = "11px system-ui, sans-serif";
    column.units.forEach((unit, row) => {
      context.beginPath();
      context.arc(column.x, column.y[row], Math.max(2.5, size / 8), 0, 7);
      context.fill();
    });
  },

  paintUnits(column, epoch, here) {
    const surface = here.store.has(`S:${column.name}`) ? here.store.near(`S:${column.name}`, epoch) : null;
    const means = here.store.at(`m:${column.name}`, epoch);
    const side = surface ? Math.round(Math.sqrt(here.store.shape(`S:${column.name}`)[1])) : 0;
    const classes = means ? here.store.shape(`m:${column.name}`)[1] : 0;
    const scale = largest(surface ?? means ?? []) || 1;
    column.faces.forEach((face, row) => {
      const context = face.getContext("2d");
      const width = parseFloat(face.style.width);
      const unit = column.units[row];
      context.clearRect(0, 0, width, width);
      if (surface && unit < here.store.shape(`S:${column.name}`)[0]) {
        paint(context, surface.subarray(unit * side * side, (unit + 1) * side * side), side, side, scale, [0, 0, width, width]);
      } else if (means) {
        const bar = width / classes;
        for (let label = 0; label < classes; label++) {
          const value = means[unit * classes + label] / scale;
          context.fillStyle = value < 0 ? colour(-1, 1) : colour(0.8, 1);
          const height = Math.abs(value) * (width - 2);
          context.fillRect(label * bar, width - height, Math.max(1, bar - 0.5), height);
        }
      }
    });
  },

  linkAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    let best = null;
    let distance = 7;
    for (const link of this.links) {
      if (x < link.x0 || x > link.x1) continue;
      const t = (x - link.x0) / (link.x1 - link.x0);
      const eased = t * t * (3 - 2 * t);
      const off = Math.abs(link.y0 + (link.y1 - link.y0) * eased - y);
      if (off < distance || (off === distance && best && link.share > best.share)) [best, distance] = [link, off];
    }
    return best;
  },

  tell(event) {
    const link = this.linkAt(event);
    this.told.textContent = link ? `${link.name}: weight from ${link.i} to unit ${link.u} is ${fmt(link.value)}. Click: its chain rule.` : "";
    this.canvas.style.cursor = link ? "pointer" : "default";
  },

  table() {
    return { heads: ["layer", "from", "to", "weight"], rows: (this.links ?? []).map((link) => [link.name, link.i, link.u, link.value]) };
  },

  picture() {
    return this.canvas;
  },
};

/** The layers and units that are drawn: of wide layers the units with the largest weights going out. */
function chosen(here) {
  const known = here.layers.filter((one) => here.store.has(`W:${one.name}`) && !one.pooled);
  if (!known.length || known.length !== here.layers.length) return known.length ? columnsOf(here, known) : [];
  return columnsOf(here, known.length <= MOST_LAYERS ? known : [...known.slice(0, 3), ...known.slice(-2)]);
}

function columnsOf(here, known) {
  const last = here.epochs.at(-1);
  const columns = [{ name: "input", title: here.image ? "pixels" : "input", units: strongest(here, known[0], last, true) }];
  known.forEach((one, place) => {
    const next = known[place + 1];
    const skips = here.layers.indexOf(one) > 0 && here.layers[here.layers.indexOf(one) - 1] !== (known[place - 1] ?? null);
    columns.push({ name: one.name, title: one.name, skips,
      units: next && next.inputs === one.units ? strongest(here, next, last, true) : range(Math.min(one.units, MOST_UNITS)) });
  });
  return columns;
}

function strongest(here, one, epoch, ofInputs) {
  if (one.inputs <= MOST_UNITS || !ofInputs) return range(Math.min(one.inputs, MOST_UNITS));
  const values = here.store.at(`W:${one.name}`, epoch);
  const sums = range(one.inputs).map((i) => {
    let sum = 0;
    for (let u = 0; u < one.units; u++) sum += values[i * one.units + u] ** 2;
    return [sum, i];
  });
  return sums.sort((a, b) => b[0] - a[0]).slice(0, MOST_UNITS).map((pair) => pair[1]).sort((a, b) => a - b);
}

function range(count) {
  return [...Array(count).keys()];
}
