// Colours and canvases. Colours are those of the project's palette, which the page's styles declare.

import { fmt } from "./text.js";

export function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** A colour of the theme, by the name of its property. */
export function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const CLASS_COLOURS = 7;
const known = new Map();

function lasting(name) {
  if (!known.has(name)) known.set(name, ink(name));
  return known.get(name);
}

export function classColour(label) {
  return lasting(`--class-${label % CLASS_COLOURS}`);
}

export function runColour(place) {
  return lasting(`--run-${place % CLASS_COLOURS}`);
}

/** [red, green, blue] of a colour that is written as #rrggbb. */
export function channels(text) {
  return text.slice(1).match(/\w\w/g).map((pair) => parseInt(pair, 16));
}

const ramps = new Map();

/** 512 colours as 32-bit pixels, from -1 to 1; or for unsigned values from 0 to 1. */
function ramp(signed) {
  const key = `${dark()}${signed}`;
  if (ramps.has(key)) return ramps.get(key);
  const stops = (signed ? ink("--signed").split(" ") : [ink("--paper"), ink("--ink")]).map(channels);
  const pixels = new Uint32Array(512);
  for (let i = 0; i < 512; i++) {
    const at = (i / 511) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    const [r, g, b] = stops[low].map((value, channel) => Math.round(value + (stops[low + 1][channel] - value) * (at - low)));
    pixels[i] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  ramps.set(key, pixels);
  return pixels;
}

/** A value as a colour of CSS; scale: the value of the strongest. */
export function colour(value, scale, signed = true) {
  const pixel = pixelOf(value, scale, signed);
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
}

function pixelOf(value, scale, signed) {
  const t = scale ? Math.max(-1, Math.min(1, value / scale)) : 0;
  const table = ramp(signed);
  return table[Math.round(signed ? 255.5 + t * 255.5 : Math.max(0, t) * 511)];
}

const small = document.createElement("canvas");

/** Paint a matrix, row by row from the top, to fill a rectangle of a canvas, each value a sharp cell. */
export function paint(context, values, rows, columns, scale, box, { signed = true, at = null } = {}) {
  small.width = columns;
  small.height = rows;
  const inner = small.getContext("2d");
  const image = inner.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const table = ramp(signed);
  const factor = scale ? (signed ? 255.5 : 511) / scale : 0;
  const offset = signed ? 255.5 : 0;
  const count = rows * columns;
  for (let cell = 0; cell < count; cell++) {
    const place = at ? at[cell] : cell;
    const value = (place < 0 ? 0 : values[place]) * factor + offset;
    pixels[cell] = table[value > 511 ? 511 : value > 0 ? (value + 0.5) | 0 : 0];
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, box[0], box[1], box[2], box[3]);
}

/** A canvas of a size in CSS pixels, sharp on the screen at hand. */
export function canvas(width, height) {
  const node = document.createElement("canvas");
  node.setAttribute("aria-hidden", "true");
  resize(node, width, height);
  return node;
}

export function resize(node, width, height) {
  const ratio = Math.min(2, devicePixelRatio || 1);
  node.width = Math.max(1, Math.round(width * ratio));
  node.height = Math.max(1, Math.round(height * ratio));
  node.style.width = `${width}px`;
  node.style.height = `${height}px`;
  node.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
}

export function largest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (size > most && size < Infinity) most = size;
  }
  return most;
}

/** The colour of a bar: of what is above zero, or below. */
export function barColour(value) {
  return colour(value < 0 ? -0.62 : 0.62, 1);
}

/** Round numbers between two values, at most `most` of them; of a logarithmic axis powers of ten. */
export function ticks(low, high, most, logarithmic = false) {
  if (logarithmic) {
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first + 1) / most));
    return Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, place) => 10 ** (first + place * step));
  }
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const found = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

/** Grid lines and numbers of a plot's box [left, top, right, bottom]; x, y: {ticks, at, label, text}. */
export function axes(context, [left, top, right, bottom], x, y) {
  context.font = "12px system-ui, sans-serif";
  context.lineWidth = 1;
  context.strokeStyle = ink("--rule");
  context.fillStyle = ink("--dim");
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const value of y.ticks) {
    context.beginPath();
    context.moveTo(left, y.at(value));
    context.lineTo(right, y.at(value));
    context.stroke();
    context.fillText(y.text(value), left - 6, y.at(value));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const value of x.ticks) {
    context.beginPath();
    context.moveTo(x.at(value), bottom);
    context.lineTo(x.at(value), bottom + 4);
    context.stroke();
    context.fillText(x.text(value), x.at(value), bottom + 6);
  }
  context.strokeStyle = ink("--dim");
  context.strokeRect(left, top, right - left, bottom - top);
  context.fillText(x.label, (left + right) / 2, bottom + 22);
  if (y.label) {
    context.save();
    context.translate(10, (top + bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(y.label, 0, -6);
    context.restore();
  }
  context.textAlign = "start";
  context.textBaseline = "alphabetic";
}

/** A small course over epochs, as a line, with the epoch of the moment marked. */
export function sparkline(values, epochs, epoch, width = 260, height = 70) {
  width = Math.min(width, Math.max(160, innerWidth - 80));
  const node = canvas(width, height);
  const context = node.getContext("2d");
  const known = values.filter(Number.isFinite);
  let low = Math.min(0, ...known);
  let high = Math.max(0, ...known);
  if (high === low) high = low + 1;
  const last = epochs.at(-1) || 1;
  const left = 52;
  const x = (value) => left + (value / last) * (width - 4 - left);
  const y = (value) => height - 6 - ((value - low) / (high - low)) * (height - 12);
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = ink("--dim");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of [low, high]) context.fillText(fmt(value, 3), left - 5, y(value));
  context.strokeStyle = ink("--rule");
  context.beginPath();
  context.moveTo(left, y(0));
  context.lineTo(width - 4, y(0));
  context.stroke();
  context.strokeStyle = ink("--link");
  context.lineWidth = 1.6;
  context.beginPath();
  values.forEach((value, place) => context[place ? "lineTo" : "moveTo"](x(epochs[place]), y(value)));
  context.stroke();
  context.strokeStyle = ink("--ink");
  context.beginPath();
  context.moveTo(x(epoch), 2);
  context.lineTo(x(epoch), height - 2);
  context.stroke();
  return node;
}
