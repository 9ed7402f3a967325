/** This package's version; a test compares it with package.json, which would cost time to read at every start. */
export const VERSION = "0.1.0"

/** What servers see of us. */
export const USER_AGENT = `academictorrents/${VERSION} (+https://github.com/academictorrents)`
