// What the pointer does: tell the point under it, draw a box, brush an axis.
const NEAR = 14; // pixels from a point that still count as on it

function nearest(view, x, y) {
  let found = -1, least = NEAR * NEAR;
  for (let i = 0; i < count; i++) {
    const place = chosen[i] && view.at(i);
    const far = place ? (place[0] - x) ** 2 + (place[1] - y) ** 2 : Infinity;
    if (far < least || (far === least && data.front[i])) { least = far; found = i; }
  }
  return found;
}
function tell(i, event) {
  const tip = $("tip");
  tip.hidden = i < 0;
  if (i < 0) return;
  tip.textContent = data.columns.filter((column) => column.role !== "measure").map((column) => column.title + ": " + said(column, i)).join("\n");
  tip.style.left = Math.min(event.pageX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = event.pageY + 14 + "px";
}
function watch(canvas, view, pressed) {
  const where = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  let from = null;
  canvas.addEventListener("pointerdown", function (event) { from = where(event); canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", function (event) {
    if (from) return pressed(from, where(event), false);
    if (!view) return;
    const i = nearest(views[view], ...where(event));
    tell(i, event);
    if (i !== state.hover) { state.hover = i; draw(); }
  });
  canvas.addEventListener("pointerup", function (event) {
    if (from) pressed(from, where(event), true);
    from = null;
  });
  canvas.addEventListener("pointerleave", function () { $("tip").hidden = true; if (state.hover >= 0) { state.hover = -1; draw(); } });
}
const moved = (from, to) => Math.abs(from[0] - to[0]) > 4 || Math.abs(from[1] - to[1]) > 4;
watch($("scatter"), "scatter", function (from, to, ended) {
  const { box } = views.scatter, x = columns.get($("x-axis").value), y = columns.get($("y-axis").value);
  if (!moved(from, to)) {
    if (ended) { const i = nearest(views.scatter, ...to); if (i >= 0) pick(i); else { state.box = null; choose(); } }
    return;
  }
  const across = [from[0], to[0]].map((p) => (p - box.left) / box.width).sort((a, b) => a - b);
  const up = [from[1], to[1]].map((p) => 1 - (p - box.top) / box.height).sort((a, b) => a - b);
  state.box = { x: [x.name, ...across.map(scaleOf(x).back)], y: [y.name, ...up.map(scaleOf(y).back)] };
  if (ended) choose(); else drawScatter();
});
watch($("history"), "history", function (from, to, ended) {
  const i = ended ? nearest(views.history, ...to) : -1;
  if (i >= 0) pick(i);
});
watch($("parallel"), null, function (from, to, ended) {
  const { box, gap, lying } = views.parallel;
  const column = lines[Math.round((lying ? from[1] - box.top : from[0] - box.left) / gap)];
  if (!column) return;
  const along = (p) => lying ? (p[0] - box.left) / box.width : 1 - (p[1] - box.top) / box.height;
  const places = [along(from), along(to)].map((p) => Math.min(1, Math.max(0, p))).sort((a, b) => a - b);
  if (moved(from, to)) state.brushes.set(column.name, places);
  else if (ended) state.brushes.delete(column.name);
  if (ended) choose(); else drawParallel();
});
