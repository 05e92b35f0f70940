// What every number means.

import { el, fill } from "./text.js";
import { content, run } from "./state.js";

const TERMS = [
  ["epoch", "One pass over all training rows. Epoch 0 is the network before its first step."],
  ["loss", "What training makes small: a number for how wrong the network's outputs are, averaged over rows."],
  ["weight w", "How strongly one unit counts for a unit of the next layer. A unit adds its inputs times their weights and a bias: the sum z."],
  ["activation a", "What a unit passes on: a function of its sum z."],
  ["gradient ∂L/∂w", "How much the loss L would rise if the weight rose a little. It is measured here on the same probe rows after every epoch."],
  ["δ (delta)", "∂L/∂z: how much the loss would rise if a unit's sum z rose, for one row. The chain rule makes a weight's gradient of it."],
  ["probe rows", "Training rows, the same all along, on which activations and gradients are logged."],
  ["validation rows", "Rows that are never trained on, scored after every epoch. The gap between training and validation is what does not carry over to new rows."],
  ["dead unit", "A unit that is zero on every probe row; its weights get no gradient on them."],
  ["learning rate", "How far a step goes along what the optimizer makes of the gradient."],
  ["baseline", "A simple model on the same rows. A network that does no better is not worth its weights."],
];

export const guideView = {
  title: "Guide",

  build(root) {
    const here = run();
    fill(root, 
      el("p", {}, "How to read each view: every view shows the same run at the epoch of the slider above."),
      el("dl", { class: "terms" }, ...TERMS.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)])),
      el("h3", {}, "The plots of plots.html, and how to read them"),
      ...content.guide.map((plot) => el("details", {}, el("summary", {}, plot.title), el("p", {}, plot.text), el("p", { class: "dim" }, `What to look for: ${plot.look}.`))),
      el("h3", {}, "The config of this run"), el("pre", { tabindex: "0", "aria-label": "the config as run" }, here.config));
  },

  update() {},

  table() {
    return { heads: ["term", "meaning"], rows: TERMS };
  },

  picture() {
    return null;
  },
};
