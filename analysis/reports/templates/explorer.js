// The points of a sweep, brushed and linked: canvases, because five thousand marks of a drawing library are slow.
(async function () {
  "use strict";
  const ROWS = innerWidth < 640 ? 20 : 50; // of the table
  const NEAR = 14; // pixels from a point that still count as on it
  const LINES = 1200; // drawn over the axes: half for the front, half for others that are chosen, a quarter for the rest
  const packed = document.getElementById("explorer-data");
  if (!packed) return;
  const bytes = Uint8Array.from(atob(packed.textContent), (c) => c.charCodeAt(0));
  const data = JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text());
  const $ = (id) => document.getElementById(id);
  const count = data.keys.length;
  const columns = new Map(data.columns.map((column) => [column.name, column]));
  const objectives = data.columns.filter((column) => column.role === "objective");
  const lines = data.columns.filter((column) => column.role !== "measure");
  const state = { brushes: new Map(), box: null, where: null, hover: -1, picked: -1, sort: objectives[0].name, falling: false };
  let chosen = new Uint8Array(count).fill(1);

  // ---- numbers in words
  const digits = (value) => Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));
  function said(column, i) {
    const value = column.values[i];
    if (column.labels.length) return column.shown[value];
    return value === null ? "–" : (digits(value / column.holds) + " " + column.unit).trim();
  }
  const broken = (text) => text.replace(/([._/])(?=[A-Za-z])/g, "$1\u200b"); // a name may be broken there
  const named = (column) => column.title + (column.unit ? " [" + column.unit + "]" : "");

  // ---- scales: from a column's values to 0..1; logarithmic where it spans more than a linear axis shows
  function scaleOf(column) {
    if (column.scale) return column.scale;
    const known = column.values.filter((value) => value !== null);
    let low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
    const log = !column.labels.length && low > 0 && high > 30 * low;
    const on = (value) => log ? Math.log(value) : value;
    const margin = 0.04 * ((on(high) - on(low)) || 1);
    const a = on(low) - margin, b = on(high) + margin;
    column.scale = { at: (value) => (on(value) - a) / (b - a), back: (place) => (log ? Math.exp(a + place * (b - a)) : a + place * (b - a)), log, low, high };
    return column.scale;
  }
  // Names without the parts that all of them begin and end with, so that what is left tells them apart.
  function ownParts(names) {
    const parts = names.map((name) => name.split(/(?<=[_ ])/)), least = Math.min(...parts.map((part) => part.length)) - 1;
    const shared = (pick) => { let k = 0; while (k < least && parts.every((part) => pick(part, k) === pick(parts[0], k))) k++; return k; };
    const head = shared((part, k) => part[k]), tail = Math.min(shared((part, k) => part[part.length - 1 - k]), least - head);
    return names.length < 2 ? names : parts.map((part) => part.slice(head, part.length - tail).join("").replace(/[_ ]$/, ""));
  }
  // Round numbers from low to high and one beyond each, at most so many steps.
  function stepsOf(low, high, most) {
    const raw = ((high - low) || 1) / most, size = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * size).find((k) => k >= raw);
    const steps = [];
    for (let k = Math.floor(low / step); k <= Math.ceil(high / step); k++) steps.push(k * step);
    return steps;
  }
  function ticksOf(column, most) {
    const { low, high, log, at } = scaleOf(column);
    if (column.labels.length) {
      const every = Math.ceil(column.labels.length / most), own = ownParts(column.shown);
      return column.labels.map((_, i) => [at(i), own[i]]).filter((_, i) => i % every === 0);
    }
    const ticks = [];
    if (log) {
      for (let power = Math.floor(Math.log10(low / column.holds)); power <= Math.ceil(Math.log10(high / column.holds)); power++) {
        for (const step of [1, 2, 5]) ticks.push(step * 10 ** power);
      }
    } else {
      ticks.push(...stepsOf(low / column.holds, high / column.holds, most));
    }
    let shown = ticks.filter((tick) => at(tick * column.holds) >= 0 && at(tick * column.holds) <= 1);
    while (shown.length > most + 1) shown = shown.filter((_, i) => i % 2 === 0);
    return shown.map((tick) => [at(tick * column.holds), digits(tick)]);
  }

  // ---- which points are chosen
  function choose() {
    for (let i = 0; i < count; i++) {
      chosen[i] = Number((!state.where || state.where(i)) && inBox(i) && inBrushes(i));
    }
    drawAll();
    table();
    const number = chosen.reduce((a, b) => a + b, 0);
    $("shown").textContent = number.toLocaleString("en") + " of " + count.toLocaleString("en") + " points";
  }
  function inBox(i) {
    if (!state.box) return true;
    return [state.box.x, state.box.y].every(([name, low, high]) => {
      const value = columns.get(name).values[i];
      return value !== null && value >= low && value <= high;
    });
  }
  function inBrushes(i) {
    for (const [name, [low, high]] of state.brushes) {
      const value = columns.get(name).values[i];
      if (value === null) return false;
      const place = scaleOf(columns.get(name)).at(value);
      if (place < low || place > high) return false;
    }
    return true;
  }

  // ---- `column <= number and ...`, as `lacuna pareto --where` takes it; values in the columns' own units
  function parse(text) {
    if (!text.trim()) return null;
    const tests = text.split(/\s+and\s+|\s*&&\s*/).map(function (part) {
      const found = part.trim().match(/^([\w.]+)\s*(<=|>=|==|!=|<|>)\s*(.+)$/);
      if (!found) throw new Error("“" + part.trim() + "”: write COLUMN <= NUMBER, joined by and");
      const [, name, sign, given] = found;
      const column = columns.get(name);
      if (!column) throw new Error(name + ": no such column; there are " + [...columns.keys()].join(", "));
      const word = given.trim().replace(/^["']|["']$/g, "");
      const label = column.labels.indexOf(word);
      const value = column.labels.length && label >= 0 ? word : Number(word);
      if (typeof value === "number" && Number.isNaN(value)) throw new Error(word + ": is no number and no value of " + name);
      return function (i) {
        let mine = column.values[i];
        if (mine === null) return false;
        if (column.labels.length) mine = typeof value === "number" ? Number(column.labels[mine]) : column.labels[mine];
        return { "<=": mine <= value, ">=": mine >= value, "==": mine === value, "!=": mine !== value, "<": mine < value, ">": mine > value }[sign];
      };
    });
    return (i) => tests.every((test) => test(i));
  }

  // ---- canvases
  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--ink"), soft: of("--soft"), line: of("--line"), card: of("--card"), chosen: of("--point"), front: of("--front") };
  }
  function sized(canvas, width, height) {
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    pen.font = "12px system-ui, sans-serif";
    return pen;
  }
  // A picture is painted once for a choice, and kept; what follows the pointer lies over it.
  const painted = new Map();
  const widthOf = (canvas) => canvas.parentElement.clientWidth - 2 * parseFloat(getComputedStyle(canvas.parentElement).paddingLeft);
  function layers(canvas, width, height, paint, over) {
    if (width <= 0) return; // not laid out yet
    let below = painted.get(canvas);
    if (!below || below.style.width !== width + "px") {
      below = document.createElement("canvas");
      below.style.width = width + "px";
      paint(sized(below, width, height));
      painted.set(canvas, below);
    }
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
    const pen = sized(canvas, width, height);
    pen.drawImage(below, 0, 0, width, height);
    over(pen);
  }
  function frame(pen, box, x, y, colour, xTitle, yTitle) {
    pen.lineWidth = 1;
    pen.fillStyle = colour.soft;
    pen.strokeStyle = colour.line;
    pen.textAlign = "center";
    for (const [place, text] of x) {
      const at = box.left + place * box.width;
      pen.beginPath(); pen.moveTo(at, box.top); pen.lineTo(at, box.top + box.height); pen.stroke();
      pen.fillText(text, at, box.top + box.height + 15);
    }
    pen.textAlign = "right";
    for (const [place, text] of y) {
      const at = box.top + (1 - place) * box.height;
      pen.beginPath(); pen.moveTo(box.left, at); pen.lineTo(box.left + box.width, at); pen.stroke();
      pen.fillText(text, box.left - 5, at + 4);
    }
    pen.fillStyle = colour.ink;
    pen.fillText(xTitle, box.left + box.width, box.top + box.height + 32);
    pen.textAlign = "left";
    pen.fillText(yTitle, 2, 12);
  }
  const around = (width, height) => ({ left: 52, top: 22, width: width - 62, height: height - 62 });
  const views = { scatter: [], history: [] };

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
  // Axes stand beside each other; on a phone they lie below each other.  Of many points a share is drawn, of the front the most.
  function drawParallel() {
    const lying = $("parallel").parentElement.clientWidth < 520;
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
  // The middle goes first: names differ at their ends.
  function cut(pen, text, width) {
    let kept = text.length, shown = text;
    while (kept > 2 && pen.measureText(shown).width > width) {
      kept--;
      shown = text.slice(0, Math.floor(kept * 0.4)) + "…" + text.slice(text.length - Math.ceil(kept * 0.6));
    }
    return shown;
  }
  function draw() { drawScatter(); drawHistory(); drawParallel(); }
  function drawAll() { painted.clear(); draw(); }

  // ---- the pointer
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

  // ---- one point
  function valuesOf(i) {
    const set = {};
    for (const [axis, paths] of Object.entries(data.paths)) {
      const label = choiceOf(axis, i);
      if (label === undefined) continue;
      const values = data.settings[axis] ? data.settings[axis][label] : [label];
      paths.forEach((path, k) => { set[path] = values[k]; });
    }
    return set;
  }
  function choiceOf(axis, i) {
    const column = columns.get(axis);
    if (column) return column.labels[column.values[i]] || undefined;
    return data.space.fixed && data.space.fixed[axis];
  }
  const quoted = (text) => /[^\w.=\/:-]/.test(text) ? "'" + text.replace(/'/g, "'\\''") + "'" : text;
  function commandOf(i) {
    const set = Object.entries(valuesOf(i)).map(([path, value]) => "--set " + quoted(path + "=" + value)).join(" ");
    return data.commands[data.replayedBy[i]].replace("%s", () => set).replace(/ {2,}/g, " ");
  }
  function pick(i) {
    state.picked = i;
    const place = $("picked");
    place.hidden = false;
    place.replaceChildren();
    const title = document.createElement("h3");
    title.textContent = "Point " + data.keys[i].slice(0, 8) + (data.front[i] ? ", on the front" : "");
    const list = document.createElement("p");
    list.textContent = data.columns.map((column) => column.title + " " + said(column, i)).join(" · ");
    const code = document.createElement("pre");
    code.textContent = commandOf(i);
    place.append(title, list);
    if (data.pages[i]) place.append(linked(i, "Its replay, input by input"));
    place.append(code);
    draw();
  }
  function linked(i, text) {
    const link = document.createElement("a");
    link.href = data.pages[i];
    link.textContent = text;
    return link;
  }

  // ---- the table
  function table() {
    const shown = [...data.keys.keys()].filter((i) => chosen[i]);
    const by = columns.get(state.sort), sign = state.falling ? -1 : 1;
    shown.sort((a, b) => sign * ((by.values[a] ?? Infinity) - (by.values[b] ?? Infinity)) || a - b);
    const head = document.createElement("tr");
    for (const [name, text] of [["", "Point"], ...data.columns.map((column) => [column.name, named(column)])]) {
      const cell = document.createElement("th");
      cell.textContent = broken(text);
      cell.scope = "col";
      if (name) {
        cell.title = name; // as one types it
        cell.tabIndex = 0;
        if (name === state.sort) cell.setAttribute("aria-sort", state.falling ? "descending" : "ascending");
        const sort = function () { state.falling = state.sort === name && !state.falling; state.sort = name; table(); };
        cell.addEventListener("click", sort);
        cell.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
      }
      head.append(cell);
    }
    $("points").tHead.replaceChildren(head);
    $("points").tBodies[0].replaceChildren(...shown.slice(0, ROWS).map(rowOf));
    $("more").textContent = shown.length > ROWS ? "The first " + ROWS + " of " + shown.length.toLocaleString("en") + " chosen points; the files hold all of them." : "";
  }
  function rowOf(i) {
    const row = document.createElement("tr");
    const first = document.createElement("td");
    first.dataset.head = "Point";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = data.keys[i].slice(0, 8) + (data.front[i] ? " ★" : "");
    button.addEventListener("click", () => { pick(i); $("picked").scrollIntoView({ block: "nearest" }); });
    first.append(button);
    if (data.pages[i]) first.append(" ", linked(i, "replay"));
    row.append(first);
    for (const column of data.columns) {
      const cell = document.createElement("td");
      cell.className = column.words ? "words" : "number";
      cell.dataset.head = broken(named(column));
      cell.textContent = column.labels.length ? said(column, i) : (column.values[i] === null ? "–" : digits(column.values[i] / column.holds));
      row.append(cell);
    }
    return row;
  }

  // ---- files
  function save(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  const all = () => [...data.keys.keys()].filter((i) => chosen[i]);
  function csv() {
    const cell = (value) => /[",\n]/.test(String(value)) ? '"' + String(value).replace(/"/g, '""') + '"' : value ?? "";
    const head = ["key", "front", ...data.columns.map((column) => column.name)];
    const rows = all().map((i) => [data.keys[i], data.front[i], ...data.columns.map((c) => c.labels.length ? c.labels[c.values[i]] : c.values[i])]);
    return [head, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
  }
  const yamlOf = (value) => typeof value === "number" || typeof value === "boolean" ? String(value) : /^-?\d+(\.\d+)?$/.test(value) ? value : JSON.stringify(String(value));
  function yaml() {
    const points = all(), designs = new Map(), used = { networks: new Set(), policies: new Map() };
    for (const i of points) {
      const kind = data.space.kinds[data.replayedBy[i]], set = valuesOf(i);
      used.networks.add(kind.network);
      used.policies.set(JSON.stringify(kind.policy), kind.policy);
      const paths = Object.keys(set);
      const group = designs.get(kind.design) || { paths, rows: new Map() };
      group.rows.set(JSON.stringify(set), paths.map((path) => yamlOf(set[path])));
      designs.set(kind.design, group);
    }
    const out = ["# " + points.length + " chosen points; `lacuna sweep FILE.yaml --out DIR` evaluates their designs on each network and policy below", "designs:"];
    for (const [design, { paths, rows }] of designs) {
      out.push("- base: " + yamlOf(design));
      if (!paths.length) continue;
      out.push("  link:", "    chosen_" + design.replace(/\W/g, "_") + ":", "      to: [" + paths.join(", ") + "]", "      values:");
      for (const row of rows.values()) out.push("      - [" + row.join(", ") + "]");
    }
    out.push("networks: [" + [...used.networks].map(yamlOf).join(", ") + "]", "policies:");
    for (const policy of used.policies.values()) out.push("- {" + Object.entries(policy).map(([name, value]) => name + ": " + yamlOf(value)).join(", ") + "}");
    if (data.space.inputs !== null) out.push("inputs: " + data.space.inputs);
    out.push("objectives: {minimize: [" + data.space.minimize.join(", ") + "], maximize: [" + data.space.maximize.join(", ") + "]}");
    return out.join("\n") + "\n";
  }

  // ---- begin
  for (const [id, first] of [["x-axis", 0], ["y-axis", Math.min(1, objectives.length - 1)]]) {
    for (const column of data.columns.filter((c) => c.role !== "axis")) {
      const option = document.createElement("option");
      option.value = column.name;
      option.textContent = named(column);
      $(id).append(option);
    }
    $(id).value = objectives[first].name;
    $(id).addEventListener("change", function () { state.box = null; choose(); });
  }
  $("band").addEventListener("change", drawAll);
  $("where").addEventListener("input", function () {
    try {
      state.where = parse($("where").value);
      $("where-says").textContent = "";
      choose();
    } catch (problem) { $("where-says").textContent = problem.message; }
  });
  $("clear").addEventListener("click", function () {
    state.brushes.clear();
    state.box = state.where = null;
    $("where").value = $("where-says").textContent = "";
    choose();
  });
  $("csv").addEventListener("click", () => save("chosen.csv", csv(), "text/csv"));
  $("yaml").addEventListener("click", () => save("chosen.yaml", yaml(), "application/yaml"));
  new ResizeObserver(drawAll).observe($("explorer"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  choose();
  document.documentElement.dataset.explorer = "ready";
})();
