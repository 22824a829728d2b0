// The points of a sweep, brushed and linked: canvases, because five thousand marks of a drawing library are slow.
// Its parts are joined here into one function, in which each sees what the others define.
(function () {
"use strict";
const packed = document.getElementById("explorer-data");
if (!packed) return;
const data = JSON.parse(unpacked(packed));
{% include "explorer/state.js" %}
{% include "explorer/words.js" %}
{% include "explorer/scales.js" %}
{% include "explorer/choice.js" %}
{% include "explorer/canvas.js" %}
{% include "explorer/scatter.js" %}
{% include "explorer/history.js" %}
{% include "explorer/parallel.js" %}
{% include "explorer/pointer.js" %}
{% include "explorer/point.js" %}
{% include "explorer/table.js" %}
{% include "explorer/files.js" %}
{% include "explorer/begin.js" %}
})();
