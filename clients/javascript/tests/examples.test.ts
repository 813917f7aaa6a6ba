import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as deals from "../src/index.js";
import { FakeService } from "./support/service.js";

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});

/** The JavaScript examples of a page that use the client. */
function examples(page: string): string[] {
  const text = readFileSync(new URL(page, import.meta.url), "utf8");
  return [...text.matchAll(/```js\n(.*?)```/gs)]
    .map(([, code]) => code!)
    .filter((code) => code.includes("import"));
}

/** Run an example against the scripted service; `given` are the names that it leaves to the reader. */
function run(code: string, given: Record<string, unknown>): Promise<unknown> {
  class Client extends deals.DealsClient {
    constructor(options: deals.ClientOptions) {
      super({
        ...options,
        url: "wss://deals.example/live",
        WebSocket: service.socketClass(),
        clock: service.clock,
      });
    }
  }
  const names = { ...deals, DealsClient: Client, ...given };
  const body = code.replace(/^import .*$/gm, "").replace(/^export function (\w+)/gm, "return function $1");
  return new Function(...Object.keys(names), `return (async () => {${body}})()`)(
    ...Object.values(names),
  ) as Promise<unknown>;
}

type Deal = deals.DealEvent;
type UseDeals<Result> = (client: deals.DealsClient, topic: string, filters: deals.Filters) => Result;

const page = {
  fetch: async () => ({ status: 200, text: async () => "jwt" }),
  sessionStorage: { getItem: () => null, setItem: () => {} },
  showState: () => {},
  reload: () => {},
};

test.each(["../README.md", "../../../docs/client_guide.md"])(
  "the first example of %s shows what is published",
  async (path) => {
    const shown: unknown[] = [];
    await run(examples(path)[0]!, { ...page, show: (...args: unknown[]) => shown.push(args) });
    await service.clock.settle();
    expect(service.socket.protocols).toEqual(["deals.v1", "jwt"]);
    expect(service.heard("subscribeToDeals")[0]!.data).toEqual({
      topic: "electronics.laptops",
      filters: { price: { lt: 900 } },
      recent: 20,
    });
    service.socket.push(service.event(101, { topic: "electronics.laptops", data: { price: 800 } }));
    expect(shown.length).toBe(1);
  },
);

test("the example for Node iterates until it breaks, and closes", async () => {
  const lines: unknown[] = [];
  const running = run(examples("../../../docs/client_guide.md")[1]!, {
    url: "",
    WebSocket: undefined,
    getToken: () => "jwt",
    console: { log: (...args: unknown[]) => lines.push(args) },
  });
  await service.clock.settle();
  service.socket.push(service.event(101, { data: {} }));
  service.socket.push(service.event(102, { data: { last: true } }));
  await running;
  expect(lines).toEqual([
    [101, {}],
    [102, { last: true }],
  ]);
  expect(service.clock.running).toBe(0);
});

/** What an application shows, once React or Vue has rendered what has come. */
async function shown(): Promise<string> {
  await service.clock.settle();
  return document.body.textContent!;
}

describe("in a page", () => {
  let dom: JSDOM;
  beforeEach(() => {
    dom = new JSDOM("<div id=app></div>");
    for (const name of ["window", "document", "navigator", "Element", "SVGElement", "HTMLElement"] as const)
      vi.stubGlobal(name, name === "window" ? dom.window : dom.window[name]);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    dom.window.close();
  });

  test("the hook shows deals in React, whose Strict Mode mounts twice, and unsubscribes at the end", async () => {
    const react = await import("react");
    const { useEffect, useState } = react;
    const { createRoot } = await import("react-dom/client");
    const useDeals = (await run(examples("../../../docs/client_guide.md")[2]!, {
      useEffect,
      useState,
    })) as UseDeals<Deal[]>;
    const client = await service.connected();
    const Deals = () =>
      useDeals(client, "travel", { n: { gt: 100 } })
        .map(({ eventId }) => eventId)
        .join(" ");
    const root = createRoot(document.getElementById("app")!);
    root.render(react.createElement(react.StrictMode, null, react.createElement(Deals)));
    await vi.waitFor(() => expect(service.heard("subscribeToDeals").length).toBe(1));
    await service.clock.settle();

    for (const position of [101, 100, 102]) service.socket.push(service.event(position));
    await vi.waitFor(async () => expect(await shown()).toBe("e102 e101"));
    root.unmount();
    await vi.waitFor(() => expect(service.heard("unsubscribeFromDeals").length).toBe(1));
    await client.close();
  });

  test("the composable shows deals in Vue, and unsubscribes with its scope", async () => {
    const vue = await import("vue");
    const { onScopeDispose, ref } = vue;
    const useDeals = (await run(examples("../../../docs/client_guide.md")[3]!, {
      onScopeDispose,
      ref,
    })) as UseDeals<{
      value: Deal[];
    }>;
    const client = await service.connected();
    const app = vue.createApp({
      setup() {
        const deals = useDeals(client, "travel", {});
        return () => deals.value.map(({ eventId }) => eventId).join(" ");
      },
    });
    app.mount("#app");
    await service.clock.settle();

    for (const position of [101, 102]) service.socket.push(service.event(position));
    await vi.waitFor(async () => expect(await shown()).toBe("e102 e101"));
    app.unmount();
    await service.clock.settle();
    expect(service.heard("unsubscribeFromDeals").length).toBe(1);
    await client.close();
  });
});
