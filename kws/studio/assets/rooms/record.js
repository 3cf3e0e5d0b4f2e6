import { attempt, query, send, start } from "../api.js";
import { lines } from "../charts.js";
import { clipCard, remove } from "../clipcard.js";
import { card, field, fill, h, keyed, percent, quoted, ROOM, select, terminal, toast, wordName } from "../dom.js";
import { jobs, panel } from "../jobs.js";
import { begin, Line, Meter, microphone } from "../microphone.js";
import { wav } from "../web/sound.js";

const ENOUGH = 15;
const CHECK_SECONDS = 10;
// As kws data takes wants it.
const LEAST = 8;

export default {
  id: "record",
  title: "Record",
  lead: "Say a word again and again, with a second of quiet after each. The takes cut themselves; keep the good ones.",
  mount(main, state) {
    const page = new Recording(main, state);
    return page;
  },
};

class Recording {
  constructor(main, state) {
    this.state = state;
    this.microphone = null;
    this.word = select([], null, { id: "word" });
    this.other = h("input", { type: "text", maxlength: "60", autocomplete: "off", placeholder: "another word" });
    this.speaker = h("input", { type: "text", value: "me", maxlength: "40", autocomplete: "off" });
    this.button = h("button", { class: "first", type: "button", onclick: () => this.toggle() }, "Start recording");
    this.meter = new Meter();
    this.say = h("p", { class: "say", "aria-live": "polite" });
    this.told = h("p", { role: "status" });
    this.takes = h("ul", { class: "clips", "aria-label": "Takes of this session" });
    this.hints = h("div", {});
    this.counts = h("div", {});
    this.line = h("div", {});
    this.check = h("div", {});
    this.checkPanel = panel("mic-check");
    this.checkButton = h("button", { type: "button", onclick: () => this.checkMicrophone() }, `Check the microphone (${CHECK_SECONDS} s)`);
    this.more = h("div", {});
    this.moreLine = h("div", {});
    this.morePanel = panel("takes");
    this.moreButton = h("button", { type: "button", onclick: () => start({ kind: "takes" }) }, "Measure it");
    this.word.addEventListener("change", () => this.show());
    this.other.addEventListener("input", () => this.show());
    this.speaker.addEventListener("input", () => this.show());
    main.append(
      h("div", { class: "columns" },
        card("Takes", h("div", { class: "row" }, field("Word", this.word), this.otherField = field("Which", this.other), field("Who speaks", this.speaker)),
          this.say, this.meter.element, h("p", {}, this.button), this.told, this.line),
        card("What there is", this.counts, this.hints)),
      card("Takes of this session", h("p", { class: "hint" }, "Each is a file already. Redo deletes it, so say the word once more."), this.takes),
      this.dropZone(),
      card("What would more takes bring?", h("p", { class: "hint" }, `With ${LEAST} takes of each word or more: some are held out, the others learned from, fewer and more of them. It takes some seconds and needs no training.`),
        this.moreButton, this.more, this.morePanel, this.moreLine),
      card("Is the microphone fit?", h("p", { class: "hint" }, "Be silent for some seconds, then speak. It looks for hum, clipping, holes, a muffled sound, and says how far your voice is above the room, and what that costs."),
        this.checkButton, this.check, this.checkPanel, this.checkLine = h("div", {})));
    this.empty();
  }

  empty() {
    if (!this.takes.children.length) fill(this.takes, h("li", { class: "quiet" }, "Nothing yet: start recording, and takes appear here."));
  }

  chosen() {
    return this.word.value === "?" ? this.other.value.trim() : this.word.value;
  }

  update(state) {
    const project = state.project;
    keyed(this.word, project.words, () => [...project.words.map((w) => h("option", { value: w }, w)), h("option", { value: "?" }, "another word (unknown)"), h("option", { value: ROOM }, "the room, for a minute")]);
    const counts = project.folders.recordings || {};
    keyed(this.counts, [counts, project.words], () => h("div", {},
      h("p", {}, project.words.map((w) => h("span", { class: `tag ${(counts[w] || 0) >= ENOUGH ? "good" : "warn"}` }, `${w} ${counts[w] || 0}`)), Object.entries(counts).filter(([w]) => !project.words.includes(w)).map(([w, n]) => h("span", { class: "tag" }, `${wordName(w)} ${n}`))),
      h("p", { class: "hint" }, `${ENOUGH} takes of each word are a beginning, 30 are better. Change the distance, the loudness, the mood, the room; let others speak.`)));
    keyed(this.hints, [project.near, project.words], () => [
      h("h3", {}, "What is not the word"),
      h("p", { class: "hint" }, "False alarms come from what was never recorded. Add, five takes or so of each:"),
      h("div", { class: "row" }, project.near.slice(0, 12).map((w) => h("button", { class: "small", type: "button", "aria-label": `Record ${w}, which sounds alike`, onclick: () => { this.word.value = "?"; this.other.value = w; this.show(); this.button.focus(); } }, w))),
      h("p", { class: "hint" }, `${project.near.length ? "These sound like your words. " : ""}Also your own chatter (as another word, called chatter), and a minute of the room with what hums and rattles in it.`)]);
    this.moreButton.disabled = jobs.running("takes") || project.words.some((w) => (counts[w] || 0) < LEAST);
    this.morePanel.update();
    const curve = jobs.output("takes", () => this.update(this.state()));
    keyed(this.more, curve, () => curve ? bring(curve) : []);
    keyed(this.moreLine, project.models.commands12, () => terminal(`kws data takes recordings --config words.toml --from ${quoted(project.models.commands12 || "MODEL")}`));
    keyed(this.checkLine, project.models.commands12, () => terminal(`kws mic-check${project.models.commands12 ? ` --model ${quoted(project.models.commands12)}` : ""}`));
    this.checkPanel.update();
    const found = jobs.output("mic-check", () => this.update(this.state()));
    keyed(this.check, found, () => found ? verdict(found) : []);
    this.checkButton.disabled = jobs.running("mic-check") || this.microphone !== null;
    this.show();
  }

  show() {
    const word = this.chosen();
    this.otherField.hidden = this.word.value !== "?";
    this.say.textContent = this.microphone ? (word === ROOM ? "… be quiet …" : `Say “${word}”`) : "";
    const spoken = word === ROOM ? null : `kws record ${quoted(word || "WORD")} --out recordings --speaker ${quoted(this.speaker.value || "me")} --continuous`;
    keyed(this.line, spoken, () => spoken ? terminal(spoken) : []);
  }

  async toggle() {
    if (this.microphone) return this.stop();
    const word = this.chosen();
    const speaker = this.speaker.value.trim();
    if (!word || !speaker) { this.told.textContent = "Name the word, and who speaks."; return; }
    this.microphone = new Line("/ws/record", { word, speaker }, { meter: this.meter, answered: (m) => this.hear(m, word), ended: (text) => this.stop(text || "Recording has ended.") });
    this.told.textContent = "";
    try {
      await this.microphone.open();
      if (!this.microphone) return;
      this.button.textContent = "Stop";
      this.word.disabled = this.other.disabled = this.speaker.disabled = true;
      this.show();
    } catch (error) {
      this.stop(error.message);
    }
  }

  stop(text = "") {
    if (!this.microphone) return;
    // What is still on its way is heard to its end by the server.
    this.microphone.stop(300);
    this.microphone = null;
    this.button.textContent = "Start recording";
    this.word.disabled = this.other.disabled = this.speaker.disabled = false;
    this.told.textContent = text;
    this.show();
  }

  hear(message, word) {
    if (message.odd) { this.tell(`The microphone: ${message.odd}`); return; }
    if (message.refused) { this.tell(`Not kept: ${message.refused}`); return; }
    if (message.done) { this.stop(`The room is kept: ${message.take}`); return; }
    this.list(message.take, word);
    this.tell(`${this.takes.children.length} kept; the voice at ${message.level.toFixed(0)} dB, the room at ${message.room.toFixed(0)} dB`);
  }

  // Why recording has ended stays, whatever is heard after it.
  tell(text) {
    if (this.microphone || !this.told.textContent) this.told.textContent = text;
  }

  list(path, word) {
    if (!this.takes.querySelector(".clip")) this.takes.replaceChildren();
    const redo = async () => {
      if (await remove([path], (paths) => paths.forEach((back) => this.list(back, word)))) { item.remove(); this.empty(); }
    };
    const item = clipCard(path, `${word} · ${path.split("/")[2]}`, h("button", { class: "small", type: "button", "aria-label": `Redo ${path}`, onclick: redo }, "Redo"));
    this.takes.prepend(item);
  }

  async checkMicrophone() {
    const pieces = [];
    const opened = microphone((piece) => { pieces.push(piece); this.meter.hear(piece); }, (text) => toast(text), true);
    this.microphone = opened;
    this.checkButton.disabled = true;
    this.button.disabled = true;
    const done = () => { this.microphone = null; this.button.disabled = false; this.checkButton.disabled = false; };
    try {
      await begin(opened);
      for (let left = CHECK_SECONDS; left > 0 && this.microphone === opened; left--) {
        this.checkButton.textContent = left > CHECK_SECONDS / 2 ? `Be silent … ${left}` : `Now speak … ${left}`;
        await new Promise((next) => setTimeout(next, 1000));
      }
      opened.stop();
      if (await attempt(() => send("/api/upload/mic-check", wav(pieces, opened.rate)))) await start({ kind: "mic-check" });
    } catch (error) {
      toast(error.message);
    }
    this.checkButton.textContent = `Check the microphone (${CHECK_SECONDS} s)`;
    done();
  }

  dropZone() {
    const pick = h("input", { type: "file", multiple: true, accept: ".wav,.flac,.ogg,.opus,.mp3", "aria-label": "Files to import" });
    const zone = h("div", { class: "drop" }, h("p", {}, "Drop WAV, FLAC, Opus or MP3 files here, or choose them. They become takes of the word that is chosen above; of a long recording every word is cut out."), pick);
    const take = async (files) => {
      const word = this.chosen();
      for (const [i, file] of files.entries()) {
        if (files.length > 1) this.told.textContent = `${i + 1} of ${files.length}: ${file.name} …`;
        const done = await attempt(() => send(`/api/upload/clip?${query({ word, speaker: this.speaker.value.trim() })}`, file), file.name);
        if (!done) continue;
        for (const path of done.paths) this.hear({ take: path, level: 0, room: 0 }, word);
        this.told.textContent = `${file.name}: ${done.paths.length} kept${done.refused.length ? `, ${done.refused.length} not: ${done.refused[0]}` : ""}`;
      }
      pick.value = "";
    };
    pick.addEventListener("change", () => take([...pick.files]));
    zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => { event.preventDefault(); zone.classList.remove("over"); take([...event.dataTransfer.files]); });
    return card("Import", zone);
  }

  leave() { this.stop(); }
}

function bring(curve) {
  const points = (key) => curve.measured.map((p) => [p.takes, 100 * p[key]]);
  const all = [...curve.measured, curve.now, curve.twice];
  const fitted = curve.fitted.map(([takes, errors]) => [takes, 100 * errors]);
  const range = (p) => `${percent(p.errors)} (95 % interval ${percent(p.low)} to ${percent(p.high)})`;
  return [
    h("p", { role: "status" }, h("strong", {}, `${curve.advice[0].toUpperCase()}${curve.advice.slice(1)}.`)),
    h("p", {}, `Heard as something else: about ${range(curve.now)} with ${curve.now.takes} takes of each word, and ${range(curve.twice)} with ${curve.twice.takes}.`),
    h("div", { class: "narrow" }, lines("Held-out takes heard as something else, by the number of takes that were learned from", { low: curve.measured[0].takes, high: curve.twice.takes, label: "takes of each word" }, { low: 0, high: Math.max(5, ...all.map((p) => 100 * p.high)), label: "held-out takes heard as something else, %" }, [
      { name: "measured", points: points("errors") }, { name: "fitted, up to twice as many", points: fitted },
      { name: "95 % interval", points: [...curve.measured, curve.twice].map((p) => [p.takes, 100 * p.low]), quiet: true },
      { name: "", points: [...curve.measured, curve.twice].map((p) => [p.takes, 100 * p.high]), quiet: true }])),
    h("p", { class: "hint" }, "Learned here is the last layer alone, on the model that training starts from: the whole training hears better, and the slope is what to read. It is about the people who spoke, and no others.")];
}

function verdict(found) {
  const faults = found.faults || [];
  return [h("p", {}, h("span", { class: `tag ${faults.length ? "bad" : "good"}` }, faults.length ? "not fit" : "fit"), found.cost || ""), h("ul", {}, faults.map((f) => h("li", {}, f.text || f.kind)))];
}
