import { AtError } from "../errors.js"

/** The only error of metadata that is there but can't be used. */
export function metadataError(message: string, cause?: unknown): AtError {
  return new AtError("AT_METADATA", message, {
    hint: "download the .torrent file again, or ask the dataset's author for a new one",
    cause,
  })
}
