// Two objectives of every point: the front, its bands, and points as marks, which the history shows as well.
function drawScatter() {
  const canvas = $("scatter"), width = widthOf(canvas), height = 360, colour = colours();
  const x = columns.get($("x-axis").value), y = columns.get($("y-axis").value), box = around(width, height);
  const at = (i) => x.values[i] === null || y.values[i] === null ? null
    : [box.left + scaleOf(x).at(x.values[i]) * box.width, box.top + (1 - scaleOf(y).at(y.values[i])) * box.height];
  views.scatter = { at, box };
  layers(canvas, width, height, function (pen) {
    frame(pen, box, ticksOf(x, width < 420 ? 4 : 7), ticksOf(y, 6), colour, named(x), named(y));
    if ($("band").checked) bands(pen, box, x, y, at, colour);
    marks(pen, at, colour);
  }, function (pen) {
    rings(pen, at, colour);
    if (!state.box) return;
    const [a, b] = [scaleOf(x), scaleOf(y)], left = box.left + a.at(state.box.x[1]) * box.width, top = box.top + (1 - b.at(state.box.y[2])) * box.height;
    pen.strokeStyle = colour.ink;
    pen.strokeRect(left, top, (a.at(state.box.x[2]) - a.at(state.box.x[1])) * box.width, (b.at(state.box.y[2]) - b.at(state.box.y[1])) * box.height);
  });
}
const scaled = (column, i) => column.name.startsWith("area") ? data.areaScaled[i] : /^(energy|power)/.test(column.name) && data.energyScaled[i];
function bands(pen, box, x, y, at, colour) {
  pen.strokeStyle = colour.soft;
  pen.globalAlpha = 0.6;
  for (let i = 0; i < count; i++) {
    const place = at(i);
    if (!place || !chosen[i] || (!data.front[i] && count > 200)) continue;
    const reach = (column, factor) => Math.min(1, Math.max(0, scaleOf(column).at(column.values[i] * factor)));
    pen.beginPath();
    if (scaled(y, i)) { pen.moveTo(place[0], box.top + (1 - reach(y, 0.5)) * box.height); pen.lineTo(place[0], box.top + (1 - reach(y, 2)) * box.height); }
    if (scaled(x, i)) { pen.moveTo(box.left + reach(x, 0.5) * box.width, place[1]); pen.lineTo(box.left + reach(x, 2) * box.width, place[1]); }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}
function marks(pen, at, colour) {
  const size = count > 1000 ? 2.2 : 3.5;
  for (const wanted of [0, 1]) {
    pen.fillStyle = wanted ? colour.chosen : colour.soft;
    pen.globalAlpha = wanted ? 0.75 : 0.18;
    for (let i = 0; i < count; i++) {
      const place = chosen[i] === wanted && at(i);
      if (place) { pen.beginPath(); pen.arc(place[0], place[1], size, 0, 7); pen.fill(); }
    }
  }
  pen.globalAlpha = 1;
  pen.fillStyle = colour.front;
  for (let i = 0; i < count; i++) {
    const place = data.front[i] && chosen[i] && at(i);
    if (place) { pen.beginPath(); pen.arc(place[0], place[1], size + 1.2, 0, 7); pen.fill(); }
  }
}
function rings(pen, at, colour) {
  for (const i of [state.picked, state.hover]) {
    const place = i >= 0 && at(i);
    if (place) { pen.strokeStyle = colour.ink; pen.lineWidth = 2; pen.beginPath(); pen.arc(place[0], place[1], 7, 0, 7); pen.stroke(); }
  }
}
