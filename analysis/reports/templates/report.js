(function () {
  "use strict";
  const PRINT_WIDTH = 660; // CSS pixels between the margins of an A4 page
  const PRINT_HEIGHT = 340; // two charts on a page
  const options = {
    responsive: true,
    displaylogo: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };
  const template = JSON.parse(document.getElementById("template").textContent);
  const waiting = new Set(document.querySelectorAll(".chart"));

  // The library that draws lies in the page, compressed.
  async function unpackPlotly() {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const bytes = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(bytes).text();
    document.head.append(script);
  }

  function draw(place) {
    if (!waiting.delete(place)) return;
    const key = place.id.slice("chart-".length);
    const figure = JSON.parse(document.getElementById("data-" + key).textContent);
    figure.layout.template = template;
    if (place.clientWidth < 480) figure.layout.font.size = 11;
    Plotly.newPlot(place, figure.data, figure.layout, options);
    place.on("plotly_click", follow);
  }

  // A point of a Pareto front carries the anchor of its design as its second datum.
  function follow(event) {
    const data = event.points[0].customdata;
    const target = Array.isArray(data) && typeof data[1] === "string" && document.getElementById(data[1]);
    if (target) location.hash = target.id;
  }

  // A row in a folded table is shown when something leads to it.
  function unfold() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details");
    if (fold && !fold.open) {
      fold.open = true;
      target.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", unfold);
  unfold();

  // A click on a column's head sorts its table, a second one the other way round; numbers by their size in base units.
  const PREFIX = { n: 1e-9, "µ": 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, Ki: 1024, Mi: 1048576, Gi: 1073741824 };
  function magnitude(text) {
    const found = text.replace(/,/g, "").replace("−", "-").match(/^\s*([-+]?[0-9.]+)\s*(.*)$/);
    if (!found) return text.trim() === "–" ? Infinity : NaN;
    const prefix = found[2].length > 1 && found[2] !== "mm²" ? found[2].match(/^(Ki|Mi|Gi|[nµmkMG])/) : null;
    return Number(found[1]) * (prefix ? PREFIX[prefix[1]] : 1);
  }
  function sort(head) {
    const table = head.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const falling = head.getAttribute("aria-sort") === "ascending";
    head.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    const keys = new Map(rows.map((row) => [row, row.cells[column].textContent]));
    const numeric = rows.every((row) => !Number.isNaN(magnitude(keys.get(row))));
    const order = (one, other) => numeric
      ? magnitude(keys.get(one)) - magnitude(keys.get(other))
      : keys.get(one).localeCompare(keys.get(other));
    rows.sort((one, other) => (falling ? order(other, one) : order(one, other)));
    table.tBodies[0].append(...rows);
  }
  document.querySelectorAll("table.sorts th").forEach(function (head) {
    head.tabIndex = 0;
    head.addEventListener("click", function () { sort(head); });
    head.addEventListener("keydown", function (event) { if (event.key === "Enter") sort(head); });
  });

  document.querySelectorAll(".filter input").forEach(function (input) {
    const table = input.closest("p").nextElementSibling.querySelector("table");
    input.addEventListener("input", function () {
      const words = input.value.toLowerCase().split(/\s+/);
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
  });

  // What is on the screen is drawn at once, the rest while the reader reads.
  const seen = new IntersectionObserver(function (entries) {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    }
  }, { rootMargin: "300px" });

  function drawRest() {
    const next = waiting.values().next().value;
    if (!next) return;
    draw(next);
    setTimeout(drawRest, 30);
  }
  const ready = unpackPlotly().then(function () {
    waiting.forEach(function (place) { seen.observe(place); });
    setTimeout(drawRest, 300);
  });
  document.documentElement.dataset.charts = "waiting";
  ready.then(function () { document.documentElement.dataset.charts = "ready"; });

  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (fold) { fold.open = true; });
    if (!window.Plotly) return; // printed before anything could be drawn
    document.querySelectorAll(".chart").forEach(function (place) {
      if (place.dataset.height) return; // a browser may tell twice
      draw(place);
      place.dataset.height = place.clientHeight;
      const height = "free" in place.dataset ? PRINT_HEIGHT : place.clientHeight; // rows keep their height
      place.style.height = height + "px";
      Plotly.relayout(place, { width: PRINT_WIDTH, height: height, autosize: false });
      Plotly.redraw(place); // the legend has other rows now; only a second pass makes room for them
    });
  });
  window.addEventListener("afterprint", function () {
    if (!window.Plotly) return;
    document.querySelectorAll(".chart").forEach(function (place) {
      if (!place.dataset.height) return;
      place.style.height = place.dataset.height + "px";
      delete place.dataset.height;
      Plotly.relayout(place, { width: null, height: null, autosize: true });
    });
  });
})();
