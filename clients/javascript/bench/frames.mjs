// Processor time of the client for each frame and subscription, as a ratio to a bare socket that only parses.
// node --expose-gc bench/frames.mjs, after npm run build

import { DealsClient } from "../dist/index.js";

const FRAMES = 20_000;
const ROUNDS = 7;
const SUBSCRIPTIONS = 1_000;

let socket;
class Socket {
  bufferedAmount = 0;
  constructor() {
    socket = this;
    queueMicrotask(() => this.onopen({}));
  }
  send(text) {
    const { action, data, requestId } = JSON.parse(text);
    const answers = {
      getStatus: [
        "statusUpdate",
        { userId: "ann", subscriptions: [], server: { features: ["eventFilters"] } },
      ],
      subscribeToDeals: ["subscriptionConfirmed", { topic: data?.topic, position: 0 }],
    };
    if (!answers[action]) return;
    const [type, reply] = answers[action];
    queueMicrotask(() =>
      this.onmessage?.({ data: JSON.stringify({ type, data: reply, requestId, timestamp: 1 }) }),
    );
  }
  close() {}
  terminate() {}
}

const frame = (n) =>
  JSON.stringify({
    type: "dealUpdate",
    data: { title: `Laptop ${n}`, price: n % 1_000, brand: "x" },
    topic: "electronics.laptops",
    eventId: `shop-${n}`,
    position: n,
    filters: { brand: "x" },
    timestamp: 1_795_382_480,
  });

const microseconds = (work) => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
};
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

const client = new DealsClient({ url: "wss://h/s", getToken: () => "t", WebSocket: Socket });
await client.connect();
let handled = 0;
await client.subscribe("electronics.laptops", {
  filters: { price: { lt: 900 }, brand: ["x", "y"] },
  onEvent: () => (handled += 1),
}).ready;

const bare = [];
const full = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const frames = Array.from({ length: FRAMES }, (_, n) => frame(round * FRAMES + n + 1));
  bare.push(microseconds(() => frames.forEach((text) => JSON.parse(text))));
  full.push(microseconds(() => frames.forEach((text) => socket.onmessage({ data: text }))));
}
if (handled !== ROUNDS * FRAMES * 0.9) throw new Error(`${handled} events were handled`);

globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const waiting = Array.from({ length: SUBSCRIPTIONS }, (_, n) =>
  client.subscribe(`t${n}`, { filters: { price: { lt: 900 } }, onEvent: () => {} }),
);
globalThis.gc?.();
const bytes = (process.memoryUsage().heapUsed - before) / waiting.length;

console.log(`frames a second of one core: ${Math.round((FRAMES * 1e6) / median(full)).toLocaleString("en")}`);
console.log(
  `processor time of a frame, beside JSON.parse alone: ${(median(full) / median(bare)).toFixed(2)}`,
);
console.log(`memory of a subscription: ${(bytes / 1024).toFixed(1)} KB`);
await client.close();
