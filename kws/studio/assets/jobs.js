// What runs, and what became of it.
import { attempt, get, post } from "./api.js";
import { command, h, keyed, seconds } from "./dom.js";

const SAID = {
  running: "running", done: "done", failed: "failed", stopped: "stopped",
  lost: "ended without a word: the machine was switched off, or the process killed. Start it again; a training goes on where it was",
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
  const box = h("div", {});
  box.update = () => {
    const job = jobs.all.find((j) => kinds.includes(j.kind));
    box.hidden = !job;
    if (!job) return;
    const detailsOpen = box.querySelector("details")?.open || false;
    keyed(box, job, () => [
      h("p", { role: "status" }, h("span", { class: `tag ${{ done: "good", failed: "bad", lost: "bad", stopped: "warn" }[job.status] || ""}` },
        `${job.kind}${job.about ? ` ${job.about}` : ""}`), ` ${SAID[job.status]}${job.seconds === null ? "" : ` after ${seconds(job.seconds)}`}`),
      job.status === "running" && bar(job),
      job.error && h("p", { class: "error" }, job.error),
      job.status === "running" && h("button", { type: "button", onclick: () => attempt(() => post(`/api/jobs/${job.id}/stop`, {})) }, "Stop"),
      h("details", { open: detailsOpen }, h("summary", {}, "Commands and what they say"), job.commands.map(command), h("pre", { tabindex: "0", "aria-label": "Log" }, job.lines.filter((l) => !l.startsWith("$ ")).join("\n") || "nothing yet")),
    ]);
  };
  return box;
}

function bar(job) {
  if (!job.progress) return h("progress", { "aria-label": "working" });
  const [stage, done, total] = job.progress;
  return [h("progress", { value: String(done), max: String(total), "aria-label": stage }), h("p", { class: "hint" }, `${stage}: ${done} of ${total}`)];
}

