// Numbers and names as people read them.
const digits = (value) => Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));
function said(column, i) {
  const value = column.values[i];
  if (column.labels.length) return column.shown[value];
  return value === null ? "–" : (digits(value / column.holds) + " " + column.unit).trim();
}
const broken = (text) => text.replace(/([._/])(?=[A-Za-z])/g, "$1\u200b"); // a name may be broken there
const named = (column) => column.title + (column.unit ? " [" + column.unit + "]" : "");
