import { nodeClock } from "../node/clock.js"
import { HostLimiter } from "../tracker/host-limiter.js"

/** One for the process: a tracker is asked no more at a time, however many datasets are open. */
export const trackerLimiter = new HostLimiter(nodeClock)
