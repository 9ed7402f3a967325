import { endpointKey } from "../bytes/endpoint-key.js"
import { toHex } from "../bytes/hex.js"
import type { Endpoint } from "../ports/net.js"
import type { Random } from "../ports/random.js"
import { Budget } from "./budget.js"
import { ownerOf } from "./contact.js"
import { encodeQuery, type Question, type Refusal, type Response } from "./krpc.js"

/** ms without an answer after which another node may be asked in the place of this one (libtorrent: 1 s). */
const LATE_AFTER = 1_000
/** ms after which no answer is expected any more (rqbit, aria2: 10 s; libtorrent: 15 s). */
const FAILED_AFTER = 10_000
/** Bytes a second and seconds: some 80 queries a second, of all lookups together (libtorrent: 8000 bytes). */
const RATE = 8_000
const BURST = 4
/** Questions without an answer, to all and to one owner: nobody makes us flood his victim. */
const MAX_OUTSTANDING = 256
const MAX_TO_OWNER = 3
/** Questions to one owner in a span of time, ms: with fifty in ten seconds libtorrent's nodes, and ours, hear nothing for minutes. */
const SPAN = 10_000
const MAX_IN_SPAN = 25
/** Bytes that nobody guesses who does not see our queries. */
const TRANSACTION_LENGTH = 4

/** What becomes of a question: it ends in `onAnswer` or `onFailed`. */
export interface RequestListener {
  onAnswer(response: Response): void
  /** It takes long. Once, before the end. */
  onLate?(): void
  /** No answer came, or a refusal. */
  onFailed(): void
}

interface Request {
  readonly to: Endpoint
  readonly askedAt: number
  readonly listener: RequestListener
  late: boolean
}

/** Our questions and the answers to them: an answer counts when it comes from where the question went. */
export class Requests {
  readonly #random: Pick<Random, "bytes">
  readonly #send: (datagram: Uint8Array, to: Endpoint) => void
  /** By transaction; those asked first come first. */
  readonly #requests = new Map<string, Request>()
  readonly #toOwner = new Map<string, number>()
  /** Those of the present span by owner, answered or not. */
  readonly #inSpan = new Map<string, number>()
  #spanStart: number
  readonly #budget: Budget

  constructor(options: {
    random: Pick<Random, "bytes">
    send: (datagram: Uint8Array, to: Endpoint) => void
    now: number
  }) {
    this.#random = options.random
    this.#send = options.send
    this.#budget = new Budget(RATE, BURST, options.now)
    this.#spanStart = options.now
  }

  /** Questions that wait for their answer. */
  get size(): number {
    return this.#requests.size
  }

  /** Asks; false when that would be too much at present. */
  ask(
    to: Endpoint,
    query: { id: Uint8Array; question: Question; readOnly: boolean },
    listener: RequestListener,
    now: number,
  ): boolean {
    const owner = ownerOf(to)
    const toOwner = this.#toOwner.get(owner) ?? 0
    const inSpan = this.#askedInSpan(owner, now)
    if (this.#requests.size >= MAX_OUTSTANDING || toOwner >= MAX_TO_OWNER || inSpan >= MAX_IN_SPAN) return false
    const transaction = this.#random.bytes(TRANSACTION_LENGTH)
    const name = toHex(transaction)
    if (this.#requests.has(name)) return false
    const datagram = encodeQuery({ ...query, transaction })
    if (!this.#budget.take(datagram.length, now)) return false
    this.#requests.set(name, { to, askedAt: now, listener, late: false })
    this.#toOwner.set(owner, toOwner + 1)
    this.#inSpan.set(owner, inSpan + 1)
    this.#send(datagram, to)
    return true
  }

  /** An answer or a refusal came; false when nobody waits for it. */
  settle(message: Response | Refusal, from: Endpoint): boolean {
    const name = toHex(message.transaction)
    const request = this.#requests.get(name)
    if (request === undefined || endpointKey(request.to) !== endpointKey(from)) return false
    this.#remove(name, request)
    if (message.kind === "response") request.listener.onAnswer(message)
    else request.listener.onFailed()
    return true
  }

  tick(now: number): void {
    for (const [name, request] of [...this.#requests]) {
      const age = now - request.askedAt
      if (age < LATE_AFTER) return
      if (age >= FAILED_AFTER) {
        this.#remove(name, request)
        request.listener.onFailed()
      } else if (!request.late) {
        request.late = true
        request.listener.onLate?.()
      }
    }
  }

  #askedInSpan(owner: string, now: number): number {
    if (now - this.#spanStart >= SPAN) {
      this.#spanStart = now
      this.#inSpan.clear()
    }
    return this.#inSpan.get(owner) ?? 0
  }

  #remove(name: string, { to }: Request): void {
    this.#requests.delete(name)
    const owner = ownerOf(to)
    const left = (this.#toOwner.get(owner) ?? 1) - 1
    if (left === 0) this.#toOwner.delete(owner)
    else this.#toOwner.set(owner, left)
  }
}
