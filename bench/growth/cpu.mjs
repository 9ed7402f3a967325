/** CPU microseconds (all threads of the process, user and system) that `work` takes: others at work hardly disturb it. */
export async function cpu(work) {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** The most memory that this process has had, bytes. */
export function peakMemory() {
  return process.resourceUsage().maxRSS * 1024
}
