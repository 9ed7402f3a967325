/**
 * A markdown table: one line a figure, one column a count.
 *
 * @param {string} axis
 * @param {{count: number, figures: Record<string, number>}[]} points
 */
export function markdown(axis, points) {
  const rows = [
    [axis, ...points.map(({ count }) => count.toLocaleString("en"))],
    ["---", ...points.map(() => "---:")],
    ...Object.keys(points[0].figures).map((name) => [name, ...points.map(({ figures }) => short(figures[name]))]),
  ]
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n")
}

/** Two or three digits that count. */
function short(value) {
  if (Math.abs(value) >= 1000) return Math.round(Number(value.toPrecision(3))).toLocaleString("en")
  return String(Number(value.toPrecision(Math.abs(value) >= 100 ? 3 : 2)))
}
