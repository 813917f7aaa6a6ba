import { effect, signal } from "@preact/signals";
import { cards } from "./deals";

/** The topics of the deals on the page, for suggestions. */
export const knownTopics = signal<readonly string[]>([]);

effect(() => {
  const topics = [...new Set(cards.value.map(({ topic }) => topic))].sort().slice(0, 50);
  if (topics.join() !== knownTopics.peek().join()) knownTopics.value = topics;
});
