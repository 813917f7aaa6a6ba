import { signal } from "@preact/signals";
import { pageState, stateReason } from "../store/connection";
import { cards, isPaused, total } from "../store/deals";
import { speaks } from "../store/preferences";

const EVERY_MS = 10_000;
const news = signal("");
const urgent = signal("");
let saidAt = 0;
let saidTotal = 0;
let saidState = "";

/** What screen readers hear: new deals at most every ten seconds, states at once, bad ones as an alert. */
export function Announcer() {
  return (
    <div class="hidden">
      <div role="status">{news.value}</div>
      <div role="alert">{urgent.value}</div>
    </div>
  );
}

/** Once a second: say what there is to say. */
export function announce(now: number): void {
  const state = pageState.peek();
  if (state !== saidState) {
    saidState = state;
    const text = `${state}${stateReason.peek() ? `, ${stateReason.peek()}` : ""}`;
    if (state === "gap" || state === "expired" || state === "refused") urgent.value = text;
    else news.value = text;
    return;
  }
  const count = total.peek() - saidTotal;
  if (!speaks.peek() || isPaused.peek() || count === 0 || now - saidAt < EVERY_MS) return;
  const prices = cards
    .peek()
    .slice(0, count)
    .flatMap(({ data }) => (typeof data.price === "number" ? [data.price] : []));
  saidAt = now;
  saidTotal = total.peek();
  news.value = `${count} new deals${prices.length > 0 ? `, cheapest ${Math.min(...prices).toFixed(2)}` : ""}`;
}
