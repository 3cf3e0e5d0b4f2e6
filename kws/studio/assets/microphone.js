// The microphone as raw samples: no echo cancelling, no noise gate, no gain control, which all swallow words.
import { h } from "./dom.js";

const REFUSED = {
  NotAllowedError: "The browser does not let this page use the microphone. Allow it in the address bar, then try again.",
  NotFoundError: "There is no microphone. Plug one in, then try again.",
  NotReadableError: "Another program holds the microphone. Close it, then try again.",
};

export class Microphone {
  // Calls hear(Int16Array) with each piece, gone(text) when the microphone is unplugged.
  async open(hear, gone, rate = 16000) {
    if (!navigator.mediaDevices) throw new Error("This page has no microphone: open it at 127.0.0.1 or localhost.");
    const sound = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    // Made in the click's handler: elsewhere it would stay suspended.
    this.context = rate ? new AudioContext({ sampleRate: rate }) : new AudioContext();
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: sound });
      try {
        this.source = this.context.createMediaStreamSource(this.stream);
      } catch {
        // Firefox resamples no microphone; the server does.
        await this.context.close();
        this.context = new AudioContext();
        this.source = this.context.createMediaStreamSource(this.stream);
      }
      await this.context.audioWorklet.addModule("/assets/worklet.js");
    } catch (error) {
      this.close();
      throw new Error(REFUSED[error.name] || `The microphone cannot be opened: ${error.message}`);
    }
    const node = new AudioWorkletNode(this.context, "recorder");
    node.port.onmessage = (event) => hear(event.data);
    this.source.connect(node);
    this.stream.getAudioTracks()[0].onended = () => {
      this.close();
      gone("The microphone went away. Plug it in again; what was said before is kept.");
    };
    await this.context.resume();
    this.rate = this.context.sampleRate;
  }

  close() {
    if (this.stream) for (const track of this.stream.getTracks()) track.stop();
    if (this.context && this.context.state !== "closed") this.context.close();
  }
}

export const decibels = (amplitude) => Math.max(-90, 20 * Math.log10(Math.max(amplitude, 1e-9)));

export class Meter {
  constructor() {
    this.bar = h("i");
    const mark = (db) => { const b = h("b"); b.style.left = `${place(db)}%`; return b; };
    this.box = h("div", { class: "meter", role: "img", "aria-label": "Level of the microphone" }, this.bar, mark(-40), mark(-3));
    this.element = h("div", {}, this.box, h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}, "too soft below −40 dB"), h("span", {}, "clipped at 0")));
    this.level = -90;
  }

  hear(samples) {
    let peak = 0;
    for (const s of samples) peak = Math.max(peak, Math.abs(s));
    const now = decibels(peak / 32768);
    this.level = Math.max(now, this.level - 2);
    this.bar.style.width = `${place(this.level)}%`;
    this.bar.className = this.level > -0.2 ? "loud" : this.level < -40 ? "soft" : "";
  }
}

const place = (db) => Math.max(0, Math.min(100, (100 * (db + 70)) / 70));

// A 16-bit mono WAV file of pieces.
export function wav(pieces, rate) {
  const count = pieces.reduce((n, p) => n + p.length, 0);
  const header = new DataView(new ArrayBuffer(44));
  const text = (at, s) => [...s].forEach((c, i) => header.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF"); header.setUint32(4, 36 + 2 * count, true); text(8, "WAVEfmt "); header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); header.setUint16(22, 1, true); header.setUint32(24, rate, true);
  header.setUint32(28, 2 * rate, true); header.setUint16(32, 2, true); header.setUint16(34, 16, true);
  text(36, "data"); header.setUint32(40, 2 * count, true);
  return new Blob([header, ...pieces], { type: "audio/wav" });
}

export function socket(path, values) {
  const opened = new WebSocket(`ws://${location.host}${path}?${new URLSearchParams(values)}`);
  opened.binaryType = "arraybuffer";
  return opened;
}
