// What is drawn on, and what all pictures share.
const PAPER = { ink: "#000", soft: "#333", line: "#ccc", card: "#fff", chosen: "#0072b2", front: "#d55e00" }; // whatever the screen's scheme
let printing = false;
function colours() {
  if (printing) return PAPER;
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

function draw() { drawScatter(); drawHistory(); drawParallel(); }
function drawAll() { painted.clear(); draw(); }
function drawFor(paper) { printing = paper; drawAll(); }
