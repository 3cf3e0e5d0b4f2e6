// Sound as kws wants it: int16, mono, 16 kHz.

export const RATE = 16000;

/** Floats of -1 to 1 as int16, rounded to the nearest, halves to even, saturating: as kws/audio.py does. */
export function toInt16(floats) {
  const out = new Int16Array(floats.length);
  for (let i = 0; i < floats.length; i++) {
    const x = floats[i] * 32768;
    let near = Math.round(x);
    if (near - x === 0.5 && near % 2 !== 0) {
      near -= 1;
    }
    out[i] = Math.max(-32768, Math.min(32767, near));
  }
  return out;
}

const CROSSINGS = 24;
const STEPS = 256;
const BETA = 9;

/** A stream of floats at any rate to 16 kHz, by a windowed sinc; for browsers whose contexts have one rate only. */
export class Resampler {
  constructor(rate) {
    this.step = rate / RATE;
    // Relative to the input's Nyquist frequency; what the filter needs to fall off lies below 8 kHz.
    this.cutoff = Math.min(1, 1 / this.step) * 0.93;
    this.half = Math.ceil(CROSSINGS / this.cutoff);
    this.table = sinc(this.half, this.cutoff);
    // Silence before the first sample, so that the first output is centred on it.
    this.input = new Float32Array(this.half);
    this.dropped = 0;
    this.count = 0;
  }

  /** The 16 kHz samples that can be told so far, as Float32Array. */
  process(chunk) {
    const { half, step } = this;
    const input = new Float32Array(this.input.length + chunk.length);
    input.set(this.input);
    input.set(chunk, this.input.length);
    const out = [];
    // From the count, not from the last place: sums would drift, and differently for other chunks.
    const place = () => half + this.count * step - this.dropped;
    for (; Math.floor(place()) + half < input.length; this.count++) {
      out.push(this.at(input, place()));
    }
    const used = Math.min(Math.max(0, Math.floor(place()) - half), input.length);
    this.input = input.slice(used);
    this.dropped += used;
    return Float32Array.from(out);
  }

  at(input, position) {
    const centre = Math.floor(position);
    const fraction = position - centre;
    let sum = 0;
    for (let i = Math.max(0, centre - this.half + 1); i <= centre + this.half; i++) {
      const place = Math.abs(i - centre - fraction) * STEPS;
      const low = Math.floor(place);
      if (low < this.half * STEPS) {
        const w = place - low;
        sum += input[i] * (this.table[low] * (1 - w) + this.table[low + 1] * w);
      }
    }
    return sum;
  }
}

/** Half of a Kaiser-windowed sinc, STEPS values an input sample, with a gain of 1 at 0 Hz. */
function sinc(half, cutoff) {
  const table = new Float64Array(half * STEPS + 1);
  for (let i = 0; i < table.length; i++) {
    const t = i / STEPS;
    const x = Math.PI * cutoff * t;
    table[i] = cutoff * (i === 0 ? 1 : Math.sin(x) / x) * (bessel(BETA * Math.sqrt(1 - (t / half) ** 2)) / bessel(BETA));
  }
  return table;
}

/** The modified Bessel function of order 0, by its series. */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

// As kws/audio.py has them: how little of the loudest channel a mean may leave, and what is no noise of the last bits.
const CANCELLED = 10 ** -1.5;
const LEAST_POWER = 1e-7;

/** The mean power of floats without their offset. */
function power(floats) {
  const mean = floats.reduce((sum, x) => sum + x, 0) / floats.length;
  return floats.reduce((sum, x) => sum + (x - mean) ** 2, 0) / floats.length;
}

/**
 * Any sound file that the browser can read (an ArrayBuffer) as Int16Array; channels are averaged, and note(text) says
 * where they cancel each other.
 */
export async function decode(buffer, note = () => {}) {
  let decoded;
  try {
    decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(buffer);
  } catch {
    throw new Error("this browser cannot read that file as sound");
  }
  const mono = decoded.getChannelData(0).slice();
  for (let channel = 1; channel < decoded.numberOfChannels; channel++) {
    const more = decoded.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) {
      mono[i] += more[i];
    }
  }
  if (decoded.numberOfChannels > 1) {
    for (let i = 0; i < mono.length; i++) {
      mono[i] /= decoded.numberOfChannels;
    }
    const channels = Array.from({ length: decoded.numberOfChannels }, (_, c) => power(decoded.getChannelData(c)));
    const loudest = Math.max(...channels);
    if (loudest > LEAST_POWER && power(mono) < CANCELLED * loudest) {
      note("The channels of this recording have opposite signs and cancel each other: keep one of them alone.");
    }
  }
  return toInt16(mono);
}

/** Pieces of sound, an array of Int16Array, as a WAV file: a Blob. */
export function wav(pieces, rate = RATE) {
  const header = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((c, i) => header.setUint8(at + i, c.charCodeAt(0)));
  const bytes = 2 * pieces.reduce((count, piece) => count + piece.length, 0);
  text(0, "RIFF");
  header.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, rate, true);
  header.setUint32(28, 2 * rate, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, bytes, true);
  return new Blob([header, ...pieces], { type: "audio/wav" });
}

/** Level of Int16Array in dB re full scale: {rms, peak, zeros}. */
export function level(samples) {
  let sum = 0;
  let peak = 0;
  for (const x of samples) {
    sum += x * x;
    peak = Math.max(peak, Math.abs(x));
  }
  const decibels = (x) => Math.max(-90, 20 * Math.log10(Math.max(x, 1e-9) / 32768));
  return { rms: decibels(Math.sqrt(sum / Math.max(1, samples.length))), peak: decibels(peak), zeros: peak === 0 };
}
