import { type Netns, openNetnsPair } from "./netns.js"
import { type Partner, rtorrent, transmission } from "./partners/index.js"

/** An address to run at, to be spread into a job. */
export interface Place {
  readonly host?: string
  readonly netns?: Netns
}

/** Where the two parties of one scenario run. */
export interface Places {
  readonly ours: Place
  readonly theirs: Place
  close(): Promise<void>
}

/**
 * Loopback; for transmission, which refuses that, two hosts. rtorrent gets an address of its own: it knows one peer an
 * address, and a tracker names it to itself.
 */
export async function openPlaces(partner: Partner): Promise<Places> {
  if (partner !== transmission) {
    const theirs = partner === rtorrent ? { host: "127.0.0.2" } : {}
    return { ours: {}, theirs, close: () => Promise.resolve() }
  }
  const hosts = ["10.77.0.1", "10.77.0.2"] as const
  const [ours, theirs] = await openNetnsPair(hosts)
  return {
    ours: { host: hosts[0], netns: ours },
    theirs: { host: hosts[1], netns: theirs },
    close: async () => {
      await Promise.all([ours.close(), theirs.close()])
    },
  }
}

/** Runs a scenario, and clears its places whatever happens. */
export async function withPlaces(partner: Partner, scenario: (places: Places) => Promise<void>): Promise<void> {
  const places = await openPlaces(partner)
  try {
    await scenario(places)
  } finally {
    await places.close()
  }
}
