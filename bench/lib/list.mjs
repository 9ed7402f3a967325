/** Jobs and clients, and what is missing on this machine for each. */
export function list(jobs, clients) {
  const lines = ["Jobs"]
  for (const [id, job] of Object.entries(jobs))
    lines.push(`  ${id.padEnd(5)} ${job.title}${lacking(job.kind.missing(job))}`)
  lines.push("Clients")
  for (const client of clients) {
    const missing = client.missing()
    lines.push(`  ${client.name.padEnd(13)} ${missing === undefined ? client.version() : `missing: ${missing}`}`)
  }
  return lines.join("\n")
}

function lacking(missing) {
  return missing === undefined ? "" : ` (missing: ${missing})`
}
