import { start } from "../api.js";
import { card, command, field, h, keyed, quoted, select, terminal } from "../dom.js";
import { jobs, panel } from "../jobs.js";

const STEPS = [
  ["record", "Record", "takes of each word, and of what is not the word"],
  ["data", "Data", "listen, relabel, delete; what is wrong with the recordings"],
  ["train", "Train", "starts from a model that comes with kws; minutes, not hours"],
  ["judge", "Judge", "how many words it hears, how often it fires for nothing"],
  ["live", "Live", "try it; what goes wrong becomes a recording to learn from"],
  ["board", "Board", "an image for the microcontroller, to download or to flash"],
];

function form() {
  const words = h("input", { type: "text", id: "words", required: true, maxlength: "600", autocomplete: "off", placeholder: "lights, music" });
  const radio = (name, value, title, text, checked) => h("label", { class: "radio" }, h("input", { type: "radio", name, value, checked }), h("span", {}, h("strong", {}, title), ` ${text}`));
  const board = h("span", {});
  const wake = h("p", { class: "hint" }, "A wake word, too, is one word here: write “hey computer” as hey-computer. It must be said within a second. Three or more syllables are told from other speech far better than one.");
  const sent = h("form", {
    class: "narrow",
    onsubmit: (event) => {
      event.preventDefault();
      const chosen = new FormData(sent);
      start({ kind: "new", words: words.value, source: chosen.get("source"), board: chosen.get("board") });
    },
  },
  h("fieldset", {}, h("legend", {}, "1. What should it hear?"), field("Words, separated by commas", words), wake),
  h("fieldset", {}, h("legend", {}, "2. Where do recordings come from?"),
    radio("source", "microphone", "People.", "Record with this machine’s microphone, or drop files; 15 to 30 takes of each word.", true),
    radio("source", "synthetic", "Synthetic voices.", "espeak-ng says the words. Good for trying things out; people are understood less well.")),
  h("fieldset", {}, h("legend", {}, "3. For which board?"), board),
  h("button", { class: "first", type: "submit" }, "Make the project"));
  const line = h("div", {});
  const show = () => {
    const chosen = new FormData(sent);
    const said = words.value.split(/[,\s]+/).filter(Boolean).join(",") || "lights,music";
    const voices = chosen.get("source") === "synthetic" ? [speak(said, 240, 3)] : [];
    const commands = [`kws new . --words ${quoted(said)} --source ${chosen.get("source")} --board ${chosen.get("board") || "none"}`, ...voices];
    keyed(line, commands, () => terminal(...commands));
  };
  sent.addEventListener("input", show);
  return [sent, board, line, show];
}

const speak = (words, voices, takes) => `kws data make --words ${quoted(words)} --voices ${voices} --takes ${takes} --out synthetic`;

export default {
  id: "start",
  title: "Start",
  lead: "From an empty folder to a flashed board. All of it happens on this machine: no recording and no request leaves it.",
  mount(main) {
    const body = h("div", {});
    const shown = panel("new", "voices");
    main.append(body, card("", shown));
    const box = shown.parentElement;
    return {
      update(state) {
        shown.update();
        const last = jobs.all.find((job) => ["new", "voices"].includes(job.kind));
        // That a project was made is seen by its being there.
        box.hidden = !last || (state.project && last.kind === "new" && last.status === "done");
        const busy = jobs.running("new") || jobs.running("voices");
        const summary = state.project && [state.project.words, state.project.board, state.project.folders, state.project.split_by];
        keyed(body, [state.fault, summary, state.folder, busy], () => {
          if (state.fault) return card("The project’s settings cannot be read", h("p", { class: "error" }, state.fault), h("p", {}, "Mend the file with a text editor; this page goes on by itself."));
          if (!state.project) return busy ? [] : empty(state);
          return overview(state);
        });
      },
    };
  },
};

function empty(state) {
  const [sent, board, line, show] = form();
  board.append(field("Board", select([["none", "none yet"], ...Object.entries(state.boards)], "none", { name: "board" }), "It can be chosen later, too."));
  show();
  return [
    card("A new project", h("p", { class: "hint" }, `Its files go to ${state.folder}.`), sent, line),
    card("Or a sample to play with",
      h("p", {}, "Two words, yes and no, and the words that sound like them, said by 30 synthetic voices. Half a minute to make; then train on it, judge it, build it."),
      state.missing.voices ? h("p", { class: "note" }, `The voices are not installed: ${state.missing.voices}`) : h("button", { type: "button", onclick: () => start({ kind: "sample" }) }, "Make the sample project"),
      terminal("kws new . --words yes,no --source microphone --board nrf52840", "kws data make --words yes,no --voices 30 --takes 1 --out recordings")),
    card("Or a folder that is there", h("p", {}, "A project that this page or kws new has made. In a terminal this opens it at an address of its own, beside this one:"), command("kws studio OTHER-FOLDER")),
  ];
}

function overview(state) {
  const project = state.project;
  const counts = project.folders.recordings || {};
  const total = Object.values(counts).reduce((a, b) => a + b, 0);
  const next = total === 0 && !project.folders.synthetic ? "record" : project.runs.length === 0 ? "train" : project.runs.some((run) => run.test) ? "live" : "judge";
  return [
    card(`${state.name}: ${project.words.join(", ")}`,
      h("p", {}, `${total} recordings`, project.folders.synthetic ? `, ${Object.values(project.folders.synthetic).reduce((a, b) => a + b, 0)} clips of synthetic speech` : "", `, ${project.runs.length} ${project.runs.length === 1 ? "run" : "runs"}. Settings: ${project.config}, which a text editor may change.`),
      h("p", {}, h("a", { class: "button first", href: `#${next}` }, `Next: ${STEPS.find((s) => s[0] === next)[1]}`))),
    card("The way", h("ol", {}, STEPS.map(([id, title, text]) => h("li", {}, h("a", { href: `#${id}` }, title), `: ${text}.`)))),
    card("Synthetic speech beside recordings",
      h("p", {}, "60 voices say your words, and words that sound like them. It makes the model refuse more; it replaces no recording."),
      state.missing.voices ? h("p", { class: "note" }, `Not installed: ${state.missing.voices}`) : h("button", { type: "button", disabled: jobs.running("voices"), onclick: () => start({ kind: "voices", voices: 60 }) }, "Make synthetic speech"),
      terminal(speak(project.words.join(","), 60, 2))),
  ];
}
