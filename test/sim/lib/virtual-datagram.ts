import type { VirtualHost, VirtualNetwork } from "./virtual-network.js"

/** The most that fits into an IPv4 datagram. */
export const MAX_DATAGRAM = 65_507

/** Takes a datagram of so many bytes from one host to another: it may be lost, come twice, or come late. */
export function carryDatagram(
  network: VirtualNetwork,
  { from, to, length }: { readonly from: VirtualHost; readonly to: VirtualHost; readonly length: number },
  arrive: () => void,
): void {
  const { random } = network
  const [near, far] = [from.profile, to.profile]
  const happens = (chance: "loss" | "duplication") =>
    to !== from && (random.chance(near[chance]) || random.chance(far[chance]))
  const whoHoldsBack = () => (to === from ? undefined : [near, far].find(({ reordering }) => random.chance(reordering)))
  const deliver = () => {
    if (network.connected(from, to)) arrive()
  }
  const copies = happens("duplication") ? 2 : 1
  for (let copy = 0; copy < copies; copy++) {
    if (happens("loss") || !network.connected(from, to)) continue
    const heldBack = whoHoldsBack()?.reorderingDelay ?? 0
    network.carry(from, to, length, () => {
      if (heldBack > 0) network.clock.after(heldBack, deliver)
      else deliver()
    })
  }
}
