// One recording: spectrogram, outline, play, and what else the room offers.
import { attempt, audioAddress, get, post, query } from "./api.js";
import { drawClip, outline } from "./charts.js";
import { h, toast } from "./dom.js";

let playing = null;

// Where the clips lie that a run was asked about.
export const folderOf = (found, project) => (found.data in project.folders ? found.data : people(project));

// People's recordings; those of voices where there are no others.
export const people = (project) => ["recordings", "synthetic"].find((f) => Object.keys(project.folders[f] || {}).length) || "recordings";

export function play(path) {
  if (playing) playing.pause();
  playing = new Audio(audioAddress(path));
  playing.play().catch(() => toast("This recording cannot be played here; is it damaged?"));
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); entry.target.paint(); }
});

export function clipCard(path, caption, ...actions) {
  const canvas = h("canvas", { role: "img", "aria-label": `Spectrogram of ${path}` });
  const wave = h("div", {});
  const name = path.split("/").slice(-1)[0];
  const item = h("li", { class: "clip", "data-path": path }, wave, canvas, h("p", { class: "name", title: path }, caption || name),
    h("div", { class: "do" }, h("button", { class: "small", type: "button", "aria-label": `Play ${path}`, onclick: () => play(path) }, "Play"), actions));
  item.paint = async () => {
    try {
      const picture = await get(`/api/clips/picture?${query({ path })}`);
      drawClip(canvas, picture);
      wave.replaceChildren(outline(picture.outline));
    } catch (error) {
      canvas.replaceWith(h("p", { class: "error" }, error.message));
    }
  };
  seen.observe(item);
  return item;
}

export async function remove(paths, after) {
  const done = await attempt(() => post("/api/clips/delete", { paths }));
  if (!done) return false;
  undoable(paths.length === 1 ? `${paths[0]} is deleted.` : `${paths.length} recordings are deleted.`, done.undo, after);
  return true;
}

export async function relabel(paths, word, after) {
  const done = await attempt(() => post("/api/clips/move", { paths, word }));
  if (!done) return false;
  const moved = done.paths.length === 1 ? `It is ${done.paths[0]} now` : `${done.paths.length} recordings are ${word} now`;
  undoable(`${moved}; train again “from the beginning” to learn from it.`, done.undo, after);
  return true;
}

// after() gets the paths of what is back.
function undoable(text, name, after) {
  toast(text, "Undo", async () => {
    const back = await attempt(() => post("/api/clips/undo", { undo: name }));
    if (back) toast(back.paths.length === 1 ? `${back.paths[0]} is back.` : `${back.paths.length} recordings are back.`);
    if (after) after(back ? back.paths : []);
  });
}
