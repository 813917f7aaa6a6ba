import { beforeEach, expect, test } from "vitest";
import { NotAuthorized, keepIn, type Lifecycle, type LifecycleEvent } from "../src/index.js";
import { FakeService } from "./support/service.js";

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});

class App implements Lifecycle {
  active = true;
  private listener: ((event: LifecycleEvent) => void) | undefined;
  isActive = (): boolean => this.active;
  listen = (listener: (event: LifecycleEvent) => void): (() => void) => {
    this.listener = listener;
    return () => (this.listener = undefined);
  };
  get isHeard(): boolean {
    return this.listener !== undefined;
  }
  tell(event: LifecycleEvent): void {
    this.listener?.(event);
  }
}

const count = (action: string): number => service.heard(action).length;

test("a silent connection is asked after a minute, and lost when it does not answer", async () => {
  service.tokenLifeS = 36_000;
  const client = await service.connected();
  service.answers.getStatus = () => null;
  await service.clock.advance(60_000);
  expect(count("ping")).toBe(1);
  service.answers.ping = () => null;
  await service.clock.advance(69_999);
  expect(client.state).toBe("connected");
  await service.clock.advance(20_000);
  expect(service.path).toContain("waiting");
});

test("a busy stream never pings", async () => {
  const client = await service.connected();
  for (let n = 0; n < 60; n += 1) {
    await service.clock.advance(30_000);
    service.socket.push({ type: "messageStatus", data: {} });
  }
  expect(client.state).toBe("connected");
  expect(count("ping")).toBe(0);
});

test("a time limit that fires late after a sleep first handles what has arrived, then gives five seconds more", async () => {
  const client = await service.connected();
  service.answers.ping = service.answers.getStatus = () => null;
  await service.clock.advance(60_000);
  expect(count("ping")).toBe(1);
  await service.clock.sleep(3_000_000);
  expect(client.state).toBe("connected");
  await service.clock.advance(5_000);
  expect(client.state).toBe("waiting");
});

test("a hidden page only keeps the connection open; a visible one asks at once", async () => {
  const app = new App();
  const client = await service.connected({ lifecycle: app });
  app.active = false;
  app.tell("inactive");
  await service.clock.advance(70_000);
  await service.clock.advance(500_000);
  expect(count("ping")).toBe(0);
  expect(count("keepAlive")).toBe(1);
  app.active = true;
  app.tell("active");
  expect(count("ping")).toBe(1);
  expect(client.state).toBe("connected");
});

test("where keepAlive is unknown a hidden page pings", async () => {
  service.features = [];
  const app = new App();
  app.active = false;
  await service.connected({ lifecycle: app });
  await service.clock.advance(600_000);
  expect(count("keepAlive")).toBe(0);
  expect(count("ping")).toBeGreaterThan(0);
});

test("offline is a question: the connection stays while it answers", async () => {
  const app = new App();
  const client = await service.connected({ lifecycle: app });
  app.tell("offline");
  await service.clock.advance(10_000);
  expect(count("ping")).toBe(1);
  expect(client.state).toBe("connected");
  service.answers.ping = () => null;
  app.tell("offline");
  await service.clock.advance(10_000);
  expect(client.state).not.toBe("connected");
});

test("online ends a wait within half a second, once in five", async () => {
  service.random = 1;
  const app = new App();
  const client = await service.connected({ lifecycle: app });
  service.handshake = (socket) => socket.refuse(500);
  service.socket.drop();
  await service.clock.advance(2_000);
  expect(service.states.at(-1)).toMatchObject({ state: "waiting", retryInMs: 4_000 });
  app.tell("online");
  await service.clock.advance(500);
  expect(service.sockets.length).toBe(3);
  app.tell("online");
  await service.clock.advance(500);
  expect(service.sockets.length).toBe(3);
  expect(client.state).toBe("waiting");
});

test("pagehide disconnects, and pageshow from the cache connects", async () => {
  const app = new App();
  const client = await service.connected({ lifecycle: app });
  await client.subscribe("travel").ready;
  app.tell("pagehide");
  expect(client.state).toBe("idle");
  expect(app.isHeard).toBe(true);
  await service.clock.advance(1_000);
  expect(service.clock.running).toBe(0);
  app.tell("pageshow");
  await service.clock.settle();
  expect(client.state).toBe("connected");
  expect(service.heard("subscribeToDeals").at(-1)!.data.since).toBe(100);
  await client.close();
  expect(app.isHeard).toBe(false);
});

test("the token is refreshed a good minute before its end, and the time counts by the service's clock", async () => {
  await service.connected();
  await service.clock.advance(3_600_000 - 75_001);
  expect(count("refreshToken")).toBe(0);
  await service.clock.advance(1);
  expect(service.heard("refreshToken").map(({ data }) => data.token)).toEqual(["token-2"]);
  expect(service.tokenReasons).toEqual(["connect", "expiring"]);
});

test("a token that lives no longer is a failure, which is tried again after 5 and 10 seconds", async () => {
  const client = await service.connected();
  service.answers.refreshToken = () => ({ expiresAt: 1_795_382_481 });
  service.socket.push({ type: "tokenExpiring", data: {} });
  await service.clock.settle();
  expect(count("refreshToken")).toBe(1);
  await service.clock.advance(5_000);
  expect(count("refreshToken")).toBe(2);
  await service.clock.advance(9_999);
  expect(count("refreshToken")).toBe(2);
  await service.clock.advance(1);
  expect(count("refreshToken")).toBe(3);
  expect(client.state).toBe("connected");
});

test("a getToken that does not answer is given up after ten seconds, and asked once at a time", async () => {
  await service.connected();
  service.token = () => new Promise(() => {});
  service.socket.push({ type: "tokenExpiring", data: {} });
  service.socket.push({ type: "tokenExpiring", data: {} });
  await service.clock.advance(10_000);
  expect(service.tokenReasons).toEqual(["connect", "expiring"]);
  expect(service.warnings.at(-1)!.code).toBe("tokenNotRefreshed");
});

test("NotAuthorized at a refresh stops the client", async () => {
  const client = await service.connected();
  service.token = () => {
    throw new NotAuthorized("signed out");
  };
  service.socket.push({ type: "tokenExpiring", data: {} });
  await service.clock.settle();
  expect(client.state).toBe("stopped");
});

test("a hand-over overlaps: both deliver, nothing comes twice, the state stays connected", async () => {
  const client = await service.connected();
  const seen: number[] = [];
  await client.subscribe("travel", { onEvent: ({ position }) => seen.push(position) }).ready;
  const [old] = service.sockets;
  service.answers.subscribeToDeals = () => ({
    topic: "travel",
    position: 102,
    recovered: true,
    events: [service.event(101), service.event(102)],
  });
  old!.push({ type: "reconnect", data: { reason: "limit", graceSeconds: 30 } });
  old!.push(service.event(101));
  await service.clock.settle();
  expect(service.sockets.length).toBe(2);
  expect(service.heard("subscribeToDeals").at(-1)!.data.since).toBe(101);
  old!.push(service.event(103));
  service.socket.push(service.event(103));
  service.socket.push(service.event(104));
  await service.clock.advance(1_000);
  expect(old!.isClosedByClient).toBe(true);
  expect(seen).toEqual([101, 102, 103, 104]);
  expect(service.path).toEqual(["connecting", "connected"]);
  expect((await client.sendMessage("ben", "hi")).messageId).toBe("m1");
  expect(service.socket.heard("sendMessage").length).toBe(1);
});

test("a hand-over waits for answers on the old connection for ten seconds, then repeats them on the new one", async () => {
  const client = await service.connected();
  const [old] = service.sockets;
  service.answers.sendMessage = (_, socket) => (socket === old ? null : { messageId: "m5" });
  const message = client.sendMessage("ben", "hi");
  old!.push({ type: "reconnect", data: {} });
  await service.clock.advance(9_000);
  expect(old!.isClosedByClient).toBe(false);
  await service.clock.advance(2_000);
  expect(old!.isClosedByClient).toBe(true);
  expect((await message).messageId).toBe("m5");
});

test("a hand-over that is refused keeps the old connection and cuts it before its end", async () => {
  const client = await service.connected();
  service.handshake = (socket) => socket.refuse(429);
  service.socket.push({ type: "reconnect", data: { graceSeconds: 60 } });
  await service.clock.settle();
  expect(client.state).toBe("connected");
  expect(service.sockets[0]!.isClosedByClient).toBe(false);
  service.handshake = (socket) => socket.open();
  await service.clock.advance(60_000);
  expect(service.path).toEqual(["connecting", "connected", "waiting", "connecting", "connected"]);
});

test("without a reconnect frame the client moves by itself before two hours are over, and again", async () => {
  service.tokenLifeS = 100_000;
  const client = await service.connected();
  await service.clock.advance(118 * 60_000 + 1_000);
  expect(service.sockets.length).toBe(2);
  await service.clock.advance(118 * 60_000 + 1_000);
  expect(service.sockets.length).toBe(3);
  expect(service.path).toEqual(["connecting", "connected"]);
  service.socket.drop();
  await service.clock.advance(2_000);
  expect(client.state).toBe("connected");
});

test("positions outlive the client, for the same user and a day", async () => {
  let stored: string | null = null;
  const storage = keepIn({ load: () => stored, save: (text) => void (stored = text) });
  const first = await service.connected({ storage });
  await first.subscribe("travel", { onEvent: () => {} }).ready;
  service.socket.push(service.event(105));
  await service.clock.advance(1_000);
  expect(JSON.parse(stored!)).toMatchObject({
    user: "ann",
    topics: { travel: { position: 105, ids: ["e105"] } },
  });
  await first.close();

  const second = service.client({ storage });
  second.subscribe("travel", { recent: 5 });
  await second.connect();
  await service.clock.settle();
  expect(service.heard("subscribeToDeals").at(-1)!.data).toEqual({
    topic: "travel",
    filters: {},
    since: 105,
    recent: 5,
  });
  await second.close();

  service.status.userId = "eve";
  const other = service.client({ storage });
  other.subscribe("travel");
  await other.connect();
  await service.clock.settle();
  expect(service.heard("subscribeToDeals").at(-1)!.data).toEqual({ topic: "travel", filters: {} });
});

test("what the iterator has not taken is not stored as seen", async () => {
  let stored = "";
  const client = await service.connected({
    storage: keepIn({ load: () => null, save: (text) => void (stored = text) }),
  });
  const subscription = client.subscribe("travel");
  await subscription.ready;
  for (const position of [101, 102, 103]) service.socket.push(service.event(position));
  await subscription[Symbol.asyncIterator]().next();
  await client.close();
  expect(JSON.parse(stored).topics.travel).toEqual({ position: 101, ids: ["e101"] });
});

test("a topic that is called as what all objects inherit has no stored position", async () => {
  const saved = { user: "ann", time: service.clock.now(), topics: {} };
  const storage = keepIn({ load: () => JSON.stringify(saved), save: () => undefined });
  const client = service.client({ storage });
  client.subscribe("constructor", { recent: 5 });
  await client.connect();
  await service.clock.settle();
  expect(service.heard("subscribeToDeals").at(-1)!.data).toEqual({
    topic: "constructor",
    filters: {},
    recent: 5,
  });
});

test("a storage that fails is a warning", async () => {
  const failing = () => {
    throw new Error("full");
  };
  const client = await service.connected({ storage: keepIn({ load: failing, save: failing }) });
  await client.subscribe("travel").ready;
  await service.clock.advance(1_000);
  expect(service.warnings.map(({ code }) => code)).toEqual(["storageFailed", "storageFailed"]);
});

test("messages come once, and after a reconnect the inbox is read for what was missed", async () => {
  const entry = (id: string) => ({
    messageId: id,
    kind: "message",
    senderId: "ben",
    type: "text",
    content: "hi",
    timestamp: 1,
    status: "sent",
  });
  const client = await service.connected();
  const messages: string[] = [];
  const notifications: unknown[] = [];
  client.on("message", ({ messageId }) => messages.push(messageId));
  client.on("notification", (notification) => notifications.push(notification));
  for (const id of ["01ZA", "01ZA"]) service.socket.push({ type: "messageReceived", data: entry(id) });
  expect(service.heard("getMessages")).toEqual([]);
  await service.clock.advance(61_000);
  service.answers.getMessages = ({ after }) =>
    after === "01ZA"
      ? { messages: [entry("01ZA"), entry("01ZB")], next: "01ZB" }
      : { messages: [{ ...entry("01ZC"), kind: "notification", content: { title: "t", message: "m" } }] };
  service.socket.drop();
  await service.clock.advance(2_000);
  expect(messages).toEqual(["01ZA", "01ZB"]);
  expect(notifications).toEqual([{ messageId: "01ZC", title: "t", message: "m" }]);
});

test("the id of a notification is the service's, whatever its publisher wrote into it", async () => {
  const client = await service.connected();
  const told: string[] = [];
  client.on("message", ({ messageId }) => told.push(messageId));
  client.on("notification", ({ messageId }) => told.push(messageId));
  service.answers.getMessages = () => ({
    messages: [
      { messageId: "01ZC", kind: "notification", content: { title: "t", messageId: "01ZD" }, timestamp: 1 },
      { messageId: "01ZD", kind: "message", senderId: "ben", type: "text", content: "hi", timestamp: 1 },
    ],
  });
  await service.clock.advance(61_000);
  service.socket.drop();
  await service.clock.advance(2_000);
  expect(told).toEqual(["01ZC", "01ZD"]);
});

test("the inbox is paged through, oldest first", async () => {
  service.answers.getMessages = ({ after }) =>
    after ? { messages: [{ messageId: "2" }] } : { messages: [{ messageId: "1" }], next: "1" };
  const client = await service.connected();
  const ids: string[] = [];
  for await (const { messageId } of client.inbox({ status: "sent" })) ids.push(messageId);
  expect(ids).toEqual(["1", "2"]);
  expect(service.heard("getMessages").map(({ data }) => data)).toEqual([
    { limit: 100, status: "sent" },
    { limit: 100, after: "1", status: "sent" },
  ]);
});

test("disconnect keeps the subscriptions for the next connect", async () => {
  const client = await service.connected();
  const subscription = client.subscribe("travel");
  await subscription.ready;
  client.disconnect();
  await service.clock.advance(1_000);
  expect(service.clock.running).toBe(0);
  expect([client.state, subscription.state]).toEqual(["idle", "pending"]);
  await client.connect();
  await service.clock.settle();
  expect(subscription.state).toBe("live");
});
