import { afterEach, expect, test, vi } from "vitest";
import { pageLifecycle } from "../src/lifecycle.js";
import { webStorage } from "../src/index.js";
import { FakeService } from "./support/service.js";

afterEach(() => vi.unstubAllGlobals());

/** A page: a window and a document that tell events. */
function page(): { window: EventTarget; document: EventTarget & { visibilityState: string } } {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("document", document);
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
  vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
  return { window, document };
}

test("where there is no page there is no life cycle", () => {
  expect(pageLifecycle()).toBeUndefined();
});

test("a page tells what happens to it, and pageshow only from the cache", () => {
  const { window, document } = page();
  const events: string[] = [];
  const stop = pageLifecycle()!.listen((event) => events.push(event));
  window.dispatchEvent(new Event("online"));
  window.dispatchEvent(new Event("pagehide"));
  window.dispatchEvent(new Event("pageshow"));
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  document.visibilityState = "hidden";
  document.dispatchEvent(new Event("visibilitychange"));
  expect(pageLifecycle()!.isActive()).toBe(false);
  stop();
  window.dispatchEvent(new Event("offline"));
  expect(events).toEqual(["online", "pagehide", "pageshow", "inactive"]);
});

test("a client in a page leaves with it and comes back from the cache", async () => {
  const { window } = page();
  const service = new FakeService();
  const client = await service.connected();
  window.dispatchEvent(new Event("pagehide"));
  expect(client.state).toBe("idle");
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  await service.clock.settle();
  expect(client.state).toBe("connected");
  await client.close();
});

test("web storage keeps one text under its key", async () => {
  const kept = new Map<string, string>();
  const area = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  const storage = webStorage(area, "mine");
  const service = new FakeService();
  const client = await service.connected({ storage });
  await client.subscribe("travel", { onEvent: () => {} }).ready;
  await client.close();
  expect([...kept.keys()]).toEqual(["mine"]);
  expect(JSON.parse(kept.get("mine")!)).toMatchObject({ topics: { travel: { position: 100 } } });
});
