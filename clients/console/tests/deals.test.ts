import type { DealEvent } from "deals-client";
import { beforeEach, describe, expect, it } from "vitest";
import { cards, density, draw, isHeld, take, waiting } from "../src/store/deals";

let at = 1_000_000;
let position = 0;

/** So many live deals, all at once. */
function takeMany(count: number): void {
  for (const last = position + count; position < last;) {
    position += 1;
    const event = { eventId: `d${position}`, topic: "travel", position, data: {}, source: "live" };
    take(event as DealEvent, at, 10);
  }
}

beforeEach(() => {
  isHeld.value = false;
  at += 10_000; // no deal of the last test counts for the rate
  draw(at);
});

describe("the list", () => {
  it("becomes lines above twenty deals a second", () => {
    takeMany(60);
    draw(at);
    expect(density.value.mode).toBe("lines");
    expect(cards.value[0]!.position).toBe(position);
  });

  it("stays as it is while the reader holds it, whatever the rate", () => {
    isHeld.value = true;
    const before = cards.value;
    takeMany(60);
    draw(at);
    expect([cards.value, density.value.mode, waiting.value]).toEqual([before, "cards", 60]);
    draw(at, true);
    expect([cards.value[0]!.position, density.value.mode, waiting.value]).toEqual([position, "lines", 0]);
  });
});
