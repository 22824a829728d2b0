// The chosen points as files: a table, and a space that evaluates them again.
function save(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
const all = () => [...data.keys.keys()].filter((i) => chosen[i]);
function csv() {
  const harmless = (value) => typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? "'" + value : value; // no formula, as in files of the command line
  const quoted = (value) => /[",\n]/.test(String(value)) ? '"' + String(value).replace(/"/g, '""') + '"' : value ?? "";
  const head = ["key", "front", ...data.columns.map((column) => column.name)];
  const rows = all().map((i) => [data.keys[i], data.front[i], ...data.columns.map((c) => c.labels.length ? c.labels[c.values[i]] : c.values[i])]);
  return [head, ...rows].map((row) => row.map((value) => quoted(harmless(value))).join(",")).join("\n") + "\n";
}
const yamlOf = (value) => typeof value === "number" || typeof value === "boolean" ? String(value) : /^-?\d+(\.\d+)?$/.test(value) ? value : JSON.stringify(String(value));
function yaml() {
  const points = all(), designs = new Map(), used = { networks: new Set(), policies: new Map() };
  for (const i of points) {
    const kind = data.space.kinds[data.replayedBy[i]], set = valuesOf(i);
    used.networks.add(kind.network);
    used.policies.set(JSON.stringify(kind.policy), kind.policy);
    const paths = Object.keys(set);
    const group = designs.get(kind.design) || { kind, paths, rows: new Map() };
    group.rows.set(JSON.stringify(set), paths.map((path) => yamlOf(set[path])));
    designs.set(kind.design, group);
  }
  const out = ["# " + points.length + " chosen points; `lacuna sweep FILE.yaml --out DIR` evaluates their designs on each network and policy below", "designs:"];
  for (const [design, { kind, paths, rows }] of designs) {
    out.push("- base: " + yamlOf(kind.typed));
    const fixed = Object.entries(kind.changed).filter(([path]) => !paths.includes(path));
    if (fixed.length) out.push("  set:", ...fixed.map(([path, value]) => "    " + path + ": [" + yamlOf(value) + "]"));
    if (!paths.length) continue;
    out.push("  link:", "    chosen_" + design.replace(/\W/g, "_") + ":", "      to: [" + paths.join(", ") + "]", "      values:");
    for (const row of rows.values()) out.push("      - [" + row.join(", ") + "]");
  }
  out.push("networks: [" + [...used.networks].map(yamlOf).join(", ") + "]", "policies:");
  for (const policy of used.policies.values()) out.push("- {" + Object.entries(policy).map(([name, value]) => name + ": " + yamlOf(value)).join(", ") + "}");
  if (data.space.inputs !== null) out.push("inputs: " + data.space.inputs);
  out.push("objectives: {minimize: [" + data.space.minimize.join(", ") + "], maximize: [" + data.space.maximize.join(", ") + "]}");
  return out.join("\n") + "\n";
}
