// Colours and canvases. Signed values: blue below zero, orange above, the background at zero.

export const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#e69f00", "#888888", "#6a3d9a", "#444444"];

export function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

const ramps = new Map();

/** 512 colours as 32-bit pixels, from -1 to 1; or for unsigned values from 0 to 1. */
function ramp(signed) {
  const key = `${dark()}${signed}`;
  if (ramps.has(key)) return ramps.get(key);
  const zero = dark() ? [27, 30, 36] : [255, 255, 255];
  const low = dark() ? [86, 180, 255] : [0, 84, 160];
  const high = signed ? (dark() ? [255, 150, 60] : [200, 72, 0]) : dark() ? [235, 238, 244] : [24, 28, 36];
  const pixels = new Uint32Array(512);
  for (let i = 0; i < 512; i++) {
    const t = signed ? (i - 255.5) / 255.5 : i / 511;
    const end = t < 0 ? low : high;
    const share = Math.abs(t) ** 0.75;
    const [r, g, b] = zero.map((value, channel) => Math.round(value + (end[channel] - value) * share));
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

/** A colour of the theme, by the name of its property. */
export function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
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
  const x = (value) => 4 + (value / last) * (width - 8);
  const y = (value) => height - 6 - ((value - low) / (high - low)) * (height - 12);
  context.strokeStyle = ink("--rule");
  context.beginPath();
  context.moveTo(4, y(0));
  context.lineTo(width - 4, y(0));
  context.stroke();
  context.strokeStyle = ink("--link");
  context.lineWidth = 1.6;
  context.beginPath();
  values.forEach((value, place) => context[place ? "lineTo" : "moveTo"](x(epochs[place]), y(value)));
  context.stroke();
  context.strokeStyle = ink("--accent");
  context.beginPath();
  context.moveTo(x(epoch), 2);
  context.lineTo(x(epoch), height - 2);
  context.stroke();
  return node;
}
