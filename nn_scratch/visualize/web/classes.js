// Who is taken for whom, epoch by epoch; of a regression, predicted against true.

import { button, el, fill, fmt, percent, table } from "./text.js";
import { go, run, tensorEpoch } from "./state.js";
import { axes, canvas, classColour, ink, ticks } from "./draw.js";
import { picker } from "./weights.js";
import { thumbnail } from "./chain.js";
import { decidedOf, lossOf, partOf } from "./row.js";

let partChosen = "val";
let cellChosen = null;

export const classesView = {
  get title() {
    return run().task === "classification" ? "Classes" : "Predictions";
  },

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
      el("p", { class: "how" }, "Confusion matrix. Down: the true class; across: the class that the network predicts. Choose a cell to list its rows."),
      el("div", { class: "side" }, el("div", { class: "main" },
        el("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "confusion matrix" }, this.confusion(here, counts, n))),
      el("div", { class: "aside wide" }, this.told, el("h3", {}, "Each class"), perClass(here, counts, n))));
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
    const [truth, said] = cellChosen ?? worstCell(this.counts, here.classes.length) ?? [0, 0];
    const part = partOf(here, "val");
    const names = truth === said ? `${here.classes[truth]}, predicted right` : `${here.classes[truth]}, predicted as ${here.classes[said]}`;
    if (!part.val) {
      fill(this.told, el("p", {}, "Single validation rows are not in this page."));
      return;
    }
    const rows = here.rows.val_y.map((y, row) => row).filter((row) => here.rows.val_y[row] === truth && decidedOf(here, part, row, epoch) === said);
    const card = (row) => {
      const name = `row ${part.number(row)}, loss ${fmt(lossOf(here, part, row, epoch), 3)}`;
      const at = part.shown.indexOf(row);
      return at < 0 ? el("span", { class: "chip" }, name) : button([thumbnail(here, at, part.prefix) ?? "", name], () => go({ v: "row", k: "val", r: row }), { class: "small", id: `classrow-${row}` });
    };
    fill(this.told, el("h3", {}, names), rows.length ? el("p", { class: "dim" }, `${rows.length} validation row${rows.length === 1 ? "" : "s"} at epoch ${epoch}${rows.length > 24 ? "; the first 24" : ""}. A button opens its row.`)
      : el("p", { class: "dim" }, `No such validation row at epoch ${epoch}.`),
      el("ul", { class: "rowcards" }, ...rows.slice(0, 24).map((row) => el("li", {}, card(row)))));
  },

  scatter(here, epoch) {
    const values = here.store.at("pv", epoch);
    if (!values || !here.rows.val_y.length) {
      fill(this.root, el("p", {}, "Predictions by epoch need validation rows and log.weights: true."));
      return;
    }
    const width = here.store.shape("pv")[1];
    const side = Math.max(240, Math.min(520, this.root.clientWidth || 520));
    const node = canvas(side, side);
    const context = node.getContext("2d");
    const points = here.rows.val_y.flatMap((truth, row) => [].concat(truth).map((y, place) => [y, values[row * width + place], place]));
    const every = [...here.rows.val_y.flat(), ...points.map((point) => point[1]).filter(Number.isFinite)];
    const low = Math.min(...every);
    const high = Math.max(...every);
    const room = (high - low || 1) * 0.05;
    const box = [64, 10, side - 12, side - 46];
    const share = (value) => (value - low + room) / (high - low + 2 * room || 1);
    const x = (value) => box[0] + share(value) * (box[2] - box[0]);
    const y = (value) => box[3] - share(value) * (box[3] - box[1]);
    const marks = ticks(low - room, high + room, 5);
    const text = (value) => fmt(value, 3);
    axes(context, box, { ticks: marks, at: x, text, label: "true value" }, { ticks: marks, at: y, text, label: "predicted value" });
    context.strokeStyle = ink("--dim");
    context.beginPath();
    context.moveTo(box[0], box[3]);
    context.lineTo(box[2], box[1]);
    context.stroke();
    for (const [truth, predicted, place] of points) {
      context.fillStyle = width > 1 ? classColour(place) : ink("--val");
      context.globalAlpha = 0.75;
      context.beginPath();
      context.arc(x(truth), y(predicted), 3.6, 0, 7);
      context.fill();
    }
    this.points = points;
    const error = Math.sqrt(points.reduce((sum, [truth, p]) => sum + (truth - p) ** 2, 0) / points.length);
    const part = partOf(here, "val");
    const worst = [...part.shown].map((row) => [row, lossOf(here, part, row, epoch)]).sort((a, b) => b[1] - a[1]).slice(0, 10);
    const said = (row, of) => [].concat(of).map((value) => fmt(value)).join(", ");
    fill(this.root, el("p", { class: "how" }, here.task === "multi_label" ? "Each dot is a label of a validation row: across, whether the row has it (1) or not (0); up, the probability that the network gives it."
      : "Each dot is a validation row. On the line the prediction is exact; above it too high, below it too low."),
      el("div", { class: "side" },
        el("div", { class: "main" }, el("div", { role: "img", "aria-label": `predicted against true values, root mean square error ${fmt(error)}` }, node)),
        el("div", { class: "aside wide" }, el("h3", {}, `Epoch ${epoch}`), el("p", {}, `Root mean square error of ${here.targets.join(", ")}: `, el("strong", {}, fmt(error)), ` on ${here.rows.val_y.length.toLocaleString("en")} validation rows.`),
          width > 1 ? el("p", {}, ...here.targets.map((name, place) => el("span", { class: "chip", style: { "border-left-color": classColour(place) } }, name))) : null,
          here.task === "multi_label" ? perLabel(here, points) : null,
          worst.length && part.val ? el("h3", {}, "The worst predictions") : null,
          worst.length && part.val ? table(["row", "true", "predicted"], worst.map(([row]) => [button(`row ${part.number(row)}`, () => go({ v: "row", k: "val", r: row }), { class: "link", id: `classrow-${row}` }),
            said(row, here.rows.val_y[row]), said(row, [...values.subarray(row * width, (row + 1) * width)])]), "rows with the largest loss") : null)));
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

/** The pair of classes that is confused most; null where nothing is. */
function worstCell(counts, n) {
  let best = -1;
  counts.forEach((count, cell) => { if (Math.floor(cell / n) !== cell % n && count > 0 && (best < 0 || count > counts[best])) best = cell; });
  return best < 0 ? null : [Math.floor(best / n), best % n];
}

/** Recall and precision of each label, which the network gives from a probability of 0.5 on. */
function perLabel(here, points) {
  const rows = here.targets.map((name, label) => {
    const own = points.filter((point) => point[2] === label);
    const has = own.filter(([truth]) => truth >= 0.5);
    const said = own.filter(([, predicted]) => predicted >= 0.5);
    const right = has.filter(([, predicted]) => predicted >= 0.5).length;
    return [name, has.length, el("span", {}, has.length ? percent(right / has.length) : "–"), el("span", {}, said.length ? percent(right / said.length) : "–")];
  });
  return table(["label", "rows with it", "recall", "precision"], rows, "scores of each label");
}

/** Recall and precision of each class. */
function perClass(here, counts, n) {
  const rows = here.classes.map((name, k) => {
    let truth = 0;
    let said = 0;
    for (let other = 0; other < n; other++) {
      truth += counts[k * n + other];
      said += counts[other * n + k];
    }
    const right = counts[k * n + k];
    return [name, truth, el("span", {}, truth ? percent(right / truth) : "–"), el("span", {}, said ? percent(right / said) : "–")];
  });
  return table(["class", "rows", "recall", "precision"], rows, "scores of each class");
}
