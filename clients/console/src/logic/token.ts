import { isObject, type JsonObject } from "./matcher";

/** What a page can read of its own token, without the key. */
export interface Claims {
  user: string;
  /** Epoch seconds. */
  expiresAt: number | undefined;
  scope: string;
}

/** The claims of a JWT; undefined for what is none. */
export function readClaims(token: string): Claims | undefined {
  const part = token.trim().split(".")[1];
  if (!part) return undefined;
  try {
    const bytes = Uint8Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (sign) =>
      sign.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!isObject(claims)) return undefined;
    return {
      user: typeof claims.sub === "string" ? claims.sub : "",
      expiresAt: typeof claims.exp === "number" ? claims.exp : undefined,
      scope: scopeOf(claims),
    };
  } catch {
    return undefined;
  }
}

function scopeOf({ scope }: JsonObject): string {
  return Array.isArray(scope) ? scope.join(" ") : String(scope ?? "");
}

/** Why a service may refuse a token, as far as the token itself shows; empty where nothing is wrong. */
export function findFaults(claims: Claims | undefined, now: number): string[] {
  if (!claims) return ["It is no JWT: it must have three parts, the second one JSON."];
  const faults = [];
  if (!claims.user) faults.push("It has no subject (`sub`).");
  if (claims.expiresAt === undefined) faults.push("It has no end (`exp`).");
  else if (claims.expiresAt * 1_000 <= now) faults.push("It has expired.");
  if (!claims.scope.split(" ").includes("websocket"))
    faults.push("Its scope does not have the word websocket.");
  return faults;
}
