// The network as units and links: width and colour of a link are its weight's, a unit shows its activation.

import { el, fill, fmt } from "./text.js";
import { go, layer, run, tensorEpoch } from "./state.js";
import { barColour, canvas, classColour, colour, ink, largest, paint, resize } from "./draw.js";

const MOST_UNITS = 24; // of a layer; of a wider one OF_WIDE, so that they stay large
const OF_WIDE = 16;
const MOST_LAYERS = 5;
const LINKS = 320;
const NARROW = 600; // pixels: fewer units and links are drawn below
const NAMED_CLASSES = 7; // as many as have a colour of their own

export const networkView = {
  title: "Network",

  build(root) {
    const here = run();
    this.narrow = root.clientWidth < NARROW;
    this.columns = chosen(here, this.narrow ? [12, 10] : [MOST_UNITS, OF_WIDE]);
    this.lit = null;
    if (!this.columns.length) {
      fill(root, el("p", {}, here.layers.some((one) => one.pooled) ? "The layers are too large for this page to draw single units; the Weights view shows them in blocks."
        : "There is no network to draw, as the page has none of its weights: the run ended before its first epoch, or its config has log.weights: false."));
      this.canvas = null;
      return;
    }
    this.canvas = canvas(10, 10);
    this.stage = el("div", { class: "stage" }, this.canvas);
    this.told = el("p", { class: "told" });
    fill(root, el("p", { class: "how" }, howToRead(here)), this.told, this.stage);
    this.layOut(here);
    this.update();
    this.tell(null);
  },

  layOut(here) {
    const width = Math.max(280, this.stage.clientWidth || 900);
    const most = Math.max(...this.columns.map((column) => column.units.length));
    const spacing = Math.max(this.narrow ? 26 : 24, Math.min(46, (0.62 * innerHeight - 40) / most));
    const size = Math.min(34, spacing - 3);
    const height = Math.max(200, most * spacing + 40);
    this.box = { width, height, size };
    resize(this.canvas, width, height);
    this.stage.style.height = `${height}px`;
    for (const node of [...this.stage.children].slice(1)) node.remove();
    const names = this.columns.map((column) => namesOf(here, column));
    const left = this.roomFor(names[0], size);
    const right = width - this.roomFor(names.at(-1), size);
    const step = (right - left) / Math.max(1, this.columns.length - 1);
    this.columns.forEach((column, place) => {
      column.x = left + place * step;
      column.y = column.units.map((_, row) => 34 + ((row + 0.5) * (height - 40)) / column.units.length);
      column.names = names[place];
      this.head(column, width, place, step);
      if (column.skips) this.gap(column, step, size, height);
      if (place === 0) this.inputs(column, left, size);
      else column.faces = column.units.map((unit, row) => this.unit(column, place, unit, row, size));
    });
    this.stage.onpointermove = (event) => event.target === this.canvas && this.tell(this.linkAt(event));
    this.stage.onpointerleave = () => this.tell(null);
    this.canvas.onclick = (event) => {
      const link = this.linkAt(event);
      if (link) go({ v: "chain", l: link.name, i: link.i, u: link.u });
    };
  },

  /** Pixels for the names beside the first or the last column. */
  roomFor(names, size) {
    if (!names) return size;
    return Math.min(this.narrow ? 104 : 160, size / 2 + 20 + 7 * Math.max(...names.map((name) => name.length)));
  },

  /** What stands above a column: its name, and how many of its units are drawn; in two rows where columns are close. */
  head(column, width, place, step) {
    const close = this.narrow && step < 84;
    const wide = this.narrow ? Math.min(84, 2 * step - 4) : Math.max(124, Math.min(180, 2 * column.x, 2 * (width - column.x)));
    const from = Math.max(0, Math.min(width - wide, column.x - wide / 2));
    const align = column.x - wide / 2 < 0 ? "left" : column.x + wide / 2 > width ? "right" : "center";
    const cut = column.units.length < column.of ? ` ${column.units.length} of ${column.of.toLocaleString("en")}` : ` ${column.of.toLocaleString("en")}`;
    this.stage.append(el("span", { class: "columnname", style: { left: `${from}px`, top: `${close && place % 2 ? 13 : 0}px`, width: `${wide}px`, "text-align": align } },
      el("strong", {}, column.title), this.narrow ? "" : cut));
  },

  /** In the place of the layers that are not drawn. */
  gap(column, step, size, height) {
    const words = `${column.skips} more layers`;
    this.stage.append(el("span", { class: "columnname", title: words, style: { left: `${column.x - step + size / 2}px`, width: `${step - size}px`,
      top: `${height / 2}px`, "text-align": "center" } }, this.narrow ? "⋯" : `⋯ ${words} ⋯`));
  },

  inputs(column, left, size) {
    column.units.forEach((unit, row) => {
      const name = column.names?.[row] ?? "";
      const reach = Math.max(12, left - 8);
      this.stage.append(el("span", { class: "unitname before", title: column.label(unit),
        style: { left: `${left - reach}px`, width: `${reach + 6}px`, top: `${column.y[row] - size / 2}px`, height: `${size}px`, "line-height": `${size}px` },
        on: { pointerenter: () => this.light(0, row), pointerleave: () => this.light(null) } }, name));
    });
  },

  unit(column, place, unit, row, size) {
    const face = canvas(size - 4, size - 4);
    const light = { pointerenter: () => this.light(place, row), pointerleave: () => this.light(null), focus: () => this.light(place, row), blur: () => this.light(null) };
    this.stage.append(el("button", { type: "button", class: "unit", style: { left: `${column.x - size / 2}px`, top: `${column.y[row] - size / 2}px`,
      width: `${size}px`, height: `${size}px` }, "aria-label": column.label(unit), on: { click: () => go({ v: "unit", l: column.name, u: unit }), ...light } }, face));
    if (column.names) {
      this.stage.append(el("span", { class: "unitname", title: column.names[row], style: { left: `${column.x + size / 2 + 6}px`, width: `${this.box.width - column.x - size / 2 - 6}px`,
        top: `${column.y[row] - size / 2}px`, height: `${size}px`, "line-height": `${size}px` } }, column.names[row]));
    }
    return face;
  },

  /** Bring out the links of one unit; null: all again. */
  light(place, row) {
    this.lit = place === null ? null : { place, row };
    this.update();
    const column = this.lit ? this.columns[place] : null;
    this.told.textContent = column ? `${column.label(column.units[row])}: its ${place ? "incoming and outgoing" : "outgoing"} weights.${place ? " Click to open the unit." : ""}` : this.hint;
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
      const strength = link.share ** 1.5;
      context.strokeStyle = colour(link.value < 0 ? -0.45 - 0.4 * link.share : 0.45 + 0.4 * link.share, 1);
      context.globalAlpha = this.lit ? (this.touches(link) ? 1 : 0.04) : 0.1 + 0.9 * strength;
      context.lineWidth = 0.4 + 3.4 * strength;
      context.beginPath();
      context.moveTo(link.x0, link.y0);
      context.bezierCurveTo((link.x0 + link.x1) / 2, link.y0, (link.x0 + link.x1) / 2, link.y1, link.x1, link.y1);
      context.stroke();
    }
    context.globalAlpha = 1;
    this.columns.forEach((column, place) => (place ? this.paintUnits(column, epoch, here) : this.paintInputs(column, context, size)));
  },

  touches(link) {
    const { place, row } = this.lit;
    return (link.place === place && link.to === row) || (link.place === place + 1 && link.from === row);
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
        found.push({ name: column.name, i: before.units[a], u: column.units[b], value, place, from: a, to: b,
          x0: before.x, y0: before.y[a], x1: column.x, y1: column.y[b] });
      }
    }
    const scale = largest(found.map((link) => link.value)) || 1;
    for (const link of found) link.share = Math.min(1, Math.abs(link.value) / scale);
    found.sort((a, b) => b.share - a.share);
    const most = this.narrow ? LINKS / 2 : LINKS;
    this.links.push(...(this.lit ? found.filter((link, rank) => rank < most || this.touches(link)) : found.slice(0, most)));
  },

  paintInputs(column, context, size) {
    context.fillStyle = ink("--ink");
    column.units.forEach((unit, row) => {
      context.beginPath();
      context.arc(column.x, column.y[row], Math.max(2.5, size / 7), 0, 7);
      context.fill();
    });
  },

  paintUnits(column, epoch, here) {
    const surface = here.store.has(`S:${column.name}`) ? here.store.near(`S:${column.name}`, epoch) : null;
    const means = here.store.at(`m:${column.name}`, epoch) ?? meansOf(here, column.name, epoch);
    const side = surface ? Math.round(Math.sqrt(here.store.shape(`S:${column.name}`)[1])) : 0;
    const surfaces = layer(column.name).surfaces ?? [];
    const classes = means ? means.length / layer(column.name).units : 0;
    const scale = largest(surface ?? means ?? []) || 1;
    column.faces.forEach((face, row) => {
      const context = face.getContext("2d");
      const width = parseFloat(face.style.width);
      const unit = column.units[row];
      const shown = surface ? surfaces.indexOf(unit) : -1;
      context.clearRect(0, 0, width, width);
      if (shown >= 0) paint(context, surface.subarray(shown * side * side, (shown + 1) * side * side), side, side, scale, [0, 0, width, width]);
      else if (means) paintBars(context, means.subarray(unit * classes, (unit + 1) * classes), scale, width, here.task === "classification");
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

  tell(link) {
    this.hint = "Point at a unit to see its weights alone; click a unit to open it, or a line for the chain rule of that weight.";
    const from = link ? this.columns[link.place - 1].label(link.i) : "";
    this.told.textContent = link ? `${from} → ${this.columns[link.place].label(link.u)}: weight ${fmt(link.value)}. Click for its chain rule.` : this.hint;
    this.canvas.style.cursor = link ? "pointer" : "default";
  },

  table() {
    return { heads: ["layer", "from", "to", "weight"], rows: (this.links ?? []).map((link) => [link.name, link.i, link.u, link.value]) };
  },

  picture() {
    return this.canvas;
  },
};

function howToRead(here) {
  const surfaces = here.layers.some((one) => here.store.has(`S:${one.name}`));
  const unit = surfaces ? "A unit's picture is its activation over the plane of the two features."
    : here.task === "classification" ? "The bars in a unit are its mean activation for each class." : "The bar in a unit is its mean activation.";
  return `A line is a weight: red is positive, blue negative, and the thicker the line, the larger the weight. ${unit}`;
}

/** Each unit's mean activation by class, from rows that arrived while the run trains. */
function meansOf(here, name, epoch) {
  const A = here.store.at(`A:${name}`, epoch);
  const { labels } = here.rows;
  const units = layer(name).units;
  if (!A || !units || A.length !== labels.length * units) return null;
  const classes = here.classes.length;
  const sums = new Float64Array(units * classes);
  const counts = new Float64Array(classes);
  labels.forEach((label, row) => {
    counts[label]++;
    for (let u = 0; u < units; u++) sums[u * classes + label] += A[row * units + u];
  });
  return sums.map((sum, place) => (counts[place % classes] ? sum / counts[place % classes] : 0));
}

/** Bars of a unit's mean activations, up from the bottom, or from the middle where some are negative. */
function paintBars(context, means, scale, width, byClass) {
  const middle = means.some((value) => value < 0);
  const zero = middle ? width / 2 : width - 1;
  const bar = width / means.length;
  means.forEach((value, label) => {
    const height = (Math.abs(value) / scale) * (middle ? width / 2 : width - 2);
    context.fillStyle = byClass && means.length <= NAMED_CLASSES ? classColour(label) : barColour(value);
    context.fillRect(label * bar, value < 0 ? zero : zero - height, Math.max(1, bar - 0.5), height);
  });
}

/** Names beside a column: of a table's features, and of the outputs. */
function namesOf(here, column) {
  if (column.name === "input") return here.image ? null : column.units.map((unit) => here.features[unit] ?? `feature ${unit}`);
  if (column.name !== "output") return null;
  const names = here.task === "classification" ? here.classes : here.targets;
  return column.of === names.length ? column.units.map((unit) => names[unit]) : null;
}

/** The layers and units that are drawn: of wide layers the units with the largest weights going out. */
function chosen(here, limits) {
  const known = here.layers.filter((one) => here.store.has(`W:${one.name}`) && !one.pooled);
  if (!known.length || known.length !== here.layers.length) return known.length ? columnsOf(here, known, limits) : [];
  return columnsOf(here, known.length <= MOST_LAYERS ? known : [...known.slice(0, 3), ...known.slice(-2)], limits);
}

function columnsOf(here, known, [most, wide]) {
  const last = here.epochs.at(-1);
  const named = (unit) => (here.image ? `pixel (${Math.floor(unit / here.image[1])}, ${unit % here.image[1]})` : here.features[unit] ?? `feature ${unit}`);
  const columns = [{ name: "input", title: here.image ? "pixels" : "features", of: known[0].inputs, label: named, units: strongest(here, known[0], last, known[0].inputs > most ? wide : most) }];
  known.forEach((one, place) => {
    const next = known[place + 1];
    const skips = place ? here.layers.indexOf(one) - here.layers.indexOf(known[place - 1]) - 1 : 0;
    const answers = one.name === "output" && here.classes.length === one.units;
    columns.push({ name: one.name, title: one.name, of: one.units, skips, label: (unit) => (answers ? `output for ${here.classes[unit]}` : `${one.name}, unit ${unit}`),
      units: one.units <= most ? range(one.units) : one.surfaces ? one.surfaces.slice(0, wide)
        : next && next.inputs === one.units ? strongest(here, next, last, wide) : range(wide) });
  });
  return columns;
}

function strongest(here, one, epoch, most) {
  if (one.inputs <= most) return range(one.inputs);
  const values = here.store.at(`W:${one.name}`, epoch);
  const sums = range(one.inputs).map((i) => {
    let sum = 0;
    for (let u = 0; u < one.units; u++) sum += values[i * one.units + u] ** 2;
    return [sum, i];
  });
  return sums.sort((a, b) => b[0] - a[0]).slice(0, most).map((pair) => pair[1]).sort((a, b) => a - b);
}

function range(count) {
  return [...Array(count).keys()];
}
