import { start } from "../api.js";
import { card, field, h, keyed, kilobytes, quoted, table, terminal } from "../dom.js";
import { jobs, panel } from "../jobs.js";

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
    this.port = h("input", { type: "text", placeholder: "/dev/ttyACM0", maxlength: "80", autocomplete: "off" });
    this.build = h("button", { class: "first", type: "button", onclick: () => start({ kind: "build", board: this.board.value, model: this.model.value }) }, "Build the image");
    this.flash = h("button", { type: "button", onclick: () => start({ kind: "flash", board: this.board.value }) }, "Flash the board that is plugged in");
    this.panel = panel("build");
    this.flashPanel = panel("flash");
    this.talkPanel = panel("monitor", "verify");
    this.size = h("div", {});
    this.files = h("div", {});
    this.said = h("div", {});
    this.line = h("div", {});
    this.missing = h("div", {});
    const monitor = h("button", { type: "button", onclick: () => start({ kind: "monitor", port: this.port.value }) }, "Show what the board hears");
    const verify = h("button", { type: "button", onclick: () => start({ kind: "verify", model: this.model.value, port: this.port.value || null }) }, "Compare bit for bit");
    for (const s of [this.board, this.model]) s.addEventListener("change", () => this.update(this.state()));
    main.append(
      card("Image", h("div", { class: "row" }, field("Board", this.board), field("Model", this.model), this.build), this.missing, this.panel, this.size, this.files, this.flash, this.flashPanel, this.line),
      card("Over the serial line", h("p", { class: "hint" }, "The board says each word that it hears. To compare, it needs the app link (kws build BOARD --model RUN --app link); without a port, the engines of this machine are compared with each other."),
        h("div", { class: "row" }, field("Serial port", this.port), monitor, verify), this.talkPanel, this.said, terminal("kws monitor /dev/ttyACM0", "kws verify RUN --engines numpy,serial:/dev/ttyACM0")));
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
    const has = project.size && project.size.boards[this.board.value];
    keyed(this.size, [built, has, this.board.value], () => built && built.board === this.board.value ? table(["", "#takes", "#the board has"], [
      ["flash", kilobytes(built.flash), has ? kilobytes(has.flash) : ""], ["RAM without the stack", kilobytes(built.ram), has ? kilobytes(has.ram) : ""],
      ["stack, at most", `${built.stack} bytes`, `${built.stack_reserve} bytes kept for it`]], "Size of the image") : []);
    keyed(this.files, [images, this.board.value], () => images ? [h("h3", {}, "Download"), h("ul", {}, images.map((f) => h("li", {}, h("a", { href: `/api/images/${this.board.value}/${encodeURIComponent(f.name)}`, download: "" }, f.name), ` ${kilobytes(f.bytes)}`)))] : h("p", { class: "hint" }, "No image yet. Build one; it takes some seconds."));
    const model = this.model.value.startsWith("shipped:") ? quoted(project.models[this.model.value.slice(8)]) : this.model.value;
    keyed(this.line, [this.board.value, model], () => terminal(`kws build ${this.board.value} --model ${model}`, `kws flash ${this.board.value}`));
    const talk = jobs.all.find((j) => j.kind === "verify" || j.kind === "monitor");
    const found = talk && talk.kind === "verify" ? jobs.output("verify", () => this.update(this.state())) : null;
    keyed(this.said, found, () => found ? h("pre", { tabindex: "0", "aria-label": "Result" }, JSON.stringify(found, null, 1).slice(0, 4000)) : []);
  }
}
