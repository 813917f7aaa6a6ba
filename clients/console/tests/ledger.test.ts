import { beforeEach, describe, expect, it } from "vitest";
import { LOST_AFTER_MS, Ledger, type FeedEvent } from "../src/logic/ledger";
import type { JsonObject } from "../src/logic/matcher";

const TRAVEL = { topic: "all-deals", filters: { category: "travel" } };
let ledger: Ledger;
let number = 0;

function event(publishedAtMs: number, data: JsonObject = { category: "travel" }): FeedEvent {
  number += 1;
  return { number, eventId: `e${number}`, topic: "travel.flights", data, publishedAtMs };
}

function publish(at: number, data?: JsonObject): FeedEvent {
  const one = event(at, data);
  ledger.publish(one);
  return one;
}

beforeEach(() => {
  ledger = new Ledger();
  ledger.setWhole(0);
  ledger.begin(TRAVEL, 0);
});

describe("the sentence", () => {
  it("counts what the wish wants, and what came", () => {
    const wanted = publish(1_000);
    publish(1_100, { category: "books" });
    publish(1_200);
    ledger.arrive(wanted.eventId, 1_040);
    expect(ledger.count(2_000)).toEqual({
      expected: 2,
      came: 1,
      onTheWay: 1,
      lost: 0,
      unwanted: 0,
      repeats: 0,
      slowestMs: 40,
    });
  });

  it("takes an arrival that is told before its publication", () => {
    const one = event(1_000);
    ledger.arrive(one.eventId, 1_030);
    ledger.publish(one);
    expect(ledger.count(1_100)).toMatchObject({ expected: 1, came: 1, onTheWay: 0, slowestMs: 30 });
  });

  it("calls an event lost after a minute and a half of a whole connection, and takes that back", () => {
    const one = publish(1_000);
    expect(ledger.count(1_000 + LOST_AFTER_MS - 1)).toMatchObject({ onTheWay: 1, lost: 0 });
    expect(ledger.count(1_000 + LOST_AFTER_MS)).toMatchObject({ onTheWay: 0, lost: 1 });
    ledger.arrive(one.eventId, 100_000);
    expect(ledger.count(100_001)).toMatchObject({ came: 1, lost: 0, slowestMs: 99_000 });
  });

  it("waits while the connection is away, and from its return on", () => {
    publish(1_000);
    ledger.setWhole(undefined);
    expect(ledger.count(500_000)).toMatchObject({ onTheWay: 1, lost: 0 });
    ledger.setWhole(500_000);
    expect(ledger.count(500_000 + LOST_AFTER_MS - 1)).toMatchObject({ lost: 0 });
    expect(ledger.count(500_000 + LOST_AFTER_MS)).toMatchObject({ lost: 1 });
  });

  it("leaves open what was published while a wish changed", () => {
    ledger.end("all-deals", 10_000);
    const before = publish(9_900);
    publish(10_050);
    ledger.begin({ topic: "all-deals", filters: { category: "books" } }, 10_100);
    ledger.arrive(before.eventId, 10_200);
    expect(ledger.count(11_000)).toMatchObject({ expected: 1, came: 1, onTheWay: 0, unwanted: 0 });
  });

  it("tells what came though nobody wanted it", () => {
    const one = publish(1_000, { category: "books" });
    ledger.arrive(one.eventId, 1_010);
    expect(ledger.count(1_100)).toMatchObject({ expected: 1, came: 1, unwanted: 1 });
  });

  it("counts repeats, and an event told twice once", () => {
    const one = publish(1_000);
    ledger.publish(one);
    ledger.arrive(one.eventId, 1_010);
    ledger.arrive(one.eventId, 9_000);
    ledger.repeat();
    expect(ledger.count(9_100)).toMatchObject({ expected: 1, came: 1, repeats: 1, slowestMs: 10 });
  });

  it("stays exact when it forgets the oldest", () => {
    for (let at = 0; at < 30_000; at += 1) ledger.arrive(publish(1_000 + at).eventId, 1_005 + at);
    expect(ledger.count(40_000)).toMatchObject({ expected: 30_000, came: 30_000, lost: 0, slowestMs: 5 });
  });

  it("keeps the newest 20,000 arrivals, though nothing is told of their publication", () => {
    const [first, second, ...others] = Array.from({ length: 20_001 }, () => event(1_000));
    for (const one of [first!, second!, ...others]) ledger.arrive(one.eventId, 1_005);
    ledger.publish(first!);
    expect(ledger.count(2_000)).toMatchObject({ expected: 1, came: 0, onTheWay: 1 });
    ledger.publish(second!);
    expect(ledger.count(2_000)).toMatchObject({ expected: 2, came: 1, onTheWay: 1 });
  });

  it("counts an event once that is told again after its arrival is forgotten", () => {
    const one = publish(1_000);
    ledger.arrive(one.eventId, 1_005);
    for (let more = 0; more < 20_000; more += 1) ledger.arrive(event(1_000).eventId, 1_005);
    ledger.arrive(one.eventId, 9_000);
    expect(ledger.count(9_100)).toMatchObject({ expected: 1, came: 1, lost: 0, slowestMs: 5 });
  });
});
