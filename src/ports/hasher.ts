import type { FileHandle } from "./disk.js"

/** A digest the protocol uses. `merkle`: the root of the lowest SHA-256 tree over blocks of 16 KiB (BEP 52), for v2 pieces. */
export type HashAlgorithm = "sha1" | "sha256" | "merkle"

/** Bytes of a file; zeros where no path is given, which is padding (BEP 47). */
export interface FilePart {
  /** Absolute. */
  readonly path: string | undefined
  readonly position: number
  readonly length: number
}

/** A piece that is full, and where its bytes go when it is right. */
export interface FullPiece {
  /** In shared memory. */
  readonly bytes: Uint8Array
  readonly digest: Uint8Array
  /** The files are open for writing, and stay so. */
  readonly targets: readonly WriteTarget[]
}

export interface WriteTarget {
  readonly file: FileHandle
  readonly position: number
  /** Of the piece. */
  readonly bytes: Uint8Array
}

/** What became of a full piece: `right` when it hashes right, and some of it may not be written. */
export type PieceFate = "written" | "right" | "wrong"

export interface Stored {
  /** In the order of the pieces. */
  readonly fates: readonly PieceFate[]
  /** Time that hashing and writing took, ms. */
  readonly hashing: number
  readonly writing: number
}

/** Hashing: at once for small things, beside the main thread for pieces. */
export interface Hasher {
  /** The digest of something small (metadata, a block), at once. */
  digest(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array
  /**
   * The digest of a piece that lies in shared memory (a {@link SharedArrayBuffer}'s view).
   * The bytes must stay as they are until the promise settles. Rejects only when the hasher is closed.
   */
  hashPiece(algorithm: HashAlgorithm, data: Uint8Array): Promise<Uint8Array>
  /** The digests of several pieces, one behind the other: as {@link hashPiece}, with less ado for each. */
  hashPieces(algorithm: HashAlgorithm, pieces: readonly Uint8Array[]): Promise<Uint8Array>
  /**
   * The digests, one after the other, of pieces that lie in `parts` end to end: `pieceLength` bytes each, the last perhaps
   * fewer. With `merkle` each part has pieces of its own, the last of each perhaps shorter, and padding has none. They are
   * read where they are hashed, beside the main thread. A symbolic link in a path's last place is not followed.
   *
   * Undefined when not all bytes could be read, or nobody is there to read them: whoever reads for himself learns why.
   * Rejects only when the hasher is closed.
   */
  hashFiles(algorithm: HashAlgorithm, parts: readonly FilePart[], pieceLength: number): Promise<Uint8Array | undefined>
  /**
   * Hashes pieces, and writes those that are right from where they were hashed, neighbours together. Why something could
   * not be written shows to whoever writes it himself. The bytes must stay as they are until the promise settles. Rejects
   * only when the hasher is closed.
   */
  storePieces(algorithm: HashAlgorithm, pieces: readonly FullPiece[]): Promise<Stored>
  close(): Promise<void>
}
