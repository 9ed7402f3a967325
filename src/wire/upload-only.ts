/**
 * The name of the extension by which a peer says, at any time, whether it wants nothing (libtorrent; BEP 21 has a key of
 * that name in the extended handshake for it, which libtorrent hears only when it is set).
 */
export const UPLOAD_ONLY_EXTENSION = "upload_only"

export function encodeUploadOnly(uploadOnly: boolean): Uint8Array {
  return Uint8Array.of(uploadOnly ? 1 : 0)
}

/** Undefined when it is not one byte: no BEP says that it must be. */
export function decodeUploadOnly(payload: Uint8Array): boolean | undefined {
  return payload.length === 1 ? payload[0] !== 0 : undefined
}
