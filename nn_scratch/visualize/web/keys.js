// The keyboard: epochs, views, layers. No single letter counts while something is typed.

import { VIEWS, go, lastEpoch, play, playing, run, state } from "./state.js";
import { placeOf } from "./doctor.js";

export const keys = { on: true };

let before = null;

export const HELP = [
  ["← →", "an epoch back, forth"], ["Shift ← →", "ten epochs"], ["Home, End", "first, last epoch"], ["Space", "play or stop"],
  ["B", "the best epoch"], ["N", "the next event"], ["F", "the next finding"], ["1 to 9", "the views, in order"], ["[ ]", "the layer before, after"],
  ["arrows in a matrix", "the cell"], ["Enter, U in a matrix", "chain rule of the weight, its unit"], ["Esc", "back"], ["?", "this list"],
];

function typed(target) {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName));
}

export function listenToKeys(showHelp, escape) {
  document.addEventListener("keydown", (event) => {
    if (!keys.on || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target;
    if (event.key === "Escape") {
      if (!escape() && before) go(before);
      return;
    }
    if (typed(target)) return;
    const onControl = target instanceof HTMLElement && ["BUTTON", "SUMMARY", "A"].includes(target.tagName);
    const { e } = state();
    const step = event.shiftKey ? 10 : 1;
    const action = {
      ArrowLeft: () => go({ e: e - step }), ArrowRight: () => go({ e: e + step }), Home: () => go({ e: 0 }), End: () => go({ e: lastEpoch() }),
      b: () => run().best !== null && go({ e: run().best }), f: nextFinding, n: nextEvent, "?": showHelp,
      "[": () => otherLayer(-1), "]": () => otherLayer(1),
      " ": onControl ? null : () => play(!playing.on),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (/^[1-9]$/.test(event.key)) {
      remember();
      go({ v: VIEWS[Number(event.key) - 1] });
    } else if (action) action();
    else return;
    event.preventDefault();
  });
}

/** Keep the state that Esc leads back to. */
export function remember() {
  before = state();
}

function otherLayer(by) {
  const names = run().layers.map((one) => one.name);
  go({ l: names[Math.min(names.length - 1, Math.max(0, names.indexOf(state().l) + by))] });
}

/** The next epoch in which something happened; after the last the first. */
function nextEvent() {
  const epochs = run().events.map((event) => event.epoch);
  if (epochs.length) go({ e: epochs.find((epoch) => epoch > state().e) ?? epochs[0] });
}

let findingShown = -1;

function nextFinding() {
  const found = run().findings;
  if (!found.length) return;
  remember();
  findingShown = (findingShown + 1) % found.length;
  go(placeOf(found[findingShown]));
}
