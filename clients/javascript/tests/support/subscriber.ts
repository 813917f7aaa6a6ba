import type { DealEvent, Gap, SubscribeOptions } from "../../src/index.js";
import { FakeService } from "./service.js";

/** The service of a test, and what its subscriptions with `options` were told. */
export let service: FakeService;
export let events: DealEvent[];
export let gaps: Gap[];
export let states: string[];

/** Begin with another service and nothing told. */
export function startAnew(): void {
  service = new FakeService();
  events = [];
  gaps = [];
  states = [];
}

/** Options of a subscription that records what it is told. */
export function options(more: SubscribeOptions = {}): SubscribeOptions {
  return {
    onEvent: (event) => events.push(event),
    onGap: (gap) => gaps.push(gap),
    onState: ({ state }) => states.push(state),
    ...more,
  };
}

export const positions = (): number[] => events.map(({ position }) => position);
export const subscribed = (): Record<string, unknown>[] =>
  service.heard("subscribeToDeals").map(({ data }) => data);
