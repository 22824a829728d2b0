// One objective in the order in which points were evaluated, and the best so far.
function drawHistory() {
  const canvas = $("history"), width = widthOf(canvas), height = 360, colour = colours(), y = columns.get($("y-axis").value), box = around(width, height);
  const ticks = stepsOf(0, count - 1, 5).filter((k) => k < count).map((k) => [k / Math.max(count - 1, 1), digits(k)]);
  const at = (i) => y.values[i] === null ? null : [box.left + (data.order[i] / Math.max(count - 1, 1)) * box.width, box.top + (1 - scaleOf(y).at(y.values[i])) * box.height];
  views.history = { at, box };
  layers(canvas, width, height, function (pen) {
    frame(pen, box, ticks, ticksOf(y, 6), colour, "Points evaluated before", named(y));
    marks(pen, at, colour);
    bestSoFar(pen, at, y, colour);
  }, (pen) => rings(pen, at, colour));
}
function bestSoFar(pen, at, y, colour) {
  const inOrder = [...data.order.keys()].sort((a, b) => data.order[a] - data.order[b]);
  pen.strokeStyle = colour.front;
  pen.lineWidth = 1.5;
  pen.beginPath();
  let best = null;
  for (const i of inOrder) {
    if (y.values[i] === null) continue;
    const better = best === null || (y.maximize ? y.values[i] > y.values[best] : y.values[i] < y.values[best]);
    const [across] = at(i), [, up] = at(better ? i : best);
    if (best === null) pen.moveTo(across, up);
    else { pen.lineTo(across, at(best)[1]); pen.lineTo(across, up); }
    if (better) best = i;
  }
  pen.stroke();
}
