import { paintFrame } from "../charts.js";
import { card, field, fill, h, keyed, quoted, terminal } from "../dom.js";
import { Line, Meter } from "../microphone.js";
import { query } from "../api.js";
import { Session } from "../web/session.js";
import { Spotter } from "../web/spotter.js";

const WIDTH = 300;
const MOST = 30;

export default {
  id: "live",
  title: "Live",
  lead: "Speak. The C library, the very code of the board, hears you; what it gets wrong becomes a recording to learn from.",
  mount(main, state) { return new Live(main, state); },
};

class Live {
  constructor(main) {
    this.model = h("select", { id: "live-model" });
    this.speaker = h("input", { type: "text", value: "me", maxlength: "40", autocomplete: "off" });
    this.button = h("button", { class: "first", type: "button", onclick: () => this.toggle() }, "Listen");
    this.meter = new Meter();
    this.canvas = h("canvas", { id: "spectrogram", width: WIDTH, height: 40, role: "img", "aria-label": "Spectrogram of the last seconds" });
    this.bars = h("div", { class: "bars" });
    this.heard = h("ul", { class: "heard", "aria-label": "Detections", tabindex: "0" });
    this.told = h("p", { role: "status" });
    this.mend = h("div", {});
    this.line = h("div", {});
    this.model.addEventListener("change", () => this.show());
    this.speaker.addEventListener("input", () => this.show());
    main.append(
      card("", h("div", { class: "row" }, field("Model", this.model), field("Who speaks", this.speaker), this.button), this.told, this.meter.element, this.line),
      card("What it hears", this.canvas, this.bars, h("h3", {}, "Detections"), this.heard, this.mend));
    fill(this.heard, h("li", { class: "quiet" }, "Nothing yet: press Listen and say one of the words."));
    this.line_ = null;
    this.session = null;
  }

  update(state) {
    const before = this.model.value;
    this.models = state.project.models;
    const runs = state.project.runs.filter((r) => r.model).map((r) => `runs/${r.name}`);
    const options = [...runs.map((r) => [r, r]), ...Object.keys(state.project.models).map((m) => [`shipped:${m}`, `${m} (comes with kws)`])];
    keyed(this.model, options, () => options.map(([value, text]) => h("option", { value, selected: value === before }, text)));
    this.show();
  }

  show() {
    const name = this.model.value.startsWith("shipped:") ? quoted(this.models[this.model.value.slice(8)]) : this.model.value;
    const text = `kws listen ${name} --dump recordings --speaker ${quoted(this.speaker.value.trim() || "me")}`;
    keyed(this.line, text, () => terminal(text));
  }

  async toggle() {
    if (this.line_) return this.stop();
    const values = { model: this.model.value, speaker: this.speaker.value.trim() };
    this.line_ = new Line("/ws/live", values, { meter: this.meter, answered: (m) => this.hear(m), ended: (text) => this.stop(text || "Listening has ended."), heard: (piece) => this.here(piece) });
    const spotter = module(values.model);
    this.told.textContent = "Opening the microphone …";
    try {
      this.spotter = spotter;
      await this.line_.open();
      if (!this.line_) return;
      this.button.textContent = "Stop";
      this.told.textContent = "Compiling the C library for this model, at its first use …";
    } catch (error) {
      this.stop(error.message);
    }
  }

  stop(text = "") {
    if (!this.line_) return;
    this.line_.stop();
    this.line_ = null;
    this.session = null;
    this.button.textContent = "Listen";
    this.told.textContent = text;
    for (const b of this.mend.querySelectorAll("button")) b.disabled = true;
  }

  hear(m) {
    if (m.note) { this.told.textContent = m.note; return; }
    if (m.words) return this.begin(m);
    if (m.odd.length) this.told.textContent = m.odd.join("; ");
    // What this tab has heard itself is on the page already.
    if (this.session) return;
    if (m.features) {
      const all = Int8Array.from(atob(m.features), (c) => c.charCodeAt(0));
      this.scroll(Array.from({ length: all.length / this.bands }, (_, i) => all.subarray(i * this.bands, (i + 1) * this.bands)));
    }
    this.bar(m.scores);
    for (const d of m.detections) this.detected(d);
  }

  // The C library in this tab hears the samples that the server gets, from the same first one on: what one detects, the
  // other does, so that the clip that is kept is the one that is meant.
  here(piece) {
    if (!this.session) return;
    const frames = this.session.feed(piece);
    this.scroll(frames.map((f) => f.features));
    this.bar(this.rows.map((_, i) => this.session.means.of(i)));
    for (const f of frames) if (f.detection) this.detected(f.detection);
  }

  bar(scores) {
    scores.forEach((score, i) => {
      const row = this.rows[i];
      row.bar.style.width = `${100 * score}%`;
      row.bar.className = score >= row.threshold ? "" : "soft";
      row.text.textContent = score.toFixed(2);
    });
  }

  async begin(m) {
    const line = this.line_;
    const { spotter, why } = await this.spotter;
    if (!line || line !== this.line_) return;
    this.session = spotter && new Session(spotter);
    line.held = false;
    this.bands = m.bands;
    this.canvas.height = m.bands;
    this.image = this.canvas.getContext("2d").createImageData(WIDTH, m.bands);
    this.told.textContent = spotter ? `Listening with ${m.model}: the C library as WebAssembly, in this tab.` : `Listening with ${m.model}, engine ${m.engine}, on this machine; not in this tab: ${why}`;
    this.rows = m.words.map((word, i) => {
      const bar = h("i");
      const mark = h("b");
      mark.style.left = `${100 * m.thresholds[i]}%`;
      return { word, threshold: m.thresholds[i], bar, text: h("span", {}, "0.00"), box: h("div", { class: "meter", role: "img", "aria-label": `Score of ${word}; the mark is the threshold` }, bar, mark) };
    });
    fill(this.bars, this.rows.flatMap((r) => [h("span", {}, r.word), r.box, r.text]));
    fill(this.heard);
    const ask = (text, message) => h("button", { type: "button", onclick: () => this.line_ && this.line_.say(message) }, text);
    fill(this.mend, h("p", { class: "hint" }, "One click from a bad moment to a better model: what was heard becomes a recording to learn from."),
      h("div", { class: "row" }, ask("The last detection was wrong", { do: "false" }), m.words.map((word) => ask(`You missed “${word}”`, { do: "missed", word }))));
  }

  scroll(frames) {
    const data = this.image.data;
    const count = Math.min(frames.length, WIDTH);
    if (!count) return;
    for (let y = 0; y < this.bands; y++) data.copyWithin(4 * y * WIDTH, 4 * (y * WIDTH + count), 4 * (y + 1) * WIDTH);
    frames.slice(-count).forEach((frame, f) => paintFrame(this.image, WIDTH - count + f, frame));
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
  }

  detected(d) {
    this.heard.prepend(h("li", {}, h("strong", {}, d.word), ` at ${d.seconds.toFixed(2)} s, score ${d.score.toFixed(2)}`));
    while (this.heard.children.length > MOST) this.heard.lastChild.remove();
  }

  leave() { this.stop(); }
}

// The model's module, or why there is none: a browser without WebAssembly, a machine without clang.
async function module(model) {
  try {
    const answer = await fetch(`/api/module?${query({ model })}`);
    if (!answer.ok) return { spotter: null, why: (await answer.json()).error };
    return { spotter: await Spotter.open(await answer.arrayBuffer()), why: "" };
  } catch (error) {
    return { spotter: null, why: error.message };
  }
}
