import { expect, test } from "vitest";
import { FakeService } from "./support/service.js";

const CLIENTS = 500;

/** Numbers in [0, 1) that are the same in every run (a linear congruential generator). */
function draws(): () => number {
  let state = 42;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

test("500 clients that lose their connections at once come back spread over the first two seconds", async () => {
  const service = new FakeService();
  const random = draws();
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => service.connected({ random })));
  const first = [...service.sockets];
  const handshakes: number[] = [];
  const began = service.clock.now();
  service.handshake = (socket) => {
    handshakes.push(service.clock.now() - began);
    socket.open();
  };
  for (const socket of first) socket.drop();
  expect(handshakes).toEqual([]);
  await service.clock.advance(2_000);

  expect(clients.every(({ state }) => state === "connected")).toBe(true);
  expect(handshakes.length).toBe(CLIENTS);
  const perTenth = Array.from(
    { length: 20 },
    (_, tenth) => handshakes.filter((at) => Math.floor(at / 100) === tenth).length,
  );
  expect(Math.max(...perTenth)).toBeLessThan(50); // a whole account takes 500 a second
  expect(service.tokenReasons.length).toBe(CLIENTS); // the storm spares the token service
});

test("500 clients before a closed door ask less and less", async () => {
  const service = new FakeService();
  const random = draws();
  service.handshake = (socket) => socket.refuse(500);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => service.connected({ random })));
  await service.clock.advance(60_000);
  const before = service.sockets.length;
  await service.clock.advance(60_000);
  // The delays are drawn from 0 to 30 s: four attempts a minute of each client on average.
  expect(service.sockets.length - before).toBeLessThan(5 * CLIENTS);
  expect(service.tokenReasons.length).toBe(CLIENTS);
  expect(clients.every(({ state }) => state === "waiting" || state === "connecting")).toBe(true);
});
