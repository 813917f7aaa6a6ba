import { describe, expect, it } from "vitest";
import { FrameLog, select, toNdjson } from "../src/logic/frame_log";

function log(texts: string[], most = 5_000, bytes = 1_000_000): FrameLog {
  const made = new FrameLog(most, bytes);
  texts.forEach((text, at) => made.add("got", text, { type: text }, at));
  return made;
}

describe("a frame log", () => {
  it("lets the oldest go by count, and says how many", () => {
    const { frames, dropped } = log(["a", "b", "c", "d"], 2);
    expect([frames.map(({ text }) => text), dropped]).toEqual([["c", "d"], 2]);
  });

  it("lets the oldest go by size", () => {
    const { frames, dropped } = log(["aaaa", "bbbb", "cccc"], 10, 9);
    expect([frames.map(({ text }) => text), dropped]).toEqual([["bbbb", "cccc"], 1]);
  });

  it.each([
    ["a", 1],
    ["ü", 2],
    ["€", 3],
    ["😀", 4],
  ])("counts %s as %i bytes", (text, size) => expect(log([text]).frames[0]!.size).toBe(size));

  it("joins a reply with its request", () => {
    const joined = new FrameLog();
    joined.add("sent", "{}", { action: "ping", requestId: "1" }, 1_000);
    expect(joined.add("got", "{}", { type: "pong", requestId: "1" }, 1_041).answeredInMs).toBe(41);
    expect(joined.add("got", "{}", { type: "pong", requestId: "2" }, 1_050).answeredInMs).toBeUndefined();
  });

  it("keeps no token", () => {
    const kept = new FrameLog();
    const frame = { action: "refreshToken", data: { token: "ey.secret" }, requestId: "1" };
    kept.add("sent", JSON.stringify(frame), frame, 0);
    expect(toNdjson(kept.frames)).not.toContain("secret");
    expect(kept.frames[0]!.text).toContain("$TOKEN");
  });

  it("is filtered by text without regard to case, and saved in its order", () => {
    const { frames } = log(["Lisbon", "Oslo", "lisbon again"]);
    expect(select(frames, "LISBON").map(({ number }) => number)).toEqual([1, 3]);
    expect(select(frames, " ")).toHaveLength(3);
    const lines = toNdjson(frames).trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual([
      "Lisbon",
      "Oslo",
      "lisbon again",
    ]);
  });
});
