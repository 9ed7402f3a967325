import type { HashRequest } from "../metainfo/hash-request.js"

/** Bytes that all three messages of BEP 52 begin with, behind their id: root, base, index, length, proof layers. */
export const HASH_HEADER_LENGTH = 48
const ROOT_LENGTH = 32

export function writeHashHeader(into: Uint8Array, at: number, request: HashRequest): void {
  into.set(request.root, at)
  const view = new DataView(into.buffer, into.byteOffset + at + ROOT_LENGTH, HASH_HEADER_LENGTH - ROOT_LENGTH)
  const { base, index, length, proofLayers } = request
  for (const [i, number] of [base, index, length, proofLayers].entries()) view.setUint32(4 * i, number)
}

/** Reads the beginning of a payload, of which nothing is kept. */
export function readHashHeader(payload: Uint8Array): HashRequest {
  const view = new DataView(payload.buffer, payload.byteOffset + ROOT_LENGTH, HASH_HEADER_LENGTH - ROOT_LENGTH)
  return {
    root: payload.slice(0, ROOT_LENGTH),
    base: view.getUint32(0),
    index: view.getUint32(4),
    length: view.getUint32(8),
    proofLayers: view.getUint32(12),
  }
}
