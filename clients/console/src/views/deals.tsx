import { Component } from "preact";
import { groupByTopic, type Group } from "../logic/grouping";
import { isObject, type JsonObject } from "../logic/matcher";
import { formatMs } from "../logic/visible";
import * as deals from "../store/deals";
import type { Card } from "../store/deals";
import { setFeed, feedRate, isFeeding } from "../store/feed";
import { place } from "../store/cloud";
import { pageState } from "../store/connection";
import { draftTopic, openEvent, setDraft, wanted } from "../store/wishes";
import { CopyButton, Foreign } from "./parts";

const ATTRIBUTES = ["category", "merchant", "inStock", "currency"];

export function Deals() {
  const cards = deals.cards.value;
  const isAway = ["waiting", "refused", "closed", "connecting"].includes(pageState.value);
  return (
    <section class="deals" aria-labelledby="deals-title">
      <div class="head">
        <h2 id="deals-title">Deals</h2>
        <button
          type="button"
          id="pause"
          aria-pressed={deals.isPaused.value}
          onClick={() => (deals.isPaused.value = !deals.isPaused.value)}
        >
          {deals.isPaused.value ? "Go on" : "Pause"}
        </button>
        {deals.waiting.value > 0 && (
          <button type="button" class="primary" id="new" onClick={() => bring()}>
            {deals.waiting.value.toLocaleString("en")} new ↑
          </button>
        )}
        <span class="aside">{deals.perSecond.value}/s</span>
        {place.value?.isLocal && <Feed />}
      </div>
      <Notes />
      {deals.gaps.value.map((gap) => (
        <GapLine key={gap.id} id={gap.id} text={gap.text} />
      ))}
      <div
        id="list"
        class={`list ${isAway ? "away" : ""} ${deals.density.value.mode}`}
        onPointerEnter={({ pointerType }) => pointerType === "mouse" && holdWhileRead()}
        onPointerLeave={({ pointerType }) => pointerType === "mouse" && holdWhileRead()}
        onFocusIn={holdWhileRead}
        onFocusOut={() => queueMicrotask(holdWhileRead)} // until then the focus is where it was
        onScroll={holdWhileRead}
      >
        {cards.length === 0 ? (
          <p class="empty">
            {wanted.value.length > 0 ? "No deal yet that you want." : "Connect, and deals appear here."}
          </p>
        ) : deals.density.value.mode === "cards" ? (
          <Cards cards={cards} />
        ) : (
          groupByTopic(cards).map((group) => <Lines key={group.items.at(-1)!.key} group={group} />)
        )}
      </div>
    </section>
  );
}

/** Hold the list still while the pointer or the focus is in it, or its top is scrolled away. */
export function holdWhileRead(): void {
  const list = document.getElementById("list");
  if (!list) return;
  const isIn = list.matches(":hover, :focus-within");
  deals.isHeld.value = isIn || list.getBoundingClientRect().top < 0 || list.scrollTop > 0;
}

function bring(): void {
  deals.draw(Date.now(), true);
  document.getElementById("list")?.scrollTo({ top: 0 });
}

function Feed() {
  return (
    <span class="feed">
      <button type="button" onClick={() => void setFeed({ running: !isFeeding.value })}>
        {isFeeding.value ? "Stop feed" : "Start feed"}
      </button>
      <label>
        <span class="hidden">Deals a second of the feed</span>
        <select
          value={String(feedRate.value)}
          onChange={(event) => void setFeed({ running: true, per_second: Number(event.currentTarget.value) })}
        >
          {[...new Set([1, 4, 10, 30, 100, 200, feedRate.value])].map((rate) => (
            <option key={rate} value={String(rate)}>
              {rate}/s
            </option>
          ))}
        </select>
      </label>
    </span>
  );
}

function Notes() {
  const { oneIn } = deals.density.value;
  const kept = deals.cards.value.length;
  return (
    <p class="notes muted">
      {deals.total.value.toLocaleString("en")} came
      {deals.gone.value > 0 && `, the newest ${kept} are here`}
      {oneIn > 1 && `; one in ${oneIn} is drawn, all are counted`}
      {deals.isPaused.value && "; paused: the page receives on"}
    </p>
  );
}

function Cards({ cards }: { cards: readonly Card[] }) {
  const open = openEvent.value;
  return (
    <>
      {cards.map((card) => (
        <DealCard key={card.key} card={card} isOpen={open === card.eventId} />
      ))}
    </>
  );
}

function GapLine({ id, text }: { id: number; text: string }) {
  return (
    <div class="gap" role="alert">
      <span aria-hidden="true">◆ </span>
      {text}{" "}
      <button type="button" onClick={() => deals.dismissGap(id)}>
        Dismiss
      </button>
    </div>
  );
}

interface CardProps {
  card: Card;
  isOpen: boolean;
}

/** Drawn again only if its deal has changed: there are 500 of them. */
class DealCard extends Component<CardProps> {
  override shouldComponentUpdate(next: CardProps): boolean {
    return next.card !== this.props.card || next.isOpen !== this.props.isOpen;
  }

  override render({ card, isOpen }: CardProps) {
    return <CardView card={card} isOpen={isOpen} />;
  }
}

function CardView({ card, isOpen }: CardProps) {
  const { data, eventId } = card;
  const title = typeof data.title === "string" ? data.title : card.topic;
  return (
    <article class={`card from-${card.source}`} aria-label={title.slice(0, 80)}>
      <div class="first">
        <h3>
          <button
            type="button"
            class="title"
            aria-expanded={isOpen}
            onClick={() => (openEvent.value = isOpen ? undefined : eventId)}
          >
            <Foreign text={title.slice(0, 200)} />
          </button>
        </h3>
        {typeof data.price === "number" && <span class="price">{data.price.toFixed(2)}</span>}
        {typeof data.discountPercentage === "number" && (
          <span class="discount">−{data.discountPercentage} %</span>
        )}
      </div>
      <p class="second muted">
        <span>{card.topic}</span>
        <span>{card.latencyMs === undefined ? "–" : formatMs(card.latencyMs)}</span>
        <span class={`badge ${card.source}`}>
          {{ live: "live", replay: "replayed", recent: "recent" }[card.source]}
        </span>
        {card.repeats > 0 && <span class="badge">repeated {card.repeats}×</span>}
        <span class="position">{card.position}</span>
      </p>
      {isOpen && <Whole card={card} />}
    </article>
  );
}

function Whole({ card }: { card: Card }) {
  const text = (): string => {
    const { topic, eventId, position, data, source } = card;
    return JSON.stringify({ topic, eventId, position, source, data }, null, 2);
  };
  return (
    <div class="whole">
      <pre tabIndex={0}>
        <Foreign text={text()} signs />
      </pre>
      <p class="row">
        <CopyButton text={text} label="Copy event" />
        <button type="button" class="quiet" onClick={() => setDraft(likeThis(card))}>
          Only such deals
        </button>
      </p>
    </div>
  );
}

/** A wish for deals like one. */
function likeThis({ data }: Card) {
  const filters: JsonObject = {};
  for (const name of ATTRIBUTES)
    if (data[name] !== undefined && !isObject(data[name])) filters[name] = data[name];
  if (typeof data.price === "number") filters.price = { lte: Math.ceil(data.price) };
  return { topic: draftTopic.peek(), filters };
}

function Lines({ group }: { group: Group<Card> }) {
  const [first] = group.items;
  if (group.items.length === 1) return <Line card={first!} />;
  return (
    <details class="group">
      <summary>
        <b>{group.items.length}×</b> {group.topic}{" "}
        <span class="muted">newest: {String(first!.data.title ?? "").slice(0, 60)}</span>
      </summary>
      {group.items.map((card) => (
        <Line key={card.key} card={card} />
      ))}
    </details>
  );
}

function Line({ card }: { card: Card }) {
  return (
    <p class="line">
      <span class="grow">
        <bdi dir="auto">{String(card.data.title ?? card.topic).slice(0, 120)}</bdi>
      </span>
      <span>{typeof card.data.price === "number" ? card.data.price.toFixed(2) : ""}</span>
      <span class="muted">{card.topic}</span>
      <span class="muted">{card.latencyMs === undefined ? "–" : formatMs(card.latencyMs)}</span>
    </p>
  );
}
