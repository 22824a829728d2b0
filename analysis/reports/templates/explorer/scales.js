// Scales: from a column's values to 0..1, logarithmic where it spans more than a linear axis shows; and their ticks.
function scaleOf(column) {
  if (column.scale) return column.scale;
  const known = column.values.filter((value) => value !== null);
  let low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
  const log = !column.labels.length && low > 0 && high > 30 * low;
  const on = (value) => log ? Math.log(value) : value;
  const margin = 0.04 * ((on(high) - on(low)) || 1);
  const a = on(low) - margin, b = on(high) + margin;
  column.scale = { at: (value) => (on(value) - a) / (b - a), back: (place) => (log ? Math.exp(a + place * (b - a)) : a + place * (b - a)), log, low, high };
  return column.scale;
}
const QUANTITY = /^[\d.,]+\s\S+$/; // a number and its unit, which belong together
// Names without the parts that all of them hold, so that what is left tells them apart.
const partsOf = (name) => name.match(/[^_ ]+[_ ]*/g) || [name];
function ownParts(names) {
  const bare = (part) => part.replace(/[_ ]+$/, "");
  const take = (left, part) => { const at = left.indexOf(bare(part)); if (at >= 0) left.splice(at, 1); return at >= 0; };
  const parts = names.map(partsOf);
  const shared = parts.reduce((held, each) => { const left = each.map(bare); return held.filter((part) => take(left, part)); }).map(bare);
  if (parts.some((each) => each.length === shared.length)) shared.pop(); // one would have no name
  const own = parts.map((each) => { const left = [...shared]; return bare(each.filter((part) => !take(left, part)).join("")); });
  return names.length < 2 || new Set(own).size < new Set(names).size ? names : own;
}
// Round numbers from low to high and one beyond each, at most so many steps.
function stepsOf(low, high, most) {
  const raw = ((high - low) || 1) / most, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * size).find((k) => k >= raw);
  const steps = [];
  for (let k = Math.floor(low / step); k <= Math.ceil(high / step); k++) steps.push(k * step);
  return steps;
}
function ticksOf(column, most) {
  const { low, high, log, at } = scaleOf(column);
  if (column.labels.length) {
    const every = Math.ceil(column.labels.length / most), own = column.shown.every((name) => QUANTITY.test(name)) ? column.shown : ownParts(column.shown);
    return column.labels.map((_, i) => [at(i), own[i]]).filter((_, i) => i % every === 0);
  }
  const ticks = [];
  if (log) {
    for (let power = Math.floor(Math.log10(low / column.holds)); power <= Math.ceil(Math.log10(high / column.holds)); power++) {
      for (const step of [1, 2, 5]) ticks.push(step * 10 ** power);
    }
  } else {
    ticks.push(...stepsOf(low / column.holds, high / column.holds, most));
  }
  let shown = ticks.filter((tick) => at(tick * column.holds) >= 0 && at(tick * column.holds) <= 1);
  while (shown.length > most + 1) shown = shown.filter((_, i) => i % 2 === 0);
  return shown.map((tick) => [at(tick * column.holds), digits(tick)]);
}
