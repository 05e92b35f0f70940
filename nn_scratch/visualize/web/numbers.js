// The numbers behind the views: values of the blocks, and the chain rule of one weight.

import { run } from "./state.js";

const LETTERS = { W: "W", G: "G" };

export function layerOf(name, of = run()) {
  return of.layers.find((one) => one.name === name);
}

/** Where an index of a long side falls in a side that was pooled to fewer cells. */
export function pooledIndex(index, length, side) {
  if (side >= length) return index;
  let place = Math.min(side - 1, Math.floor(((index + 1) * side) / length));
  while (Math.floor((place * length) / side) > index) place--;
  return place;
}

/** One value: kind W, G or M (weight, gradient, moved since the first epoch) of i -> u, or A of probe row i. */
export function valueOf(kind, name, i, u, epoch, of = run()) {
  const layer = layerOf(name, of);
  if (!layer) return null;
  if (kind === "M") {
    const now = valueOf("W", name, i, u, epoch, of);
    const first = valueOf("W", name, i, u, of.epochs[0], of);
    return now === null || first === null ? null : now - first;
  }
  if (kind === "A") {
    const key = `A:${name}`;
    if (!of.store.has(key)) return null;
    const shown = of.store.live.has(key) ? i : of.rows.shown.indexOf(i);
    const values = of.store.at(key, epoch);
    const units = of.store.shape(key)[1];
    return shown < 0 || !values || u < 0 || u >= units ? null : values[shown * units + u] ?? null;
  }
  const key = `${LETTERS[kind]}:${name}`;
  const values = of.store.at(key, epoch);
  if (!values || i < 0 || u < 0 || i >= layer.inputs || u >= layer.units) return null;
  const [rows, columns] = of.store.shape(key);
  return values[pooledIndex(i, layer.inputs, rows) * columns + pooledIndex(u, layer.units, columns)];
}

export function maxErrorOf(kind, name, of = run()) {
  if (kind === "M") {
    const error = of.store.maxError(`W:${name}`);
    return error === null ? null : 2 * error;
  }
  return of.store.maxError(`${kind}:${name}`);
}

/** A layer's inputs of the rows shown, {values, width, constant}; prefix "v" for validation rows. */
export function inputsOf(name, epoch, prefix = "", of = run()) {
  const at = of.layers.findIndex((one) => one.name === name);
  const own = `x${prefix}:${name}`;
  if (of.store.has(own)) return of.store.at(own, epoch);
  if (at === 0) return of.store.has(`X${prefix}`) ? of.store.near(`X${prefix}`, 0) : null;
  return of.store.at(`A${prefix}:${of.layers[at - 1].name}`, epoch);
}

/** dL/dw of i -> u: every row's x and delta and their product, largest first; the rows that are not here as `rest`. */
export function chainOf(name, i, u, epoch, of = run()) {
  const layer = layerOf(name, of);
  const gradient = valueOf("G", name, i, u, epoch, of);
  const deltas = of.store.at(`d:${name}`, epoch);
  const inputs = inputsOf(name, epoch, "", of);
  let rows = [];
  if (layer && deltas && inputs) {
    rows = of.rows.shown.map((row, place) => {
      const x = inputs[place * layer.inputs + i];
      const delta = deltas[place * layer.units + u];
      return { row, number: of.rows.numbers[place], place, x, delta, product: x * delta };
    });
    rows.sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  }
  const sum = rows.reduce((total, row) => total + row.product, 0);
  return { rows, rest: gradient === null ? null : gradient - sum, gradient, sum, step: stepOf(name, i, u, epoch, of) };
}

/** What the optimizer did to the weight in an epoch's last step; null where that step is not in the page. */
export function stepOf(name, i, u, epoch, of = run()) {
  const layer = layerOf(name, of);
  const known = of.optimizer.steps[String(epoch)];
  const key = `step.update:${name}`;
  if (!layer || !known || !of.store.has(key) || !of.store.at(key, epoch)) return null;
  const read = (kind) => of.store.at(`step.${kind}:${name}`, epoch)?.[i * layer.units + u] ?? null;
  const slots = Object.fromEntries(of.optimizer.kinds.slice(2).map((kind) => [kind, read(kind)]));
  const w = valueOf("W", name, i, u, epoch, of);
  const step = { epoch, step: known[0], lr: known[1], gradient: read("gradient"), slots, change: read("update"), weight: w };
  const formula = update(of.optimizer.parameters, step);
  return { ...step, update: formula?.value ?? null, formula: formula?.lines ?? null,
    maxError: of.store.maxError(key) + rounding(of, name, epoch) };
}

/** A float32 weight rounds what is added to it: half the distance to its neighbour, of the layer's largest weight. */
function rounding(of, name, epoch) {
  const values = of.store.at(`W:${name}`, epoch);
  let most = 0;
  for (const value of values ?? []) most = Math.max(most, Math.abs(value));
  return most ? 2 ** (Math.floor(Math.log2(most)) - 23) : 0;
}

/** The optimizer's equation with this step's numbers: its value, and [symbol, equation, value] line by line. */
function update(parameters, step) {
  const { type, beta1 = 0.9, beta2 = 0.999, momentum = 0, nesterov = false } = parameters;
  const { lr, gradient: g, slots, step: t } = step;
  const eps = parameters.eps ?? (type === "adagrad" ? 1e-10 : 1e-8);
  if (type === "sgd" && !momentum) {
    return { value: -lr * g, lines: [["Δw", "−lr · g", -lr * g]] };
  }
  if (type === "sgd") {
    const v = slots.velocity;
    const before = (v - g) / momentum;
    const along = nesterov ? g + momentum * v : v;
    return { value: -lr * along, lines: [
      ["v", `μ · v(before) + g, with μ = ${momentum} and v(before) =`, before], ["v", "after", v],
      ["Δw", nesterov ? "−lr · (g + μ v)" : "−lr · v", -lr * along]] };
  }
  if ((type === "adam" || type === "adamw") && !parameters.amsgrad) {
    const m = slots.mean / (1 - beta1 ** t);
    const s = slots.mean_square / (1 - beta2 ** t);
    const adaptive = (-lr * m) / (Math.sqrt(s) + eps);
    const lines = [["m", "running mean of the gradient", slots.mean], ["m̂", `m / (1 − β₁ᵗ), β₁ = ${beta1}`, m],
      ["s", "running mean of its square", slots.mean_square], ["ŝ", `s / (1 − β₂ᵗ), β₂ = ${beta2}`, s]];
    if (type === "adam") return { value: adaptive, lines: [...lines, ["Δw", "−lr · m̂ / (√ŝ + ε)", adaptive]] };
    const decay = lr * (parameters.weight_decay ?? 0.01);
    const before = step.weight - (step.change ?? 0);
    const value = adaptive - decay * before;
    return { value, lines: [...lines, ["decay", "−lr · λ · w", -decay * before], ["Δw", "−lr · m̂ / (√ŝ + ε) − lr λ w", value]] };
  }
  if (type === "rmsprop" || type === "adagrad") {
    const s = slots.mean_square ?? slots.sum_of_squares;
    const value = (-lr * g) / (Math.sqrt(s) + eps);
    const what = type === "rmsprop" ? "running mean of g²" : "sum of all g² so far";
    return { value, lines: [["s", what, s], ["Δw", "−lr · g / (√s + ε)", value]] };
  }
  return null;
}
