// Runs jobs with clients, side by side: bench/README.md. node bench/run.mjs --help
import { allClients } from "./lib/clients/index.mjs"
import { makeData } from "./lib/data.mjs"
import { remember } from "./lib/history.mjs"
import { JOBS, scaled } from "./lib/jobs.mjs"
import { list } from "./lib/list.mjs"
import { describeMachine } from "./lib/machine.mjs"
import { enterPrivateNetwork, hasPrivateNetwork, privateNetworkMissing } from "./lib/network.mjs"
import { readOptions, USAGE, UsageError } from "./lib/options.mjs"
import { report } from "./lib/report.mjs"
import { runRounds, syncFilesystem } from "./lib/rounds.mjs"
import { clearAll, Stage } from "./lib/stage.mjs"

// A shell's habits, which would count as a client's start: extra certificates alone slow each start of Node.
delete process.env.NODE_EXTRA_CA_CERTS
delete process.env.NODE_OPTIONS
// Nobody outside is asked for DHT nodes.
process.env.AT_DHT_BOOTSTRAP = ""

/** The clients that were asked for and are installed; throws UsageError for what can't be had. */
function chooseClients(options) {
  const clients = allClients(options.builds)
  const builds = clients.filter(({ name }) => name.startsWith("ours:")).map(({ name }) => name)
  const asked = [...(options.clients ?? []), ...builds]
  for (const name of asked) {
    const client = clients.find((each) => each.name === name)
    if (client === undefined)
      throw new UsageError(`no client "${name}": ${clients.map((each) => each.name).join(", ")}`)
    const missing = client.missing()
    if (missing !== undefined) throw new UsageError(`${name} is missing: ${missing}`)
  }
  const chosen = clients.filter(({ name }) => options.clients === undefined || asked.includes(name))
  const absent = chosen.filter((client) => client.missing() !== undefined)
  for (const { name, missing } of absent) console.error(`without ${name}: ${missing()}`)
  return chosen.filter((client) => !absent.includes(client))
}

async function runJob(id, clients, options, { stage: whole, dataFor }) {
  const job = JOBS[id]
  const missing = job.kind.missing(job)
  if (missing !== undefined) {
    console.error(`${id} left out: missing ${missing}`)
    return
  }
  const left = Object.fromEntries(
    clients.map((client) => [client.name, job.kind.cannot(client, job)]).filter(([, reason]) => reason !== undefined),
  )
  const able = clients.filter((client) => !(client.name in left))
  const data = dataFor(job.size)
  const stage = new Stage(whole.folder)
  const opened = await job.kind.open(stage, job, data, options)
  const run = async (client) => {
    const room = new Stage(stage.folder)
    syncFilesystem(room.folder)
    try {
      return await opened.run(client, room)
    } finally {
      await room.close()
    }
  }
  const note = (text) => console.error(`  ${id} ${text}`)
  const rounds = await runRounds(able, run, { ...options, note })
  await stage.close()
  const result = {
    date: new Date().toISOString(),
    job: id,
    title: job.title,
    machine: describeMachine(),
    versions: Object.fromEntries(able.map((client) => [client.name, client.version()])),
    parameters: { runs: options.runs, warmUp: options.warmUp, scale: options.scale, bytes: data.length },
    ...(job.ideal === undefined ? {} : { ideal: job.ideal(data.length) }),
    left,
    ...rounds,
  }
  console.log(options.json ? JSON.stringify(result) : `${report(result, job.target)}\n`)
  if (options.history) remember(result)
  if (able.some((client) => client.isOurs && client.name in rounds.failures)) process.exitCode = 1
}

/** Makes each kind of data once. */
function dataMaker(stage, scale) {
  const made = new Map()
  return (size) => {
    const key = JSON.stringify(size)
    if (!made.has(key)) made.set(key, makeData(stage.directory("source"), scaled(size, scale)))
    return made.get(key)
  }
}

async function runAll(options) {
  const clients = chooseClients(options)
  process.on("exit", clearAll)
  process.on("SIGINT", () => process.exit(130))
  process.on("SIGTERM", () => process.exit(143))
  const stage = new Stage(options.dir)
  const dataFor = dataMaker(stage, options.scale)
  for (const id of options.jobs) await runJob(id, clients, options, { stage, dataFor })
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options.help) console.log(USAGE)
  else if (options.list) console.log(list(JOBS, allClients(options.builds)))
  else if (!hasPrivateNetwork() && privateNetworkMissing() === undefined) await enterPrivateNetwork()
  else await runAll(options)
  process.exit()
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\nUsage: ${USAGE}` : error)
  process.exit(error instanceof UsageError ? 2 : 1)
}
