import { beforeEach, expect, test } from "vitest";
import { Forbidden } from "../src/index.js";
import type { Sub } from "../src/subscription.js";
import { FakeService } from "./support/service.js";

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});

test("events wait for the iterator from subscribe on, and break unsubscribes", async () => {
  const client = await service.connected();
  const subscription = client.subscribe("travel");
  await subscription.ready;
  for (const position of [101, 102, 103]) service.socket.push(service.event(position));
  const seen: number[] = [];
  for await (const event of subscription) {
    seen.push(event.position);
    if (seen.length === 2) break;
  }
  expect(seen).toEqual([101, 102]);
  expect(subscription.state).toBe("ended");
  expect(service.heard("unsubscribeFromDeals").length).toBe(1);
});

test("a full buffer loses nothing: the rest is read from the history once it is drained", async () => {
  const client = await service.connected({ buffer: 3 });
  const subscription = client.subscribe("travel");
  await subscription.ready;
  for (let position = 101; position <= 106; position += 1) service.socket.push(service.event(position));
  expect(subscription.state).toBe("catchingUp");
  expect(subscription.position).toBe(103);
  expect((subscription as Sub)._held()[1]).toBeLessThanOrEqual(6);
  expect(service.heard("getEvents")).toEqual([]);

  service.answers.getEvents = ({ since }) => ({
    position: 106,
    recovered: true,
    events: [101, 102, 103, 104, 105, 106].filter((n) => n > since - 2).map((n) => service.event(n)),
  });
  const seen: number[] = [];
  for await (const event of subscription) {
    seen.push(event.position);
    if (seen.length === 6) break;
  }
  expect(seen).toEqual([101, 102, 103, 104, 105, 106]);
  expect(service.heard("getEvents").map(({ data }) => data.since)).toEqual([103]);
});

test("events that were dropped while pages were read are asked for again", async () => {
  service.answers.subscribeToDeals = () => ({
    topic: "travel",
    position: 2,
    recovered: true,
    more: true,
    events: [service.event(1), service.event(2)],
  });
  let pages = 0;
  service.answers.getEvents = () => {
    pages += 1;
    if (pages > 1)
      return { position: 12, recovered: true, events: [10, 11, 12].map((n) => service.event(n)) };
    for (const position of [10, 11, 12]) service.socket.push(service.event(position));
    return { position: 3, recovered: true, events: [service.event(3)] };
  };
  const client = service.client({ buffer: 1 });
  const seen: number[] = [];
  const subscription = client.subscribe("travel", {
    since: 0,
    onEvent: ({ position }) => seen.push(position),
  });
  await client.connect();
  await subscription.ready;
  expect(seen.sort((a, b) => a - b)).toEqual([1, 2, 3, 10, 11, 12]);
  expect(pages).toBe(2);
});

test("the next page is asked for when the reader has taken the last event", async () => {
  service.answers.subscribeToDeals = () => ({
    topic: "travel",
    position: 2,
    recovered: true,
    more: true,
    events: [service.event(1), service.event(2)],
  });
  service.answers.getEvents = () => ({ position: 3, recovered: true, events: [service.event(3)] });
  const client = service.client();
  const iterator = client.subscribe("travel", { since: 0 })[Symbol.asyncIterator]();
  await client.connect();
  await iterator.next();
  await service.clock.settle();
  expect(service.heard("getEvents")).toEqual([]);
  await iterator.next();
  expect((await iterator.next()).value!.position).toBe(3);
});

test("the iterator of a forbidden subscription throws after what waits", async () => {
  const client = await service.connected();
  const subscription = client.subscribe("travel");
  await subscription.ready;
  service.socket.push(service.event(101));
  service.socket.push({ type: "subscriptionEnded", data: { topic: "travel", reason: "permissions" } });
  const iterator = subscription[Symbol.asyncIterator]();
  expect((await iterator.next()).value!.position).toBe(101);
  await expect(iterator.next()).rejects.toThrow(Forbidden);
  expect((await iterator.next()).done).toBe(true);
});

test("a subscription with onEvent is not iterated over", async () => {
  const subscription = service.client().subscribe("travel", { onEvent: () => {} });
  expect(() => subscription[Symbol.asyncIterator]()).toThrow(TypeError);
});

test("10,000 events through 100 reconnects: none lost, none twice, memory flat", async () => {
  const history: number[] = [];
  let position = 0;
  const after = (since: number) => {
    const missed = history.filter((n) => n > since - 3);
    const page = missed.slice(0, 40);
    return {
      topic: "travel",
      recovered: true,
      position: page.at(-1) ?? since,
      ...(missed.length > 40 && { more: true }),
      events: page.map((n) => service.event(n)),
    };
  };
  service.answers.subscribeToDeals = ({ since }) =>
    since === undefined ? { topic: "travel", position: 0 } : after(since);
  service.answers.getEvents = ({ since }) => after(since);
  service.random = 0;
  const client = await service.connected();
  const seen = new Map<number, number>();
  const subscription = client.subscribe("travel", {
    onEvent: (event) => seen.set(event.position, (seen.get(event.position) ?? 0) + 1),
  });
  await subscription.ready;

  for (let round = 0; round < 100; round += 1) {
    for (let n = 0; n < 100; n += 1) {
      position += 1;
      history.push(position);
      if (n < 50) service.socket.push(service.event(position));
      if (n % 7 === 0) service.socket.push(service.event(position));
      if (n === 50) service.socket.drop();
    }
    await service.clock.advance(10_001);
  }
  expect(seen.size).toBe(10_000);
  expect(Math.max(...seen.values())).toBe(1);
  expect(service.sockets.length).toBe(101);
  const [seenIds, buffered] = (subscription as Sub)._held();
  expect(seenIds).toBeLessThanOrEqual(2_000);
  expect(buffered).toBe(0);
});
