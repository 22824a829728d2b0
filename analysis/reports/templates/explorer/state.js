// What the page knows of the points, and what the reader has chosen.
const $ = (id) => document.getElementById(id);
const count = data.keys.length;
const columns = new Map(data.columns.map((column) => [column.name, column]));
const objectives = data.columns.filter((column) => column.role === "objective");
const lines = data.columns.filter((column) => column.role !== "measure");
const state = { brushes: new Map(), box: null, where: null, hover: -1, picked: -1, sort: objectives[0].name, falling: false };
let chosen = new Uint8Array(count).fill(1);
