// While the run trains: poll how much is written, fetch the new rows, and show what changed.

import { content, lastEpoch, runs, state } from "./state.js";

const POLL = 250;
const WORDS = 2000;
const LOGGED = [["weights", ".W", "W"], ["weights", ".b", "Wb"], ["gradients", ".W", "G"], ["gradients", ".b", "Gb"], ["activations", "", "A"]];

/** Poll until the run ends; then the server draws the whole page, with what only a finished run has. */
export function follow(onNews) {
  const here = runs[0];
  const base = content.live;
  let tag = null;
  let shownStatus = here.status;

  const ask = async () => {
    const started = performance.now();
    try {
      const answer = await fetch(`${base}commit.json?from=${lastScored(here)}`, { headers: tag ? { "If-None-Match": tag } : {} });
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        const written = await answer.json();
        const followed = state().e >= lastEpoch(here);
        const first = !here.store.live.size;
        await rowsSince(here, base, written);
        addScores(here, written.metrics);
        here.last = Math.max(here.last, written.epoch);
        onNews({ followed, ended: false, rebuild: first });
        refreshWords(here, base, onNews);
      }
      const status = answer.headers.get("X-Run-Status") ?? shownStatus;
      if (status !== "running") {
        shownStatus = status;
        onNews({ followed: false, ended: true, status, rebuild: true });
        if ((await fetch(base)).status === 200) location.reload();
        return;
      }
    } catch {
      onNews({ followed: false, ended: true, status: "not answering", rebuild: true });
      return;
    }
    setTimeout(ask, Math.max(POLL, performance.now() - started)); // a page that draws slowly polls less often
  };
  ask();
}

function lastScored(here) {
  return here.metrics.epoch?.at(-1) ?? 0;
}

/** Rows of metrics.csv behind those that the curves have. */
function addScores(here, metrics) {
  const last = lastScored(here);
  const from = metrics.epoch.findIndex((epoch) => epoch > last);
  if (from < 0) return;
  for (const [name, values] of Object.entries(metrics)) here.metrics[name] = [...(here.metrics[name] ?? []), ...values.slice(from)];
}

let wordsAfter = -Infinity; // when to ask for them next

/** The words, findings and events of the moment, every two seconds, or in a twentieth of the time where they take long; nothing waits for them. */
async function refreshWords(here, base, onNews) {
  const started = performance.now();
  if (started < wordsAfter) return;
  wordsAfter = Infinity;
  try {
    const words = await (await fetch(`${base}content.json`)).json();
    const kept = words.last < here.last ? ["metrics", "last"] : []; // which have grown in the meantime
    for (const key of ["metrics", "findings", "verdict", "best", "last", "status", "warning", "events", "performance", "scores", "notices", "sentence", "rows"]) {
      if (!kept.includes(key)) here[key] = words[key];
    }
    if (!here.layers.length || here.layers.some((one) => one.units === null)) here.layers = words.layers;
    onNews({ followed: state().e >= lastEpoch(here), ended: false, rebuild: true });
  } catch {
    // the next poll says whether the server is there
  }
  wordsAfter = performance.now() + Math.max(WORDS, 19 * (performance.now() - started));
}

async function rowsSince(here, base, written) {
  const epochs = written.tensor_epochs;
  const from = here.epochs.length && here.store.live.size ? here.epochs.length : 0;
  if (epochs.length <= from) return;
  const wanted = LOGGED.flatMap(([kind, suffix, letter]) => here.layers.map((one) => [`${kind}/${one.name}${suffix}.npy`, `${letter}:${one.name}`]))
    .filter(([file]) => file in written.files);
  if (wanted.length) {
    const answer = await fetch(`${base}rows/${wanted.map(([file]) => file).join(",")}?from=${from}&to=${epochs.length}`);
    if (answer.status !== 200) return; // the next poll asks for them again
    const values = new Float32Array(await answer.arrayBuffer());
    let at = 0;
    for (const [place, text] of answer.headers.get("X-Shapes").split(";").entries()) {
      const shape = text.split(",").map(Number);
      const size = shape.reduce((product, side) => product * side, 1);
      const row = (number) => values.subarray(at + number * size, at + (number + 1) * size);
      here.store.append(wanted[place][1], shape, epochs.slice(from).map((epoch, number) => [epoch, row(number)]));
      at += (epochs.length - from) * size;
    }
  }
  here.epochs = epochs;
}
