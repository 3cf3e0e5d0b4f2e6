// A model's WebAssembly module (kws/image/web.py, firmware/web/web.c): int16 samples in, frames out.

const SECTION = "kws";
const VERSION = 1;

/** What a module says of itself: name, id, labels, names, first_word, hop, window, bands, thresholds, ... */
export function describe(module) {
  const [section] = WebAssembly.Module.customSections(module, SECTION);
  if (section === undefined) {
    throw new Error("this WebAssembly file is no model of kws; write one with: kws export MODEL --web --out DIR");
  }
  const description = JSON.parse(new TextDecoder().decode(section));
  if (description.version !== VERSION) {
    throw new Error("this model was written for another version of this page; export it anew");
  }
  if (description.labels === undefined) {
    throw new Error("this model is a bare network: it has no front end to listen with");
  }
  return description;
}

/** One stream through one model. */
export class Spotter {
  /** Compile a module: an ArrayBuffer or Uint8Array. */
  static async open(bytes) {
    let module;
    try {
      module = await WebAssembly.compile(bytes);
    } catch (error) {
      if (error instanceof WebAssembly.CompileError) {
        throw new Error("this file is no WebAssembly module");
      }
      throw error;
    }
    const description = describe(module);
    return new Spotter(await WebAssembly.instantiate(module), description);
  }

  constructor(instance, description) {
    this.description = description;
    this.wasm = instance.exports;
    // The memory never grows, so views of it stay good.
    const memory = this.wasm.memory.buffer;
    this.pcm = new Int16Array(memory, this.wasm.pcm(), this.wasm.pcm_size());
    this.bytes = new Int8Array(memory);
    // kws_result: addresses of posteriors and features, frame, label, score.
    this.result = new Int32Array(memory, this.wasm.result(), 5);
    this.reset();
  }

  /** Forget all samples, states and detections. */
  reset() {
    this.require(this.wasm.init());
  }

  /**
   * Feed an Int16Array at 16 kHz, of any length. Returns the frames that it completed:
   * {frame, features: Int8Array, posteriors: Int8Array, label: -1 or an index of names, score: 0 to 1}.
   */
  process(samples) {
    const { bands, labels, full_score: full } = this.description;
    const frames = [];
    for (let start = 0; start < samples.length; start += this.pcm.length) {
      const part = samples.subarray(start, start + this.pcm.length);
      this.pcm.set(part);
      for (let at = 0; at < part.length; ) {
        at += this.require(this.wasm.process(at, part.length - at));
        const [posteriors, features, frame, label, score] = this.result;
        if (posteriors !== 0) {
          frames.push({
            frame: frame >>> 0,
            features: this.bytes.slice(features, features + bands),
            posteriors: this.bytes.slice(posteriors, posteriors + labels.length),
            label,
            sum: score >>> 0,
            score: (score >>> 0) / full,
          });
        }
      }
    }
    return frames;
  }

  /** Seconds of the stream at which a frame is complete. */
  seconds(frame) {
    const { window, hop, sample_rate: rate } = this.description;
    return (frame * hop + window) / rate;
  }

  require(code) {
    if (code < 0) {
      throw new Error(`the library says ${code}: the codes are in kws.h`);
    }
    return code;
  }
}

/** The mean of the newest posteriors, as probabilities: what a word's threshold is compared with. */
export class Means {
  constructor(description) {
    this.first = description.first_word;
    this.count = description.labels.length - this.first;
    this.frames = description.average_frames;
    this.reset();
  }

  reset() {
    this.ring = Array.from({ length: this.frames }, () => new Uint8Array(this.count));
    this.sums = new Float64Array(this.count);
    this.at = 0;
  }

  push(posteriors) {
    const old = this.ring[this.at];
    for (let i = 0; i < this.count; i++) {
      const value = posteriors[this.first + i] + 128;
      this.sums[i] += value - old[i];
      old[i] = value;
    }
    this.at = (this.at + 1) % this.frames;
  }

  /** A word's mean, 0 to 255/256; words count from the first label that is one. */
  of(word) {
    return this.sums[word] / (256 * this.frames);
  }
}
