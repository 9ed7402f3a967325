const [WIDTH, HEIGHT] = [460, 320]
const MARGIN = { left: 60, right: 16, top: 30, bottom: 84 }
/** Okabe and Ito (2008): told apart by everybody. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]

/**
 * An SVG with a panel for each axis, two in a row, both scales logarithmic: a level line is a cost that is the same for
 * each one, however many there are.
 *
 * @param {{title: string, points: {count: number, figures: Record<string, number>}[]}[]} panels
 */
export function plot(panels) {
  const columns = Math.min(2, panels.length)
  const [width, height] = [columns * WIDTH, Math.ceil(panels.length / columns) * HEIGHT]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<title>Cost for each ${panels.map(({ title }) => title.replace(/s$/, "")).join(", ")}</title>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...panels.map((panel, i) => {
      const place = `translate(${(i % columns) * WIDTH} ${Math.floor(i / columns) * HEIGHT})`
      return `<g transform="${place}">\n${draw(panel).join("\n")}\n</g>`
    }),
    "</svg>\n",
  ].join("\n")
}

function draw({ title, points }) {
  const names = Object.keys(points[0].figures)
  const values = points.flatMap(({ figures }) => Object.values(figures)).filter((value) => value > 0)
  const x = scale(points[0].count, points.at(-1).count, MARGIN.left, WIDTH - MARGIN.right)
  const y = scale(Math.min(...values), Math.max(...values), HEIGHT - MARGIN.bottom, MARGIN.top)
  return [
    `<text x="${MARGIN.left}" y="18" font-size="14" font-weight="bold">${title}</text>`,
    ...y.decades.flatMap((value) => [
      line(MARGIN.left, y.at(value), WIDTH - MARGIN.right, y.at(value)),
      text(MARGIN.left - 6, y.at(value) + 4, label(value), "end"),
    ]),
    ...points.flatMap(({ count }) => [
      line(x.at(count), MARGIN.top, x.at(count), HEIGHT - MARGIN.bottom),
      text(x.at(count), HEIGHT - MARGIN.bottom + 14, label(count), "middle"),
    ]),
    ...names.flatMap((name, i) => curve(name, i, points, x, y)),
  ]
}

function curve(name, index, points, x, y) {
  const colour = COLOURS[index % COLOURS.length]
  const dots = points
    .filter(({ figures }) => figures[name] > 0)
    .map(({ count, figures }) => [x.at(count), y.at(figures[name])])
  const [left, top] = [MARGIN.left + (index % 2) * 200, HEIGHT - MARGIN.bottom + 34 + Math.floor(index / 2) * 16]
  return [
    `<polyline points="${dots.map((dot) => dot.map(round).join(",")).join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...dots.map(([cx, cy]) => `<circle cx="${round(cx)}" cy="${round(cy)}" r="3" fill="${colour}"/>`),
    `<rect x="${left}" y="${top - 8}" width="10" height="3" fill="${colour}" transform="translate(0 3)"/>`,
    text(left + 15, top, name, "start"),
  ]
}

/** Logarithmic. */
function scale(least, most, from, to) {
  const low = Math.log10(least)
  const high = Math.max(Math.log10(most), low + 0.1)
  const decades = []
  for (let power = Math.ceil(low - 1e-9); power <= high + 1e-9; power++) decades.push(10 ** power)
  return { decades, at: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from) }
}

function line(x1, y1, x2, y2) {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="#ddd"/>`
}

function text(x, y, words, anchor) {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${words}</text>`
}

function label(value) {
  return value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(1)))
}

function round(value) {
  return Math.round(value * 10) / 10
}
