// What the client takes of a processor and of memory, beside JSON.parse, a bare `ws` and centrifuge-js.
// node --expose-gc bench/frames.mjs [--quick], after npm run build; `python -m tests.bench javascript_client` reads it.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Centrifuge } from "centrifuge";
import { WebSocket } from "ws";
import { DealsClient } from "../dist/index.js";
import { CentrifugoSocket, DealsSocket, centrifugoFrame, dealsFrame } from "./sockets.mjs";
import { returnAtOnce } from "./storm.mjs";

const quick = process.argv.includes("--quick");
const FRAMES = quick ? 5_000 : 20_000;
const ROUNDS = quick ? 3 : 7;
const SUBSCRIPTIONS = 1_000;

const microseconds = async (work) => {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
};
const kilobytesEach = (make) => {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const held = Array.from({ length: SUBSCRIPTIONS }, (_, n) => make(n));
  globalThis.gc();
  return (process.memoryUsage().heapUsed - before) / held.length / 1024;
};

let handled = 0;
const client = new DealsClient({ url: "wss://h/s", getToken: () => "t", WebSocket: DealsSocket });
await client.connect();
const filters = { price: { lt: 900 }, brand: ["x", "y"] };
await client.subscribe("electronics.laptops", { filters, onEvent: () => (handled += 1) }).ready;
const deals = DealsSocket.last;

let taken = 0;
const centrifuge = new Centrifuge("wss://h/c", { websocket: CentrifugoSocket });
centrifuge.connect();
const channel = centrifuge.newSubscription("electronics.laptops");
channel.on("publication", () => (taken += 1));
channel.subscribe();
await channel.ready();
const centrifugo = CentrifugoSocket.last;

const rounds = { parse: [], client: [], centrifuge: [] };
for (let round = 0; round < ROUNDS; round += 1) {
  const numbers = Array.from({ length: FRAMES }, (_, n) => round * FRAMES + n + 1);
  const texts = numbers.map(dealsFrame);
  const others = numbers.map(centrifugoFrame);
  rounds.parse.push(await microseconds(() => texts.forEach((text) => JSON.parse(text))));
  rounds.client.push(await microseconds(() => texts.forEach((data) => deals.onmessage({ data }))));
  // Centrifuge handles frames one after the other in promises.
  rounds.centrifuge.push(
    await microseconds(async () => {
      others.forEach((data) => centrifugo.onmessage({ data }));
      while (taken < (round + 1) * FRAMES) await new Promise((resolve) => setImmediate(resolve));
    }),
  );
}
if (handled !== ROUNDS * FRAMES * 0.9) throw new Error(`${handled} events were handled`);

// The same over a socket of this machine: a bare `ws` that parses, and the client on the same `ws`.
const server = fork(fileURLToPath(new URL("./server.mjs", import.meta.url)), { execArgv: [] });
const [{ port }] = await once(server, "message");
const overSocket = { bare: [], client: [] };
const bare = new WebSocket(`ws://localhost:${port}/bare`);
await once(bare, "open");
let parsed = 0;
bare.on("message", (text) => JSON.parse(text.toString()) && (parsed += 1));
let live = 0;
const overWs = new DealsClient({ url: `ws://localhost:${port}/live`, getToken: () => "t", WebSocket });
await overWs.connect();
await overWs.subscribe("electronics.laptops", { filters, onEvent: () => (live += 1) }).ready;
for (let round = 0; round < ROUNDS; round += 1) {
  const blast = (path, arrived) =>
    microseconds(async () => {
      server.send({ path, first: round * FRAMES + 1, count: FRAMES });
      while (!arrived()) await new Promise((resolve) => setTimeout(resolve, 1));
    });
  overSocket.bare.push(await blast("/bare", () => parsed === (round + 1) * FRAMES));
  overSocket.client.push(await blast("/live", () => live === (round + 1) * FRAMES * 0.9));
}
bare.terminate();
await overWs.close();
server.kill();

const ratios = (some, other) => some.map((value, round) => value / other[round]);
console.log(
  JSON.stringify({
    framesPerSecond: rounds.client.map((us) => (FRAMES * 1e6) / us),
    addedMicroseconds: rounds.client.map((us, round) => (us - rounds.parse[round]) / FRAMES),
    ofParse: ratios(rounds.parse, rounds.client),
    ofCentrifuge: ratios(rounds.centrifuge, rounds.client),
    ofBareSocket: ratios(overSocket.bare, overSocket.client),
    subscriptionKB: kilobytesEach((n) => client.subscribe(`t${n}`, { filters, onEvent: () => {} })),
    centrifugeSubscriptionKB: kilobytesEach((n) => {
      const subscription = centrifuge.newSubscription(`t${n}`);
      subscription.on("publication", () => {});
      subscription.subscribe();
      return subscription;
    }),
    storm: await returnAtOnce(),
  }),
);
process.exit(0);
