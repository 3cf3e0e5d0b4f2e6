// Features of frames as a picture: a live one that scrolls, or a whole recording in the picture's width.

// Dark blue over purple and orange to light yellow: lightness grows evenly, so that it reads without colour vision too.
const ANCHORS = [
  [10, 8, 34],
  [66, 15, 117],
  [147, 38, 103],
  [221, 81, 58],
  [252, 165, 10],
  [252, 255, 164],
];
// The least range of the colours, in steps of the features: 0.6 dB each.
const LEAST_RANGE = 60;
const LOW_SHARE = 0.1;
const HIGH_SHARE = 0.997;
// Frames from one look at the range to the next.
const LOOK = 25;

/** Of 256 values, little-endian RGBA as every browser's machine has it. */
export const PALETTE = Uint32Array.from({ length: 256 }, (_, i) => {
  const place = (i / 255) * (ANCHORS.length - 1);
  const low = Math.min(Math.floor(place), ANCHORS.length - 2);
  const [r, g, b] = ANCHORS[low].map((a, k) => Math.round(a + (ANCHORS[low + 1][k] - a) * (place - low)));
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
});

export class Spectrogram {
  /** canvas: drawn into whenever draw() is called; frames: how many of them a live picture shows. */
  constructor(canvas, bands, frames) {
    this.canvas = canvas;
    this.bands = bands;
    this.live = frames;
    this.marks = [];
    this.clear();
  }

  clear() {
    this.columns = new Int8Array(this.live * this.bands);
    this.count = 0;
    this.whole = false;
    this.range = [-128, -128 + LEAST_RANGE];
    this.marks = [];
    this.picture = null;
  }

  /** One more frame: Int8Array [bands]. Of a live picture the newest frames are kept. */
  push(features) {
    const at = this.whole ? this.count : this.count % this.live;
    this.columns.set(features, at * this.bands);
    this.count += 1;
    if (!this.whole && (this.count % LOOK === 0 || this.count === 1)) {
      this.range = this.look(Math.min(this.count, this.live));
    }
    this.picture = null;
  }

  /** A word to be written over the newest frame. */
  mark(text) {
    this.marks.push({ frame: this.count - 1, text });
    if (!this.whole) {
      this.marks = this.marks.filter(({ frame }) => frame > this.count - this.live);
    }
  }

  /** From now on a whole recording of so many frames. */
  show(frames) {
    this.clear();
    this.whole = true;
    this.columns = new Int8Array(Math.max(1, frames) * this.bands);
  }

  /** Levels below which a tenth of the values lie, and nearly all of them. */
  look(frames) {
    const counts = new Uint32Array(256);
    const values = this.columns.subarray(0, frames * this.bands);
    for (const value of values) {
      counts[value + 128] += 1;
    }
    const rank = (share) => {
      let left = share * values.length;
      let value = 0;
      while (value < 255 && (left -= counts[value]) > 0) {
        value += 1;
      }
      return value - 128;
    };
    const low = rank(LOW_SHARE);
    return [low, Math.max(rank(HIGH_SHARE), low + LEAST_RANGE)];
  }

  draw() {
    const { canvas } = this;
    const scale = globalThis.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(canvas.clientWidth * scale));
    const height = Math.max(1, Math.round(canvas.clientHeight * scale));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext("2d");
    const shown = this.whole ? Math.max(1, Math.round(this.columns.length / this.bands)) : this.live;
    this.picture ??= this.image(Math.min(shown, this.whole ? 4096 : this.live), shown);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.picture, 0, 0, width, height);
    this.write(context, width, height, scale, shown);
  }

  /** The frames as an image, a column each or the greatest of several; high frequencies at the top. */
  image(width, shown) {
    const { bands, count } = this;
    const image = new ImageData(width, bands);
    const pixels = new Uint32Array(image.data.buffer);
    pixels.fill(PALETTE[0]);
    const [low, high] = this.whole ? (this.range = this.look(Math.max(1, count))) : this.range;
    for (let x = 0; x < width; x++) {
      const first = this.whole ? Math.floor((x * shown) / width) : count - width + x;
      const last = this.whole ? Math.max(first + 1, Math.floor(((x + 1) * shown) / width)) : first + 1;
      for (let frame = Math.max(0, first); frame < Math.min(last, count); frame++) {
        const at = (this.whole ? frame : frame % this.live) * bands;
        for (let band = 0; band < bands; band++) {
          const share = (this.columns[at + band] - low) / (high - low);
          const colour = PALETTE[Math.max(0, Math.min(255, Math.round(255 * share)))];
          const pixel = (bands - 1 - band) * width + x;
          // Lighter colours stand for more, and have more green.
          if (frame === first || (colour & 0xff00) > (pixels[pixel] & 0xff00)) {
            pixels[pixel] = colour;
          }
        }
      }
    }
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = bands;
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  write(context, width, height, scale, shown) {
    const size = 15 * scale;
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.textAlign = "right";
    const rows = [];
    for (const { frame, text } of this.marks) {
      const place = this.whole ? frame + 1 : frame + 1 - (this.count - this.live);
      const x = (place / shown) * width;
      const wide = context.measureText(text).width + size;
      const left = Math.max(0, x - wide);
      // Words close to each other stand below one another.
      let row = rows.findIndex((end) => end <= left);
      if (row < 0) {
        row = rows.length;
      }
      rows[row] = left + wide + size / 4;
      const y = (1 + 1.6 * (row % 3)) * size;
      context.fillStyle = "rgb(255 255 255 / 0.55)";
      context.fillRect(left + wide - scale, 0, scale, height);
      context.fillStyle = "rgb(10 8 34 / 0.82)";
      context.beginPath();
      context.roundRect(left, y - 0.75 * size, wide, 1.5 * size, 0.4 * size);
      context.fill();
      context.fillStyle = "white";
      context.fillText(text, left + wide - size / 2, y);
    }
  }
}
