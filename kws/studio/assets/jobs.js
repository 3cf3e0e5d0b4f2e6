// What runs, and what became of it.
import { attempt, get, post } from "./api.js";
import { command, h, keyed, seconds } from "./dom.js";

const SAID = {
  running: "running", done: "done", failed: "failed", stopped: "stopped",
  lost: "ended without a word: the machine was switched off, the disk was full, or the process was killed. Start it again; a training goes on where it was",
};

export const jobs = {
  all: [],
  outputs: new Map(),

  update(found) { this.all = found; },

  latest(kind) { return this.all.find((job) => job.kind === kind) || null; },

  running(kind) { const job = this.latest(kind); return job !== null && job.status === "running"; },

  // What a job printed, fetched once it has ended; null until then.
  output(kind, done) {
    const job = this.latest(kind);
    if (!job || job.status === "running") return null;
    if (this.outputs.has(job.id)) return this.outputs.get(job.id);
    this.outputs.set(job.id, null);
    attempt(() => get(`/api/jobs/${job.id}`)).then((found) => {
      this.outputs.set(job.id, found && found.output);
      done();
    });
    return null;
  },
};

// A panel for jobs of some kinds; call update() with every state.
export function panel(...kinds) {
  // Each part changes for itself: what is said is not said again with every step, the log stays where it was scrolled to.
  const told = h("p", { role: "status" });
  const progress = h("div", {});
  const error = h("div", {});
  const stop = h("div", {});
  const commands = h("div", {});
  const log = h("pre", { tabindex: "0", "aria-label": "Log" });
  const box = h("div", {}, told, progress, error, stop, h("details", {}, h("summary", {}, "Commands and what they say"), commands, log));
  box.update = () => {
    const job = jobs.all.find((j) => kinds.includes(j.kind));
    box.hidden = !job;
    if (!job) return;
    const running = job.status === "running";
    keyed(told, [job.id, job.status, job.seconds], () => [h("span", { class: `tag ${{ done: "good", failed: "bad", lost: "bad", stopped: "warn" }[job.status] || ""}` },
      `${job.kind}${job.about ? ` ${job.about}` : ""}`), ` ${SAID[job.status]}${job.seconds === null ? "" : ` after ${seconds(job.seconds)}`}`]);
    keyed(progress, running && [job.id, job.progress], () => running && bar(job));
    keyed(error, job.error, () => job.error && h("p", { class: "error" }, job.error));
    keyed(stop, running && job.id, () => running && h("button", { type: "button", onclick: () => end(job.id, stop) }, "Stop"));
    keyed(commands, job.commands, () => job.commands.map(command));
    const lines = job.lines.filter((l) => !l.startsWith("$ ")).join("\n") || "nothing yet";
    const last = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    if (log.textContent !== lines) log.textContent = lines;
    if (last) log.scrollTop = log.scrollHeight;
  };
  return box;
}

// A verb ends in order, which takes a moment.
async function end(id, box) {
  if (await attempt(() => post(`/api/jobs/${id}/stop`, {}))) box.append(h("p", { class: "hint", role: "status" }, "It is told to end, and writes down what it has."));
}

function bar(job) {
  if (!job.progress) return h("progress", { "aria-label": "working" });
  const [stage, done, total] = job.progress;
  return [h("progress", { value: String(done), max: String(total), "aria-label": stage }), h("p", { class: "hint" }, `${stage}: ${done} of ${total}`)];
}

