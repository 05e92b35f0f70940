// The page: what is always on top, the views below, and what is redrawn when the state changes.

import { button, csv, copy, download, el, fill, fmt, percent, table } from "./text.js";
import { VIEWS, content, go, lastEpoch, layer, onChange, play, playing, readHash, run, runs, state } from "./state.js";
import { buildCurves, markEpoch, resizeCurves } from "./curves.js";
import { networkView } from "./network.js";
import { weightsView } from "./weights.js";
import { unitView } from "./unit.js";
import { chainView } from "./chain.js";
import { rowView } from "./row.js";
import { classesView } from "./classes.js";
import { boundaryView } from "./boundary.js";
import { doctorView, patchBox, placeOf, sentenceOf } from "./doctor.js";
import { compareView } from "./compare.js";
import { guideView } from "./guide.js";
import { openDoor } from "./door.js";
import { HELP, keys, listenToKeys, remember } from "./keys.js";
import { follow } from "./live.js";

const PAGES = { network: networkView, weights: weightsView, unit: unitView, chain: chainView, row: rowView, boundary: boundaryView,
  classes: classesView, doctor: doctorView, compare: compareView, guide: guideView };
const OF_LAYER = ["weights", "unit", "chain"];
const parts = {};

function build() {
  const page = document.getElementById("page");
  parts.live = el("p", { class: "hidden", "aria-live": "polite", id: "said" });
  parts.head = el("header", {});
  parts.slider = el("input", { type: "range", id: "epoch", min: "0", step: "1", "aria-label": "epoch", on: { input: () => go({ e: Number(parts.slider.value) }) } });
  parts.ticks = el("div", { class: "ticks", "aria-hidden": "true" });
  parts.track = el("div", { class: "track" }, parts.slider, parts.ticks);
  parts.legend = el("div", { class: "legend marks", role: "group", "aria-label": "what happened" });
  parts.epochText = el("output", { for: "epoch" });
  parts.play = button("▶ play", () => play(!playing.on), { class: "primary", id: "play" });
  parts.rate = el("select", { "aria-label": "epochs a second", on: { change: () => { playing.rate = Number(parts.rate.value); } } },
    ...[1, 5, 15, 30].map((rate) => el("option", { value: String(rate), selected: rate === playing.rate }, `${rate} a second`)));
  parts.curves = el("div", { class: "curves" });
  parts.nav = el("nav", { "aria-label": "views" });
  parts.layers = el("div", { class: "layerline" });
  parts.view = el("div", { id: "view", role: "region", "aria-labelledby": "viewtitle" });
  parts.title = el("h2", { id: "viewtitle", tabindex: "-1" });
  parts.tools = el("div", { class: "tools" });
  parts.tableHolder = el("div", {});
  parts.foot = el("footer", {});
  parts.help = el("dialog", { "aria-label": "keys" }, el("h2", {}, "Keys"), table(["key", "does"], HELP, "keys"),
    el("label", {}, el("input", { type: "checkbox", checked: true, on: { change: (event) => { keys.on = event.target.checked; } } }), " keys are on"),
    el("p", {}, button("close", () => parts.help.close())));
  fill(page, parts.head,
    el("section", { class: "timeline", "aria-label": "epoch" },
      el("div", { class: "epochline" }, parts.play, parts.rate, parts.track, parts.epochText), parts.legend, parts.curves),
    parts.nav, parts.layers, el("section", { class: "panel" }, el("div", { class: "paneltop" }, parts.title, parts.tools), parts.view, parts.tableHolder),
    el("p", { class: "hidden", id: "matrixkeys" }, "Arrow keys move the cell, Enter opens the chain rule of a weight, U the unit."),
    parts.foot, parts.live, parts.help);
}

/** In a lesson, whose own text says what the run is, the page begins with the epochs. */
const compact = /[#&]compact=1/.test(location.hash);

function header() {
  const here = run();
  if (compact) {
    fill(parts.head, el("div", { class: "top" }, el("h1", {}, here.name)));
    return;
  }
  const status = { finished: "finished", stopped: "stopped early", running: "running", diverged: "diverged", interrupted: "interrupted" }[here.status] ?? here.status;
  const trains = content.live !== null && here.status === "running";
  const stale = ["running", "interrupted"].includes(here.status) && content.live === null
    ? el("p", { class: "note" }, `This page was drawn after ${here.last.toLocaleString("en")} of ${here.asked.toLocaleString("en")} epochs. If the run has gone on since, draw it again: `, el("code", {}, here.draw_again)) : null;
  fill(parts.head, 
    el("div", { class: "top" }, el("h1", {}, here.name, " ", el("span", { class: `status ${here.status}` }, status)),
      runs.length > 1 ? el("label", { class: "picker" }, "run ", el("select", { id: "runpick", on: { change: (event) => go({ s: event.target.value }) } },
        ...runs.map((one) => el("option", { value: one.name, selected: one.name === here.name }, one.name)))) : null,
      el("span", { class: "spread" }), button("keys", () => parts.help.showModal(), { class: "quiet" }), button("theme", theme, { class: "quiet", title: "light or dark" })),
    trains ? el("p", { class: "note" }, `Training: ${here.last.toLocaleString("en")} of ${here.asked.toLocaleString("en")} epochs so far. New epochs appear as they are written.`)
      : here.warning ? el("p", { class: "note bad" }, `The run ${here.warning.replace(/^still/, "is still")}.`) : null, stale,
    el("div", { class: "intro" },
      el("div", { class: "about" }, el("p", { class: "lead" }, here.sentence), el("p", {}, here.performance)),
      scoreBars(here), verdictBox(here)),
    tips(here));
}

function verdictBox(here) {
  const verdict = here.verdict;
  const words = { healthy: verdict.well ? "It learns well" : "It learns", sick: "Something is wrong", inconclusive: "Not enough to judge", unknown: "Not examined yet" };
  const first = here.findings.find((one) => one.severity !== "info") ?? null;
  const patch = first?.patches[0];
  const waits = verdict.command && content.live !== null;
  const show = first ? button("show me where", () => { remember(); go(placeOf(first)); focusView(); }, { class: "primary" }) : null;
  return el("div", { class: `verdict ${verdict.verdict}` }, el("h2", {}, words[verdict.verdict] ?? verdict.verdict),
    el("p", {}, waits ? "The doctor examines the run while it trains." : sentenceOf(verdict), verdict.command && !waits ? el("code", {}, ` ${verdict.command}`) : null),
    patch ? el("p", { class: "dim" }, verdict.verdict === "sick" ? "The change of the config that mends it:" : "A change of the config that may help:") : null,
    patch ? patchBox(patch, show) : show ? el("p", {}, show) : null);
}

/** Whether the network classifies all validation rows right. */
function right(here) {
  const own = here.scores.rows.find((row) => row.own);
  return here.score === "accuracy" && own?.values[here.scores.parts.indexOf("val")] === 1;
}

/** What to touch first. */
function tips(here) {
  const items = lastEpoch(here) > 1 ? [["Play the epochs", "All views follow the slider.", () => play(!playing.on)]] : [];
  if (here.layers.some((one) => here.store.has(`W:${one.name}`))) {
    items.push(["Open a weight", "Its chain rule, number by number.", () => { remember(); go({ v: "chain" }); focusView(); }]);
    if (here.rows.shown.length || here.rows.val_shown.length) {
      items.push([here.task === "regression" ? "See the worst prediction" : right(here) ? "See a row" : "See a mistake", "One row, from the input to the answer.", () => { remember(); go({ v: "row", k: "val", r: null }); focusView(); }]);
    }
  }
  return el("ol", { class: "tips", "aria-label": "what to touch first" }, ...items.map(([title, text, action]) =>
    el("li", {}, el("span", {}, button(title, action, { class: "link" }), el("span", { class: "dim" }, ` ${text}`)))));
}

/** The score of the network as a bar beside the baselines' bars; the other parts' scores below. */
function scoreBars(here) {
  const { parts: names, rows, part, of, balanced } = here.scores;
  if (!rows.length) return null;
  const label = { train: "training", val: "validation", test: "test" };
  const at = names.indexOf(part);
  const told = (value) => (value === null ? "–" : here.score === "accuracy" ? percent(value) : value.toFixed(3).replace("-", "−"));
  const own = rows.find((row) => row.own);
  const shown = [own, ...rows.filter((row) => !row.own && row.values[at] !== null).sort((a, b) => b.values[at] - a.values[at])];
  const bar = (row) => el("li", { class: row.own ? "own" : "" }, el("span", { class: "name" }, row.own ? "this network" : row.name),
    el("span", { class: "bar", "aria-hidden": "true" }, el("span", { class: "fill", style: { width: `${100 * Math.min(1, Math.max(0, row.values[at] ?? 0))}%` } })),
    el("span", { class: "n" }, told(row.values[at])));
  const others = names.filter((name) => name !== part).map((name) => `${label[name]} ${told(own.values[names.indexOf(name)])}`);
  return el("div", { class: "scores" }, el("h2", {}, `${here.score_label[0].toUpperCase()}${here.score_label.slice(1)} on ${of.toLocaleString("en")} ${label[part]} rows`),
    el("ul", { class: "bars" }, ...shown.map(bar)),
    others.length ? el("p", { class: "dim" }, `this network on the other rows: ${others.join(", ")}`) : null,
    balanced.length ? el("p", { class: "dim" }, `The verdict goes by balanced accuracy, the mean of the classes' recalls; on these rows: ${balanced.map(([name, value]) => `${name} ${percent(value)}`).join(", ")}`) : null);
}

function theme() {
  const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("nn_scratch.theme", document.documentElement.dataset.theme);
  } catch {
    // a page in a sandbox remembers nothing
  }
  redraw();
}

const MARKS = { best: ["◆", "best"], finding: ["▲", "finding"], death: ["✕", "units die"], rate: ["●", "learning rate changes"], stop: ["■", "early stopping"],
  end: ["■", "end of the run"] };

function timeline() {
  const here = run();
  const last = lastEpoch(here);
  parts.slider.max = String(last);
  parts.track.hidden = last < 1;
  parts.play.hidden = parts.rate.hidden = last < 2; // from one epoch to the next there is nothing to play
  const trains = content.live !== null && here.status === "running";
  const events = here.events.map((event) => ({ ...event, kind: event.kind in MARKS ? event.kind : "end" })).filter((event) => !trains || event.kind !== "end");
  const kinds = Object.keys(MARKS).filter((kind) => events.some((event) => event.kind === kind));
  const places = new Map();
  for (const event of events) {
    const name = `${event.kind} ${event.epoch}`;
    places.set(name, places.has(name) ? { ...event, text: `${places.get(name).text}; ${event.text}` } : event);
  }
  parts.ticks.style.height = `${Math.max(1, kinds.length) * 11}px`;
  fill(parts.ticks, ...[...places.values()].map((event) => el("span", { class: `tick mark-${event.kind}`, title: `epoch ${event.epoch}: ${event.text}`,
    on: { click: () => go({ e: event.epoch }) }, style: { left: `${(100 * event.epoch) / Math.max(1, last)}%`, top: `${11 * kinds.indexOf(event.kind)}px` } }, MARKS[event.kind][0])));
  fill(parts.legend, ...kinds.map((kind) => {
    const own = events.filter((event) => event.kind === kind);
    const epochs = [...new Set(own.map((event) => event.epoch))];
    const what = `${MARKS[kind][1]} (${epochs.length > 1 ? `${epochs.length} epochs` : `epoch ${epochs[0]}`})`;
    return button([el("span", { class: `mark-${kind}`, "aria-hidden": "true" }, MARKS[kind][0]), ` ${what}`], () => go({ e: epochs.find((epoch) => epoch > state().e) ?? epochs[0] }),
      { class: "quiet", id: `mark-${kind}`, title: own.slice(0, 12).map((event) => `epoch ${event.epoch}: ${event.text}`).join("\n"),
        "aria-label": `${MARKS[kind][1]}: go to ${epochs.length > 1 ? "the next of " : ""}epoch ${epochs.slice(0, 8).join(", ")}` });
  }));
  epochWords();
}

function epochWords() {
  const here = run();
  const { e } = state();
  const place = (here.metrics.epoch ?? []).indexOf(e);
  const loss = place < 0 ? null : here.metrics.val_loss?.[place] ?? here.metrics.train_loss?.[place];
  const words = [`epoch ${e} of ${lastEpoch(here)}`, loss === null || loss === undefined ? "" : `loss ${fmt(loss, 3)}`, e === here.best ? "best" : ""].filter(Boolean).join(", ");
  parts.slider.value = String(e);
  parts.slider.setAttribute("aria-valuetext", words);
  parts.epochText.textContent = words;
  const event = here.events.filter((one) => one.epoch === e).map((one) => one.text).join("; ");
  parts.epochText.title = event;
  clearTimeout(parts.sayTimer);
  if (!playing.on) parts.sayTimer = setTimeout(() => { parts.live.textContent = event ? `${words}: ${event}` : words; }, 400);
}

function navigation() {
  const { v } = state();
  const short = VIEWS.filter((name) => name !== "compare" || runs.length > 1).filter((name) => name !== "boundary" || run().store.has("B") || v === "boundary");
  fill(parts.nav, ...short.map((name) => button(PAGES[name].title, () => { remember(); go({ v: name }); }, { id: `go-${name}`, "aria-current": name === v ? "page" : null,
    title: `key ${VIEWS.indexOf(name) + 1}` })));
  fill(parts.layers, ...(OF_LAYER.includes(v) && run().layers.length > 1
    ? [el("span", { class: "dim" }, "layer "), ...run().layers.map((one) => button(one.name, () => go({ l: one.name }), { id: `layer-${one.name}`, class: "small", "aria-pressed": String(one.name === layer().name) }))] : []));
}

function showView() {
  const focus = document.activeElement?.id;
  const view = PAGES[state().v];
  parts.title.textContent = view.title;
  fill(parts.tableHolder);
  view.build(parts.view);
  fill(parts.tools, 
    view.picture() ? button("PNG", () => picture(view), { class: "small" }) : "", button("CSV", () => spreadsheet(view), { class: "small" }),
    button("link", () => copy(location.href, parts.title), { class: "small" }), button("as a table", () => asTable(view), { class: "small", id: "astable" }));
  if (focus) document.getElementById(focus)?.focus();
}

function fileName(kind) {
  const { s, v, l, e } = state();
  return `${s}-${v}-${l}-epoch-${e}.${kind}`.replace(/[^\w.-]+/g, "_");
}

function picture(view) {
  const node = view.picture();
  if (!node) return say("This view has no picture; CSV has its numbers.");
  return node.toBlob((blob) => blob && download(fileName("png"), blob, "image/png"));
}

function spreadsheet(view) {
  const { heads, rows } = view.table();
  download(fileName("csv"), csv(heads, rows), "text/csv");
}

function asTable(view) {
  if (parts.tableHolder.firstChild) return fill(parts.tableHolder);
  const { heads, rows } = view.table();
  const wide = heads.length > 24;
  const cut = rows.length > 200 || wide;
  return fill(parts.tableHolder, cut ? el("p", { class: "dim" }, `the first ${Math.min(200, rows.length)} rows and ${Math.min(24, heads.length)} columns; CSV has all`) : "",
    table(heads.slice(0, 24), rows.slice(0, 200).map((row) => row.slice(0, 24)), `${view.title} as a table`));
}

function say(text) {
  parts.live.textContent = text;
}

function focusView() {
  parts.title.focus({ preventScroll: true });
  parts.title.scrollIntoView({ block: "nearest" });
}

function footer() {
  const here = run();
  fill(parts.foot, 
    here.left_out.length ? el("details", { open: here.left_out.length < 3 }, el("summary", {}, "What this page leaves out"), el("ul", {}, ...here.left_out.map((text) => el("li", {}, text)))) : "",
    here.notices.length ? el("details", {}, el("summary", {}, "Notices of the run"), el("ul", {}, ...here.notices.map((text) => el("li", {}, text)))) : "",
    here.events.length ? el("details", {}, el("summary", {}, "What happened"), el("ul", {}, ...here.events.slice(0, 100).map((event) => el("li", {}, button(`epoch ${event.epoch}`, () => go({ e: event.epoch }), { class: "link" }), ` ${event.text}`)))) : "",
    el("p", { class: "dim" }, here.rows.inside && (here.rows.shown.length || here.rows.val_shown.length)
      ? `Rows of the data are inside this file: ${here.rows.shown.length} training and ${here.rows.val_shown.length} validation rows. visualize.py --no-rows leaves them out.`
      : "No row of the data is inside this file."));
}

function redraw() {
  header();
  timeline();
  buildCurves(parts.curves);
  navigation();
  showView();
  footer();
}

function changed(keysChanged) {
  if (keysChanged.has("playing")) {
    parts.play.textContent = playing.on ? "❚❚ stop" : "▶ play";
    if (!playing.on) epochWords();
    return;
  }
  if (keysChanged.has("s")) return redraw();
  if (keysChanged.has("e")) {
    epochWords();
    markEpoch();
  }
  const rebuilt = ["v", "l", "k"].some((key) => keysChanged.has(key)) || (keysChanged.has("r") && state().v === "row");
  if (keysChanged.has("v") || keysChanged.has("l")) navigation();
  if (rebuilt) showView();
  else PAGES[state().v].update(keysChanged);
}

/** What arrived of a run that trains; rebuild: more than epochs, which the view takes up as it follows the slider. */
function news({ followed, ended, status, rebuild }) {
  const last = lastEpoch();
  header();
  if (followed) go({ e: last, l: state().l ?? run().layers[0]?.name });
  timeline();
  buildCurves(parts.curves);
  if (rebuild) {
    footer();
    showView();
  }
  if (ended) {
    const text = status === "not answering" ? "The viewer's process has ended; what has arrived stays." : `The run has ended: ${status}.`;
    say(text);
    parts.head.prepend(el("p", { class: "note" }, text, status === "not answering" ? "" : " The whole page is being drawn."));
  }
}

/** Begin at the weight of the first layer whose gradient is largest: one that has a story. */
function chooseWeight() {
  const here = run();
  const one = layer();
  const name = `G:${one?.name}`;
  if (!one || one.pooled || !here.store.has(name)) return;
  const values = here.store.near(name, state().e);
  let best = 0;
  values.forEach((value, place) => { if (Math.abs(value) > Math.abs(values[best])) best = place; });
  go({ i: Math.floor(best / one.units), u: best % one.units });
}

async function start() {
  try {
    document.documentElement.dataset.theme = localStorage.getItem("nn_scratch.theme") ?? "";
    if (!document.documentElement.dataset.theme) delete document.documentElement.dataset.theme;
  } catch {
    // no memory of an earlier choice
  }
  const asked = location.hash;
  build();
  go({ e: run().best ?? lastEpoch(), l: run().layers[0]?.name });
  readHash(asked);
  header();
  timeline();
  buildCurves(parts.curves);
  if (typeof DecompressionStream === "undefined") {
    parts.view.append(el("p", { class: "note bad" }, "This browser cannot unpack the page's data (DecompressionStream); a current one can."));
  } else for (const one of runs) await one.store.load();
  if (!/[#&][iu]=/.test(asked)) chooseWeight();
  redraw();
  onChange(changed);
  listenToKeys(() => parts.help.showModal(), () => { if (!parts.help.open) return false; parts.help.close(); return true; });
  addEventListener("hashchange", () => readHash());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    resizeCurves();
    showView();
  });
  openDoor();
  if (content.live !== null) follow(news);
}

start();
