// One unit: what comes in, what goes out, what it answers to, when it died and came back.

import { button, el, fill, fmt, percent } from "./text.js";
import { go, layer, run, state, tensorEpoch } from "./state.js";
import { barColour, canvas, largest, paint, sparkline } from "./draw.js";
import { fromName, shortName } from "./weights.js";

const MOST_BARS = 12;

export const unitView = {
  title: "Unit",

  build(root) {
    this.root = root;
    this.update();
  },

  update() {
    const here = run();
    const { l, u } = state();
    const one = layer(l);
    if (!one) {
      fill(this.root, el("p", {}, "No layer of this run is on disk yet."));
      return;
    }
    const epoch = tensorEpoch();
    const W = one && !one.pooled ? here.store.at(`W:${one.name}`, epoch) : null;
    const focus = document.activeElement?.id;
    fill(this.root, 
      el("div", { class: "controls" },
        el("label", { class: "picker" }, "unit ", el("input", { id: "unitnumber", type: "number", min: "0", max: String((one?.units ?? 1) - 1), value: String(u),
          on: { change: (event) => go({ u: Number(event.target.value) }) } })),
        el("span", { class: "dim" }, `of ${one?.units ?? "?"} in ${one?.name}, ${one?.activation || "unknown activation"}, epoch ${epoch}`)),
      el("div", { class: "cards" }, ...[W && incoming(here, one, u, W, epoch), life(here, one, u, epoch), byClass(here, one, u, epoch), outgoing(here, one, u, epoch)]
        .filter(Boolean)));
    if (!W) this.root.append(el("p", {}, one?.pooled ? "This layer is too large for the page to hold its single weights." : "The weights of this layer were not logged."));
    if (focus) document.getElementById(focus)?.focus();
  },

  table() {
    const here = run();
    const one = layer();
    if (!one) return { heads: [], rows: [] };
    const W = here.store.at(`W:${one.name}`, tensorEpoch()) ?? [];
    const count = one.pooled ? 0 : one.inputs;
    return { heads: ["input", "weight"], rows: Array.from({ length: count }, (_, i) => [fromName(here, one.name, i), W[i * one.units + state().u]]) };
  },

  picture() {
    return this.root.querySelector("canvas");
  },
};

function incoming(here, one, u, W, epoch) {
  const weights = Array.from({ length: one.inputs }, (_, i) => W[i * one.units + u]);
  const bias = here.store.at(`Wb:${one.name}`, epoch)?.[u];
  const scale = largest(weights);
  const parts = [el("h3", {}, "Incoming weights")];
  if (here.image && here.layers[0].name === one.name && one.inputs === here.image[0] * here.image[1]) {
    const side = 180;
    const picture = canvas(side, (side * here.image[0]) / here.image[1]);
    paint(picture.getContext("2d"), weights, here.image[0], here.image[1], scale, [0, 0, side, (side * here.image[0]) / here.image[1]]);
    parts.push(el("div", { role: "img", "aria-label": `incoming weights of unit ${u} as an image` }, picture),
      el("p", { class: "dim" }, "red pixels raise the unit, blue pixels lower it"));
  }
  parts.push(bars(strongestOf(weights).map((i) => [shortName(here, one.name, i), weights[i], () => go({ v: "chain", i })]), scale),
    el("p", {}, `bias ${bias === undefined ? "–" : fmt(bias)}`));
  return el("section", {}, ...parts);
}

function outgoing(here, one, u, epoch) {
  const next = here.layers[here.layers.indexOf(one) + 1];
  const W = next && !next.pooled && next.inputs === one.units ? here.store.at(`W:${next.name}`, epoch) : null;
  if (!W) return null;
  const weights = Array.from({ length: next.units }, (_, k) => W[u * next.units + k]);
  const name = (k) => (next.name === "output" && here.classes.length === next.units ? `class ${here.classes[k]}` : `unit ${k}`);
  return el("section", {}, el("h3", {}, `Outgoing weights to ${next.name}`),
    bars(strongestOf(weights).map((k) => [name(k), weights[k], () => go({ v: "chain", l: next.name, i: u, u: k })]), largest(weights)));
}

function byClass(here, one, u, epoch) {
  const means = here.store.at(`m:${one.name}`, epoch);
  if (!means) return null;
  const classes = here.store.shape(`m:${one.name}`)[1];
  const values = [...means.subarray(u * classes, (u + 1) * classes)];
  return el("section", {}, el("h3", {}, classes > 1 ? "Mean activation by class" : "Mean activation"),
    bars(values.map((value, label) => [classes > 1 ? here.classes[label] : "all rows", value]), largest(values)));
}

function life(here, one, u, epoch) {
  const name = `s:${one.name}`;
  if (!here.store.has(name)) return null;
  const shares = here.store.course(name, u);
  const epochs = here.store.epochs(name);
  const events = [];
  const dead = (place) => shares[place] < 0.5 / here.rows.probe;
  shares.forEach((_, place) => {
    if (dead(place) && (place === 0 || !dead(place - 1))) events.push(`died at epoch ${epochs[place]}`);
    if (!dead(place) && place && dead(place - 1)) events.push(`came back at epoch ${epochs[place]}`);
  });
  const now = here.store.at(name, epoch)[u];
  return el("section", {}, el("h3", {}, "Active share of probe rows"), el("p", {}, `${percent(now)} at epoch ${epoch}`),
    el("div", { role: "img", "aria-label": `active share over the epochs, now ${percent(now)}` }, sparkline(shares, epochs, epoch)),
    el("p", {}, events.length ? `The unit ${events.slice(0, 6).join(", ")}.` : "The unit never died: at every epoch some probe row activates it."));
}

export function strongestOf(values, most = MOST_BARS) {
  return [...values.keys()].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, most);
}

/** A list of names with signed bars; with an action the name is a button. Of what rounds to 0 in the page only the bound is known: `least`. */
export function bars(entries, scale, least = 0) {
  return el("ul", { class: "bars" }, ...entries.map(([name, value, action]) => el("li", {},
    el("span", { class: "name short", title: name }, action ? button(name, action, { class: "link" }) : name),
    el("span", { class: "bar", "aria-hidden": "true" }, el("span", { class: value < 0 ? "fill down" : "fill up",
      style: { width: `${scale ? Math.min(100, (100 * Math.abs(value)) / scale) : 0}%`, background: barColour(value) } })),
    el("span", { class: "n" }, value === 0 && least ? `< ${fmt(least, 2)}` : fmt(value)))));
}
