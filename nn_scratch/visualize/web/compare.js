// Several runs: what differs in their configs first, then curves and scores; one is lit when it is pointed at.

import { button, el, fill, fmt, percent, table } from "./text.js";
import { sentenceOf } from "./doctor.js";
import { content, go, lastEpoch, run, runs, state } from "./state.js";
import { axes, canvas, ink, runColour, ticks } from "./draw.js";

const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
let lit = null;

export const compareView = {
  title: "Compare",

  build(root) {
    this.canvases = [];
    if (runs.length < 2) {
      fill(root, el("p", {}, "This page holds one run. To compare: ", el("code", {}, `${run().draw_again} ANOTHER_RUN`)));
      return;
    }
    const rows = content.difference.map(([key, values]) => [key, ...values]);
    const shown = runs.length <= 6;
    this.holder = el("div", { class: "cards wide" });
    fill(root, el("h3", {}, "What differs in the configs"),
      !rows.length ? el("p", {}, "Nothing, names aside.")
        : shown ? table(["key", ...runs.map((one) => one.name)], rows, "differences of the configs")
          : el("p", {}, rows.map((row) => row[0]).join(", ")),
      el("h3", {}, "Scores and verdicts"), this.scores(), el("h3", {}, "Curves"),
      el("p", { class: "how" }, "Thick: validation; thin: training. Runs that differ in the seed alone share a colour, and a band spans them. Point at a run in the table to bring it out."), this.holder);
    for (const name of ["loss", run().score]) {
      const node = canvas(root.clientWidth > 900 ? Math.min(620, root.clientWidth / 2 - 24) : Math.max(260, root.clientWidth - 4), 280);
      this.canvases.push([node, name]);
      this.holder.append(el("figure", { role: "img", "aria-label": `${name} of all runs by epoch` }, el("figcaption", {}, name === "loss" ? "loss" : run().score_label), node));
    }
    this.update();
  },

  scores() {
    const parts = [...new Set(runs.flatMap((one) => one.scores.parts))];
    const told = (one, value) => (value === null || value === undefined ? "–" : el("span", {}, one.score === "accuracy" ? percent(value) : fmt(value, 3)));
    const names = { train: "training", val: "validation", test: "test" };
    const list = runs.map((one, place) => {
      const own = one.scores.rows.find((row) => row.own);
      return [el("span", { class: "runname", on: { pointerenter: () => this.light(place), pointerleave: () => this.light(null) } },
        el("span", { class: "swatch", style: { background: runColour(groupOf(place)) } }), button(one.name, () => go({ s: one.name, v: "network" }),
          { class: "link", on: { click: () => go({ s: one.name, v: "network" }), focus: () => this.light(place), blur: () => this.light(null) } })),
      ...parts.map((part) => told(one, own?.values[one.scores.parts.indexOf(part)])), one.verdict.verdict, sentenceOf(one.verdict)];
    });
    return table(["run", ...parts.map((part) => `${names[part]} ${run().score_label}`), "verdict", "the doctor's words"], list, "scores of all runs");
  },

  light(place) {
    lit = place;
    this.update();
  },

  update() {
    for (const [node, name] of this.canvases ?? []) drawCurves(node, name);
  },

  table() {
    return { heads: ["key", ...runs.map((one) => one.name)], rows: content.difference.map(([key, values]) => [key, ...values]) };
  },

  picture() {
    return this.canvases?.[0]?.[0];
  },
};

function groupOf(place) {
  const found = content.groups.findIndex((group) => group.members.includes(place));
  return found < 0 ? place : found;
}

function drawCurves(node, name) {
  const context = node.getContext("2d");
  const width = parseFloat(node.style.width);
  const height = parseFloat(node.style.height);
  const series = runs.map((one) => ({ epochs: one.metrics.epoch, train: one.metrics[`train_${name}`], val: one.metrics[`val_${name}`] }));
  const every = series.flatMap((one) => [...(one.val ?? []), ...(one.train ?? [])]).filter((value) => value !== null && Number.isFinite(value));
  context.clearRect(0, 0, width, height);
  if (!every.length) return;
  const logarithmic = name === "loss" && Math.min(...every) > 0 && Math.max(...every) / Math.min(...every) > 30;
  const scale = (value) => (logarithmic ? Math.log10(value) : value);
  const low = scale(Math.min(...every));
  const high = scale(Math.max(...every));
  const last = Math.max(1, ...runs.map((one) => lastEpoch(one)));
  const left = 58;
  const x = (epoch) => left + (epoch / last) * (width - 12 - left);
  const y = (value) => 8 + ((high - scale(value)) / (high - low || 1)) * (height - 52);
  const text = (value) => fmt(value, 3);
  const box = [left, 8, width - 12, height - 44];
  const marks = ticks(Math.min(...every), Math.max(...every), 5, logarithmic);
  axes(context, box, { ticks: ticks(0, last, 6), at: x, text, label: "epoch" }, { ticks: marks, at: y, text });
  content.groups.forEach((group, place) => band(context, group.members.map((member) => series[member]), runColour(place), x, y));
  series.forEach((one, place) => {
    for (const [values, thick] of [[one.train, 0.8], [one.val, 2.2]]) {
      if (!values) continue;
      context.strokeStyle = runColour(groupOf(place));
      context.globalAlpha = lit === null ? (thick > 1 ? 1 : 0.5) : lit === place ? 1 : 0.12;
      context.lineWidth = lit === place ? thick + 1 : thick;
      context.setLineDash(DASHES[groupOf(place) % DASHES.length]);
      context.beginPath();
      let begun = false;
      values.forEach((value, row) => {
        if (value === null) return;
        context[begun ? "lineTo" : "moveTo"](x(one.epochs[row]), y(value));
        begun = true;
      });
      context.stroke();
    }
  });
  context.setLineDash([]);
  context.globalAlpha = 1;
  context.strokeStyle = ink("--ink");
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x(state().e), 8);
  context.lineTo(x(state().e), height - 44);
  context.stroke();
}

/** From the least to the greatest of a group's runs, as far as all came. */
function band(context, members, fill, x, y) {
  if (members.length < 2 || members.some((one) => !one.val)) return;
  const length = Math.min(...members.map((one) => one.val.length));
  const at = (row, choose) => choose(...members.map((one) => one.val[row] ?? NaN));
  context.fillStyle = fill;
  context.globalAlpha = 0.18;
  context.beginPath();
  for (let row = 0; row < length; row++) context.lineTo(x(members[0].epochs[row]), y(at(row, Math.max)));
  for (let row = length - 1; row >= 0; row--) context.lineTo(x(members[0].epochs[row]), y(at(row, Math.min)));
  context.fill();
  context.globalAlpha = 1;
}
