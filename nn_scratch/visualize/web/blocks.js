// The page's arrays: base64 of a compressed stream, widened to numbers when a block is first used.

/** All blocks of one run, by name: "W:hidden_1" weights, "G:" gradients, "A:" activations, "d:" deltas, ... */
export class Blocks {
  constructor(headers) {
    this.headers = headers;
    this.bytes = new Map();
    this.decoded = new Map();
    this.live = new Map();
    this.tops = new Map();
  }

  /** Inflate every block, so that reading one needs no waiting. */
  async load() {
    for (const [name, header] of Object.entries(this.headers)) {
      const source = document.getElementById(header.id);
      if (!source || this.bytes.has(name)) continue;
      this.bytes.set(name, await inflated(bytesOf(source.textContent)));
      source.remove();
    }
  }

  has(name) {
    return this.live.has(name) || this.bytes.has(name);
  }

  epochs(name) {
    return this.live.has(name) ? this.live.get(name).epochs : this.headers[name].epochs;
  }

  shape(name) {
    return this.live.has(name) ? this.live.get(name).shape : this.headers[name].shape;
  }

  maxError(name) {
    return this.live.has(name) ? 0 : this.has(name) ? this.headers[name].max_error : null;
  }

  /** The values of one epoch, flat; null where the block has no such epoch. */
  at(name, epoch) {
    if (!this.has(name)) return null;
    const row = this.epochs(name).indexOf(epoch);
    if (row < 0) return null;
    if (this.live.has(name)) return this.live.get(name).rows[row];
    const size = this.shape(name).reduce((product, side) => product * side, 1);
    return this.all(name).subarray(row * size, (row + 1) * size);
  }

  /** The values of the epoch that is nearest among those the block has. */
  near(name, epoch) {
    if (!this.has(name)) return null;
    return this.at(name, nearest(this.epochs(name), epoch));
  }

  /** The course of one entry over the block's epochs. */
  course(name, index) {
    return this.epochs(name).map((epoch) => this.at(name, epoch)[index]);
  }

  all(name) {
    if (!this.decoded.has(name)) this.decoded.set(name, widened(this.bytes.get(name), this.headers[name]));
    return this.decoded.get(name);
  }

  /** The largest size of a value over all epochs. */
  top(name) {
    if (!this.tops.has(name)) this.tops.set(name, largestOf(this.all(name)));
    return this.tops.get(name);
  }

  /** Rows that arrived while the run trains: [epoch, Float32Array] each. */
  append(name, shape, rows) {
    if (!this.live.has(name)) this.live.set(name, { shape, epochs: [], rows: [] });
    const kept = this.live.get(name);
    for (const [epoch, values] of rows) {
      kept.epochs.push(epoch);
      kept.rows.push(values);
    }
  }
}

function largestOf(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (size > most && size < Infinity) most = size;
  }
  return most;
}

export function nearest(epochs, epoch) {
  let best = epochs[0];
  for (const candidate of epochs) if (Math.abs(candidate - epoch) < Math.abs(best - epoch)) best = candidate;
  return best;
}

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Byte planes to numbers; see codec.py. */
function widened(bytes, header) {
  const { codec, bits, delta, scale, epochs, shape } = header;
  const size = shape.reduce((product, side) => product * side, 1);
  const count = size * epochs.length;
  const values = new Float64Array(count);
  if (codec === "q") {
    const top = 2 ** (bits - 1) - 1;
    const wide = bytes.length === 2 * count;
    const whole = new Int16Array(count);
    for (let i = 0; i < count; i++) {
      const stored = wide ? (bytes[i] | (bytes[count + i] << 8)) : (bytes[i] << 24) >> 24;
      whole[i] = delta && i >= size ? whole[i - size] + stored : stored;
      values[i] = whole[i] * (scale[Math.floor(i / size)] / top);
    }
    return values;
  }
  if (codec === "f16") {
    const table = halves();
    for (let i = 0; i < count; i++) values[i] = table[bytes[i] | (bytes[count + i] << 8)] * scale[Math.floor(i / size)];
    return values;
  }
  const raw = new Uint32Array(count);
  const planes = codec === "f24" ? [1, 2, 3] : [0, 1, 2, 3];
  planes.forEach((place, plane) => {
    for (let i = 0; i < count; i++) raw[i] |= bytes[plane * count + i] << (8 * place);
  });
  const floats = new Float32Array(raw.buffer);
  for (let i = 0; i < count; i++) values[i] = floats[i];
  return values;
}

let halfTable = null;

/** Every float16 as a number: 64k entries, made once. */
function halves() {
  if (halfTable) return halfTable;
  halfTable = new Float64Array(65536);
  for (let i = 0; i < 65536; i++) {
    const sign = i & 0x8000 ? -1 : 1;
    const exponent = (i >> 10) & 31;
    const fraction = i & 1023;
    halfTable[i] = exponent === 31 ? NaN
      : sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  }
  return halfTable;
}
