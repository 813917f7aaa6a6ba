import { beforeEach, expect, test } from "vitest";
import { ClientClosed, ConfigurationError, DealsClient, NotAuthorized } from "../src/index.js";
import { FakeService } from "./support/service.js";

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});

test("a new client opens nothing", async () => {
  service.client();
  await service.clock.settle();
  expect(service.sockets).toEqual([]);
  expect(service.clock.running).toBe(0);
});

test("the token goes into the subprotocols, and the first reply makes the client connected", async () => {
  const client = service.client();
  await client.connect();
  expect(client.state).toBe("connected");
  expect(service.socket.protocols).toEqual(["deals.v1", "token-1"]);
  expect(service.socket.url).toBe("wss://deals.example/live");
  expect(service.socket.requests[0]!.action).toBe("getStatus");
  expect(service.path).toEqual(["connecting", "connected"]);
  expect(service.tokenReasons).toEqual(["connect"]);
});

test("an open socket that answers nothing is lost after the time limit, and keeps its token", async () => {
  service.answers.getStatus = () => null;
  const client = await service.connected();
  await service.clock.advance(9_999);
  expect(client.state).toBe("connecting");
  await service.clock.advance(1);
  expect(service.states.at(-1)).toMatchObject({ state: "waiting", reason: "network", retryInMs: 1_000 });
  await service.clock.advance(1_000);
  expect(service.tokenReasons).toEqual(["connect"]);
});

test("a handshake that is not answered is given up after ten seconds", async () => {
  service.handshake = () => {};
  const client = await service.connected();
  await service.clock.advance(10_000);
  expect(client.state).toBe("waiting");
  expect(service.socket.isClosedByClient).toBe(true);
});

test("what an older socket still delivers is dropped", async () => {
  service.handshake = () => {};
  const client = await service.connected();
  const { onopen } = service.socket;
  await service.clock.advance(10_000);
  onopen!({});
  await service.clock.settle();
  expect(client.state).toBe("waiting");
  expect(service.socket.requests).toEqual([]);
});

test("NotAuthorized from getToken stops the client until the next connect", async () => {
  service.token = () => Promise.reject(new NotAuthorized("signed out"));
  const client = service.client();
  await expect(client.connect()).rejects.toThrow(NotAuthorized);
  expect(service.states.at(-1)).toMatchObject({ state: "stopped", reason: "notAuthorized" });
  expect(service.clock.running).toBe(0);
  service.token = () => "good";
  await client.connect();
  expect(client.state).toBe("connected");
});

test.each([
  [401, "connecting", undefined],
  [429, "waiting", "throttled"],
  [500, "waiting", "network"],
  [403, "stopped", "notAuthorized"],
  [404, "stopped", "configuration"],
])("a handshake answered %i makes the client %s", async (status, state, reason) => {
  let count = 0;
  service.handshake = (socket) => (count++ === 0 ? socket.refuse(status) : undefined);
  const client = await service.connected();
  expect(client.state).toBe(state);
  expect(service.states.at(-1)!.reason).toBe(reason);
  expect(service.tokenReasons).toEqual(status === 401 ? ["connect", "refused"] : ["connect"]);
});

test("a second 401 in a row waits", async () => {
  service.handshake = (socket) => socket.refuse(401);
  await service.connected();
  expect(service.sockets.length).toBe(2);
  expect(service.states.at(-1)).toMatchObject({ state: "waiting", reason: "refused" });
});

test("refusals without a status ask for a new token each time, and from the fifth on wait longer", async () => {
  service.handshake = (socket) => socket.refuse();
  await service.connected();
  for (let attempt = 0; attempt < 4; attempt += 1)
    await service.clock.advance(service.states.at(-1)!.retryInMs!);
  expect(service.tokenReasons).toEqual(["connect", "refused", "refused", "refused", "refused"]);
  const last = service.states.at(-1)!;
  expect(last).toMatchObject({ state: "waiting", reason: "refused" });
  expect(last.retryInMs).toBeGreaterThanOrEqual(10_000);
  expect(service.warnings.filter(({ code }) => code === "handshakeRefused").length).toBe(5);
});

test("delays grow at random up to the cap, and begin anew after a stable connection", async () => {
  service.random = 1;
  service.handshake = (socket) => socket.refuse(500);
  const client = await service.connected();
  const delays: number[] = [];
  for (let attempt = 0; attempt < 8; attempt += 1) {
    delays.push(service.states.at(-1)!.retryInMs!);
    await service.clock.advance(delays.at(-1)!);
  }
  expect(delays).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 120_000]);

  service.handshake = (socket) => socket.open();
  await service.clock.advance(service.states.at(-1)!.retryInMs!);
  expect(client.state).toBe("connected");
  await service.clock.advance(10_000);
  service.socket.drop();
  expect(service.states.at(-1)!.retryInMs).toBe(2_000);
});

test.each([1000, 1001, 1006, 1011, 4999])("a connection closed with %i is made again", async (code) => {
  const client = await service.connected();
  service.socket.drop(code);
  expect(service.states.at(-1)).toMatchObject({
    state: "waiting",
    reason: code === 1006 ? "network" : "closed",
  });
  await service.clock.advance(2_000);
  expect(client.state).toBe("connected");
  expect(service.tokenReasons).toEqual(code === 1000 ? ["connect", "refused"] : ["connect"]);
});

test("a closing frame says whether to come back, and when", async () => {
  await service.connected();
  service.socket.push({ type: "closing", data: { reason: "kicked", reconnect: true, retryAfterMs: 20_000 } });
  service.socket.drop(1000);
  expect(service.states.at(-1)).toMatchObject({ state: "waiting", retryInMs: 20_000 });
  await service.clock.advance(20_000);
  service.socket.push({ type: "closing", data: { reason: "blocked", reconnect: false } });
  service.socket.drop(1000);
  expect(service.states.at(-1)).toMatchObject({ state: "stopped", reason: "notAuthorized" });
});

test("a token that the service revoked is not used again", async () => {
  await service.connected();
  service.socket.push({ type: "closing", data: { reason: "revoked", reconnect: true } });
  service.socket.drop(1000);
  await service.clock.advance(2_000);
  expect(service.tokenReasons).toEqual(["connect", "refused"]);
});

test.each([
  "http://deals.example",
  "ws://deals.example/live",
  "wss://",
  "wss://deals.example/#part",
  "deals",
])("the URL %s stops the client", async (url) => {
  const client = service.client({ url });
  await expect(client.connect()).rejects.toThrow(ConfigurationError);
  expect(service.states.at(-1)).toMatchObject({ state: "stopped", reason: "configuration" });
});

test.each(["ws://localhost:8080/live", "ws://127.0.0.1/x", "ws://[::1]:1/x", "wss://deals.example/live?x=1"])(
  "the URL %s is accepted",
  async (url) => {
    const client = service.client({ url });
    await client.connect();
    expect(client.state).toBe("connected");
  },
);

test("where there is no WebSocket the error names the remedy", async () => {
  const client = new DealsClient({
    url: "wss://deals.example/live",
    getToken: () => "t",
    WebSocket: undefined,
  });
  const before = (globalThis as { WebSocket?: unknown }).WebSocket;
  delete (globalThis as { WebSocket?: unknown }).WebSocket;
  try {
    await expect(client.connect()).rejects.toThrow(/import WebSocket from "ws"/);
  } finally {
    if (before) (globalThis as { WebSocket?: unknown }).WebSocket = before;
  }
});

test("an abort ends connecting", async () => {
  service.handshake = () => {};
  const controller = new AbortController();
  const client = service.client();
  const connecting = client.connect({ signal: controller.signal });
  await service.clock.settle();
  controller.abort();
  await expect(connecting).rejects.toMatchObject({ name: "AbortError" });
  expect(client.state).toBe("idle");
  expect(service.clock.running).toBe(0);
});

test("a listener that disconnects wins over the transition that called it", async () => {
  const client = service.client();
  client.on("state", ({ state }) => state === "connected" && client.disconnect());
  void client.connect();
  await service.clock.settle();
  expect(client.state).toBe("idle");
  expect(service.path).toEqual(["connecting", "connected", "idle"]);
  expect(service.clock.running).toBe(0);
});

test.each([true, false])("close leaves no timer and no listener (polite peer: %s)", async (polite) => {
  service.closesPolitely = polite;
  const client = await service.connected();
  const subscription = client.subscribe("travel");
  const message = client.sendMessage("ben", "hi");
  service.answers.sendMessage = () => null;
  await service.clock.settle();
  const closing = client.close();
  await service.clock.advance(1_000);
  await closing;
  expect(service.clock.running).toBe(0);
  expect(service.path.at(-1)).toBe("closed");
  await expect(client.connect()).rejects.toThrow(ClientClosed);
  await expect(client.status()).rejects.toThrow(ClientClosed);
  expect(() => client.subscribe("travel")).toThrow(ClientClosed);
  expect(subscription.state).toBe("ended");
  await message.catch(() => {});
});

test.each([
  { queueBytes: 0 },
  { pingAfterMs: 541_000 },
  { getToken: undefined as never },
  { storage: { load: () => null } as never },
])("the options %j are refused", (options) => {
  expect(() => service.client(options)).toThrow(ConfigurationError);
});

test("no error and no warning holds a token", async () => {
  service.token = () => "secret-token";
  service.handshake = (socket) => socket.refuse(401);
  await service.connected();
  expect(JSON.stringify([service.states, service.warnings])).not.toContain("secret-token");
});

test("a subscription's handler that disconnects at a loss wins over the wait", async () => {
  const client = await service.connected();
  let isLive = false;
  await client.subscribe("travel", {
    onEvent: () => {},
    onState: ({ state }) => {
      if (state === "live") isLive = true;
      else if (isLive) client.disconnect();
    },
  }).ready;
  service.socket.drop();
  await service.clock.advance(60_000);
  expect(service.path).toEqual(["connecting", "connected", "idle"]);
  expect(service.clock.running).toBe(0);
});

test("a listener for warnings that throws is not told of that for ever", async () => {
  const client = await service.connected();
  let told = 0;
  client.on("warning", () => {
    told += 1;
    throw new Error("the log is full");
  });
  service.socket.push({ type: "novelty", data: {} });
  expect(told).toBe(1);
});

test("a client that was stopped for its URL watches nothing, however often it is tried", async () => {
  const client = service.client({ url: "deals" });
  for (let attempt = 0; attempt < 2; attempt += 1)
    await expect(client.connect()).rejects.toThrow(ConfigurationError);
  expect(service.clock.running).toBe(0);
});
