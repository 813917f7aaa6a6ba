import { beforeEach, expect, test } from "vitest";
import { events, options, service, startAnew } from "./support/subscriber.js";

beforeEach(startAnew);

const VALUES = [
  null,
  true,
  0,
  -1,
  1e308,
  "",
  "x",
  "__proto__",
  [],
  [null],
  {},
  { data: null },
  { frames: [null] },
];
const TYPES = [
  "batch",
  "closing",
  "constructor",
  "error",
  "events",
  "messageReceived",
  "messageStatus",
  "notification",
  "reconnect",
  "subscriptionConfirmed",
  "tokenExpiring",
  "toString",
  ...VALUES,
];
const FIELDS = ["requestId", "position", "eventId", "topic", "filters", "timestamp", "expiresAt", "code"];

/** Numbers from 0 to below 1 that are the same each time (mulberry32). */
function draw(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

test("no frame that is malformed throws, and the next event still arrives", async () => {
  const next = draw(64);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const client = await service.connected();
  await client.subscribe("travel", options()).ready;
  for (let count = 0; count < 3_000; count += 1) {
    const data = next() < 0.5 ? pick(VALUES) : Object.fromEntries(FIELDS.map((name) => [name, pick(VALUES)]));
    const frame: Record<string, unknown> = { type: pick(TYPES), data };
    for (const name of FIELDS) if (next() < 0.3) frame[name] = pick(VALUES);
    // These end or move what they name, as the service says.
    if (frame["type"] === "closing" || frame["type"] === "reconnect") continue;
    service.socket.push(frame);
    service.socket.onmessage?.({ data: JSON.stringify(frame).slice(0, Math.floor(next() * 40)) });
  }
  expect(client.state).toBe("connected");
  service.socket.push(service.event(10_000));
  expect(events.at(-1)).toMatchObject({ eventId: "e10000", data: { n: 10_000 } });
});
