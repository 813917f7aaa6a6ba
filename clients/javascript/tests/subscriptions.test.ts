import { beforeEach, expect, test } from "vitest";
import { DuplicateSubscription, Forbidden } from "../src/index.js";
import { events, options, positions, service, startAnew, states, subscribed } from "./support/subscriber.js";

beforeEach(startAnew);

test("a subscription made before connecting is sent with the first status", async () => {
  const client = service.client();
  const subscription = client.subscribe("travel", options({ filters: { price: { lt: 900 } } }));
  expect(subscription.state).toBe("pending");
  await client.connect();
  expect(await subscription.ready).toEqual({ position: 100, recovered: true });
  expect(service.socket.requests.map(({ action }) => action)).toEqual(["getStatus", "subscribeToDeals"]);
  expect(subscribed()).toEqual([{ topic: "travel", filters: { price: { lt: 900 } } }]);
  expect(states).toEqual(["live"]);
});

test("live events come once, as they come, and move the position up", async () => {
  const client = await service.connected();
  const subscription = client.subscribe("travel", options());
  await subscription.ready;
  for (const position of [103, 101, 103, 102]) service.socket.push(service.event(position));
  expect(positions()).toEqual([103, 101, 102]);
  expect(subscription.position).toBe(103);
  expect(events[0]).toEqual({
    type: "dealUpdate",
    topic: "travel",
    eventId: "e103",
    position: 103,
    timestamp: 1,
    data: { n: 103 },
    source: "live",
  });
});

test("the pushes of a batch frame come one by one", async () => {
  const client = await service.connected();
  await client.subscribe("travel", options()).ready;
  service.socket.push({
    type: "batch",
    data: { frames: [service.event(101), service.event(102, { type: "batch" })] },
  });
  expect(positions()).toEqual([101, 102]);
});

test("an event goes to each subscription whose own filter holds", async () => {
  const client = await service.connected();
  const all: string[] = [];
  await client.subscribe("travel", options({ filters: { price: { lt: 5 } } })).ready;
  await client.subscribe("all-deals", {
    filters: { brand: "x" },
    onEvent: ({ eventId }) => all.push(eventId),
  }).ready;
  service.socket.push(service.event(101, { data: { price: 1 }, filters: { brand: "x" } }));
  service.socket.push(service.event(102, { data: { price: 9 }, filters: { brand: "x" } }));
  service.socket.push(service.event(103, { topic: "other", data: { brand: "x" } }));
  service.socket.push(service.event(104, { topic: "private.team", data: { brand: "x" } }));
  expect(positions()).toEqual([101]);
  expect(all).toEqual(["e101", "e102", "e103"]);
});

test("subscribe, unsubscribe, subscribe sends the last wish alone", async () => {
  const client = await service.connected();
  const answers: (() => void)[] = [];
  service.answers.subscribeToDeals = (_, socket) => {
    const { requestId, data } = service.heard("subscribeToDeals").at(-1)!;
    answers.push(() =>
      socket.push({ type: "subscriptionConfirmed", requestId, data: { ...data, position: 1 } }),
    );
    return null;
  };
  void client.subscribe("travel", options({ filters: { a: 1 } })).unsubscribe();
  void client.subscribe("travel", options({ filters: { a: 2 } })).unsubscribe();
  const last = client.subscribe("travel", options({ filters: { a: 3 } }));
  await service.clock.settle();
  expect(subscribed().length).toBe(1);
  answers.shift()!();
  await service.clock.settle();
  answers.shift()?.();
  await last.ready;
  expect(subscribed().at(-1)!.filters).toEqual({ a: 3 });
  expect(service.heard("unsubscribeFromDeals")).toEqual([]);
});

test("an unsubscribe while offline sends nothing", async () => {
  const client = await service.connected();
  const subscription = client.subscribe("travel", options());
  await subscription.ready;
  service.socket.drop();
  await subscription.unsubscribe();
  await service.clock.advance(2_000);
  expect(client.state).toBe("connected");
  expect(service.sockets.length).toBe(2);
  expect(service.socket.requests.map(({ action }) => action)).toEqual(["getStatus"]);
});

test("equal filters share one subscription of the service, counted", async () => {
  const client = await service.connected();
  const first = client.subscribe("travel", options({ filters: { a: 1, b: 2 } }));
  const second = client.subscribe("travel", options({ filters: { b: 2, a: 1 } }));
  await Promise.all([first.ready, second.ready]);
  const third = client.subscribe("travel", options({ filters: { a: 1, b: 2 } }));
  await third.ready;
  expect(subscribed().length).toBe(1);
  service.socket.push(service.event(101, { data: { a: 1, b: 2 } }));
  expect(positions()).toEqual([101, 101, 101]);
  await first.unsubscribe();
  await second.unsubscribe();
  expect(service.heard("unsubscribeFromDeals")).toEqual([]);
  await third.unsubscribe();
  expect(service.heard("unsubscribeFromDeals").length).toBe(1);
});

test("other filters on a topic are refused, since they would replace the first", async () => {
  const client = await service.connected();
  const first = client.subscribe("travel", options({ filters: { a: 1 } }));
  expect(() => client.subscribe("travel", options({ filters: { a: 2 } }))).toThrow(DuplicateSubscription);
  await first.ready;
  await first.update({ filters: { a: 2 } });
  expect(subscribed().at(-1)).toEqual({ topic: "travel", filters: { a: 2 }, since: 100 });
});

test("Forbidden ends a subscription, which is not renewed", async () => {
  service.answers.subscribeToDeals = () => service.error("FORBIDDEN", { reason: "topic" });
  const client = await service.connected();
  const changes: unknown[] = [];
  const subscription = client.subscribe(
    "private.x",
    options({ onState: ({ state, reason }) => changes.push([state, reason]) }),
  );
  await expect(subscription.ready).rejects.toThrow(Forbidden);
  expect(changes).toEqual([["ended", "forbidden"]]);
  service.socket.drop();
  await service.clock.advance(2_000);
  expect(subscribed().length).toBe(1);
});

test("subscriptionEnded ends a subscription with the service's reason", async () => {
  const client = await service.connected();
  const iterated = client.subscribe("travel");
  await iterated.ready;
  service.socket.push({ type: "subscriptionEnded", data: { topic: "travel", reason: "operator" } });
  expect(await iterated[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  expect(iterated.state).toBe("ended");
});

test("renewals go in order of creation, fifty at once and then two a second", async () => {
  const client = service.client();
  for (let n = 0; n < 53; n += 1) client.subscribe(`t${n}`, options());
  await client.connect();
  expect(subscribed().map(({ topic }) => topic)).toEqual(Array.from({ length: 50 }, (_, n) => `t${n}`));
  await service.clock.advance(1_000);
  expect(subscribed().length).toBe(52);
  await service.clock.advance(500);
  expect(subscribed().length).toBe(53);
});

test("what the service has lost is renewed after the next check", async () => {
  service.status.subscriptions = [{ topic: "home", filters: {} }];
  const client = await service.connected();
  await client.subscribe("travel", options()).ready;
  await client.subscribe("home", options()).ready;
  await service.clock.advance(90_000);
  expect(subscribed().map(({ topic, since }) => [topic, since])).toEqual([
    ["travel", undefined],
    ["home", undefined],
    ["travel", 100],
  ]);
});

test("a handler that throws is a warning, and the next event is delivered", async () => {
  const client = await service.connected();
  const seen: number[] = [];
  await client.subscribe("travel", {
    onEvent: async ({ position }) => {
      seen.push(position);
      throw new Error("mine");
    },
  }).ready;
  service.socket.push(service.event(101));
  service.socket.push(service.event(102));
  await service.clock.settle();
  expect(seen).toEqual([101, 102]);
  expect(service.warnings.map(({ code }) => code)).toEqual(["handlerFailed", "handlerFailed"]);
});

test("order by position holds each event for half a second and marks late ones", async () => {
  const client = await service.connected();
  await client.subscribe("travel", options({ order: "position" })).ready;
  for (const position of [105, 103, 104]) service.socket.push(service.event(position));
  expect(positions()).toEqual([]);
  await service.clock.advance(500);
  expect(positions()).toEqual([103, 104, 105]);
  service.socket.push(service.event(102));
  await service.clock.advance(500);
  expect(events.at(-1)).toMatchObject({ position: 102, late: true });
});

test("an abort unsubscribes", async () => {
  const client = await service.connected();
  const controller = new AbortController();
  const subscription = client.subscribe("travel", options({ signal: controller.signal }));
  await subscription.ready;
  controller.abort();
  await service.clock.settle();
  expect(subscription.state).toBe("ended");
  expect(service.heard("unsubscribeFromDeals").length).toBe(1);
});

test("a subscription that fails for a while is tried again", async () => {
  let failing = true;
  service.answers.subscribeToDeals = () =>
    failing ? service.error("SUBSCRIPTION_ERROR", { reason: "store" }) : { topic: "travel", position: 7 };
  const client = await service.connected();
  const subscription = client.subscribe("travel", options());
  await service.clock.advance(5_000);
  expect(subscribed().length).toBeGreaterThan(2);
  failing = false;
  await service.clock.advance(20_000);
  expect(subscription.state).toBe("live");
});

test("a limit that is passed ends the subscription with the reason", async () => {
  service.answers.subscribeToDeals = () => service.error("SUBSCRIPTION_ERROR", { reason: "maximum" });
  const client = await service.connected();
  const subscription = client.subscribe("travel", options());
  await expect(subscription.ready).rejects.toMatchObject({
    name: "SubscriptionError",
    reason: "maximum",
    retryable: false,
  });
});

test("filters that the service refuses leave the old ones in force", async () => {
  const client = await service.connected();
  const subscription = client.subscribe("travel", options({ filters: { n: { lt: 200 } } }));
  await subscription.ready;
  service.answers.subscribeToDeals = ({ filters }) =>
    filters.n.like
      ? service.error("VALIDATION_ERROR", [])
      : { topic: "travel", filters, position: 100, recovered: true, events: [] };
  await expect(subscription.update({ filters: { n: { like: 1 } as never } })).rejects.toThrow(
    "VALIDATION_ERROR",
  );
  await service.clock.settle();
  expect(subscription.state).toBe("live");
  service.socket.push(service.event(101));
  expect(positions()).toEqual([101]);
  expect(subscribed().at(-1)).toEqual({ topic: "travel", filters: { n: { lt: 200 } }, since: 100 });
});

test("a service that does not send the attributes it matches by is believed", async () => {
  service.features = [];
  const client = await service.connected();
  await client.subscribe("travel", options({ filters: { brand: "x" } })).ready;
  service.socket.push(service.event(101));
  expect(positions()).toEqual([101]);
});
