import { endpointKey } from "../bytes/endpoint-key.js"
import { familyOf, parseIp } from "../bytes/ip.js"
import type { Endpoint } from "../ports/net.js"
import { type Contact, isPublic } from "./contact.js"
import type { Answer } from "./krpc.js"
import { compareDistance, sameId } from "./node-id.js"
import { K } from "./routing-table.js"
import { isSecureId } from "./secure-id.js"

/** Questions under way that are not late (Kademlia: 3). */
const ALPHA = 4
/** The same with the late ones. */
const MAX_UNDER_WAY = 16
/** Nodes remembered of each kind, the closest ones (libtorrent: 100). */
const MAX_CANDIDATES = 100
/** One that other lookups ask enough holds up none; if so many may not be asked now, nobody may. */
const MAX_REFUSALS = 3
/** Questions of one lookup: an honest network of millions takes some thirty, whoever leads us on and on never ends. */
const MAX_ASKED = 200

/** Where a lookup may begin: a node, or a place where one is said to be. */
export type Start = Endpoint & { readonly id?: Uint8Array | undefined }

type CandidateState = "new" | "asked" | "late" | "answered" | "failed"

interface Candidate {
  readonly endpoint: Endpoint
  /** As somebody named it, until it answers; undefined: nobody did. */
  id: Uint8Array | undefined
  /** Its id fits its address (BEP 42), or the address is exempt. */
  trusted: boolean
  /** Of which one node is asked; undefined: of none that counts. */
  readonly network: string | undefined
  state: CandidateState
  token: Uint8Array | undefined
}

/** A node that answered at the end of a lookup, with what it takes to announce there. */
export interface Holder extends Contact {
  readonly token: Uint8Array
}

export interface LookupHost {
  /** Sends the question. False: not now; `retry` is called later. */
  ask(candidate: Start, answered: LookupAnswer): boolean
  /** It is over. */
  onDone(lookup: Lookup): void
}

/** How a question of a lookup ends. */
export interface LookupAnswer {
  onAnswer(id: Uint8Array, answer: Answer, nodes: readonly Contact[]): void
  onLate(): void
  onFailed(): void
}

/**
 * Finds the nodes closest to an id, by asking ever closer ones (Kademlia, BEP 5).
 *
 * It ends when the K closest nodes whose ids fit their addresses (BEP 42) have answered: others are asked, too, but never
 * count, so that ids invented around the target neither end it nor hold it up. Of each public network (/24, /64) one node
 * counts, the first that answers. What is said of a node keeps none from being asked: whoever names it elsewhere, by another
 * id, or others beside it, delays it at most.
 */
export class Lookup {
  readonly target: Uint8Array
  readonly #host: LookupHost
  /** Sorted: closest first, those without an id last. */
  #candidates: Candidate[] = []
  /** Where somebody was asked. */
  readonly #places = new Set<string>()
  #done = false
  #started = false
  #asked = 0

  constructor(target: Uint8Array, host: LookupHost) {
    this.target = target
    this.#host = host
  }

  get done(): boolean {
    return this.#done
  }

  /** Nodes that answered. */
  get answers(): number {
    return this.#count("answered")
  }

  /** Begins with these. More may be given while it runs. */
  start(starts: readonly Start[]): void {
    this.#started = true
    for (const start of starts) this.#add(start)
    this.proceed()
  }

  /** Asks whoever is next. To be called now and then: some questions could not be asked at once. */
  proceed(): void {
    const refused = new Set<Candidate>()
    while (!this.#done && this.#started) {
      const next = this.#next(refused)
      if (next === undefined) break
      if (!this.#ask(next) && refused.add(next).size === MAX_REFUSALS) return
    }
    if (!this.#done && this.#isOver()) this.stop()
  }

  /** Ends it where it is. */
  stop(): void {
    if (this.#done) return
    this.#done = true
    this.#host.onDone(this)
  }

  /**
   * Whom to announce to: the K closest trusted nodes that gave a token, and of the others those that are closer than the
   * last of them, K at most (BEP 42).
   */
  holders(): Holder[] {
    const holders: Holder[] = []
    let trusted = 0
    let others = 0
    for (const { endpoint, id, token, state, trusted: isTrusted } of this.#candidates) {
      if (state !== "answered" || id === undefined || token === undefined) continue
      if (isTrusted || others++ < K) holders.push({ ...endpoint, id, token })
      if (isTrusted && ++trusted === K) break
    }
    return holders
  }

  #ask(candidate: Candidate): boolean {
    const asked = this.#host.ask(
      { ...candidate.endpoint, id: candidate.id },
      {
        onAnswer: (id, answer, nodes) => {
          if (this.#isHeld(candidate, ["answered"])) candidate.state = "failed"
          else {
            candidate.state = "answered"
            candidate.token = answer.token
            this.#identify(candidate, id)
            for (const node of nodes) this.#add(node)
          }
          this.proceed()
        },
        onLate: () => {
          candidate.state = "late"
          this.proceed()
        },
        onFailed: () => {
          candidate.state = "failed"
          this.proceed()
        },
      },
    )
    if (!asked) return false
    this.#places.add(endpointKey(candidate.endpoint))
    candidate.state = "asked"
    if (++this.#asked === MAX_ASKED) this.stop()
    return true
  }

  /** The next to ask: the closest trusted one, and beside those one of the others at a time. */
  #next(refused: ReadonlySet<Candidate>): Candidate | undefined {
    const asked = this.#count("asked")
    if (asked >= ALPHA || asked + this.#count("late") >= MAX_UNDER_WAY) return undefined
    const reach = this.#toAsk().filter((candidate) => !refused.has(candidate))
    const trusted = reach.find((candidate) => candidate.trusted)
    if (trusted === undefined) return reach[0]
    const other = reach.find((candidate) => !candidate.trusted && candidate.id !== undefined)
    const othersUnderWay = this.#candidates.some(({ state, trusted: isTrusted }) => state === "asked" && !isTrusted)
    return other === undefined || othersUnderWay ? trusted : other
  }

  #isOver(): boolean {
    if (this.#count("asked") > 0 || this.#toAsk().length > 0) return false
    // With enough answers the late ones are not waited for.
    return this.#count("late") === 0 || this.#anchors().length >= K
  }

  /** Those who are still to be asked, closest first. */
  #toAsk(): Candidate[] {
    const last = this.#anchors()[K - 1]
    const reach = last === undefined ? this.#candidates : this.#candidates.slice(0, this.#candidates.indexOf(last))
    const fresh = reach.filter((candidate) => candidate.state === "new" && this.#mayAsk(candidate))
    if (last === undefined) return fresh
    // K of the others at most: there is no end to what can be invented.
    const asked = this.#candidates.filter(({ state, trusted }) => !trusted && state !== "new").length
    return asked < K ? fresh : fresh.filter(({ trusted }) => trusted)
  }

  #mayAsk(candidate: Candidate): boolean {
    return !this.#places.has(endpointKey(candidate.endpoint)) && !this.#isHeld(candidate, ["asked", "answered"])
  }

  /** Another of its network is in one of these states. */
  #isHeld({ network }: Candidate, states: readonly CandidateState[]): boolean {
    return (
      network !== undefined && this.#candidates.some((one) => one.network === network && states.includes(one.state))
    )
  }

  /** The trusted ones that answered, closest first. */
  #anchors(): Candidate[] {
    return this.#candidates.filter(({ state, trusted }) => state === "answered" && trusted)
  }

  #add({ host, port, id }: Start): void {
    const place = endpointKey({ host, port })
    if (this.#done || this.#places.has(place) || this.#isNamed(place, id)) return
    const trusted = id !== undefined && isSecureId(id, parseIp(host)!)
    const network = networkOf(host)
    this.#candidates.push({ endpoint: { host, port }, id, trusted, network, state: "new", token: undefined })
    this.#sort()
    this.#trim(trusted)
  }

  /** The place was named by this id before. */
  #isNamed(place: string, id: Uint8Array | undefined): boolean {
    return this.#candidates.some(
      (other) =>
        endpointKey(other.endpoint) === place && (id === undefined || other.id === undefined || sameId(other.id, id)),
    )
  }

  /** It has answered, and named itself. */
  #identify(candidate: Candidate, id: Uint8Array): void {
    if (candidate.id !== undefined && sameId(candidate.id, id)) return
    candidate.id = id
    candidate.trusted = isSecureId(id, parseIp(candidate.endpoint.host)!)
    this.#sort()
  }

  #sort(): void {
    this.#candidates.sort((a, b) => {
      if (a.id === undefined || b.id === undefined) return Number(a.id === undefined) - Number(b.id === undefined)
      return compareDistance(this.target, a.id, b.id)
    })
  }

  /** Forgets the farthest that was not asked, when there are too many of its kind. */
  #trim(trusted: boolean): void {
    const ofKind = this.#candidates.filter((candidate) => candidate.trusted === trusted)
    if (ofKind.length <= MAX_CANDIDATES) return
    const farthest = ofKind.findLast(({ state }) => state === "new" || state === "failed")
    if (farthest !== undefined) this.#candidates.splice(this.#candidates.indexOf(farthest), 1)
  }

  #count(state: CandidateState): number {
    return this.#candidates.reduce((count, candidate) => count + Number(candidate.state === state), 0)
  }
}

/** The network that counts as one neighbour: /24 and /64 (libtorrent); undefined for addresses that are not public. */
function networkOf(host: string): string | undefined {
  return isPublic(host)
    ? parseIp(host)!
        .subarray(0, familyOf(host) === 6 ? 8 : 3)
        .join(".")
    : undefined
}
