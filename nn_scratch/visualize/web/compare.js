// Several runs: what differs in their configs first, then curves and scores; one is lit when it is pointed at.

import { button, el, fill, fmt, table } from "./text.js";
import { content, go, lastEpoch, run, runs, state } from "./state.js";
import { PALETTE, canvas, ink } from "./draw.js";

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
      el("p", { class: "how" }, "Thick: validation, thin: training. Runs that differ in the seed alone are one colour, with a band from the least to the greatest."), this.holder);
    for (const name of ["loss", run().score]) {
      const node = canvas(Math.min(560, Math.max(260, root.clientWidth / 2 - 20)), 240);
      this.canvases.push([node, name]);
      this.holder.append(el("figure", { role: "img", "aria-label": `${name} of all runs by epoch` }, el("figcaption", {}, name === "loss" ? "loss" : run().score_label), node));
    }
    this.update();
  },

  scores() {
    const parts = [...new Set(runs.flatMap((one) => one.scores.parts))];
    const list = runs.map((one, place) => {
      const own = one.scores.rows.find((row) => row.own);
      return [el("span", { on: { pointerenter: () => this.light(place), pointerleave: () => this.light(null) } },
        el("span", { class: "swatch", style: { background: PALETTE[groupOf(place) % PALETTE.length] } }), button(one.name, () => go({ s: one.name, v: "network" }),
          { class: "link", on: { click: () => go({ s: one.name, v: "network" }), focus: () => this.light(place), blur: () => this.light(null) } })),
      ...parts.map((part) => own?.values[one.scores.parts.indexOf(part)] ?? "–"), one.verdict.verdict, one.verdict.summary];
    });
    return table(["run", ...parts.map((part) => `${part} ${run().score_label}`), "verdict", "in words"], list, "scores of all runs");
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
  const x = (epoch) => 44 + (epoch / last) * (width - 52);
  const y = (value) => 8 + ((high - scale(value)) / (high - low || 1)) * (height - 34);
  context.fillStyle = ink("--dim");
  context.font = "11px system-ui, sans-serif";
  for (const value of [logarithmic ? 10 ** low : low, logarithmic ? 10 ** high : high]) context.fillText(fmt(value, 3), 2, y(value) + 4);
  context.fillText("0", 42, height - 8);
  context.fillText(`epoch ${last}`, width - 58, height - 8);
  content.groups.forEach((group, place) => band(context, group.members.map((member) => series[member]), PALETTE[place % PALETTE.length], x, y));
  series.forEach((one, place) => {
    for (const [values, thick] of [[one.train, 0.8], [one.val, 2.2]]) {
      if (!values) continue;
      context.strokeStyle = PALETTE[groupOf(place) % PALETTE.length];
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
  context.strokeStyle = ink("--accent");
  context.beginPath();
  context.moveTo(x(state().e), 4);
  context.lineTo(x(state().e), height - 24);
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
