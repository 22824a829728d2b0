// One point: its settings, and the command that replays it.
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
