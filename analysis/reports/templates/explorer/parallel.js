// A line per point over all settings and objectives.
const LINES = 1200; // drawn over the axes: half for the front, half for others that are chosen, a quarter for the rest

const AXIS = 72; // pixels that an axis needs to be read

// Axes stand beside each other; where they find no room, as on a phone or on paper, they lie below each other.  Of many points a share is drawn, of the front the most.
function drawParallel() {
  const lying = $("parallel").parentElement.clientWidth < AXIS * lines.length;
  const canvas = $("parallel"), width = widthOf(canvas), height = lying ? 46 * lines.length + 24 : 340, colour = colours();
  const box = lying ? { left: 12, top: 30, width: width - 24, height: height - 54 } : { left: 46, top: 44, width: width - 92, height: height - 64 };
  const gap = (lying ? box.height : box.width) / Math.max(lines.length - 1, 1);
  views.parallel = { box, gap, lying };
  const spot = (k, place) => lying ? [box.left + place * box.width, box.top + k * gap] : [box.left + k * gap, box.top + (1 - place) * box.height];
  const at = (column, k, i) => spot(k, column.values[i] === null ? -0.05 : scaleOf(column).at(column.values[i]));
  function path(pen, i) {
    pen.beginPath();
    lines.forEach((column, k) => pen[k ? "lineTo" : "moveTo"](...at(column, k, i)));
    pen.stroke();
  }
  layers(canvas, width, height, function (pen) {
    let drawn = 0;
    for (const [wanted, front] of [[0, false], [1, false], [1, true]]) {
      pen.strokeStyle = front ? colour.front : wanted ? colour.chosen : colour.soft;
      pen.globalAlpha = front ? 0.9 : wanted ? (count > 500 ? 0.12 : 0.35) : 0.05;
      pen.lineWidth = front ? 1.4 : 1;
      const shown = [...data.keys.keys()].filter((i) => chosen[i] === wanted && Boolean(data.front[i] && wanted) === front);
      const few = spread(shown, wanted ? LINES / 2 : LINES / 4);
      few.forEach((i) => path(pen, i));
      drawn += few.length;
    }
    $("drawn").textContent = drawn < count ? "; " + digits(drawn) + " of " + digits(count) + " are drawn" : "";
    pen.globalAlpha = 1;
    lines.forEach((column, k) => axis(pen, column, k, { box, gap, lying, spot, colour }));
  }, function (pen) {
    for (const i of [state.picked, state.hover]) if (i >= 0) { pen.strokeStyle = colour.ink; pen.lineWidth = 2.5; path(pen, i); }
    lines.forEach((column, k) => brushOf(pen, column, k, { lying, spot, colour }));
  });
}
// At most so many of them, evenly taken.
function spread(indices, most) {
  const every = Math.max(1, indices.length / most);
  return Array.from({ length: Math.min(indices.length, Math.ceil(most)) }, (_, k) => indices[Math.floor(k * every)]);
}
function brushOf(pen, column, k, { lying, spot, colour }) {
  const brush = state.brushes.get(column.name);
  if (!brush) return;
  const [x, y] = spot(k, brush[0]), [u, v] = spot(k, brush[1]);
  pen.fillStyle = colour.front;
  pen.globalAlpha = 0.4;
  if (lying) pen.fillRect(x, y - 6, u - x, 12); else pen.fillRect(x - 6, v, 12, y - v);
  pen.globalAlpha = 1;
}
function axis(pen, column, k, { box, gap, lying, spot, colour }) {
  pen.strokeStyle = colour.ink;
  pen.lineWidth = 1;
  pen.beginPath(); pen.moveTo(...spot(k, 0)); pen.lineTo(...spot(k, 1)); pen.stroke();
  const sign = column.role === "objective" ? (column.maximize ? "▲ " : "▼ ") : "";
  const last = k === lines.length - 1;
  pen.textAlign = lying || k === 0 ? "left" : last ? "right" : "center";
  const [x] = spot(k, 0);
  word(pen, cut(pen, sign + named(column), lying ? box.width : Math.max(2 * gap - 12, 60)), ...(lying ? [box.left, box.top + k * gap - 8] : [x + (k === 0 ? -40 : last ? 40 : 0), k % 2 ? 14 : 32]), colour.ink, colour.card);
  pen.textAlign = lying ? "center" : "right";
  for (const [place, text] of ticksOf(column, lying ? 4 : 6)) {
    const [u, v] = spot(k, place);
    const short = cut(pen, text, lying ? Math.max(box.width / column.labels.length - 12, 80) : gap - 12), half = pen.measureText(short).width / 2;
    word(pen, short, lying ? Math.min(Math.max(u, half + 1), box.left + box.width + 10 - half) : Math.max(u - 5, 2 * half + 1), lying ? v + 14 : v + 4, colour.soft, colour.card);
  }
}
function word(pen, text, x, y, ink, paper) {
  const wide = pen.measureText(text).width, left = x - { left: 0, center: wide / 2, right: wide }[pen.textAlign];
  pen.fillStyle = paper;
  pen.globalAlpha = 0.75;
  pen.fillRect(left - 1, y - 11, wide + 2, 14);
  pen.globalAlpha = 1;
  pen.fillStyle = ink;
  pen.fillText(text, x, y);
}
// The middle goes first, for names differ at their ends: whole parts of it, or what must of a part that is too long alone.
function cut(pen, text, width) {
  const fits = (shown) => pen.measureText(shown).width <= width;
  const parts = QUANTITY.test(text) ? [text] : partsOf(text);
  if (fits(text)) return text;
  for (let left = parts.length - 1; left > 0; left--) {
    const shown = parts.slice(0, left >> 1).join("") + "…" + parts.slice(parts.length - left + (left >> 1)).join("");
    if (fits(shown)) return shown;
  }
  let kept = text.length, shown = text;
  while (kept > 2 && !fits(shown)) {
    kept--;
    shown = text.slice(0, Math.floor(kept * 0.4)) + "…" + text.slice(text.length - Math.ceil(kept * 0.6));
  }
  return shown;
}
