// The table of the chosen points.
const ROWS = innerWidth < 640 ? 20 : 50; // of the table

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
