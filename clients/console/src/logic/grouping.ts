/** How a list of deals is drawn at a rate: cards, lines with groups, or one in n. */
export interface Density {
  mode: "cards" | "lines";
  oneIn: number;
}

const LINES_ABOVE = 20;
const THINNED_ABOVE = 100;

export function densityAt(perSecond: number): Density {
  return {
    mode: perSecond > LINES_ABOVE ? "lines" : "cards",
    oneIn: perSecond > THINNED_ABOVE ? Math.ceil(perSecond / THINNED_ABOVE) : 1,
  };
}

export interface Group<Item> {
  topic: string;
  items: Item[];
}

/** Neighbours of one topic as a group, in their order. */
export function groupByTopic<Item extends { topic: string }>(items: readonly Item[]): Group<Item>[] {
  const groups: Group<Item>[] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (last?.topic === item.topic) last.items.push(item);
    else groups.push({ topic: item.topic, items: [item] });
  }
  return groups;
}
