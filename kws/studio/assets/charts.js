// Small pictures: lines, points, spectrograms. Colours come from the style sheet, so light and dark are the same code.
import { h, svg } from "./dom.js";
import { PALETTE } from "./web/spectrogram.js";

// One column a frame, high frequencies at the top.
export function paintFrame(image, x, frame) {
  const pixels = new Uint32Array(image.data.buffer);
  for (let b = 0; b < frame.length; b++) pixels[(frame.length - 1 - b) * image.width + x] = PALETTE[frame[b] + 128];
}

export function drawClip(canvas, picture) {
  const frames = picture.features;
  canvas.width = Math.max(frames.length, 1);
  canvas.height = picture.bands;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  frames.forEach((frame, x) => paintFrame(image, x, frame));
  context.putImageData(image, 0, 0);
}

export function outline(points) {
  const d = points.map((v, i) => `M${i + 0.5} ${(20 - 19 * v).toFixed(1)}V${(20 + 19 * v + 0.4).toFixed(1)}`).join("");
  const drawn = svg("svg", { viewBox: `0 0 ${points.length} 40`, preserveAspectRatio: "none", class: "chart", "aria-hidden": "true" }, svg("path", { d, class: "c0" }));
  drawn.style.height = "34px";
  return drawn;
}

function ticks(low, high) {
  const step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].find((s) => (high - low) / s <= 6) || (high - low) / 5;
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) found.push(v);
  return found;
}

const H = 230, L = 48, R = 12, T = 10, B = 34;

// lines: [{name, points: [[x, y], ...], quiet}]; x and y are {low, high, label, log}.
// What is returned has a method pointer(choose): choose(x) is called where the chart is pressed and dragged; and a
// method mark(x, point), which draws a line at x and a point.
export function lines(description, x, y, drawn) {
  // On a phone fewer units are as wide, so that letters stay as large.
  const W = innerWidth < 600 ? 340 : 560;
  const scale = (axis, v) => (axis.log ? Math.log10(Math.max(v, axis.low)) - Math.log10(axis.low) : v - axis.low) / (axis.log ? Math.log10(axis.high / axis.low) : axis.high - axis.low || 1);
  const most = W < 500 ? 4 : 8;
  const px = (v) => L + (W - L - R) * Math.max(0, Math.min(1, scale(x, v)));
  const py = (v) => H - B - (H - T - B) * Math.max(0, Math.min(1, scale(y, v)));
  const marks = (axis) => (axis.log ? [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000].filter((v, i, all) => v >= axis.low && v <= axis.high && (all.length <= most || i % 2 === 0)) : ticks(axis.low, axis.high));
  const show = (v) => String(Number(v.toPrecision(3)));
  const chart = svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "chart", role: "img", "aria-label": description });
  for (const v of marks(y)) chart.append(svg("line", { class: "grid", x1: L, x2: W - R, y1: py(v), y2: py(v) }), svg("text", { x: L - 6, y: py(v) + 4, "text-anchor": "end" }, show(v)));
  for (const v of marks(x)) chart.append(svg("text", { x: px(v), y: H - B + 16, "text-anchor": "middle" }, show(v)));
  chart.append(svg("text", { x: (L + W - R) / 2, y: H - 3, "text-anchor": "middle" }, x.label));
  drawn.forEach((line, i) => {
    const d = line.points.map(([a, b], n) => `${n ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
    chart.append(svg("path", { d, class: line.quiet ? "c3" : `c${i}` }));
    if (line.points.length === 1) chart.append(svg("circle", { cx: px(line.points[0][0]), cy: py(line.points[0][1]), r: 4, class: `f${i}` }));
  });
  const key = h("ul", { class: "key" }, drawn.map((line, i) => line.name && h("li", {}, svg("svg", { viewBox: "0 0 22 10", "aria-hidden": "true" }, svg("line", { x1: 0, x2: 22, y1: 5, y2: 5, class: line.quiet ? "c3" : `c${i}`, "stroke-width": 3 })), line.name)));
  const box = h("div", { class: "plot" }, h("p", { class: "hint" }, y.label), chart, drawn.length > 1 && key);
  const marked = svg("g", {});
  chart.append(marked);
  box.mark = (at, point) => marked.replaceChildren(
    svg("line", { class: "budget", x1: px(at), x2: px(at), y1: T, y2: H - B }),
    ...(point ? [svg("circle", { cx: px(point[0]), cy: py(point[1]), r: 8, class: "f4 point" })] : []));
  box.pointer = (choose) => {
    chart.classList.add("draggable");
    const place = (event) => {
      const { left, width } = chart.getBoundingClientRect();
      const part = Math.max(0, Math.min(1, (((event.clientX - left) / width) * W - L) / (W - L - R)));
      choose(x.log ? x.low * (x.high / x.low) ** part : x.low + part * (x.high - x.low));
    };
    chart.addEventListener("pointerdown", (event) => { chart.setPointerCapture(event.pointerId); place(event); });
    chart.addEventListener("pointermove", (event) => { if (chart.hasPointerCapture(event.pointerId)) place(event); });
  };
  return box;
}
