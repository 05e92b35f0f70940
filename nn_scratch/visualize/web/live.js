// While the run trains: poll what is committed, fetch the new rows, and show what changed.

import { content, lastEpoch, runs, state } from "./state.js";

const GROWING = 500;
const IDLE = 1000;
const WORDS = 2000;
const LOGGED = [["weights", ".W", "W"], ["weights", ".b", "Wb"], ["gradients", ".W", "G"], ["gradients", ".b", "Gb"], ["activations", "", "A"]];

/** Poll until the run ends; then the server draws the whole page, with what only a finished run has. */
export function follow(onNews) {
  const here = runs[0];
  const base = content.live;
  let tag = null;
  let shownStatus = here.status;

  const ask = async () => {
    let wait = IDLE;
    const started = performance.now();
    try {
      const answer = await fetch(`${base}commit.json`, { headers: tag ? { "If-None-Match": tag } : {} });
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        const committed = await answer.json();
        const followed = state().e >= lastEpoch(here);
        await take(here, base, committed);
        wait = Math.max(GROWING, 3 * (performance.now() - started)); // so that a page that draws slowly polls less often
        onNews({ followed, ended: false });
      }
      const status = answer.headers.get("X-Run-Status") ?? shownStatus;
      if (status !== "running") {
        shownStatus = status;
        onNews({ followed: false, ended: true, status });
        if ((await fetch(base)).status === 200) location.reload();
        return;
      }
    } catch {
      onNews({ followed: false, ended: true, status: "not answering" });
      return;
    }
    setTimeout(ask, wait);
  };
  ask();
}

let fetchedAt = -Infinity;

/** The words and curves of the moment, at most every two seconds; then the rows that are new. */
async function take(here, base, committed) {
  if (performance.now() - fetchedAt > WORDS) await fetchContent(here, base);
  await rowsSince(here, base, committed);
}

async function fetchContent(here, base) {
  fetchedAt = performance.now();
  const content = await (await fetch(`${base}content.json`)).json();
  for (const key of ["metrics", "findings", "verdict", "best", "last", "status", "warning", "events", "performance", "scores", "notices", "sentence", "rows"]) here[key] = content[key];
  if (!here.layers.length || here.layers.some((one) => one.units === null)) here.layers = content.layers;
}

async function rowsSince(here, base, committed) {
  const epochs = committed.tensor_epochs;
  const from = here.epochs.length && here.store.live.size ? here.epochs.length : 0;
  if (epochs.length <= from) return;
  for (const [kind, suffix, letter] of LOGGED) {
    for (const one of here.layers) {
      const file = `${kind}/${one.name}${suffix}.npy`;
      if (!(file in committed.files)) continue;
      const answer = await fetch(`${base}rows/${file}?from=${from}&to=${epochs.length}`);
      if (answer.status !== 200) continue;
      const shape = answer.headers.get("X-Shape").split(",").map(Number);
      const values = new Float32Array(await answer.arrayBuffer());
      const size = shape.reduce((product, side) => product * side, 1);
      const rows = epochs.slice(from).map((epoch, row) => [epoch, values.subarray(row * size, (row + 1) * size)]);
      here.store.append(`${letter}:${one.name}`, shape, rows);
    }
  }
  here.epochs = epochs;
}
