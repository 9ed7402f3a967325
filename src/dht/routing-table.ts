import { toHex } from "../bytes/hex.js"
import { parseIp } from "../bytes/ip.js"
import { holdingOf } from "../bytes/ip-scope.js"
import { type Contact, isPublic } from "./contact.js"
import { compareDistance, ID_BITS, sameId, sharedBits } from "./node-id.js"
import { isSecureId } from "./secure-id.js"

/** Nodes of a bucket, and in an answer (BEP 5). */
export const K = 8
/** ms after which a node that was silent is questionable, and a bucket without change stale (BEP 5). */
export const QUESTIONABLE_AFTER = 15 * 60_000
/** Queries in a row without an answer: a node is bad, and makes way for another (BEP 5: several). */
const BAD_AFTER = 2
/** After so many it goes even when nobody takes its place: the network may have been down, not the node. */
const GONE_AFTER = 6

/** A node that has answered us at least once. */
interface Node {
  readonly contact: Contact
  /** Its id fits its address (BEP 42). */
  readonly secure: boolean
  /** When it last answered, or asked us something, clock ms. */
  lastSeen: number
  failures: number
}

interface Bucket {
  /** Those seen longest ago first. At most {@link K}. */
  nodes: Node[]
  /** Nodes that answered and found no room; the latest last. At most {@link K}. */
  spares: Node[]
  lastChanged: number
  refreshedAt: number | undefined
}

/**
 * The nodes we know by their answers (BEP 5). Bucket i holds up to {@link K} nodes whose ids share exactly i leading bits
 * with ours: what the table of BEP 5 becomes once it has split as often as it can.
 *
 * A public address (of IPv6 a /64) has one place in the whole table, and nodes whose id fits their address (BEP 42) take the place of
 * those whose does not: both make it costly to fill somebody's table.
 */
export class RoutingTable {
  readonly ownId: Uint8Array
  /** Made when they are first needed. */
  readonly #buckets: (Bucket | undefined)[] = []
  /** Of public addresses, those that have their place: see {@link holdingOf}. */
  readonly #owners = new Set<string>()
  #size = 0

  constructor(ownId: Uint8Array) {
    this.ownId = ownId
  }

  get size(): number {
    return this.#size
  }

  /** The nodes; those that may be dead are left out. */
  contacts(): Contact[] {
    return this.#buckets.flatMap((bucket) => bucket?.nodes.filter(isUsable).map(({ contact }) => contact) ?? [])
  }

  /** The `count` nodes that are closest to `target`, closest first. */
  closest(target: Uint8Array, count: number): Contact[] {
    return this.contacts()
      .sort((a, b) => compareDistance(target, a.id, b.id))
      .slice(0, count)
  }

  /** A node answered us: it gets in if there is room, or someone of less worth makes way. */
  answered(contact: Contact, now: number): void {
    const bucket = this.#bucketOf(contact.id, now)
    if (bucket === undefined) return
    const known = find(bucket.nodes, contact)
    if (known !== undefined && sameEndpoint(known.contact, contact)) {
      known.failures = 0
      touch(bucket, known, now)
      bucket.lastChanged = now
      return
    }
    if (known !== undefined) {
      // Whoever says he is a node that we know must wait until that one is gone.
      if (!isBad(known)) return
      this.#remove(bucket, known)
    }
    if (!this.#hostIsFree(contact)) return
    const node: Node = {
      contact,
      secure: isSecureId(contact.id, parseIp(contact.host)!),
      lastSeen: now,
      failures: 0,
    }
    if (bucket.nodes.length >= K) {
      const worst = bucket.nodes.find(isBad) ?? (node.secure ? bucket.nodes.find(({ secure }) => !secure) : undefined)
      if (worst === undefined) {
        bucket.spares = [...bucket.spares.filter(({ contact: { id } }) => !sameId(id, contact.id)), node].slice(-K)
        return
      }
      this.#remove(bucket, worst)
    }
    this.#insert(bucket, node, now)
  }

  /** A node asked us something. True when it is not known and there would be room for it: it is worth a ping. */
  asked(contact: Contact, now: number): boolean {
    const bucket = this.#bucketOf(contact.id, now)
    if (bucket === undefined) return false
    const known = find(bucket.nodes, contact)
    if (known === undefined) return this.#hostIsFree(contact) && (bucket.nodes.length < K || bucket.nodes.some(isBad))
    if (sameEndpoint(known.contact, contact) && known.failures === 0) touch(bucket, known, now)
    return false
  }

  /** A node did not answer. */
  failed(contact: Contact, now: number): void {
    const bucket = this.#bucketOf(contact.id, now)
    const node = bucket && find(bucket.nodes, contact)
    if (bucket === undefined || node === undefined || !sameEndpoint(node.contact, contact)) return
    node.failures++
    if (!isBad(node) || (bucket.spares.length === 0 && node.failures < GONE_AFTER)) return
    this.#remove(bucket, node)
    const spare = this.#takeSpare(bucket)
    if (spare !== undefined) this.#insert(bucket, spare, now)
  }

  /** The nodes to ask whether they are still there: one of each bucket at most. */
  questionable(now: number): Contact[] {
    return this.#buckets.flatMap((bucket) => {
      const oldest = bucket?.nodes[0]
      return oldest !== undefined && now - oldest.lastSeen >= QUESTIONABLE_AFTER ? [oldest.contact] : []
    })
  }

  /**
   * A bucket to be refreshed, as the bits that its nodes share with us; undefined when there is none. It was not changed
   * for 15 minutes (BEP 5), or has room and was never refreshed: who joins looks for his neighbours, and would not learn of
   * the other half of the network otherwise. Buckets beyond the deepest that has nodes are empty by nature.
   */
  takeStale(now: number): number | undefined {
    const deepest = this.#buckets.findLastIndex((bucket) => bucket !== undefined && bucket.nodes.length > 0)
    for (let bits = 0; bits <= deepest; bits++) {
      const bucket = this.#bucketAt(bits, now)
      const isNew = bucket.refreshedAt === undefined && bucket.nodes.length < K
      if (!isNew && now - Math.max(bucket.lastChanged, bucket.refreshedAt ?? 0) < QUESTIONABLE_AFTER) continue
      bucket.refreshedAt = now
      return bits
    }
    return undefined
  }

  /** Whether the books are right. @throws Error */
  assertInvariants(): void {
    let size = 0
    for (const [bits, bucket] of this.#buckets.entries()) {
      if (bucket === undefined) continue
      size += bucket.nodes.length
      if (bucket.nodes.length > K || bucket.spares.length > K) throw new Error(`bucket ${bits} is too full`)
      for (const { contact } of [...bucket.nodes, ...bucket.spares]) {
        if (sharedBits(contact.id, this.ownId) !== bits) throw new Error(`${toHex(contact.id)} is in bucket ${bits}`)
      }
      for (let i = 1; i < bucket.nodes.length; i++) {
        if (bucket.nodes[i]!.lastSeen < bucket.nodes[i - 1]!.lastSeen) throw new Error(`bucket ${bits} is out of order`)
      }
      const ids = new Set(bucket.nodes.map(({ contact }) => toHex(contact.id)))
      if (ids.size !== bucket.nodes.length) throw new Error(`bucket ${bits} has a node twice`)
    }
    if (size !== this.#size) throw new Error(`${size} nodes where ${this.#size} are counted`)
    const hosts = this.#buckets.flatMap((bucket) => bucket?.nodes.map(({ contact }) => contact.host) ?? [])
    const owners = hosts.filter(isPublic).map(holdingOf)
    if (new Set(owners).size !== owners.length || owners.length !== this.#owners.size)
      throw new Error("an address is there twice")
  }

  /** Undefined for our own id. */
  #bucketOf(id: Uint8Array, now: number): Bucket | undefined {
    const bits = sharedBits(id, this.ownId)
    return bits === ID_BITS ? undefined : this.#bucketAt(bits, now)
  }

  #bucketAt(bits: number, now: number): Bucket {
    this.#buckets[bits] ??= emptyBucket(now)
    return this.#buckets[bits]
  }

  #insert(bucket: Bucket, node: Node, now: number): void {
    bucket.nodes.push(node)
    // A spare was seen before others that are in already.
    bucket.nodes.sort((a, b) => a.lastSeen - b.lastSeen)
    bucket.lastChanged = now
    this.#size++
    if (isPublic(node.contact.host)) this.#owners.add(holdingOf(node.contact.host))
  }

  #remove(bucket: Bucket, node: Node): void {
    bucket.nodes.splice(bucket.nodes.indexOf(node), 1)
    this.#size--
    this.#owners.delete(holdingOf(node.contact.host))
  }

  /** The latest spare whose address has got no other place meanwhile. */
  #takeSpare(bucket: Bucket): Node | undefined {
    for (let spare = bucket.spares.pop(); spare !== undefined; spare = bucket.spares.pop()) {
      if (this.#hostIsFree(spare.contact)) return spare
    }
    return undefined
  }

  #hostIsFree({ host }: Contact): boolean {
    return !this.#owners.has(holdingOf(host))
  }
}

function emptyBucket(now: number): Bucket {
  return { nodes: [], spares: [], lastChanged: now, refreshedAt: undefined }
}

function find(nodes: readonly Node[], { id }: Contact): Node | undefined {
  return nodes.find(({ contact }) => sameId(contact.id, id))
}

function touch(bucket: Bucket, node: Node, now: number): void {
  node.lastSeen = now
  bucket.nodes.splice(bucket.nodes.indexOf(node), 1)
  bucket.nodes.push(node)
}

function isBad({ failures }: Node): boolean {
  return failures >= BAD_AFTER
}

function isUsable(node: Node): boolean {
  return !isBad(node)
}

function sameEndpoint(a: Contact, b: Contact): boolean {
  return a.host === b.host && a.port === b.port
}
