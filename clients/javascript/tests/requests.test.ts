import { beforeEach, expect, test } from "vitest";
import {
  ClientClosed,
  DealsError,
  MessageTooLarge,
  NoReply,
  QueueFull,
  RateLimited,
  ServerError,
  ValidationError,
} from "../src/index.js";
import { FakeService } from "./support/service.js";

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});

const sent = () => service.heard("sendMessage");
const ids = (): Set<unknown> => new Set(sent().map(({ requestId }) => requestId));

test("a message is sent with a UUID and answered with the reply's data", async () => {
  const client = await service.connected();
  expect(await client.sendMessage("ben", "hi", { type: "offer" })).toEqual({
    messageId: "m1",
    recipientId: "ben",
    timestamp: 1,
  });
  expect(sent()[0]!.data).toEqual({ recipientId: "ben", content: "hi", type: "offer" });
  expect(sent()[0]!.requestId).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test("a message whose answer was lost with the connection is repeated with the same id", async () => {
  const client = await service.connected();
  service.answers.sendMessage = () => null;
  const message = client.sendMessage("ben", "hi");
  await service.clock.settle();
  delete service.answers.sendMessage;
  service.socket.drop();
  await service.clock.advance(2_000);
  expect((await message).messageId).toBe("m1");
  expect(sent().length).toBe(2);
  expect(ids().size).toBe(1);
});

test("without an answer the request is repeated on the same connection, and ends at its deadline with NoReply", async () => {
  const client = await service.connected();
  service.answers.sendMessage = () => null;
  const message = client.sendMessage("ben", "hi", { requestId: "mine" });
  await service.clock.advance(29_999);
  expect(sent().length).toBe(3);
  await service.clock.advance(1);
  await expect(message).rejects.toMatchObject({ name: "NoReply", requestId: "mine", retryable: true });
  await expect(message).rejects.toThrow(NoReply);
});

test("the deadline runs offline too, so nothing is sent late", async () => {
  const client = service.client();
  const message = client.sendMessage("ben", "hi", { timeoutMs: 5_000 });
  await service.clock.advance(5_000);
  await expect(message).rejects.toThrow(NoReply);
  await client.connect();
  await service.clock.settle();
  expect(sent()).toEqual([]);
});

test("two losses within five seconds end a request in flight", async () => {
  service.random = 0;
  const client = await service.connected();
  service.answers.sendMessage = () => null;
  const message = client.sendMessage("ben", "hi");
  await service.clock.settle();
  service.socket.drop();
  await service.clock.advance(1_000);
  service.socket.drop();
  await expect(message).rejects.toThrow(NoReply);
});

test("the queue is bounded in requests and bytes while there is no connection", async () => {
  const client = service.client({ queueRequests: 2, queueBytes: 1_000 });
  const first = client.sendMessage("ben", "hi");
  await expect(client.sendMessage("ben", "x".repeat(1_000))).rejects.toThrow(QueueFull);
  const second = client.sendMessage("ben", "hi");
  await expect(client.sendMessage("ben", "hi")).rejects.toThrow(QueueFull);
  await client.connect();
  await Promise.all([first, second]);
  expect(sent().length).toBe(2);
});

test("a frame that API Gateway would not take is refused at once", async () => {
  const client = await service.connected();
  await expect(client.sendMessage("ben", "ü".repeat(16_000))).rejects.toThrow(MessageTooLarge);
  expect(sent()).toEqual([]);
});

test.each(["MESSAGE_ERROR", "INTERNAL_ERROR"])(
  "%s is repeated with back-off until the deadline",
  async (code) => {
    const client = await service.connected();
    service.answers.sendMessage = () => service.error(code, { correlationId: "corr" });
    const message = client.sendMessage("ben", "hi");
    await service.clock.advance(30_000);
    await expect(message).rejects.toMatchObject({ code });
    expect(sent().length).toBeGreaterThan(4);
    expect(sent().length).toBeLessThan(8);
    expect(ids().size).toBe(1);
    if (code === "INTERNAL_ERROR")
      await expect(message).rejects.toMatchObject({ correlationId: "corr" } satisfies Partial<ServerError>);
  },
);

test("RATE_LIMITED waits as long as it says, and fails if the deadline does not allow", async () => {
  const client = await service.connected();
  let limited = true;
  service.answers.sendMessage = () =>
    limited ? service.error("RATE_LIMITED", { retryAfterMs: 2_000 }) : { messageId: "m9" };
  const message = client.sendMessage("ben", "hi");
  await service.clock.advance(2_000);
  expect(sent().length).toBe(1);
  limited = false;
  await service.clock.advance(400);
  expect((await message).messageId).toBe("m9");
  limited = true;
  await expect(client.sendMessage("ben", "hi", { timeoutMs: 1_000 })).rejects.toMatchObject({
    retryAfterMs: 2_000,
  } satisfies Partial<RateLimited>);
});

test("AUTHENTICATION_ERROR refreshes the token and repeats once", async () => {
  const client = await service.connected();
  service.answers.sendMessage = () =>
    service.heard("refreshToken").length
      ? { messageId: "m2" }
      : service.error("AUTHENTICATION_ERROR", { reason: "expired" });
  expect((await client.sendMessage("ben", "hi")).messageId).toBe("m2");
  expect(service.tokenReasons).toEqual(["connect", "expiring"]);

  service.answers.sendMessage = () => service.error("AUTHENTICATION_ERROR");
  service.tokenLifeS = 36_000;
  await expect(client.sendMessage("ben", "hi")).rejects.toMatchObject({ name: "AuthenticationError" });
});

test("CONNECTION_ERROR reconnects and repeats", async () => {
  const client = await service.connected();
  service.answers.sendMessage = (_, socket) =>
    socket === service.sockets[0] ? service.error("CONNECTION_ERROR") : { messageId: "m3" };
  const message = client.sendMessage("ben", "hi");
  await service.clock.advance(2_000);
  expect((await message).messageId).toBe("m3");
  expect(service.sockets.length).toBe(2);
});

test("VALIDATION_ERROR names the problems, an unknown code is a plain DealsError", async () => {
  const client = await service.connected();
  service.answers.sendMessage = () =>
    service.error("VALIDATION_ERROR", [{ field: "data.content", problem: "is empty" }]);
  const refused = client.sendMessage("ben", "");
  await expect(refused).rejects.toThrow(ValidationError);
  await expect(refused).rejects.toMatchObject({ problems: [{ field: "data.content", problem: "is empty" }] });
  service.answers.sendMessage = () => service.error("NEW_CODE");
  const unknown = (await client.sendMessage("ben", "hi").catch((error: unknown) => error)) as DealsError;
  expect([unknown.constructor, unknown.code, unknown.retryable]).toEqual([DealsError, "NEW_CODE", false]);
  expect(sent().length).toBe(2);
});

test("a close for its size does not repeat the request written last", async () => {
  const client = await service.connected();
  service.answers.sendMessage = (_, socket) => (socket.drop(1009), null);
  await expect(client.sendMessage("ben", "hi")).rejects.toThrow(NoReply);
  await service.clock.advance(2_000);
  expect(sent().length).toBe(1);
  expect(client.state).toBe("connected");
});

test("writes are held while much is buffered in the socket", async () => {
  const client = await service.connected();
  service.socket.bufferedAmount = 300_000;
  const message = client.sendMessage("ben", "hi");
  await service.clock.advance(200);
  expect(sent()).toEqual([]);
  service.socket.bufferedAmount = 0;
  await service.clock.advance(50);
  expect((await message).messageId).toBe("m1");
});

test("an abort takes a request back", async () => {
  const client = service.client();
  const controller = new AbortController();
  const message = client.sendMessage("ben", "hi", { signal: controller.signal });
  controller.abort();
  await expect(message).rejects.toMatchObject({ name: "AbortError" });
  await client.connect();
  expect(sent()).toEqual([]);
});

test("close rejects what waits, and nothing that nobody awaits is an unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const client = service.client();
  void client.sendMessage("ben", "hi");
  void client.presence(["ben"]);
  void client.subscribe("travel").update({ filters: { a: 1 } });
  void client.connect();
  const status = client.status();
  await client.close();
  await expect(status).rejects.toThrow(ClientClosed);
  await service.clock.settle();
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

test("frames without a type and unknown ones are warnings; late replies are not", async () => {
  await service.connected();
  service.socket.push({ message: "Internal server error", connectionId: "c", requestId: "r" });
  expect(service.warnings.map(({ code }) => code)).toEqual(["gatewayFrame"]);
  service.socket.push({ type: "novelty", data: {} });
  service.socket.push({ type: "messageSent", data: {}, requestId: "given-up" });
  service.socket.onmessage!({ data: "{" });
  expect(service.warnings.map(({ code }) => code)).toEqual(["gatewayFrame", "unknownFrame", "badFrame"]);
});

test("presence, acknowledgement and status return the reply's data", async () => {
  service.answers.getPresence = () => ({ users: { ben: { online: true } } });
  service.answers.notificationAck = (data) => ({ ...data, timestamp: 2 });
  const client = await service.connected();
  expect(await client.presence(["ben"])).toEqual({ ben: { online: true } });
  expect(await client.ack("m1")).toEqual({ messageId: "m1", type: "read", timestamp: 2 });
  expect((await client.status()).userId).toBe("ann");
});
