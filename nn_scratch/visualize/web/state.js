// What is shown: one state, kept in the address's hash, and the listeners that are called when it changes.

import { Blocks, nearest } from "./blocks.js";

export const VIEWS = ["network", "weights", "unit", "chain", "row", "boundary", "classes", "doctor", "compare", "guide"];
const NUMBERS = ["e", "i", "u", "r"];

export const content = JSON.parse(document.getElementById("content").textContent);
export const runs = content.runs.map((run) => ({ ...run, store: new Blocks(run.blocks) }));

const listeners = [];
let current = { v: "network", l: null, k: "W", e: 0, i: 0, u: 0, r: null, s: runs[0].name };

/** The run that is shown. */
export function run() {
  return runs.find((one) => one.name === current.s) ?? runs[0];
}

export function state() {
  return { ...current };
}

export function onChange(listener) {
  listeners.push(listener);
}

/** The last epoch there is, of curves or of tensors. */
export function lastEpoch(of = run()) {
  return Math.max(of.last, of.epochs.at(-1) ?? 0);
}

/** The epoch with tensors that is nearest to the one chosen. */
export function tensorEpoch(epoch = current.e) {
  return run().epochs.length ? nearest(run().epochs, epoch) : 0;
}

export function layer(name = current.l) {
  return run().layers.find((one) => one.name === name) ?? run().layers[0];
}

function clamp(value, low, high) {
  return Math.min(Math.max(low, Math.round(value)), Math.max(low, high));
}

/** Change some of the state; what does not exist becomes the nearest that does. Takes effect before it returns. */
export function go(changes) {
  const before = current;
  const wanted = { ...current };
  for (const [key, value] of Object.entries(changes)) {
    if (!(key in wanted) || value === undefined) continue;
    if (NUMBERS.includes(key)) {
      if (value === null && key === "r") wanted.r = null;
      else if (Number.isFinite(Number(value))) wanted[key] = Number(value);
    } else wanted[key] = String(value);
  }
  if (!VIEWS.includes(wanted.v)) wanted.v = before.v;
  if (!runs.some((one) => one.name === wanted.s)) wanted.s = before.s;
  if (!["W", "G", "M", "A", "val", "train"].includes(wanted.k)) wanted.k = before.k;
  current = wanted;
  const here = run();
  if (!here.layers.some((one) => one.name === wanted.l)) wanted.l = here.layers[0]?.name ?? null;
  const shown = layer(wanted.l);
  wanted.e = clamp(wanted.e, 0, lastEpoch(here));
  wanted.i = clamp(wanted.i, 0, (shown?.inputs ?? 1) - 1);
  wanted.u = clamp(wanted.u, 0, (shown?.units ?? 1) - 1);
  const changed = Object.keys(wanted).filter((key) => wanted[key] !== before[key]);
  if (!changed.length) return;
  writeHash();
  for (const listener of listeners) listener(new Set(changed), before);
}

let hashTimer = null;
let written = []; // when, of late: a browser refuses more than some 20 a second

function writeHash() {
  clearTimeout(hashTimer);
  const now = performance.now();
  written = written.filter((time) => now - time < 1000);
  const write = () => {
    written.push(performance.now());
    const parts = Object.entries(current).filter(([, value]) => value !== null && value !== "");
    const text = parts.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
    try {
      history.replaceState(null, "", `#${text}`);
    } catch {
      // a sandboxed frame has no history
    }
  };
  if (playing.on || written.length > 8) hashTimer = setTimeout(write, 250);
  else write();
}

/** Take the state from the address. */
export function readHash(hash = location.hash) {
  const found = {};
  for (const part of hash.slice(1).split("&")) {
    const [key, value] = part.split("=");
    if (!value) continue;
    try {
      found[key] = decodeURIComponent(value);
    } catch {
      // a broken address changes nothing
    }
  }
  if (found.s) go({ s: found.s });
  go(found);
}

/** Playing: epochs a second, and the clock of the next. */
export const playing = { on: false, rate: 5 };

export function play(on) {
  if (on === playing.on) return;
  playing.on = on;
  if (on) {
    if (current.e >= lastEpoch()) go({ e: 0 });
    let due = performance.now() + 1000 / playing.rate;
    const tick = (now) => {
      if (!playing.on) return;
      if (now >= due) {
        due = Math.max(due + 1000 / playing.rate, now);
        if (current.e >= lastEpoch()) return play(false);
        go({ e: current.e + 1 });
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  } else writeHash();
  for (const listener of listeners) listener(new Set(["playing"]), current);
}
