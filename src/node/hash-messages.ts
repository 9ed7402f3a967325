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
  | FilesMessage

/** Pieces that lie in files, end to end. */
export interface FilesMessage {
  readonly type: "files"
  readonly algorithm: HashAlgorithm
  readonly parts: readonly FilePart[]
  readonly pieceLength: number
}

/** A worker's answer to a batch: the digests, one after the other, in the batch's order. */
export type FromWorker = Uint8Array

/** A worker's answer to pieces in files: their digests, one after the other; undefined when not all could be read. */
export type FilesAnswer = Uint8Array | undefined
