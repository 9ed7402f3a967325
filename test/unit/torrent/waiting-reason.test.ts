import { describe, expect, it } from "vitest"
import { type Situation, waitingReason } from "../../../src/torrent/statistics/waiting-reason.js"
import type { TrackerStatus } from "../../../src/tracker/tracker-entry.js"

const nothing: Situation = {
  now: 50_000,
  peers: [],
  connecting: 0,
  unusable: [],
  known: 0,
  trackers: [],
  discoveries: [],
  webSeeds: [],
}
const reason = (changes: Partial<Situation>): string => waitingReason({ ...nothing, ...changes })

const tracker = (state: TrackerStatus["state"], message?: string): TrackerStatus => ({
  url: "http://tracker.example/announce?passkey=secret",
  tier: 0,
  state,
  peersReceived: 0,
  nextAnnounceIn: null,
  ...(message === undefined ? {} : { message }),
})

describe("why nothing arrives", () => {
  it("no source at all", () => {
    expect(reason({})).toBe("no source is known")
  })

  it("peers: asked, choking, without anything, being connected to, out of reach", () => {
    const peer = (choking: boolean, interesting: boolean) => ({ choking, interesting })
    expect(reason({ peers: [peer(false, true), peer(true, true)], known: 5 })).toMatch(/were asked/)
    expect(reason({ peers: [peer(true, true), peer(false, false)], known: 5 })).toBe(
      "1 peer with data: waiting until they let us download",
    )
    expect(reason({ peers: [peer(true, true), peer(true, true)], known: 5 })).toBe(
      "2 peers with data: waiting until they let us download",
    )
    expect(reason({ peers: [peer(false, false)], known: 5 })).toBe("1 peer connected, none has what is missing")
    expect(reason({ connecting: 3, known: 5 })).toBe("connecting to 3 peers")
    expect(reason({ known: 1 })).toBe("none of 1 known peer can be reached")
  })

  it("peers that were named and are not used", () => {
    const unusable = ["a.example is not known"]
    expect(reason({ unusable })).toBe("a.example is not known")
    expect(reason({ unusable, known: 1 })).toBe("none of 1 known peer can be reached; a.example is not known")
  })

  it("trackers, as long as they have named nobody", () => {
    expect(reason({ trackers: [tracker("announcing")] })).toBe("asking the trackers")
    const turn = "the trackers are asked for other datasets first"
    expect(reason({ trackers: [tracker("queued"), tracker("failed")] })).toBe(turn)
    expect(reason({ trackers: [tracker("queued"), tracker("announcing")] })).toBe("asking the trackers")
    expect(reason({ trackers: [tracker("working"), tracker("failed")] })).toBe("the trackers know no peer")
    expect(reason({ trackers: [tracker("failed", "timed out")] })).toBe("no tracker answers (timed out)")
    expect(reason({ trackers: [tracker("failed")] })).toBe("no tracker answers")
    expect(reason({ trackers: [tracker("failed")], known: 2 })).not.toMatch(/tracker/)
  })

  it("searches elsewhere, as long as nobody is connected", () => {
    expect(reason({ discoveries: ["asking the DHT"] })).toBe("asking the DHT")
    expect(reason({ discoveries: ["asking the DHT"], connecting: 1, known: 1 })).toBe("connecting to 1 peer")
  })

  it("web seeds, with when they are tried again, and without the secrets in their URLs", () => {
    const url = "https://user:password@seed.example/data/"
    const webSeeds = [
      { url, state: { kind: "waiting", until: 61_500, reason: "HTTP status 503" }, lacking: 0 },
      { url: "https://dead.example/", state: { kind: "disabled", reason: "HTTP status 403" }, lacking: 0 },
    ] as const
    const said = reason({ webSeeds })
    expect(said).toMatch(/seed\.example.* is tried again in 12 s: HTTP status 503/)
    expect(said).toMatch(/dead\.example.* is not used: HTTP status 403/)
    expect(said).not.toMatch(/password/)
  })

  it("a web seed that has not got all that is missing", () => {
    const webSeeds = [{ url: "http://a.example/", state: { kind: "ready" }, lacking: 7 }] as const
    expect(reason({ webSeeds })).toBe("web seed http://a.example/ lacks 7 of the missing pieces")
  })

  it("names all that is known, in one sentence", () => {
    const said = reason({
      trackers: [tracker("failed", "refused")],
      webSeeds: [{ url: "http://a.example/", state: { kind: "ready" }, lacking: 0 }],
    })
    expect(said).toBe("web seed http://a.example/ has not answered; no tracker answers (refused)")
    expect(said).not.toMatch(/secret/)
  })
})
