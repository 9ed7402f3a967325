import { ProtocolError } from "../errors.js"
import { asDictionary, asInteger, type BencodeDictionary, decode, encode, MESSAGE_LIMITS } from "../metainfo/bencode.js"

/** What an extended handshake says (BEP 10, BEP 21, BEP 9). All of it is optional, and an unusable value counts as absent. */
export interface ExtensionHandshake {
  /**
   * The sender's ids for the extensions it takes, by name: 1 to 255; 0 switches an extension off. Later handshakes add
   * to earlier ones.
   */
  readonly messages: ReadonlyMap<string, number>
  /** `v`: the client's name and version; a stranger's text of at most 128 characters. */
  readonly client?: string | undefined
  /** `p`: the sender's listening port. */
  readonly listenPort?: number | undefined
  /** `reqq`: how many requests the sender keeps without dropping any. */
  readonly requestQueue?: number | undefined
  /** `yourip`: the receiver's address as the sender sees it, 4 or 16 bytes. */
  readonly yourAddress?: Uint8Array | undefined
  /** `upload_only`: the sender wants nothing (BEP 21); undefined when it does not say. */
  readonly uploadOnly?: boolean | undefined
  /** `e`: the sender would rather have connections encrypted (BEP 11 tells others so). */
  readonly prefersEncryption?: boolean | undefined
  /** `metadata_size`: bytes of the info dictionary (BEP 9). */
  readonly metadataSize?: number | undefined
}

/** The id of the handshake itself among extended messages. */
export const EXTENSION_HANDSHAKE_ID = 0

/** Names kept of one handshake; real clients have about ten. */
const MAX_EXTENSIONS = 64
/** UTF-16 units of a name or a client. */
const MAX_NAME_LENGTH = 128
/** Info dictionaries are refused above it: the limit of rain and libtorrent is 30 MiB. */
const MAX_METADATA_LENGTH = 32 << 20
/** A client that says it takes more is believed this far. */
const MAX_REQUEST_QUEUE = 1 << 16

/** The payload of an extended message with id 0. */
export function encodeExtensionHandshake(handshake: ExtensionHandshake): Uint8Array {
  return encode({
    m: handshake.messages,
    v: handshake.client,
    p: handshake.listenPort,
    reqq: handshake.requestQueue,
    yourip: handshake.yourAddress,
    e: digit(handshake.prefersEncryption),
    upload_only: digit(handshake.uploadOnly),
    metadata_size: handshake.metadataSize,
  })
}

/**
 * Reads such a payload; nothing in the result is a view of it. Undefined when it is not a dictionary: nothing in it is needed, so a
 * client with a fault there can still give and take (libtorrent ignores it too).
 */
export function decodeExtensionHandshake(payload: Uint8Array): ExtensionHandshake | undefined {
  const dictionary = readDictionary(payload)
  if (dictionary === undefined) return undefined
  const requestQueue = within(dictionary.integer("reqq"), 1, Number.POSITIVE_INFINITY)
  const yourAddress = dictionary.bytes("yourip")
  return {
    messages: extensionIds(dictionary.dictionary("m")),
    client: dictionary.text("v")?.slice(0, MAX_NAME_LENGTH) || undefined,
    listenPort: within(dictionary.integer("p"), 1, 65535),
    requestQueue: requestQueue && Math.min(requestQueue, MAX_REQUEST_QUEUE),
    yourAddress: yourAddress?.length === 4 || yourAddress?.length === 16 ? yourAddress.slice() : undefined,
    uploadOnly: flag(dictionary.integer("upload_only")),
    prefersEncryption: flag(dictionary.integer("e")),
    metadataSize: within(dictionary.integer("metadata_size"), 1, MAX_METADATA_LENGTH),
  }
}

function readDictionary(payload: Uint8Array): BencodeDictionary | undefined {
  try {
    return asDictionary(decode(payload, MESSAGE_LIMITS))
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}

function extensionIds(dictionary: BencodeDictionary | undefined): Map<string, number> {
  const ids = new Map<string, number>()
  for (const name of dictionary?.keys ?? []) {
    if (ids.size === MAX_EXTENSIONS) break
    const id = within(asInteger(dictionary?.get(name)), 0, 255)
    if (id !== undefined && name.length <= MAX_NAME_LENGTH) ids.set(name, id)
  }
  return ids
}

function flag(value: number | undefined): boolean | undefined {
  return value === undefined ? undefined : value !== 0
}

function digit(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}

function within(value: number | undefined, from: number, to: number): number | undefined {
  return value !== undefined && value >= from && value <= to ? value : undefined
}
