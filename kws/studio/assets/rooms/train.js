import { start } from "../api.js";
import { lines } from "../charts.js";
import { card, field, h, keyed, kilobytes, percent, quoted, ROOM, seconds, table, terminal } from "../dom.js";
import { jobs, panel } from "../jobs.js";

// An instruction takes about one cycle and a half on these cores.
const CYCLES = 1.5;
const NAMES = ["first", "second", "third", "fourth", "fifth", "sixth"];

export default {
  id: "train",
  title: "Train",
  lead: "From a model that has heard two thousand people, with your recordings, and 40 minutes of what people say all day as what is not a word.",
  mount(main, state) { return new Train(main, state); },
};

class Train {
  constructor(main) {
    this.name = h("input", { type: "text", value: "first", pattern: "[A-Za-z0-9][A-Za-z0-9_-]{0,39}", maxlength: "40", required: true, autocomplete: "off" });
    this.from = h("select", {});
    this.restart = h("input", { type: "checkbox" });
    this.button = h("button", { class: "first", type: "submit" }, "Train");
    this.goes = h("div", {});
    this.size = h("div", {});
    this.line = h("div", {});
    this.panel = panel("train");
    this.curves = h("div", {});
    this.runs = h("div", {});
    const form = h("form", { onsubmit: (e) => { e.preventDefault(); this.start(); } },
      h("div", { class: "row" }, field("Name of the run", this.name), field("Starts from", this.from, "It brings the size, too.")),
      h("p", {}, h("label", { class: "radio" }, this.restart, h("span", {}, "From the beginning, if this run is there already: needed when recordings have changed"))),
      this.button);
    this.named = false;
    this.name.addEventListener("input", () => { this.named = true; });
    for (const e of [this.name, this.from, this.restart]) e.addEventListener("input", () => this.show());
    main.append(h("div", { class: "columns" }, card("What goes in", this.goes, form, this.line), card("What it will take on the board", this.size)),
      this.progress = card("Progress", this.panel, this.curves), card("Runs", this.runs));
  }

  start() {
    start({ kind: "train", run: this.name.value, start: this.from.value || null, restart: this.restart.checked });
  }

  // From where it began: from anywhere else it would be another training.
  goOn(run) {
    this.name.value = run.name;
    this.restart.checked = false;
    if (run.from !== null) this.from.value = run.from;
    this.show();
    this.start();
  }

  update(state) {
    const project = state.project;
    this.project = project;
    this.boards = [state.boards, state.has];
    const before = this.from.options.length ? this.from.value : "shipped:commands12";
    const options = [...Object.keys(project.models).filter((m) => m in project.sizes).map((m) => [`shipped:${m}`, `${m} (${kilobytes(project.sizes[m].weights)})`]), ["", "nothing (needs hundreds of recordings)"]];
    keyed(this.from, options, () => options.map(([value, text]) => h("option", { value, selected: value === before }, text)));
    const people = Object.values(project.folders.recordings || {}).reduce((a, b) => a + b, 0);
    const voices = Object.values(project.folders.synthetic || {}).reduce((a, b) => a + b, 0);
    const few = project.words.filter((w) => ((project.folders.recordings || {})[w] || 0) + ((project.folders.synthetic || {})[w] || 0) < 15);
    const others = Object.values(project.folders).flatMap((words) => Object.keys(words)).filter((w) => w !== ROOM && !project.words.includes(w)).length;
    keyed(this.goes, [people, voices, few, others, project.negatives, state.missing.train], () => [
      h("p", {}, `${people} recordings${voices ? `, ${voices} clips of synthetic speech` : ""}${project.negatives ? ", 40 minutes of other speech that come with kws" : ""}. ${project.epochs} epochs.`),
      few.length > 0 && h("p", { class: "note" }, `Fewer than 15 takes of ${few.join(", ")}. It trains, and will hear them badly: `, h("a", { href: "#record" }, "record more"), "."),
      others === 0 && people > 0 && h("p", { class: "note" }, "No other word is recorded. What sounds like your words is then told from them badly: ", h("a", { href: "#record" }, "record some of it"), "."),
      state.missing.train && h("p", { class: "note" }, `TensorFlow is not installed: ${state.missing.train}`)]);
    this.panel.update();
    const job = jobs.latest("train");
    const busy = job !== null && job.status === "running";
    // What was trained in a terminal is shown as well.
    const run = busy ? project.runs.find((r) => r.name === job.about) : project.runs[0];
    this.progress.hidden = !job && !run;
    if (run && run.epochs.length) keyed(this.curves, [run, busy], () => curves(run, busy));
    else this.curves.replaceChildren();
    if (!run) delete this.curves.dataset.key;
    this.button.disabled = jobs.running("train") || people + voices === 0;
    keyed(this.runs, [project.runs, jobs.running("train")], () => project.runs.length ? table(["run", "#epochs", "#best validation", "#test", "#false accepts/h", "#size", "starts from", ""], project.runs.map((r) => this.row(r)), "Runs") : h("p", { class: "empty" }, "No run yet. Each training is kept under its name, to be compared here."));
    // A run that is finished is kept: the next one has another name.
    const done = project.runs.filter((r) => r.model).map((r) => r.name);
    if (!this.named) this.name.value = NAMES.find((name) => !done.includes(name)) || `run-${done.length + 1}`;
    this.show();
  }

  row(run) {
    const best = run.epochs.find((e) => e.epoch === run.best);
    const unfinished = run.of && run.epochs.length < run.of;
    const wrong = run.test && run.test.sources ? run.test.sources.all.false_accepts_per_hour : null;
    const from = run.started_from && (run.started_from.name || run.started_from.id);
    return [run.model ? h("a", { href: "#judge", "aria-label": `Judge run ${run.name}` }, run.name) : run.name, `${run.epochs.length}${run.of ? ` of ${run.of}` : ""}`, best ? percent(best.validation_accuracy) : "–", run.test ? percent(run.test.accuracy) : "–", wrong === null ? "–" : wrong.toFixed(1), run.bytes ? kilobytes(run.bytes) : "–", from ? String(from).split("/").pop() : "–",
      unfinished ? h("button", { class: "small", type: "button", disabled: jobs.running("train"), "aria-label": `Go on with run ${run.name}`, onclick: () => this.goOn(run) }, "Go on") : run.model ? "" : "not converted"];
  }

  show() {
    if (!this.project) return;
    const folders = ["recordings", "synthetic"].filter((f) => this.project.folders[f]).map((f) => ` --data ${f}`).join("");
    const start = this.from.value.replace("shipped:", "");
    keyed(this.size, [start, this.project.sizes, this.project.board, this.boards], () => fits(this.project.sizes[start], this.project.board, ...this.boards));
    const model = start ? ` --from ${quoted(this.project.models[start])} --same-network` : "";
    const text = `kws train words.toml${model}${folders || " --data recordings"} --out runs/${this.name.value}${this.restart.checked ? " --restart" : ""}`;
    keyed(this.line, text, () => terminal(text, `kws convert runs/${this.name.value}`));
  }
}

function fits(size, board, boards, has) {
  if (!size) return h("p", {}, "This network is none that can be counted before it is trained; kws build measures it then.");
  const rows = Object.entries(has).filter(([name]) => !board || name === board).map(([name, b]) => {
    const load = (CYCLES * size.instructions) / (1e6 * b.mhz);
    const part = (bytes, all) => `${kilobytes(bytes)}, ${percent(bytes / all, 0)} of ${kilobytes(all)}`;
    return [boards[name], part(size.weights + size.code + b.program, b.flash), part(size.ram[name], b.ram), name === "rp2040" ? "more than a Cortex-M4’s" : `about ${percent(load, 0)} of ${b.mhz} MHz`];
  });
  return [
    h("p", {}, `${kilobytes(size.weights)} of weights, about ${(size.instructions / 1e6).toFixed(1)} million instructions a second on a Cortex-M4. The model it starts from brings the size: a smaller one hears a little less.`),
    table(["board", "#flash", "#RAM", "#time"], rows, "What the network takes of each board"),
    h("p", { class: "hint" }, "The weights are counted; program and buffers are those of the shipped models’ images. Room Board measures it once there is a model. Instructions are not cycles: the share of time assumes one cycle and a half for each.")];
}

function curves(run, busy) {
  const e = run.epochs;
  const last = e[e.length - 1];
  const x = { low: 1, high: Math.max(run.of || 1, last.epoch, 2), label: "epoch" };
  const low = Math.min(...e.map((v) => Math.min(v.accuracy, v.validation_accuracy, v.stream_accuracy)));
  const left = busy && run.of ? (run.of - e.length) * (e.reduce((s, v) => s + v.seconds, 0) / e.length) : 0;
  return [
    h("p", { role: "status" }, `Run ${run.name}, epoch ${last.epoch}${run.of ? ` of ${run.of}` : ""}: ${percent(last.validation_accuracy)} of the validation clips right; best: epoch ${run.best}. `, left > 0 && h("strong", {}, `About ${seconds(left)} left.`)),
    h("div", { class: "columns" },
      lines("Accuracy by epoch", x, { low: Math.floor(low * 10) * 10, high: 100, label: "accuracy, %" }, [
        { name: "training, with noise and shifts", points: e.map((v) => [v.epoch, 100 * v.accuracy]) },
        { name: "validation", points: e.map((v) => [v.epoch, 100 * v.validation_accuracy]) },
        { name: "validation, in a stream", points: e.map((v) => [v.epoch, 100 * v.stream_accuracy]) }]),
      lines("Loss by epoch", x, { low: 0, high: Math.max(...e.map((v) => Math.max(v.loss, v.validation_loss))), label: "loss (cross-entropy)" }, [
        { name: "training", points: e.map((v) => [v.epoch, v.loss]) }, { name: "validation", points: e.map((v) => [v.epoch, v.validation_loss]) }]))];
}
