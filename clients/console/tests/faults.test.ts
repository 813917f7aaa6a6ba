import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { begin, clearAll, FAULTS, inForce, readFaults } from "../src/store/faults";

interface Listed {
  fault_id: number;
  service: string;
  operation: string;
  status: number | null;
  delay_ms: number;
}

const SLOW = { service: "dynamodb", operation: "*", status: null, delay_ms: 300 };
const THROTTLED = { service: "dynamodb", operation: "*", status: 400, delay_ms: 0 };

/** What is in force at the front of the local cloud, and what it was told. */
let faults: Listed[];
let redis: string;
let calls: [string, object][];

function answer(call: string, body: { state?: string }): object {
  if (call === "GET faults") return faults;
  if (call === "GET status") return { redis };
  calls.push([call, body]);
  faults = faults.filter(({ fault_id }) => call !== `DELETE faults/${fault_id}`);
  redis = body.state ?? redis;
  return call === "POST faults" ? { fault_id: 7 } : {};
}

beforeEach(() => {
  [faults, redis, calls] = [[], "open", []];
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (path: string, { method, body }: RequestInit) =>
    Response.json(
      answer(`${method} ${path.replace("/_local_cloud/", "")}`, JSON.parse(String(body ?? "{}"))),
    ),
  );
});

afterEach(async () => {
  await clearAll();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const press = (id: string): Promise<void> => begin(FAULTS.find((fault) => fault.id === id)!);
const labels = (): string[] => inForce.value.map(({ label }) => label);

describe("a fault of the front", () => {
  it("ends at the front after 30 s, whatever becomes of the page", async () => {
    for (const id of ["slow", "throttled", "redis"]) await press(id);
    expect(calls.map(([call, body]) => [call, (body as { seconds: number }).seconds])).toEqual([
      ["POST faults", 30],
      ["POST faults", 30],
      ["POST redis", 30],
    ]);
    expect(labels()).toEqual(["Slow tables", "Throttled tables", "Redis away"]);
  });

  it("that was begun before the page was opened is in force, and can be cleared", async () => {
    faults = [
      { fault_id: 3, ...SLOW },
      { fault_id: 4, ...THROTTLED },
      { fault_id: 5, service: "sqs", operation: "SendMessage", status: 500, delay_ms: 0 },
    ];
    redis = "cut";
    await readFaults();
    expect(labels()).toEqual(["Slow tables", "Throttled tables", "sqs SendMessage", "Redis away"]);
    expect(inForce.value.every(({ endsAt }) => endsAt === undefined)).toBe(true);
    await clearAll();
    expect(calls).toEqual([
      ["DELETE faults/3", {}],
      ["DELETE faults/4", {}],
      ["DELETE faults/5", {}],
      ["POST redis", { state: "open" }],
    ]);
    expect(labels()).toEqual([]);
  });

  it("that two pages began stays in force until both are cleared", async () => {
    await press("slow");
    faults = [
      { fault_id: 7, ...SLOW },
      { fault_id: 8, ...SLOW },
    ];
    await clearAll();
    expect(labels()).toEqual(["Slow tables"]);
    await clearAll();
    expect([labels(), faults]).toEqual([[], []]);
  });

  it("that was begun before is over when the front says so", async () => {
    faults = [{ fault_id: 3, ...SLOW }];
    await readFaults();
    faults = [];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(labels()).toEqual([]);
  });

  it("that the page began is in force once, until its end", async () => {
    await press("slow");
    faults = [{ fault_id: 7, ...SLOW }];
    await readFaults();
    expect(inForce.value).toHaveLength(1);
    expect(inForce.value[0]!.endsAt).toBe(Date.now() + 30_000);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(labels()).toEqual([]);
  });

  it("takes the place of the one that was begun before", async () => {
    faults = [{ fault_id: 3, ...SLOW }];
    await readFaults();
    await press("slow");
    expect(calls.map(([call]) => call)).toEqual(["DELETE faults/3", "POST faults"]);
    expect(inForce.value).toHaveLength(1);
  });
});
