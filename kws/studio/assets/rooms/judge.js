import { attempt, get, start } from "../api.js";
import { lines } from "../charts.js";
import { clipCard, folderOf, people } from "../clipcard.js";
import { card, field, fill, h, keyed, labelName, percent, table, terminal } from "../dom.js";
import { jobs, panel } from "../jobs.js";

// False accepts per hour: where the curve begins.
const LEAST = 0.1;

export default {
  id: "judge",
  title: "Judge",
  lead: "How many words it hears, how often it fires for nothing, and what these figures cannot tell.",
  mount(main, state) { return new Judge(main, state); },
};

class Judge {
  constructor(main, state) {
    this.state = state;
    this.run = h("select", { id: "judged" });
    this.button = h("button", { class: "first", type: "button", onclick: () => start({ kind: "judge", run: this.run.value }) }, "Judge it");
    this.panel = panel("judge");
    this.figures = h("div", {});
    this.misheard = h("div", {});
    this.det = h("div", {});
    this.tunePanel = panel("tune");
    this.tuned = h("div", {});
    this.anyway = h("input", { type: "checkbox" });
    this.tuneButton = h("button", { type: "button", onclick: () => start({ kind: "tune", run: this.run.value, budget: Number(short(this.budget)), anyway: this.anyway.checked }) }, "Write thresholds");
    this.line = h("div", {});
    this.tuneLine = h("div", {});
    this.report = h("div", {});
    this.budget = 5;
    this.anyway.addEventListener("change", () => this.command());
    this.run.addEventListener("change", () => this.update(this.state()));
    this.none = h("p", { class: "empty" }, "There is no finished run yet. ", h("a", { href: "#train" }, "Train one"), " first.");
    this.all = h("div", {},
      card("", h("div", { class: "row" }, field("Run", this.run), this.button), this.panel, this.line),
      this.figures,
      card("Misheard", this.misheard),
      card("Thresholds", this.det, h("p", {}, h("label", { class: "radio" }, this.anyway, h("span", {}, "Write them even where they miss the budget on what they were not chosen on"))), this.tuneButton, this.tunePanel, this.tuned, this.tuneLine),
      card("The report", this.report));
    main.append(this.none, this.all);
  }

  update(state) {
    const done = state.project.runs.filter((r) => r.model);
    this.none.hidden = done.length > 0;
    this.all.hidden = done.length === 0;
    if (!done.length) return;
    const before = this.run.value;
    keyed(this.run, done.map((r) => r.name), () => done.map((r) => h("option", { value: r.name, selected: r.name === before }, r.name)));
    const run = done.find((r) => r.name === this.run.value) || done[0];
    this.panel.update();
    this.tunePanel.update();
    this.button.disabled = jobs.running("judge");
    this.tuneButton.disabled = jobs.running("tune");
    this.folder = people(state.project);
    keyed(this.line, [run.name, this.folder], () => terminal(`kws evaluate runs/${run.name} --data ${this.folder} --split test --json runs/${run.name}/test.json`, `kws clips runs/${run.name} --data ${this.folder} --json runs/${run.name}/clips.json`, `kws report runs/${run.name} --data ${this.folder}`));
    keyed(this.figures, [run.name, run.test, run.stale], () => figures(run));
    // What could not be measured, in the report's own words.
    const judged = jobs.latest("judge");
    const left = judged && judged.about === run.name ? jobs.output("judge", () => this.update(this.state())) : null;
    this.missing = (left && left.missing) || [];
    const stamp = [this.missing, run.name, run.best, run.clips, run.room, run.stream, jobs.latest("judge")?.status, jobs.latest("judge")?.id];
    if (this.stamp !== JSON.stringify(stamp)) {
      this.stamp = JSON.stringify(stamp);
      this.load(run);
    }
    const found = jobs.output("tune", () => this.update(this.state()));
    keyed(this.tuned, found, () => found ? tuned(found) : []);
    this.command();
  }

  command() {
    // As kws.studio.commands has it.
    const minutes = Math.round(Math.min(Math.max(60, 600 / short(this.budget)), 240));
    const text = `kws tune runs/${this.run.value} --data ${this.folder} --budget ${short(this.budget)} --minutes ${minutes}${this.anyway.checked ? " --anyway" : ""}`;
    keyed(this.tuneLine, text, () => terminal(text));
    this.tuneButton.textContent = `Write thresholds for ${short(this.budget)} false accepts per hour`;
  }

  async load(run) {
    fill(this.misheard, h("p", { class: "quiet" }, "Judge the run, and what it mishears stands here to be listened to."));
    fill(this.det, h("p", { class: "quiet" }, "Judge the run, and the trade between missed words and false accepts stands here; the budget is then chosen on it."));
    fill(this.report, h("p", { class: "quiet" }, "Not written yet."));
    if (this.missing.length) fill(this.det, h("p", {}, "This could not be measured:"), h("ul", {}, this.missing.map((text) => h("li", {}, text))));
    if (run.clips) {
      const found = await attempt(() => get(`/api/runs/${run.name}/clips.json`));
      if (found) fill(this.misheard, misheard(found, folderOf(found, this.state().project)));
    }
    const scenes = [];
    for (const [has, file, name] of [[run.room, "room.json", "in the room"], [run.stream, "stream-test.json", "at the desk"]]) {
      const found = has && await attempt(() => get(`/api/runs/${run.name}/${file}`));
      const points = found && found.det ? kept(found) : [];
      if (points.length) scenes.push({ name, steps: points, hours: found.hours });
    }
    if (scenes.length) this.curve(scenes);
    if (run.report) {
      const address = `/api/runs/${run.name}/report.html`;
      fill(this.report, h("p", {}, h("a", { href: address, target: "_blank", rel: "noopener" }, "Open it in a tab of its own")), h("iframe", { src: address, title: `Report of run ${run.name}`, sandbox: "", loading: "lazy" }));
    }
  }

  curve(scenes) {
    const points = scenes.flatMap((s) => s.steps);
    const low = LEAST, high = Math.max(100, ...points.map((p) => p[0]));
    const place = (budget) => String(Math.round((100 * Math.log10(budget / low)) / Math.log10(high / low)));
    const slider = h("input", { type: "range", min: "0", max: "100", step: "1", value: place(this.budget), "aria-label": "Budget of false accepts per hour" });
    const told = h("p", { role: "status" });
    const chart = lines("Missed words against false accepts per hour", { low, high, log: true, label: "false accepts per hour, at most" }, { low: 0, high: 10 * Math.ceil(Math.max(10, ...points.map((p) => p[1])) / 10), label: "words missed, %" }, scenes.map((s) => ({ name: s.name, points: stairs(s.steps, high) })));
    const draw = () => {
      const best = scenes[0].steps.findLast((p) => p[0] <= this.budget);
      chart.mark(this.budget, best && [this.budget, best[1]]);
      slider.setAttribute("aria-valuetext", `${short(this.budget)} an hour`);
      told.textContent = best ? `With ${short(this.budget)} false accepts an hour allowed ${scenes[0].name}, ${best[1].toFixed(1)} % of the words are missed.` : `No threshold keeps to ${short(this.budget)} an hour ${scenes[0].name}; allow more, or record more of what is not the word.`;
      this.command();
    };
    const choose = (budget) => { this.budget = Math.max(low, Math.min(1000, budget)); slider.value = place(this.budget); draw(); };
    chart.pointer(choose);
    slider.addEventListener("input", () => { this.budget = low * (high / low) ** (slider.value / 100); draw(); });
    const heard = scenes.map((s) => `${s.name} ${s.hours.toFixed(1)} h`).join(", ");
    fill(this.det, h("p", { class: "hint" }, `A higher threshold fires less for nothing and misses more. Drag the point, or move the slider, to as many false accepts per hour as you allow. The curve moves all thresholds together; what is then written is chosen word by word, and mostly misses less. In the room others talk and music plays; at the desk single words are said over noise. Heard: ${heard}.`), chart, h("div", { class: "slider" }, slider), told);
    draw();
  }
}

const short = (value) => String(Number(value.toPrecision(2)));

// Of all thresholds those that nothing beats: fewer false accepts only with more missed words. None that was heard in
// so many hours counts as half of one.
function kept(found) {
  const points = found.det.filter((p) => p.miss_rate !== null).map((p) => [Math.max(p.false_accepts_per_hour, 0.5 / found.hours), 100 * p.miss_rate]);
  points.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let least = Infinity;
  return points.filter((p) => p[1] < least && ((least = p[1]), true));
}

const stairs = (steps, end) => steps.flatMap(([x, y], i) => [[x, y], [i + 1 < steps.length ? steps[i + 1][0] : end, y]]);

const rounded = (value) => (value === null ? "–" : value.toFixed(1));

function figures(run) {
  if (!run.test) return [];
  const [low, high] = run.test.interval || [null, null];
  const sources = run.test.sources ? [...run.test.sources.sources, run.test.sources.all] : [];
  return [run.stale && h("p", { class: "note" }, "The model has been written anew since, with other thresholds or by another training: judge it again."), h("div", { class: "columns" },
    card("Words", h("p", { class: "big" }, percent(run.test.accuracy)), h("p", {}, `of the takes that training never heard are named right (95 % interval ${percent(low)} to ${percent(high)}).`)),
    card("False accepts, on recordings that come with kws", table(["", "#minutes", "#false accepts", "#per hour", "#at most"], sources.map((s) => [s.name, (s.seconds / 60).toFixed(1), s.false_accepts, rounded(s.false_accepts_per_hour), rounded(s.at_most_per_hour)]), "False accepts by source"))),
    card("What these figures cannot tell", h("ul", {}, (run.test.limits || []).map((t) => h("li", {}, t))))];
}

function misheard(found, folder) {
  const wrong = found.clips.filter((c) => c.heard !== c.label);
  if (!wrong.length) return h("p", {}, `None of ${found.clips.length} clips, those it learned from included.`);
  return [h("p", { class: "hint" }, `${wrong.length} of ${found.clips.length} clips, the surest mistakes first. A wrong label is mended in `, h("a", { href: "#data" }, "Data"), ", under the map."),
    h("ul", { class: "clips" }, wrong.slice(0, 24).map((c) => clipCard(`${folder}/${c.clip}`, `${c.clip.split("/")[0]}: heard as ${labelName(c.heard)}${c.split === "training" ? "" : ` (${c.split})`}`)))];
}

function tuned(found) {
  const rate = (r) => r ? `${percent(r.miss_rate)} missed at ${r.false_accepts_per_hour.toFixed(1)} per hour (${r.false_accepts} in ${r.hours.toFixed(1)} h; at most ${rounded(r.at_most_per_hour)})` : "not measured";
  const rows = [["before", rate(found.old)], ["tuned", rate(found.tuned)], [found.held_out && found.other_speakers ? "on other speakers" : "on other takes", found.held_out ? rate(found.held_out) : "too few recordings to tune on some and try on others"], ["on a fresh stream", rate(found.fresh)]];
  return [h("p", {}, h("span", { class: `tag ${found.written ? "good" : "warn"}` }, found.written ? "written into the model" : "not written: the budget is missed")), table(["", "words, false accepts"], rows, "What tuning chose")];
}
