// Runs in the audio thread: hands over what the microphone gives, in pieces of about 20 ms.

const CHANNELS = 2;
// A channel is left for another that is 3 dB louder, so that two alike do not take turns.
const LOUDER = 2;

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = 128 * Math.max(1, Math.round((0.02 * sampleRate) / 128));
    this.pieces = Array.from({ length: CHANNELS }, () => new Float32Array(this.size));
    this.filled = 0;
    this.chosen = 0;
    this.powers = new Float64Array(CHANNELS);
    this.running = true;
    this.port.onmessage = () => {
      this.running = false;
    };
  }

  process([channels]) {
    const length = channels.length > 0 ? channels[0].length : 128;
    for (let c = 0; c < CHANNELS; c++) {
      const from = channels[c];
      const to = this.pieces[c].subarray(this.filled, this.filled + length);
      if (from === undefined) {
        to.fill(0);
      } else {
        to.set(from);
      }
    }
    this.filled += length;
    if (this.filled >= this.size) {
      this.hand();
    }
    return this.running;
  }

  hand() {
    // Of two channels the louder: a mean cancels opposite signs and halves one whose other is dead.
    this.pieces.forEach((piece, c) => {
      const mean = piece.reduce((sum, x) => sum + x, 0) / piece.length;
      const power = piece.reduce((sum, x) => sum + (x - mean) ** 2, 0) / piece.length;
      this.powers[c] = 0.98 * this.powers[c] + 0.02 * power;
      if (this.powers[c] > LOUDER * this.powers[this.chosen]) {
        this.chosen = c;
      }
    });
    const piece = this.pieces[this.chosen].slice(0, this.filled);
    this.port.postMessage(piece, [piece.buffer]);
    this.filled = 0;
  }
}

registerProcessor("kws-recorder", Recorder);
