import { METADATA_EXTENSION } from "../wire/metadata-message.js"

/** The id under which we take messages of the metadata extension (BEP 9, BEP 10). */
export const METADATA_ID = 1

/** What we take part in while the metadata is not there yet, and what with a public torrent. */
export const METADATA_EXTENSIONS: ReadonlyMap<string, number> = new Map([[METADATA_EXTENSION, METADATA_ID]])
