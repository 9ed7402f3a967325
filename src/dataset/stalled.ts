import { AtError } from "../errors.js"

/** Nothing arrived for `timeout` ms; `why`: what is known of it. */
export function stalled(
  timeout: number,
  why: string,
  hint = "try again later, which continues where it stopped, or add a source with `urls` or `peers`",
): AtError {
  return new AtError("AT_STALLED", `nothing arrived for ${timeout / 1000} s: ${why}`, { hint })
}
