import { readFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
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

test("the hook for React unsubscribes when it is unmounted, and bears a second mount", async () => {
  const effects: (() => () => void)[] = [];
  let state: unknown[] = [];
  const useState = () => [state, (change: (before: unknown[]) => unknown[]) => (state = change(state))];
  const useDeals = (await run(examples("../../../docs/client_guide.md")[2]!, {
    useState,
    useEffect: (effect: () => () => void) => effects.push(effect),
  })) as (...args: unknown[]) => unknown;
  const client = await service.connected();
  useDeals(client, "travel", {});
  const unmount = effects[0]!();
  unmount();
  const unmountAgain = effects[0]!();
  await service.clock.settle();
  service.socket.push(service.event(101));
  expect(state.length).toBe(1);
  unmountAgain();
  await service.clock.settle();
  expect(service.heard("unsubscribeFromDeals").length).toBe(1);
});

test("the composable for Vue unsubscribes with its scope", async () => {
  const disposals: (() => void)[] = [];
  const useDeals = (await run(examples("../../../docs/client_guide.md")[3]!, {
    ref: (value: unknown) => ({ value }),
    onScopeDispose: (dispose: () => void) => disposals.push(dispose),
  })) as (...args: unknown[]) => { value: unknown[] };
  const client = await service.connected();
  const found = useDeals(client, "travel", {});
  await service.clock.settle();
  service.socket.push(service.event(101));
  expect(found.value.length).toBe(1);
  disposals[0]!();
  await service.clock.settle();
  expect(service.heard("unsubscribeFromDeals").length).toBe(1);
});
