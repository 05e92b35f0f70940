// Loss and score over the epochs; their cursor is the epoch of the state.

import { fmt, el } from "./text.js";
import { go, run, state } from "./state.js";
import { ink, ticks } from "./draw.js";

const HEIGHT = 104;
let charts = [];

/** Both charts of the run shown; redrawn as a whole when the run or the theme changes. */
export function buildCurves(root) {
  for (const chart of charts) chart.destroy();
  charts = [];
  const here = run();
  if ((here.metrics.epoch ?? []).length < 2) {
    root.replaceChildren(el("p", { class: "dim" }, "No curve yet: the run has fewer than two scored epochs."));
    return;
  }
  root.replaceChildren();
  const score = here.score;
  const pairs = [["loss", `loss (${here.loss.name.replaceAll("_", "-")})`], [score, here.score_label]];
  for (const [name, title] of pairs) {
    const columns = [`train_${name}`, `val_${name}`].filter((column) => column in here.metrics);
    if (!columns.length) continue;
    const summary = columns.map((column) => `${column.replace("_", " ")} ends at ${fmt(here.metrics[column].at(-1))}`);
    const holder = el("figure", { class: "chart", role: "img", "aria-label": `${title} by epoch: ${summary.join(", ")}` },
      el("figcaption", { "aria-hidden": "true" }, title, " ", el("span", { class: "key train" }, "training"), " ",
        el("span", { class: "key val" }, "validation")));
    root.append(holder);
    charts.push(chart(holder, here.metrics.epoch, columns.map((column) => here.metrics[column]), name === "loss"));
  }
}

/** Numbers of an axis with as many digits as distinguish them. */
function distinct(marks) {
  const known = marks.filter((mark) => mark !== null);
  let digits = 2;
  while (digits < 6 && new Set(known.map((mark) => fmt(mark, digits))).size < known.length) digits++;
  return marks.map((mark) => (mark === null ? "" : fmt(mark, digits)));
}

function chart(holder, epochs, series, isLoss) {
  const positive = series.flat().filter((value) => value !== null && value > 0);
  const logarithmic = isLoss && positive.length === series.flat().filter((value) => value !== null).length
    && Math.max(...positive) / Math.min(...positive) > 30;
  const axis = { stroke: ink("--dim"), grid: { stroke: ink("--rule"), width: 1 }, ticks: { stroke: ink("--rule") },
    font: "12px system-ui, sans-serif" };
  const width = Math.max(220, holder.clientWidth || 320);
  return new uPlot({
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false }, y: false, bind: { dblclick: () => null } },
    scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : {} },
    axes: [{ ...axis, size: 24, values: (_, marks) => marks.map((mark) => (Number.isInteger(mark) ? mark : "")) },
      { ...axis, size: 46, space: 22, ...(logarithmic ? { splits: (_plot, _axis, low, high) => ticks(low, high, 5, true) } : {}), values: (_, marks) => distinct(marks) }],
    series: [{}, ...series.map((_, place) => ({
      stroke: ink(place === series.length - 1 && series.length > 1 ? "--val" : "--train"),
      width: 2, dash: place === 1 ? [6, 3] : [], points: { show: epochs.length < 3 } }))],
    hooks: {
      ready: [(plot) => plot.over.addEventListener("click", () => {
        if (plot.cursor.idx !== null && plot.cursor.idx !== undefined) go({ e: epochs[plot.cursor.idx] });
      })],
      draw: [(plot) => {
        const x = Math.round(plot.valToPos(state().e, "x", true));
        const box = plot.bbox;
        plot.ctx.save();
        plot.ctx.strokeStyle = ink("--ink");
        plot.ctx.setLineDash([]);
        plot.ctx.lineWidth = 2 * devicePixelRatio;
        plot.ctx.beginPath();
        plot.ctx.moveTo(x, box.top);
        plot.ctx.lineTo(x, box.top + box.height);
        plot.ctx.stroke();
        plot.ctx.restore();
      }],
    },
  }, [epochs, ...series], holder);
}

/** Draw the line of the epoch anew. */
export function markEpoch() {
  for (const chart of charts) chart.redraw(false, false);
}

export function resizeCurves() {
  for (const chart of charts) {
    const width = chart.root.parentElement.clientWidth;
    if (width > 0) chart.setSize({ width, height: HEIGHT });
  }
}
