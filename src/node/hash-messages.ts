import type { FilePart, HashAlgorithm } from "../ports/hasher.js"

/** Bytes of a digest. */
export const DIGEST_LENGTH: Readonly<Record<HashAlgorithm, number>> = { sha1: 20, sha256: 32, merkle: 32 }

/** What the main thread tells a hash worker. */
export type ToWorker =
  /** Shared memory crosses once and has a number from then on. */
  | { readonly type: "memory"; readonly id: number; readonly memory: SharedArrayBuffer }
  | { readonly type: "forget"; readonly id: number }
  /** A batch. `pieces`: three numbers each, the memory's, the offset and the length in it. */
  | { readonly type: "hash"; readonly algorithm: HashAlgorithm; readonly pieces: number[] }
  | StoreMessage
  | FilesMessage

/** Pieces to be written when they hash right. */
export interface StoreMessage {
  readonly type: "store"
  readonly algorithm: HashAlgorithm
  /** As in a batch of pieces. */
  readonly pieces: number[]
  /** What they should be, one after the other. */
  readonly digests: Uint8Array
  /** Five numbers each: which of the pieces, offset and length in it, the file's descriptor, the position in the file. */
  readonly targets: number[]
}

/** Pieces that lie in files, end to end. */
export interface FilesMessage {
  readonly type: "files"
  readonly algorithm: HashAlgorithm
  readonly parts: readonly FilePart[]
  readonly pieceLength: number
}

/** A piece's fate in the answer to a {@link StoreMessage}. */
export const FATES = ["written", "right", "wrong"] as const
export const WRITTEN = 0
export const RIGHT = 1
export const WRONG = 2

/** A worker's answer to a batch: the digests, one after the other, in the batch's order. */
export type Digests = Uint8Array

/** A worker's answer to pieces that were to be stored. Times are ms. */
export interface StoreAnswer {
  /** One byte each, the place of its fate among {@link FATES}. */
  readonly fates: Uint8Array
  readonly hashing: number
  readonly writing: number
}

export type FromWorker = Digests | StoreAnswer

/** A worker's answer to pieces in files: their digests, one after the other; undefined when not all could be read. */
export type FilesAnswer = Uint8Array | undefined
