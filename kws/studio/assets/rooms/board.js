import { start } from "../api.js";
import { card, field, h, keyed, kilobytes, quoted, select, table, terminal } from "../dom.js";
import { jobs, panel } from "../jobs.js";

// Lines of the board.
const MOST = 40;
const KINDS = {
  uf2: ".uf2 is copied onto the drive that the board shows in its boot loader.",
  hex: ".hex is for a debug probe or the maker’s programmer.",
  bin: ".bin is the bare content of the flash.",
};

export default {
  id: "board",
  title: "Board",
  lead: "The model in the firmware of kws: what it takes, the image to download or to flash, and what the board hears.",
  mount(main, state) { return new Board(main, state); },
};

class Board {
  constructor(main, state) {
    this.state = state;
    this.board = h("select", { id: "board" });
    this.model = h("select", { id: "board-model" });
    this.app = select([["spotter", "hears words"], ["link", "is compared bit for bit"]], "spotter", { id: "board-app" });
    this.port = h("input", { type: "text", placeholder: "/dev/ttyACM0", maxlength: "80", autocomplete: "off", list: "ports" });
    this.ports = h("datalist", { id: "ports" });
    this.plugged = h("p", { class: "hint", role: "status" });
    this.build = h("button", { class: "first", type: "button", onclick: () => start({ kind: "build", board: this.board.value, model: this.model.value, app: this.app.value }) }, "Build the image");
    this.flash = h("button", { type: "button", onclick: () => start({ kind: "flash", board: this.board.value }) }, "Flash what was built last onto the board that is plugged in");
    this.panel = panel("build");
    this.flashPanel = panel("flash");
    this.talkPanel = panel("monitor", "verify");
    this.size = h("div", {});
    this.files = h("div", {});
    this.said = h("div", {});
    this.line = h("div", {});
    this.talkLine = h("div", {});
    this.missing = h("div", {});
    const monitor = h("button", { type: "button", onclick: () => start({ kind: "monitor", port: this.port.value }) }, "Show what the board hears");
    const verify = h("button", { type: "button", onclick: () => start({ kind: "verify", model: this.model.value, port: this.port.value || null }) }, "Compare bit for bit");
    this.heard = h("div", {});
    for (const s of [this.board, this.model, this.app]) s.addEventListener("change", () => this.update(this.state()));
    main.append(
      card("Image", h("div", { class: "row" }, field("Board", this.board), field("Model", this.model), field("What it does", this.app), this.build), this.missing, this.panel, this.size, this.files, this.flash, this.flashPanel, this.line),
      card("Over the serial line", h("p", { class: "hint" }, "A board that hears words says each of them here. To be compared it needs the image that “is compared bit for bit”; without a port, the engines of this machine are compared with each other."),
        h("div", { class: "row" }, field("Serial port", this.port), this.ports, monitor, verify), this.plugged, this.heard, this.said, this.talkPanel, this.talkLine));
    this.port.addEventListener("input", () => this.update(this.state()));
  }

  update(state) {
    const project = state.project;
    keyed(this.board, [state.boards, project.board], () => Object.entries(state.boards).map(([value, text]) => h("option", { value, selected: value === project.board }, text)));
    const options = [...project.runs.filter((r) => r.model).map((r) => [`runs/${r.name}`, `runs/${r.name}`]), ...Object.keys(project.models).map((m) => [`shipped:${m}`, `${m} (comes with kws)`])];
    const before = this.model.value;
    keyed(this.model, options, () => options.map(([value, text]) => h("option", { value, selected: value === before }, text)));
    keyed(this.missing, state.missing.build || "", () => state.missing.build ? h("p", { class: "note" }, `No compiler for boards is installed: ${state.missing.build}`) : []);
    for (const p of [this.panel, this.flashPanel, this.talkPanel]) p.update();
    this.build.disabled = jobs.running("build");
    const images = project.images[this.board.value];
    this.flash.disabled = jobs.running("flash") || !images;
    const built = jobs.output("build", () => this.update(this.state()));
    const has = state.has[this.board.value];
    keyed(this.size, [built, has, this.board.value], () => built && built.board === this.board.value ? table(["", "#takes", "#the board has"], [
      ["flash", kilobytes(built.flash), has ? kilobytes(has.flash) : ""], ["RAM without the stack", kilobytes(built.ram), has ? kilobytes(has.ram) : ""],
      ["stack, at most", `${built.stack} bytes`, `${built.stack_reserve} bytes kept for it`]], "Size of the image") : []);
    keyed(this.files, [images, this.board.value], () => images ? [h("h3", {}, "Download"), h("ul", {}, images.map((f) => h("li", {}, h("a", { href: `/api/images/${this.board.value}/${encodeURIComponent(f.name)}`, download: "" }, f.name), ` ${kilobytes(f.bytes)}`))), h("p", { class: "hint" }, images.map((f) => KINDS[f.name.split(".").pop()]).join(" "))] : h("p", { class: "hint" }, "No image yet. Build one; it takes some seconds."));
    const model = this.model.value.startsWith("shipped:") ? quoted(project.models[this.model.value.slice(8)]) : this.model.value;
    const link = this.app.value === "link";
    keyed(this.line, [this.board.value, model, link], () => terminal(`kws build ${this.board.value} --model ${model}${link ? " --app link" : ""}`, `kws flash ${this.board.value}`));
    keyed(this.ports, state.ports, () => state.ports.map(([value, text]) => h("option", { value }, text)));
    keyed(this.plugged, state.ports, () => state.ports.length ? `Plugged in: ${state.ports.map(([value, text]) => (text ? `${value} (${text})` : value)).join(", ")}.` : "No board is plugged in by USB, as far as this machine sees.");
    const port = this.port.value.trim();
    keyed(this.talkLine, [port, model], () => terminal(`kws monitor ${quoted(port || "/dev/ttyACM0")}`, `kws verify ${model} --engines numpy,${port ? quoted(`serial:${port}`) : "c"}`));
    const talk = jobs.all.find((j) => j.kind === "verify" || j.kind === "monitor");
    const found = talk && talk.kind === "verify" ? jobs.output("verify", () => this.update(this.state())) : null;
    keyed(this.said, found, () => found ? compared(found) : []);
    const heard = talk && talk.kind === "monitor" ? talk.lines.filter((line) => !line.startsWith("$ ")).slice(-MOST).reverse() : null;
    keyed(this.heard, heard, () => heard ? [h("h3", {}, "What the board hears"), heard.length ? h("ul", { class: "heard", "aria-label": "What the board says, the newest first", tabindex: "0" }, heard.map((line) => h("li", {}, line))) : h("p", { class: "quiet" }, "Nothing yet: say one of the words to the board.")] : []);
  }
}

function compared(found) {
  const rows = found.engines.map((e) => [e.engine, e.values, e.different, e.posteriors_different]);
  const other = found.engines.find((e) => e.first_difference);
  return [
    h("p", { role: "status" }, h("span", { class: `tag ${found.ok ? "good" : "bad"}` }, found.ok ? "the same, bit for bit" : "different"), `${found.steps} frames of ${found.inputs} inputs, ${found.detections} detections.`),
    table(["engine", "#values compared", "#different", "#posteriors different"], rows, "What was compared with the engine numpy"),
    other && h("p", { class: "error" }, `The first difference, of ${other.engine}: ${JSON.stringify(other.first_difference)}`)];
}
