// The controls, and the first choice: all points.
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
window.addEventListener("beforeprint", () => drawFor(true));
window.addEventListener("afterprint", () => drawFor(false));
choose();
document.documentElement.dataset.explorer = "ready";
