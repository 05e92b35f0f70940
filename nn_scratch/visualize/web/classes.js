// Who is taken for whom, epoch by epoch; of a regression, predicted against true.

import { button, el, fill, fmt, percent } from "./text.js";
import { go, run, tensorEpoch } from "./state.js";
import { PALETTE, canvas, ink } from "./draw.js";
import { picker } from "./weights.js";
import { decidedOf, partOf } from "./row.js";

let partChosen = "val";
let cellChosen = null;

export const classesView = {
  title: "Classes",

  build(root) {
    this.root = root;
    this.told = el("div", { class: "told" });
    this.update();
  },

  update() {
    const here = run();
    const epoch = tensorEpoch();
    if (here.task !== "classification") return this.scatter(here, epoch);
    const parts = ["val", "train"].filter((part) => here.store.has(`c:${part}`));
    if (!parts.length) {
      fill(this.root, el("p", {}, "Counts by class were not logged: the run ended before its first epoch, or has more than 40 classes."));
      return;
    }
    const part = parts.includes(partChosen) ? partChosen : parts[0];
    const counts = here.store.at(`c:${part}`, epoch);
    const n = here.classes.length;
    let right = 0;
    let all = 0;
    counts.forEach((count, cell) => { all += count; if (cell % (n + 1) === 0) right += count; });
    const focus = document.activeElement?.id;
    this.counts = counts;
    fill(this.root, 
      el("div", { class: "controls" }, picker("rows", parts.map((name) => [name, name === "val" ? "validation" : "training sample"]), part, (name) => { partChosen = name; this.update(); }),
        el("span", {}, `epoch ${epoch}: ${right.toLocaleString("en")} of ${all.toLocaleString("en")} right, ${percent(right / Math.max(1, all))}`)),
      el("p", { class: "how" }, "Down: the true class; across: what the network says. A cell lists its rows."),
      el("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "confusion counts" }, this.confusion(here, counts, n)), this.told);
    this.list(here, epoch);
    if (focus) document.getElementById(focus)?.focus();
  },

  confusion(here, counts, n) {
    let most = 1;
    for (let cell = 0; cell < n * n; cell++) if (Math.floor(cell / n) !== cell % n) most = Math.max(most, counts[cell]);
    const head = el("tr", {}, el("td", {}), ...here.classes.map((name) => el("th", { scope: "col" }, name)));
    const rows = here.classes.map((name, truth) => el("tr", {}, el("th", { scope: "row" }, name), ...here.classes.map((other, said) => {
      const count = counts[truth * n + said];
      const wrong = truth !== said && count > 0;
      return el("td", { class: truth === said ? "right" : wrong ? "wrong" : "none", style: wrong ? { "--share": `${Math.round((100 * count) / most)}%` } : {} },
        button(count ? String(count) : "·", () => { cellChosen = [truth, said]; this.list(here, tensorEpoch()); },
          { id: `cell-${truth}-${said}`, "aria-label": `${count} rows of ${name} taken for ${other}` }));
    })));
    return el("table", { class: "confusion" }, el("thead", {}, head), el("tbody", {}, ...rows));
  },

  list(here, epoch) {
    if (!cellChosen) return;
    const [truth, said] = cellChosen;
    const part = partOf(here, "val");
    const names = `${here.classes[truth]} taken for ${here.classes[said]}`;
    if (!part.val) {
      fill(this.told, el("p", {}, "Single validation rows are not in this page."));
      return;
    }
    const rows = here.rows.val_y.map((y, row) => row).filter((row) => here.rows.val_y[row] === truth && decidedOf(here, part, row, epoch) === said);
    fill(this.told, el("p", {}, `${names}, validation rows of the log, epoch ${epoch}: ${rows.length ? "" : "none"}`),
      ...rows.slice(0, 40).map((row) => (part.shown.includes(row) ? button(`row ${part.number(row)}`, () => go({ v: "row", k: "val", r: row }), { class: "small" })
        : el("span", { class: "chip" }, `row ${part.number(row)}`))));
  },

  scatter(here, epoch) {
    const values = here.store.at("pv", epoch);
    if (!values || !here.rows.val_y.length) {
      fill(this.root, el("p", {}, "Predictions by epoch need validation rows and log.weights: true."));
      return;
    }
    const width = here.store.shape("pv")[1];
    const side = Math.min(440, this.root.clientWidth || 440);
    const node = canvas(side, side);
    const context = node.getContext("2d");
    const points = here.rows.val_y.flatMap((truth, row) => [].concat(truth).map((y, place) => [y, values[row * width + place], place]));
    const every = here.rows.val_y.flat();
    const low = Math.min(...every);
    const high = Math.max(...every);
    const room = (high - low || 1) * 0.15;
    const at = (value) => 8 + ((value - low + room) / (high - low + 2 * room || 1)) * (side - 16);
    context.strokeStyle = ink("--dim");
    context.beginPath();
    context.moveTo(8, side - 8);
    context.lineTo(side - 8, 8);
    context.stroke();
    for (const [y, predicted, place] of points) {
      context.fillStyle = PALETTE[place % PALETTE.length];
      context.globalAlpha = 0.7;
      context.beginPath();
      context.arc(at(y), side - at(predicted), 3, 0, 7);
      context.fill();
    }
    this.points = points;
    const error = Math.sqrt(points.reduce((sum, [y, p]) => sum + (y - p) ** 2, 0) / points.length);
    fill(this.root, el("p", { class: "how" }, "Each dot is a validation row: true value across, predicted value up. On the line they are equal."),
      el("div", { role: "img", "aria-label": `predicted against true, root mean square error ${fmt(error)}` }, node),
      el("p", {}, `epoch ${epoch}, ${here.targets.join(", ")}: root mean square error ${fmt(error)} on ${here.rows.val_y.length} validation rows; axes from ${fmt(low - room)} to ${fmt(high + room)}`));
  },

  table() {
    const here = run();
    if (here.task !== "classification") return { heads: ["true", "predicted"], rows: (this.points ?? []).map(([y, p]) => [y, p]) };
    const n = here.classes.length;
    return { heads: ["true class", ...here.classes], rows: here.classes.map((name, row) => [name, ...(this.counts ?? []).slice(row * n, (row + 1) * n)]) };
  },

  picture() {
    return this.root.querySelector("canvas");
  },
};
