(function () {
  "use strict";
  const IDLE_MS = 1000; // after the page has loaded: the first screen needs no library, and who scrolls is served at once
  const LONG_NAME = 18; // letters; longer ones take half of a phone's width
  const PRINT_WIDTH = 660; // CSS pixels between the margins of an A4 page
  const PRINT_HEIGHT = 340; // two charts on a page
  const PRINT_ROWS = 760; // of a chart with many rows: a page less its title, and that of a section with a sentence
  const options = {
    responsive: true,
    displaylogo: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };
  const shared = document.getElementById("template");
  const template = shared && JSON.parse(shared.textContent);
  const waiting = new Set([...document.querySelectorAll(".chart")].filter((place) => !place.closest("details.part")));

  // The library that draws, and charts and folded tables of folded parts, lie in the page compressed.
  function library() {
    if (window.Plotly || !shared) return; // there, or a page without charts
    const script = document.createElement("script");
    script.textContent = unpacked(document.getElementById("plotly"));
    document.head.append(script);
  }

  // The charts of a folded part, once it was opened.
  const loaded = new Map();
  function load(fold) {
    const packed = fold.querySelector(":scope > .packed");
    if (!packed) return;
    for (const [key, figure] of Object.entries(JSON.parse(unpacked(packed)))) loaded.set(key, figure);
    packed.remove();
    for (const place of fold.querySelectorAll(".chart")) {
      waiting.add(place);
      draw(place);
    }
  }

  // A folded table of such a part, once it was opened too.
  function lay(fold) {
    const packed = fold.querySelector(":scope > .packed");
    if (!packed) return;
    packed.remove();
    fold.insertAdjacentHTML("beforeend", JSON.parse(unpacked(packed)));
    serve(fold);
  }

  function draw(place) {
    if (!waiting.delete(place)) return;
    library();
    const key = place.id.slice("chart-".length);
    const figure = loaded.get(key) || JSON.parse(document.getElementById("data-" + key).textContent);
    loaded.delete(key);
    figure.layout.template = template;
    if (place.clientWidth < 480) narrow(figure.layout, place);
    tellColours(place, figure.data);
    Plotly.newPlot(place, figure.data, figure.layout, options);
    place.on("plotly_click", follow);
  }

  // A legend over the full width, above the chart; a click hides what it names, another shows it.
  function tellColours(place, traces) {
    const named = traces.map((trace, i) => [trace, i]).filter(([trace]) => trace.name && trace.showlegend !== false);
    if (named.length < 2) return;
    const legend = document.createElement("p");
    legend.className = "legend";
    for (const [trace, i] of named) {
      const key = document.createElement("button"), sign = document.createElement("i");
      const line = (trace.mode || "") === "lines", symbol = (trace.marker && trace.marker.symbol) || "";
      const kind = line ? "line" : trace.type === "bar" ? "bar" : String(Array.isArray(symbol) ? symbol[0] : symbol).replace("line-ns", "stroke").split("-")[0];
      sign.className = "sign " + kind;
      sign.style.color = line ? trace.line.color : trace.marker.color;
      if (line && trace.line.dash && trace.line.dash !== "solid") sign.style.borderTopStyle = trace.line.dash === "dot" ? "dotted" : "dashed";
      key.type = "button";
      key.setAttribute("aria-pressed", "true");
      key.append(sign, trace.name.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&"));
      key.addEventListener("click", function () {
        const shown = key.getAttribute("aria-pressed") === "true";
        key.setAttribute("aria-pressed", String(!shown));
        Plotly.restyle(place, { visible: shown ? "legendonly" : true }, [i]);
      });
      legend.append(key);
    }
    place.before(legend);
  }

  // On a phone long names of rows stand above their bars, and a long name of an axis takes two lines.
  function narrow(layout, place) {
    layout.font.size = 11;
    const names = layout.yaxis && layout.yaxis.tickvals && layout.yaxis.ticktext;
    if (names && names.some((name) => name.length > LONG_NAME)) {
      const height = 1.5 * parseFloat(place.style.height), row = (height - 90) / names.length;
      place.style.height = height + "px";
      layout.bargap = 0.55;
      layout.yaxis.showticklabels = false;
      layout.annotations = names.map((name, i) => ({
        text: name, x: 0, xref: "paper", xanchor: "left", y: layout.yaxis.tickvals[i], yref: "y", showarrow: false,
        yshift: name.startsWith("<b>") ? 0 : 0.46 * row, font: { size: 11 }, align: "left",
      }));
    }
    const title = layout.xaxis && layout.xaxis.title;
    if (!title || title.text.length < 24) return;
    const middle = title.text.indexOf(" ", title.text.length / 2 - 4);
    if (middle > 0) title.text = title.text.slice(0, middle) + "<br>" + title.text.slice(middle + 1);
  }

  // A point of a Pareto front carries the anchor of its design as its second datum.
  function follow(event) {
    const data = event.points[0].customdata;
    const target = Array.isArray(data) && typeof data[1] === "string" && document.getElementById(data[1]);
    if (target && location.hash === "#" + target.id) unfold();
    else if (target) location.hash = target.id;
  }

  // What is folded is shown when something leads to it.
  function unfold() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let fold = target && target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    if (target) target.scrollIntoView();
  }
  window.addEventListener("hashchange", unfold);
  document.querySelectorAll("a[href^='#']").forEach((link) => link.addEventListener("click", () => setTimeout(unfold)));

  // A click on a column's head sorts its table, a second one the other way round; numbers by their size in base units.
  function sort(head) {
    const table = head.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const falling = head.getAttribute("aria-sort") === "ascending";
    head.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    const cell = (row) => row.cells[column];
    const numeric = rows.some((row) => "order" in cell(row).dataset);
    const size = (row) => Number(cell(row).dataset.order ?? Infinity);
    const order = (one, other) => numeric
      ? size(one) - size(other) || 0
      : cell(one).textContent.localeCompare(cell(other).textContent, undefined, { numeric: true });
    rows.sort((one, other) => (falling ? order(other, one) : order(one, other)));
    table.tBodies[0].append(...rows);
  }
  function serve(part) {
    part.querySelectorAll("table.sorts th").forEach(function (head) {
      head.tabIndex = 0;
      head.addEventListener("click", function () { sort(head); });
      head.addEventListener("keydown", function (event) { if (event.key === "Enter") sort(head); });
    });
    part.querySelectorAll("p.filter > input").forEach(function (input) {
      const table = input.closest("p").nextElementSibling.querySelector("table");
      input.addEventListener("input", function () {
        const words = input.value.toLowerCase().split(/\s+/);
        for (const row of table.tBodies[0].rows) {
          const text = row.textContent.toLowerCase();
          row.hidden = !words.every((word) => text.includes(word));
        }
      });
    });
  }
  serve(document);

  // Words, bars and tables stand first; a chart near the screen is drawn at once, the rest while the reader reads.
  const seen = new IntersectionObserver(function (entries) {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    }
  }, { rootMargin: "300px" });
  waiting.forEach(function (place) { seen.observe(place); });

  function drawRest() {
    library();
    const next = waiting.values().next().value;
    if (!next) return;
    draw(next);
    setTimeout(drawRest, 30);
  }
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 200));
  window.addEventListener("load", function () { setTimeout(() => idle(drawRest), IDLE_MS); });
  document.querySelectorAll("details.part").forEach(function (fold) {
    fold.addEventListener("toggle", function () { if (fold.open) load(fold); });
  });
  document.querySelectorAll("details.table").forEach(function (fold) {
    fold.addEventListener("toggle", function () { if (fold.open) lay(fold); });
  });
  if (location.hash) unfold();

  window.addEventListener("beforeprint", function () {
    document.querySelectorAll(".chart").forEach(function (place) {
      if (place.closest("details:not([open])")) return;
      if (place.dataset.height) return; // a browser may tell twice
      draw(place);
      place.dataset.height = place.clientHeight;
      const rows = Math.min(place.clientHeight, PRINT_ROWS); // rows keep their height up to a page
      const height = "free" in place.dataset ? PRINT_HEIGHT : rows;
      place.style.height = height + "px";
      Plotly.relayout(place, { width: PRINT_WIDTH, height: height, autosize: false });
      Plotly.redraw(place); // now: a page is printed as it stands
    });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll(".chart").forEach(function (place) {
      if (!place.dataset.height) return;
      place.style.height = place.dataset.height + "px";
      delete place.dataset.height;
      Plotly.relayout(place, { width: null, height: null, autosize: true });
    });
  });
})();
