import { errnoOf } from "./errno.js"

/** What the system's resolver says of a name. */
const LOOKUP_FAULTS: Readonly<Record<string, string>> = {
  ENOTFOUND: "is not known",
  EAI_AGAIN: "can't be looked up: no name server answers",
}

/** Why a name has no address, in words that follow the name; undefined when the error is about something else. */
export function lookupFault(error: unknown): string | undefined {
  return LOOKUP_FAULTS[errnoOf(error)]
}
