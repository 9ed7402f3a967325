const MB = 1e6
/** CPU targets compare with this client, as do those of memory with nobody. */
const CPU_RIVAL = "libtorrent"

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * One object a client: medians, and seconds as multiples of the best other client's and of the limit.
 *
 * @param {object} result a line of the history
 */
export function summarize({ samples, ideal }) {
  const rows = Object.entries(samples)
    .filter(([, runs]) => runs.length > 0)
    .map(([client, runs]) => {
      const all = (key) => runs.map((run) => run[key])
      const middle = (key) => median(all(key))
      return {
        client,
        runs: runs.length,
        seconds: middle("seconds"),
        min: Math.min(...all("seconds")),
        max: Math.max(...all("seconds")),
        cpu: middle("cpu"),
        mb: middle("rss") / MB,
        anonMb: middle("anon") / MB,
        ...(runs[0].copies === undefined ? {} : { copies: middle("copies") }),
      }
    })
  const best = Math.min(...rows.filter(({ client }) => isOther(client)).map(({ seconds }) => seconds))
  const limit = rows.find(({ client }) => client === "limit")?.seconds ?? ideal
  return rows.map((row) => ({
    ...row,
    ofBest: best === Infinity || row.client === "limit" ? undefined : row.seconds / best,
    ofLimit: limit === undefined ? undefined : row.seconds / limit,
  }))
}

/** The job's table, what failed, and for each build of ours which targets are met. */
export function report(result, target) {
  const rows = summarize(result)
  const header = ["", "median s", "min", "max", "/ best", "/ limit", "CPU s", "peak MB", "own MB"]
  const withCopies = rows.some((row) => row.copies !== undefined)
  const lines = rows.map((row) => [
    row.client,
    ...[row.seconds, row.min, row.max].map((seconds) => seconds.toFixed(seconds < 1 ? 3 : 2)),
    ...[row.ofBest, row.ofLimit, row.cpu].map((value) => value?.toFixed(2) ?? ""),
    ...[row.mb, row.anonMb].map((value) => value.toFixed(0)),
    ...(withCopies ? [row.copies.toFixed(2)] : []),
  ])
  const scale = result.parameters.scale === 1 ? "" : `, scale ${result.parameters.scale}`
  return [
    `${result.job}: ${result.title}${scale}; runs: ${result.parameters.runs}`,
    ...table([withCopies ? [...header, "copies"] : header, ...lines]),
    ...(result.ideal === undefined ? [] : [`  limit: ${result.ideal.toFixed(2)} s by arithmetic`]),
    ...Object.entries(result.failures).map(([client, reason]) => `  ${client} failed: ${reason}`),
    ...Object.entries(result.left).map(([client, reason]) => `  without ${client}: ${reason}`),
    ...rows.filter(({ client }) => isOurs(client)).flatMap((row) => verdicts(row, rows, target)),
  ].join("\n")
}

function verdicts(row, rows, target) {
  const rival = rows.find(({ client }) => client === CPU_RIVAL)
  const all = [
    ["/ best other", row.ofBest, target.best],
    ["/ limit", row.ofLimit, target.limit ?? target.ideal],
    ["s", row.seconds, target.seconds],
    ["CPU / libtorrent", rival && row.cpu / rival.cpu, target.cpu],
    ["MB", row.mb, target.mb],
  ].filter(([, value, goal]) => value !== undefined && goal !== undefined)
  const words = all.map(([what, value, goal]) => {
    const digits = goal >= 100 ? 0 : 2
    return `${value.toFixed(digits)} ${what} (${value <= goal ? "met" : "NOT MET"}: ${goal})`
  })
  return [`  ${row.client}: ${words.join("; ")}`]
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i] + 2))).join("")}`.trimEnd(),
  )
}

function isOurs(client) {
  return client === "ours" || client.startsWith("ours:")
}

function isOther(client) {
  return !isOurs(client) && client !== "limit"
}
