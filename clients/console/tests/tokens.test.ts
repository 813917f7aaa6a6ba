import { describe, expect, it } from "vitest";
import { findFaults, readClaims } from "../src/logic/token";
import { formatDuration, formatMs, showSigns } from "../src/logic/visible";

const make = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;

describe("a token", () => {
  it("is read without its key", () => {
    expect(readClaims(make({ sub: "zoë|1", exp: 100, scope: "a websocket" }))).toEqual({
      user: "zoë|1",
      expiresAt: 100,
      scope: "a websocket",
    });
  });

  it.each(["", "x", "a.b.c", "a.bnVsbA.c"])("%j is none", (text) => {
    expect(findFaults(readClaims(text), 0)[0]).toContain("no JWT");
  });

  it("shows what a service would refuse", () => {
    expect(findFaults(readClaims(make({ exp: 1 })), 2_000)).toHaveLength(3);
    expect(findFaults(readClaims(make({ sub: "ann", exp: 3, scope: "websocket" })), 2_000)).toEqual([]);
  });
});

describe("text", () => {
  it("shows signs that cannot be seen as their code", () => {
    expect(showSigns("a\u202eb\u200bc\u0000\n\t")).toBe("a⟨U+202E⟩b⟨U+200B⟩c⟨U+0000⟩\n\t");
  });

  it("of times is short", () => {
    expect([formatMs(43.6), formatMs(3_210), formatDuration(252_000)]).toEqual([
      "44 ms",
      "3.2 s",
      "00:04:12",
    ]);
  });
});
