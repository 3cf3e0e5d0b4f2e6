import { attempt, get, post, query, start } from "../api.js";
import { clipCard, folderOf, people, play, relabel, remove } from "../clipcard.js";
import { card, field, fill, h, keyed, labelName, ROOM, svg, terminal, wordName } from "../dom.js";
import { jobs, panel } from "../jobs.js";

const PAGE = 48;

export default {
  id: "data",
  title: "Data",
  lead: "All recordings, by word and speaker. A wrong label costs more than a missing take: listen to the odd ones.",
  mount(main, state) { return new Data(main, state); },
};

class Data {
  constructor(main, state) {
    this.state = state;
    this.shown = [];
    this.marked = new Set();
    this.faults = new Map();
    this.first = 0;
    this.word = h("select", { id: "clips-of" });
    this.speaker = h("select", {});
    this.to = h("select", { "aria-label": "Relabel as" });
    this.list = h("ul", { class: "clips", "aria-label": "Recordings" });
    this.pages = h("div", { class: "row middle" });
    this.findings = h("div", {});
    this.panel = panel("check");
    this.button = h("button", { type: "button", onclick: () => start({ kind: "check" }) }, "Check the recordings");
    this.map = h("div", {});
    this.relabel = h("button", { type: "button", onclick: () => this.move() }, "Relabel");
    this.drop = h("button", { type: "button", onclick: () => this.remove([...this.marked]) }, "Delete");
    this.chosen = h("p", { class: "hint", role: "status" });
    this.word.addEventListener("change", () => { this.first = 0; this.load(); });
    this.speaker.addEventListener("change", () => { this.first = 0; this.draw(); });
    main.append(
      card("Recordings", this.filters = h("div", { class: "row" }, field("Word", this.word), field("Speaker", this.speaker)),
        this.actions = h("div", { class: "row", role: "group", "aria-label": "With those that are marked" }, field("Relabel as", this.to), this.relabel, this.drop), this.chosen, this.list, this.pages),
      card("What is wrong with them", this.button, this.panel, this.findings, this.checkLine = h("div", {})),
      this.mapCard = card("All clips as the network sees them", this.map));
    this.loaded = "";
  }

  update(state) {
    const folders = state.project.folders;
    const before = this.word.value;
    // Words to spot first, as they were named, and the room last.
    const rank = (w) => (state.project.words.includes(w) ? state.project.words.indexOf(w) : w === ROOM ? 2e4 : 1e4);
    const options = Object.entries(folders).flatMap(([folder, words]) => Object.entries(words).sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b)).map(([w, n]) => [`${folder}/${w}`, `${wordName(w)} (${n}${folder === "recordings" ? "" : `, ${folder}`})`]));
    keyed(this.word, options, () => options.map(([value, text]) => h("option", { value, selected: value === before }, text)));
    this.filters.hidden = this.actions.hidden = this.chosen.hidden = options.length === 0;
    if (before && options.some(([value]) => value === before)) this.word.value = before;
    keyed(this.to, [state.project.words, folders], () => [...new Set([...state.project.words, ...Object.keys(folders.recordings || {}), "other"])].filter((w) => w !== ROOM).map((w) => h("option", { value: w }, w)));
    // Of other words' numbers nothing here depends: while voices speak they change twice a second.
    const wanted = JSON.stringify(options.find(([value]) => value === this.word.value));
    if (wanted !== this.loaded) { this.loaded = wanted; this.load(); }
    this.panel.update();
    const folder = people(state.project);
    keyed(this.checkLine, folder, () => terminal(`kws data check ${folder} --config words.toml`));
    this.button.disabled = jobs.running("check") || options.length === 0;
    const found = jobs.output("check", () => this.update(this.state()));
    keyed(this.findings, found, () => found ? findings(found) : []);
    if (found && found !== this.checked) { this.checked = found; this.faults = byClip(found); this.draw(); }
    const run = state.project.runs.find((r) => r.clips);
    this.mapCard.hidden = false;
    if (!run) keyed(this.map, null, () => h("p", { class: "empty" }, "After the first training every clip is a point here, coloured by its word: one that lies among others’ is worth a listen."));
    else if (this.map.dataset.key !== JSON.stringify([run.name, run.best, run.epochs.length])) {
      this.map.dataset.key = JSON.stringify([run.name, run.best, run.epochs.length]);
      attempt(() => get(`/api/runs/${run.name}/clips.json`)).then((f) => { if (f) fill(this.map, scatter(f, run.name, this)); });
    }
  }

  async load() {
    const [folder, ...word] = this.word.value.split("/");
    if (!folder || !word[0]) { this.shown = []; this.draw(); return; }
    const found = await attempt(() => get(`/api/clips?${query({ folder, word: word.join("/") })}`));
    this.shown = found ? found.clips : [];
    const there = new Set(this.shown.map((c) => c.path));
    for (const path of this.marked) if (!there.has(path)) this.marked.delete(path);
    const speakers = [...new Set(this.shown.map((c) => c.speaker))].sort();
    keyed(this.speaker, speakers, () => [h("option", { value: "" }, "everybody"), ...speakers.map((s) => h("option", { value: s }, s))]);
    this.draw();
  }

  draw() {
    const kept = this.shown.filter((c) => !this.speaker.value || c.speaker === this.speaker.value);
    // The last page may have been emptied.
    while (this.first > 0 && this.first >= kept.length) this.first -= PAGE;
    const part = kept.slice(this.first, this.first + PAGE);
    fill(this.list, part.map((clip) => this.item(clip)));
    if (!kept.length) fill(this.list, h("li", { class: "quiet" }, "No recording yet. ", h("a", { href: "#record" }, "Record some takes"), ", or drop files there; they then stand here, to be listened to, relabelled and deleted."));
    const page = (text, to) => h("button", { class: "small", type: "button", disabled: to < 0 || to >= kept.length, onclick: () => { this.first = to; this.draw(); } }, text);
    fill(this.pages, kept.length > PAGE ? [page("Back", this.first - PAGE), h("span", {}, `${this.first + 1} to ${Math.min(this.first + PAGE, kept.length)} of ${kept.length}`), page("On", this.first + PAGE)] : []);
    this.count();
  }

  item(clip) {
    const mark = h("input", { type: "checkbox", "aria-label": `mark ${clip.path}`, checked: this.marked.has(clip.path) });
    const text = `${clip.path.split("/")[2]}${clip.seconds === null ? "" : ` · ${clip.seconds} s`}`;
    const item = clipCard(clip.path, text, h("button", { class: "small", type: "button", "aria-label": `Delete ${clip.path}`, onclick: () => this.remove([clip.path]) }, "Delete"), h("label", { class: "check" }, mark, "mark"));
    const faults = [...(clip.fault ? [["error", clip.fault]] : []), ...(this.faults.get(clip.path) || [])];
    item.append(...faults.map(([kind, text]) => h("p", { class: "finding" }, tag(kind), ` ${text}`)));
    mark.addEventListener("change", () => { if (mark.checked) this.marked.add(clip.path); else this.marked.delete(clip.path); item.classList.toggle("marked", mark.checked); this.count(); });
    return item;
  }

  count() {
    const n = this.marked.size;
    this.chosen.textContent = n ? `${n} marked` : "Mark recordings to relabel or delete several.";
    this.relabel.disabled = this.drop.disabled = n === 0;
  }

  async remove(paths) { if (await remove(paths, () => this.load())) this.load(); }

  async move() { if (await relabel([...this.marked], this.to.value, () => this.load())) this.load(); }
}

const tag = (kind) => h("span", { class: `tag ${kind === "error" ? "bad" : "warn"}` }, kind);
const rows = (found) => [...(found.errors || []).map((f) => ["error", f]), ...(found.warnings || []).map((f) => ["warning", f])];

function findings(found) {
  const all = rows(found);
  if (!all.length) return h("p", {}, h("span", { class: "tag good" }, "nothing is wrong"), (found.notes || []).join(" "));
  return [h("ul", {}, all.slice(0, 60).map(([kind, f]) => h("li", {}, tag(kind), f.message))), h("p", { class: "hint" }, "What is wrong with a single recording stands at it above, too.")];
}

// What was found, by the recording's path in the project.
function byClip(found) {
  const faults = new Map();
  for (const [kind, f] of rows(found)) for (const path of f.paths || []) faults.set(path, [...(faults.get(path) || []), [kind, f.kind]]);
  return faults;
}

function scatter(found, name, room) {
  const clips = found.clips;
  const labels = [...new Set(clips.map((c) => c.label))].sort();
  const xs = clips.map((c) => c.x), ys = clips.map((c) => c.y);
  const wide = innerWidth < 600 ? 340 : 640;
  const place = (v, all, size) => 16 + ((size - 32) * (v - Math.min(...all))) / (Math.max(...all) - Math.min(...all) || 1);
  const folder = folderOf(found, room.state().project);
  const shown = [...clips].reverse();
  const text = (c) => `${c.clip}: ${labelName(c.label)}, heard as ${labelName(c.heard)} (${Math.round(100 * c.probability)} %)`;
  const dots = shown.map((c) => svg("circle", {
    cx: place(c.x, xs, wide).toFixed(1), cy: place(c.y, ys, 320).toFixed(1), r: 5, class: `dot f${labels.indexOf(c.label) % 6}${c.heard !== c.label ? " odd" : ""}`,
    onclick: () => play(`${folder}/${c.clip}`),
  }, svg("title", {}, text(c))));
  // From left to right, for those who use no mouse.
  const order = shown.map((c, i) => i).sort((a, b) => shown[a].x - shown[b].x);
  const told = h("p", { class: "hint", role: "status" }, "");
  let at = -1;
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" && at >= 0) { play(`${folder}/${shown[order[at]].clip}`); return; }
    if (!by) return;
    event.preventDefault();
    if (at >= 0) { dots[order[at]].classList.remove("here"); dots[order[at]].setAttribute("r", "5"); }
    at = (at + by + order.length + (at < 0 && by < 0 ? 1 : 0)) % order.length;
    dots[order[at]].classList.add("here");
    dots[order[at]].setAttribute("r", "9");
    told.textContent = `${text(shown[order[at]])}. Enter plays it.`;
  };
  const wrong = clips.filter((c) => c.heard !== c.label);
  return [
    h("p", { class: "hint" }, `By run ${name}: the network’s last state at the end of each clip, on its two principal components. Click a point to hear it, or go from one to the next with the arrow keys and Enter; those with a red ring are heard as something else.`),
    h("ul", { class: "key" }, labels.map((l, i) => h("li", {}, svg("svg", { viewBox: "0 0 22 10", "aria-hidden": "true" }, svg("circle", { cx: 11, cy: 5, r: 5, class: `f${i % 6}` })), labelName(l)))),
    svg("svg", { viewBox: `0 0 ${wide} 320`, class: "chart map", role: "application", tabindex: "0", onkeydown: step, "aria-label": `Map of ${clips.length} clips: arrow keys go from clip to clip, Enter plays one` }, dots),
    told,
    h("h3", {}, wrong.length ? `Heard as something else: ${wrong.length} of ${clips.length}` : "Every clip is heard as what it is"),
    wrong.length > 0 && h("p", { class: "hint" }, "The surest mistakes first. Listen: is the label wrong, or the take no good? A label that is right stays, however it is heard."),
    h("ul", { class: "clips" }, wrong.slice(0, 12).map((c) => misheard(c, `${folder}/${c.clip}`, room))),
  ];
}

function misheard(clip, path, room) {
  const button = (text, label, act) => h("button", { class: "small", type: "button", "aria-label": label, onclick: async () => { if (await act()) { card.remove(); room.load(); } } }, text);
  const back = () => room.load();
  const card = clipCard(path, `heard as ${labelName(clip.heard)}: ${clip.clip}`,
    !clip.heard.startsWith("_") && button(`It is “${clip.heard}”`, `It is “${clip.heard}”: relabel ${path}`, () => relabel([path], clip.heard, back)),
    button("Delete", `Delete ${path}, which is heard as ${labelName(clip.heard)}`, () => remove([path], back)));
  return card;
}
