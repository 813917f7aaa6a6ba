import { beforeEach, expect, test } from "vitest";
import {
  events,
  gaps,
  options,
  positions,
  service,
  startAnew,
  states,
  subscribed,
} from "./support/subscriber.js";

beforeEach(startAnew);

test("after a loss it resumes from its position, and the replay fills what was missed", async () => {
  const client = await service.connected();
  const subscription = client.subscribe("travel", options());
  await subscription.ready;
  service.socket.push(service.event(101));
  service.answers.subscribeToDeals = ({ since }) => ({
    topic: "travel",
    position: 104,
    recovered: since === 101,
    events: [service.event(101), service.event(103), service.event(104)],
  });
  service.socket.drop();
  expect(subscription.state).toBe("pending");
  await service.clock.advance(2_000);
  expect(subscribed().at(-1)).toEqual({ topic: "travel", filters: {}, since: 101 });
  expect(positions()).toEqual([101, 103, 104]);
  expect(events.map(({ source }) => source)).toEqual(["live", "replay", "replay"]);
  expect(gaps).toEqual([]);
});

test("pages follow until there is no more, and live events wait for them without moving the position", async () => {
  const client = service.client();
  service.answers.subscribeToDeals = () => ({
    topic: "travel",
    position: 52,
    recovered: true,
    more: true,
    events: [service.event(51), service.event(52)],
  });
  let release!: () => void;
  service.answers.getEvents = (_, socket) => {
    const { requestId } = service.heard("getEvents").at(-1)!;
    release = () =>
      socket.push({
        type: "events",
        requestId,
        data: { position: 53, recovered: true, events: [service.event(53)] },
      });
    return null;
  };
  const subscription = client.subscribe("travel", options({ since: 50 }));
  await client.connect();
  await service.clock.settle();
  expect(subscription.state).toBe("catchingUp");
  service.socket.push(service.event(60));
  expect(subscription.position).toBe(52);
  expect(positions()).toEqual([51, 52]);
  expect(service.heard("getEvents").map(({ data }) => data)).toEqual([
    { topic: "travel", filters: {}, since: 52 },
  ]);
  release();
  await service.clock.settle();
  expect(positions()).toEqual([51, 52, 53, 60]);
  expect(subscription.position).toBe(60);
  expect(states).toEqual(["catchingUp", "live"]);
});

test("a service without getEvents is asked for the next page by subscribing again", async () => {
  service.features = [];
  service.answers.subscribeToDeals = ({ since }) => ({
    topic: "travel",
    position: since + 1,
    recovered: true,
    ...(since < 52 && { more: true }),
    events: [service.event(since + 1)],
  });
  const client = service.client();
  const subscription = client.subscribe("travel", options({ since: 50 }));
  await client.connect();
  await subscription.ready;
  expect(subscribed().map(({ since }) => since)).toEqual([50, 51, 52]);
  expect(positions()).toEqual([51, 52, 53]);
  expect(service.heard("getEvents")).toEqual([]);
});

test("a history that no longer reaches back is told once, before what is left", async () => {
  service.answers.subscribeToDeals = () => ({
    topic: "travel",
    position: 900,
    recovered: false,
    events: [service.event(800)],
  });
  const client = service.client();
  const order: string[] = [];
  const subscription = client.subscribe("travel", {
    since: 50,
    onEvent: ({ eventId }) => order.push(eventId),
    onGap: (gap) => order.push(JSON.stringify(gap)),
  });
  await client.connect();
  expect(await subscription.ready).toEqual({ position: 900, recovered: false });
  expect(order).toEqual(['{"from":50,"to":900,"reason":"history"}', "e800"]);
});

test("the service's position replaces the own one, even a lower one", async () => {
  const client = await service.connected();
  const subscription = client.subscribe("travel", options());
  await subscription.ready;
  service.socket.push(service.event(500));
  service.answers.subscribeToDeals = () => ({ topic: "travel", position: 3, recovered: false, events: [] });
  service.socket.drop();
  await service.clock.advance(2_000);
  expect(subscription.position).toBe(3);
});

test("more than maxReplay events end in a gap and a fresh picture", async () => {
  service.answers.subscribeToDeals = ({ since, recent }) =>
    since === undefined
      ? { topic: "travel", position: 990, events: recent ? [service.event(990)] : [] }
      : {
          topic: "travel",
          position: since + 2,
          more: true,
          recovered: true,
          events: [service.event(since + 1), service.event(since + 2)],
        };
  service.answers.getEvents = ({ since }) => ({
    position: since + 2,
    more: true,
    recovered: true,
    events: [service.event(since + 1), service.event(since + 2)],
  });
  const client = service.client({ maxReplay: 3 });
  const subscription = client.subscribe("travel", options({ since: 10, recent: 5 }));
  await client.connect();
  expect(await subscription.ready).toEqual({ position: 990, recovered: false });
  expect(gaps).toEqual([{ from: 14, to: 990, reason: "tooFar" }]);
  expect(positions()).toEqual([11, 12, 13, 14, 990]);
  expect(subscribed().at(-1)).toEqual({ topic: "travel", filters: {}, recent: 5 });
});

test("recent gives a first picture, and only where there is no position", async () => {
  service.answers.subscribeToDeals = ({ recent }) => ({
    topic: "travel",
    position: 100,
    events: recent ? [service.event(99), service.event(100)] : [],
  });
  const client = await service.connected();
  await client.subscribe("travel", options({ recent: 2 })).ready;
  expect(events.map(({ source, position }) => [source, position])).toEqual([
    ["recent", 99],
    ["recent", 100],
  ]);
});

test("a service that does not know recent is asked without it", async () => {
  service.features = [];
  service.answers.subscribeToDeals = ({ recent }) =>
    recent
      ? service.error("VALIDATION_ERROR", [{ field: "data.recent", problem: "is unknown" }])
      : { topic: "travel", position: 1 };
  const client = await service.connected();
  await client.subscribe("travel", options({ recent: 2 })).ready;
  await client.subscribe("home", options({ recent: 2 })).ready;
  expect(subscribed().map(({ recent }) => recent)).toEqual([2, undefined, undefined]);
});
