// Which points are chosen: by a box over the front, by brushes on the axes, and by words.
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

// `column <= number and ...`, as `lacuna pareto --where` takes it; values in the columns' own units.
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
