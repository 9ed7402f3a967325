import type { HttpError } from "../ports/http.js"
import type { Refusal } from "./judge-answer.js"

/** How a request ended. The bytes given before are as good as any. */
export type RequestEnd =
  /** All that was asked for arrived; `excess`: and more, which was cut off. */
  | { kind: "whole"; excess: boolean }
  /** The connection or the body ended early. */
  | { kind: "cut"; reason: string }
  /** The server sends the whole file, and the part that is wanted lies too far inside. */
  | { kind: "no-ranges" }
  /** The file is not the one that its earlier part came from. */
  | { kind: "content-changed" }
  | Refusal

/** What it means that HTTP failed. */
export function endOf(error: HttpError): RequestEnd {
  switch (error.failure) {
    case "network":
    case "timeout":
      return { kind: "cut", reason: error.message }
    case "proxy":
    case "tls":
    case "unsafe-address":
    case "redirect":
      return { kind: "refused", reason: error.message }
    case "malformed":
      return { kind: "wrong-answer", reason: error.message }
  }
}
