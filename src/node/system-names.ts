import type { LookupAddress, promises } from "node:dns"
import { classifyHost } from "../bytes/address-policy.js"
import { nodeClock } from "./clock.js"
import { errnoOf } from "./errno.js"

/** Without a word of it for so long, a name is given up, ms. */
const SILENCE = 5_000
/** Of a name server that can be reached at all we hear within this time, ms. */
const NEAR = 1_000
/** A query is sent again after so many ms, and then after twice as many; the last one's wait ends after the silence. */
const FIRST_WAIT = 1_000
const TRIES = 3
/** The queries ended because of us, or of their number. */
const SILENT = new Set(["ECANCELLED", "ETIMEOUT"])
/** Every name server answers for it by itself (RFC 6303). */
const KNOWN_EVERYWHERE = "1.0.0.127.in-addr.arpa"

/**
 * The addresses of a name as the system finds them: by name servers, its hosts file, or whatever else it is set up for.
 *
 * A lookup of the system holds one of few threads until it ends, which takes long when nobody answers. It can't be stopped;
 * others wait behind it, and so does the end of the process. So the system is not asked for a public name that name
 * servers say nothing of: docs/decisions/0026-silent-names.md.
 *
 * @throws Node's own error; that of {@link nameSilence} when name servers answer, but not for this name
 */
export async function findAddresses(hostname: string): Promise<readonly LookupAddress[]> {
  if (classifyHost(hostname) === "public" && (await isSilent(hostname))) throw nameSilence(hostname)
  return process.getBuiltinModule("node:dns").promises.lookup(hostname, { all: true, order: "verbatim" })
}

/** The error of a name that nobody says anything of. */
export function nameSilence(hostname: string): Error {
  return Object.assign(new Error(`no name server answers for ${hostname}`), { code: "EAI_AGAIN", hostname })
}

async function isSilent(hostname: string): Promise<boolean> {
  // Both of what the system will ask for, too: it then finds the answers near by.
  if (await isAnswered((resolver) => [resolver.resolve4(hostname), resolver.resolve6(hostname)], SILENCE)) return false
  // Name servers that are silent altogether may be the system's alone to ask, as where a firewall minds who asks.
  return isAnswered((resolver) => [resolver.resolvePtr(KNOWN_EVERYWHERE)], NEAR)
}

/** Whether one of the questions is answered in time, be it by saying that there is nothing. Takes no thread. */
async function isAnswered(
  ask: (resolver: promises.Resolver) => readonly Promise<unknown>[],
  limit: number,
): Promise<boolean> {
  const { Resolver } = process.getBuiltinModule("node:dns").promises
  // A new one each time, since the machine's name servers may change.
  const resolver = new Resolver({ timeout: FIRST_WAIT, tries: TRIES })
  const timer = nodeClock.after(limit, () => resolver.cancel())
  const heard = await Promise.race(
    ask(resolver).map((answer) =>
      answer.then(
        () => true,
        (error: unknown) => !SILENT.has(errnoOf(error)),
      ),
    ),
  )
  timer.cancel()
  resolver.cancel()
  return heard
}
