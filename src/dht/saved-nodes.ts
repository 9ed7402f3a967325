import { ProtocolError } from "../errors.js"
import { asDictionary, type BencodeLimits, decode, encode } from "../metainfo/bencode.js"
import { type Contact, decodeContacts, encodeContacts } from "./contact.js"
import { ID_LENGTH } from "./node-id.js"

/** Nodes kept of each network: enough that some are still there after a month. */
const MAX_SAVED = 200
/** Bytes that the file may have: some 15,000 are used. */
const SAVED_LIMIT = 32 * 1024
const LIMITS: BencodeLimits = { length: SAVED_LIMIT, depth: 4, tokens: 100 }

/** What is kept from one run to the next: our ids, and nodes that answered. */
export interface SavedNodes {
  readonly id4: Uint8Array | undefined
  readonly id6: Uint8Array | undefined
  readonly nodes4: readonly Contact[]
  readonly nodes6: readonly Contact[]
}

export const NOTHING_SAVED: SavedNodes = { id4: undefined, id6: undefined, nodes4: [], nodes6: [] }

export function encodeSaved({ id4, id6, nodes4, nodes6 }: SavedNodes): Uint8Array {
  return encode({
    id4,
    id6,
    nodes: encodeContacts(nodes4.slice(0, MAX_SAVED), 4),
    nodes6: encodeContacts(nodes6.slice(0, MAX_SAVED), 6),
  })
}

/** What is malformed counts as nothing: whoever can write the file gains no more than a node that lies. */
export function decodeSaved(bytes: Uint8Array): SavedNodes {
  try {
    const saved = asDictionary(decode(bytes, LIMITS))
    const empty = new Uint8Array(0)
    const id = (key: string): Uint8Array | undefined => {
      const value = saved?.bytes(key)
      return value?.length === ID_LENGTH ? value.slice() : undefined
    }
    return {
      id4: id("id4"),
      id6: id("id6"),
      nodes4: decodeContacts(saved?.bytes("nodes") ?? empty, 4).slice(0, MAX_SAVED),
      nodes6: decodeContacts(saved?.bytes("nodes6") ?? empty, 6).slice(0, MAX_SAVED),
    }
  } catch (error) {
    if (error instanceof ProtocolError) return NOTHING_SAVED
    throw error
  }
}
