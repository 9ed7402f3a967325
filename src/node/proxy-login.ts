import type { ProxyServer } from "../proxy/proxies.js"

/** A proxy looks at a login first: after so long without a word it is busy with what it was asked for, ms. */
const ANSWERS_WITHIN = 3_000

/** A proxy does not let us through, and it will be the same the next time. */
export class ProxyRefusal extends Error {
  override readonly name = "ProxyRefusal"
}

/**
 * A user and a password at a proxy. Many institutes lock an account after a few wrong ones: so until the proxy has taken them,
 * they are sent once at a time, and after it has refused them never again.
 */
export class ProxyLogin {
  #taken = false
  #refusal: ProxyRefusal | undefined
  /** Somebody sends it, while the others wait for what comes of it. */
  #trial: Promise<void> | undefined
  #endTrial = (): void => {}

  /**
   * Waits until it may be sent.
   *
   * @returns what is to be called when nothing came of it
   * @throws ProxyRefusal when the proxy has refused it
   */
  async turn(): Promise<() => void> {
    while (this.#trial !== undefined) await this.#trial
    if (this.#refusal !== undefined) throw this.#refusal
    return this.#taken ? () => {} : this.#try()
  }

  /** The proxy let us in. */
  take(): void {
    this.#taken = true
    this.#endTrial()
  }

  refuse(refusal: ProxyRefusal): void {
    this.#refusal = refusal
    this.#endTrial()
  }

  #try(): () => void {
    let resolveTrial = (): void => {}
    const trial = new Promise<void>((resolve) => {
      resolveTrial = resolve
    })
    const end = (): void => {
      clearTimeout(timer)
      if (this.#trial === trial) this.#trial = undefined
      resolveTrial()
    }
    const timer = setTimeout(() => this.take(), ANSWERS_WITHIN).unref()
    this.#trial = trial
    this.#endTrial = end
    return end
  }
}

/** Of this process, whoever asks. */
const logins = new Map<string, ProxyLogin>()

/** What a proxy won't do, as an error; it is noted when it is the login that was refused. */
export function refusalOf(proxy: ProxyServer, reason: string, what: "login" | "place"): ProxyRefusal {
  const refusal = new ProxyRefusal(`the proxy ${reason}`)
  if (what === "login") loginOf(proxy)?.refuse(refusal)
  return refusal
}

/** The login that a proxy's URL has; undefined when it has none. */
export function loginOf({ kind, host, port, credentials }: ProxyServer): ProxyLogin | undefined {
  if (credentials === undefined) return undefined
  const key = JSON.stringify([kind, host, port, credentials.user, credentials.password])
  let login = logins.get(key)
  if (login === undefined) {
    login = new ProxyLogin()
    logins.set(key, login)
  }
  return login
}
