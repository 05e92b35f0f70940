// window.nnPage: the numbers that the views read, for tests and for the curious.

import { content, go, run, runs, state } from "./state.js";
import { chainOf, maxErrorOf, valueOf } from "./numbers.js";

let opened = null;

/** Resolves when every block is there. */
export const whenReady = new Promise((resolve) => {
  opened = resolve;
});

export function openDoor() {
  opened(true);
}

function plainStep(step) {
  if (!step) return null;
  const { formula, ...rest } = step;
  return rest;
}

Object.defineProperty(window, "nnPage", {
  value: Object.freeze({
    ready: whenReady,
    state: () => state(),
    go: (changes) => {
      go(changes);
      return state();
    },
    layers: () => run().layers.map(({ name, inputs, units, activation }) => ({ name, inputs, units, activation })),
    epochs: () => [...run().epochs],
    runs: () => runs.map((one) => one.name),
    value: (kind, layer, i, u, epoch) => valueOf(kind, layer, i, u, epoch),
    maxError: (kind, layer) => maxErrorOf(kind, layer),
    chain: (layer, i, u, epoch) => {
      const { rows, rest, gradient, step } = chainOf(layer, i, u, epoch);
      return { rows: rows.map(({ row, number, x, delta, product }) => ({ row, number, x, delta, product })), rest, gradient, step: plainStep(step) };
    },
    findings: () => run().findings.map((finding) => ({ ...finding })),
    leftOut: () => [...run().left_out],
    live: content.live !== null,
  }),
});
