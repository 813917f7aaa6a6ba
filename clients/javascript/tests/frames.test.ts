import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { tapFrames, type RawFrame } from "../src/frames.js";
import { DealsClient } from "../src/index.js";

let server: WebSocketServer;
let client: DealsClient;
const frames: RawFrame[] = [];

beforeEach(async () => {
  frames.length = 0;
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "deals.v1" });
  await new Promise((resolve) => server.once("listening", resolve));
  const type: Record<string, object> = {
    getStatus: { type: "statusUpdate", data: { userId: "ann", subscriptions: [], tokenExpiresAt: 2_000 } },
    refreshToken: { type: "tokenRefreshed", data: { expiresAt: 9_000 } },
  };
  server.on("connection", (socket) => {
    socket.on("message", (text: Buffer) => {
      const { action, requestId } = JSON.parse(text.toString()) as { action: string; requestId?: string };
      socket.send(JSON.stringify({ ...type[action], requestId, timestamp: 1_000 }));
      if (action === "getStatus") socket.send('{"type":"tokenExpiring","data":{"expiresAt":1060}}');
    });
  });
  client = new DealsClient({
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/live`,
    getToken: () => "secret.secret.secret",
    WebSocket: tapFrames(WebSocket, (frame) => frames.push(frame)),
  });
});
afterEach(async () => {
  await client.close();
  server.close();
});

test("a tapped socket tells the frames of both directions in their order, and no token", async () => {
  await client.connect();
  await expect.poll(() => frames.length).toBeGreaterThanOrEqual(5);

  expect(
    frames.slice(0, 5).map(({ direction, text }) => {
      const { action, type } = JSON.parse(text) as { action?: string; type?: string };
      return [direction, action ?? type];
    }),
  ).toEqual([
    ["sent", "getStatus"],
    ["received", "statusUpdate"],
    ["received", "tokenExpiring"],
    ["sent", "refreshToken"],
    ["received", "tokenRefreshed"],
  ]);
  expect(JSON.stringify(frames)).not.toContain("secret");
  expect(frames[3]!.text).toContain('"token":"…"');
  expect(new Set(frames.map(({ connection }) => connection))).toEqual(new Set([1]));
});

test("each socket has its number", async () => {
  await client.connect();
  client.disconnect();
  await client.connect();
  expect(new Set(frames.map(({ connection }) => connection))).toEqual(new Set([1, 2]));
});
