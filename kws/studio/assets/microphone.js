// The microphone of a recording, of a check, and of a line to the server; its level.
import { h } from "./dom.js";
import { Microphone, microphoneTrouble, whyNoMicrophone } from "./web/microphone.js";
import { level } from "./web/sound.js";

const GONE = "The microphone went away. Plug it in again; what was said before is kept.";

// Calls hear(Int16Array) with each piece, gone(text) when it is unplugged; begin() opens it.
export function microphone(hear, gone, own = false) {
  return new Microphone({ worklet: "/assets/web/worklet.js", onSamples: hear, onEnd: () => gone(GONE), own });
}

export async function begin(opened) {
  const why = whyNoMicrophone();
  if (why) throw new Error(why);
  try {
    await opened.start();
  } catch (error) {
    throw new Error(microphoneTrouble(error));
  }
}

// What is said goes to the server; its answers come to answered(value), and why all has ended to ended(text). Where
// heard(piece) is given, it gets the very samples that the server gets, and nothing is sent while `held`.
export class Line {
  constructor(path, values, { meter, answered, ended, heard = null }) {
    Object.assign(this, { path, values, answered, ended, held: heard !== null, socket: null, failed: "" });
    this.microphone = microphone((piece) => {
      meter.hear(piece);
      if (this.held || !this.socket || this.socket.readyState !== WebSocket.OPEN) return;
      this.socket.send(piece.buffer);
      if (heard) heard(piece);
    }, (text) => this.end(text));
  }

  async open() {
    await begin(this.microphone);
    if (!this.ended) { this.microphone.stop(); return; }
    const values = new URLSearchParams({ ...this.values, rate: this.microphone.rate });
    this.socket = new WebSocket(`ws://${location.host}${this.path}?${values}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event) => {
      const value = JSON.parse(event.data);
      if (value.error) this.failed = value.error;
      else this.answered(value);
    };
    this.socket.onclose = () => this.end(this.failed);
  }

  say(value) { if (this.socket) this.socket.send(JSON.stringify(value)); }

  end(text) { if (this.ended) this.ended(text); }

  // Answers that are on their way still come for this long; for none, they are dropped.
  stop(milliseconds = 0) {
    this.ended = null;
    if (!milliseconds) this.answered = () => {};
    this.microphone.stop();
    if (this.socket) setTimeout(() => this.socket.close(), milliseconds);
  }
}

export class Meter {
  constructor() {
    this.bar = h("i");
    const mark = (db) => { const b = h("b"); b.style.left = `${place(db)}%`; return b; };
    this.box = h("div", { class: "meter", role: "img", "aria-label": "Level of the microphone" }, this.bar, mark(-40), mark(-3));
    this.element = h("div", {}, this.box, h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}, "too soft below −40 dB"), h("span", {}, "clipped at 0")));
    this.level = -90;
  }

  hear(samples) {
    this.level = Math.max(level(samples).peak, this.level - 2);
    this.bar.style.width = `${place(this.level)}%`;
    this.bar.className = this.level > -0.2 ? "loud" : this.level < -40 ? "soft" : "";
  }
}

const place = (db) => Math.max(0, Math.min(100, (100 * (db + 70)) / 70));
