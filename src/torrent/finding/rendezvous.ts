import { Allowances } from "../../bytes/allowance.js"
import type { Endpoint } from "../../ports/net.js"
import {
  encodeHolepunch,
  HOLEPUNCH_EXTENSION,
  HolepunchError,
  type HolepunchMessage,
} from "../../wire/holepunch-message.js"
import type { PeerSource } from "../peer-source.js"
import { contactOf, leadsTo, mayLeadTo } from "./contact.js"

/** ms */
const MINUTE = 60_000
/** A peer is brought together with so many others a minute at most, at its own wish and at others'. */
const MAX_WISHES = 10
const MAX_OTHERS = 20

export interface RendezvousOptions {
  /** Peers with whom the handshake is done. */
  readonly peers: () => Iterable<PeerSource>
  /** Whether that address is ours. */
  readonly isOwn: (endpoint: Endpoint) => boolean
}

/**
 * The one in the middle of hole punching (BEP 55): tells two of our peers, who can't reach each other, to connect to each
 * other at the same moment. Each hears of an address from which the other has answered us, so nobody else is sent anything.
 */
export class Rendezvous {
  readonly #options: RendezvousOptions
  readonly #wishes = new Allowances<PeerSource>(MAX_WISHES, MINUTE)
  readonly #others = new Allowances<PeerSource>(MAX_OTHERS, MINUTE)

  constructor(options: RendezvousOptions) {
    this.#options = options
  }

  /** `initiator` wants to be brought together with whoever is at `wanted`. */
  bringTogether(initiator: PeerSource, wanted: Endpoint, now: number): void {
    if (!this.#wishes.take(initiator, now)) return
    const target = [...this.#options.peers()].find((peer) => peer !== initiator && leadsTo(wanted, peer))
    const error = this.#refusal(initiator, wanted, target)
    if (target === undefined || error !== undefined) {
      say(initiator, "error", wanted, error)
      return
    }
    if (!this.#others.take(target, now)) return
    say(initiator, "connect", contactOf(target) ?? target.session.remote)
    say(target, "connect", contactOf(initiator) ?? initiator.session.remote)
  }

  #refusal(initiator: PeerSource, wanted: Endpoint, target: PeerSource | undefined): number | undefined {
    if (this.#options.isOwn(wanted)) return HolepunchError.noSelf
    if (target === undefined) return HolepunchError.notConnected
    if (!target.session.takesExtension(HOLEPUNCH_EXTENSION)) return HolepunchError.noSupport
    // Neither learns anything of a network that is not its own.
    const [one, other] = [initiator.session.remote, target.session.remote]
    return mayLeadTo(one, other.host) && mayLeadTo(other, one.host) ? undefined : HolepunchError.noSuchPeer
  }
}

function say(to: PeerSource, kind: HolepunchMessage["kind"], { host, port }: Endpoint, error = 0): void {
  const payload = encodeHolepunch({ kind, host, port, error })
  if (payload !== undefined) to.session.sendExtension(HOLEPUNCH_EXTENSION, payload)
}
