import { DONT_HAVE_EXTENSION } from "../wire/dont-have.js"
import { HOLEPUNCH_EXTENSION } from "../wire/holepunch-message.js"
import { METADATA_EXTENSION } from "../wire/metadata-message.js"
import { PEX_EXTENSION } from "../wire/pex-message.js"
import { UPLOAD_ONLY_EXTENSION } from "../wire/upload-only.js"

/**
 * The ids under which we take messages of extensions (BEP 10): metadata (BEP 9), peer exchange (BEP 11), lost pieces (BEP 54),
 * hole punching (BEP 55), and who wants nothing (BEP 21).
 */
export const METADATA_ID = 1
export const PEX_ID = 2
export const DONT_HAVE_ID = 3
export const HOLEPUNCH_ID = 4
export const UPLOAD_ONLY_ID = 5

/** What we take part in while the metadata is not there yet: whether the torrent is private is not known. */
export const METADATA_EXTENSIONS: ReadonlyMap<string, number> = new Map([[METADATA_EXTENSION, METADATA_ID]])

/** What we take part in once it is. */
export function extensionsOf(parts: {
  metadata: boolean
  pex: boolean
  holepunch: boolean
}): ReadonlyMap<string, number> {
  const ids = new Map([
    [DONT_HAVE_EXTENSION, DONT_HAVE_ID],
    [UPLOAD_ONLY_EXTENSION, UPLOAD_ONLY_ID],
  ])
  if (parts.metadata) ids.set(METADATA_EXTENSION, METADATA_ID)
  if (parts.pex) ids.set(PEX_EXTENSION, PEX_ID)
  if (parts.holepunch) ids.set(HOLEPUNCH_EXTENSION, HOLEPUNCH_ID)
  return ids
}
