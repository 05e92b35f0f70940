// The doctor's findings, each with its evidence, the change of YAML, and a way to see it.

import { button, copy, el, fill, percent, table } from "./text.js";
import { content, go, lastEpoch, run } from "./state.js";

/** Where a finding is to be seen: the state that shows it. */
export function placeOf(finding) {
  const rule = content.rules.find((one) => one.name === finding.rule);
  const place = rule ? Object.fromEntries(new URLSearchParams(rule.state)) : { v: finding.layer ? "weights" : "network" };
  place.e = finding.epoch ?? lastEpoch();
  if (finding.layer) place.l = finding.layer;
  const unit = finding.unit ?? (place.v === "unit" ? leastActive(finding.layer, place.e) : null);
  if (unit !== null) Object.assign(place, { v: "unit", u: unit });
  return place;
}

/** The unit of a layer that is active on the fewest rows; null where that was not logged. */
function leastActive(layer, epoch) {
  const shares = run().store.has(`s:${layer}`) ? run().store.near(`s:${layer}`, epoch) : null;
  return shares ? shares.indexOf(Math.min(...shares)) : null;
}

/** The doctor's sentence without the verdict that the heading gives already. */
export function sentenceOf({ verdict, summary }) {
  const text = summary.startsWith(`${verdict}: `) ? summary.slice(verdict.length + 2) : summary;
  return asSentence(text);
}

export function asSentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}

/** A patch as a difference of YAML with a button that copies it. */
export function patchBox(patch, first = null) {
  const lines = el("pre", { class: "diff", tabindex: "0", "aria-label": "change of the config" }, ...patch.lines.map(([sign, text], place) =>
    el("span", { class: sign === "+" ? "plus" : sign === "-" ? "minus" : "" }, `${sign} ${text}${place < patch.lines.length - 1 ? "\n" : ""}`)));
  return el("div", { class: "patch" }, lines, patch.why ? el("p", {}, asSentence(patch.why)) : null,
    el("p", { class: "buttons" }, first, button("copy YAML", () => copy(patch.yaml, lines)), button("copy command", () => copy(patch.command, lines))));
}

export const doctorView = {
  title: "Doctor",

  build(root) {
    const here = run();
    const verdict = here.verdict;
    fill(root, el("p", { class: "words" }, sentenceOf(verdict), verdict.command ? el("code", {}, ` ${verdict.command}`) : null),
      here.findings.length ? el("ol", { class: "findings" }, ...here.findings.map(findingBox)) : el("p", {}, verdict.command ? "" : "No findings."),
      verdict.command ? null : checks(here));
  },

  update() {},

  table() {
    return { heads: ["rule", "severity", "confidence", "layer", "epoch", "because"],
      rows: run().findings.map((one) => [one.rule, one.severity, one.confidence, one.layer, one.epoch, one.because]) };
  },

  picture() {
    return null;
  },
};

/** What was looked for, so that an empty list of findings is informative. */
function checks(here) {
  const found = new Set(here.findings.map((one) => one.rule));
  const others = content.rules.filter((rule) => !found.has(rule.name));
  return el("details", { open: !here.findings.length }, el("summary", {}, `What the doctor ${found.size ? "also " : ""}looks for, and how it shows`),
    el("dl", { class: "terms" }, ...others.flatMap((rule) => [el("dt", {}, rule.title), el("dd", {}, rule.text)])));
}

function findingBox(finding, number) {
  const place = [finding.layer, finding.unit === null ? null : `unit ${finding.unit}`, finding.epoch === null ? null : `epoch ${finding.epoch}`].filter(Boolean).join(", ");
  return el("li", { class: `finding ${finding.severity}` },
    el("h3", {}, el("span", { class: `tag ${finding.severity}` }, finding.severity), " ", finding.rule.replaceAll("_", " "),
      el("span", { class: "dim" }, ` ${[place, finding.severity === "critical" ? `confidence ${percent(finding.confidence)}` : ""].filter(Boolean).join(", ")}`)),
    el("p", {}, asSentence(finding.because)),
    button("show me", () => go(placeOf(finding)), { id: `show-${number}`, class: "primary" }),
    finding.evidence.length ? el("details", {}, el("summary", {}, "evidence"), table(["measured", "value"], finding.evidence, `evidence of ${finding.rule}`)) : null,
    finding.symptoms.length ? el("p", { class: "dim" }, `This also explains: ${finding.symptoms.map((one) => one.replaceAll("_", " ")).join(", ")}.`) : null,
    ...finding.patches.map((patch) => patchBox(patch)),
    finding.source ? el("p", { class: "dim source" }, `Source: ${finding.source}`) : null);
}
