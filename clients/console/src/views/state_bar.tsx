import { segmentsOf, STRIP_MS, type StateName } from "../logic/strip";
import { formatDuration, formatMs, formatTime } from "../logic/visible";
import { place, placeProblem } from "../store/cloud";
import * as connection from "../store/connection";
import { counts, feedProblem } from "../store/feed";
import { theme, type Theme } from "../store/preferences";
import { openDialog } from "./dialogs";

const SHAPES: Record<StateName, string> = {
  idle: "○",
  connecting: "◐",
  live: "●",
  waiting: "▲",
  resuming: "↻",
  gap: "◆",
  "handing over": "⇄",
  expired: "◷",
  refused: "✕",
  closed: "○",
};

export function StateBar() {
  return (
    <header>
      <div class="bar">
        <h1>Deals console</h1>
        <State />
        <Who />
        <Controls />
      </div>
      <Strip />
      <Sentence />
      <Refusal />
    </header>
  );
}

function State() {
  const state = connection.pageState.value;
  const now = connection.isSecondTicking.value;
  return (
    <p class={`state is-${state.replace(" ", "-")}`} id="state">
      <span class="shape" aria-hidden="true">
        {SHAPES[state]}
      </span>
      <strong>{state}</strong> <span class="muted">{describe(state, now)}</span>
    </p>
  );
}

function describe(state: StateName, now: number): string {
  const lasted = now - connection.since.value;
  const { since, replayed } = connection.catchingUp.value;
  switch (state) {
    case "connecting":
      return lasted < 2_000 ? "" : `${formatDuration(lasted)}, waits for the handshake and the first reply`;
    case "live":
    case "gap": {
      const trip = connection.roundTripMs.value;
      return `${formatDuration(lasted)}${trip === undefined ? "" : ` · ping ${trip} ms`}`;
    }
    case "waiting":
    case "refused": {
      const left = Math.max(0, Math.ceil(((connection.nextTryAt.value ?? now) - now) / 1_000));
      const next = connection.nextTryAt.value === undefined ? "" : ` · next try in ${left} s`;
      return `${connection.stateReason.value}${next}`;
    }
    case "resuming":
      return since === undefined ? "" : `since ${since}: ${replayed} of ? deals`;
    case "handing over":
      return `${connection.openSockets.value} sockets, the old one until it closes`;
    case "expired":
      return "the token ends: refresh it, or paste another";
    default:
      return connection.stateReason.value;
  }
}

function Who() {
  const claims = connection.claims.value;
  if (!claims) return <p class="who muted">{placeProblem.value || "nobody yet"}</p>;
  const left = (claims.expiresAt ?? 0) * 1_000 - connection.isSecondTicking.value;
  const text =
    left <= 0
      ? "expired"
      : left < 120_000
        ? `expires in ${Math.ceil(left / 1_000)} s`
        : `expires in ${Math.floor(left / 60_000)} min`;
  return (
    <p class="who">
      <bdi>{claims.user}</bdi> <span class="muted">· {text}</span>
    </p>
  );
}

function Controls() {
  const state = connection.pageState.value;
  const isAway = state === "waiting" || state === "refused";
  return (
    <div class="controls">
      {connection.tokenAsked.value && connection.source.value.kind === "person" && (
        <button type="button" class="primary" onClick={() => void connection.refreshToken()}>
          Refresh token
        </button>
      )}
      {isAway && (
        <button type="button" class="primary" onClick={connection.tryNow}>
          Try now
        </button>
      )}
      {state === "closed" || state === "idle" ? (
        <button
          type="button"
          class="primary"
          onClick={connection.tryNow}
          disabled={!place.value || connection.lacksToken.value}
        >
          Connect
        </button>
      ) : (
        <button type="button" onClick={connection.stop}>
          Disconnect
        </button>
      )}
      <button type="button" onClick={() => openDialog("who")}>
        Who
      </button>
      <label class="theme">
        <span class="hidden">Theme</span>
        <select value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
          <option value="auto">auto</option>
          <option value="light">light</option>
          <option value="dark">dark</option>
        </select>
      </label>
      <button type="button" aria-label="Keys and help" onClick={() => openDialog("keys")}>
        ?
      </button>
    </div>
  );
}

const HEIGHTS: Partial<Record<StateName, number>> = { live: 14, gap: 14, resuming: 10, "handing over": 14 };

function Strip() {
  const segments = segmentsOf(connection.periods.value, connection.isSecondTicking.value);
  return (
    <details class="strip">
      <summary>
        <svg
          viewBox="0 0 1000 16"
          preserveAspectRatio="none"
          role="img"
          aria-label="States of the last five minutes"
        >
          <rect class="ground" x="0" y="13" width="1000" height="1" />
          {segments.map(({ state, reason, from, left, width }) => {
            const height = HEIGHTS[state] ?? 6;
            return (
              <rect
                key={from}
                class={`is-${state.replace(" ", "-")}`}
                x={left * 1000}
                y={15 - height}
                width={Math.max(1.5, width * 1000)}
                height={height}
              >
                <title>{`${formatTime(from)} ${state} ${reason}`}</title>
              </rect>
            );
          })}
        </svg>
        <span class="muted">last {STRIP_MS / 60_000} minutes</span>
      </summary>
      <div class="scroll" tabIndex={0} role="region" aria-label="History of states">
        <table>
          <caption class="hidden">History of states, newest first</caption>
          <thead>
            <tr>
              <th scope="col">at</th>
              <th scope="col">state</th>
              <th scope="col">lasted</th>
              <th scope="col">why</th>
            </tr>
          </thead>
          <tbody>
            {segments.toReversed().map(({ state, reason, from, to }) => (
              <tr key={from}>
                <td>{formatTime(from)}</td>
                <td>{state}</td>
                <td>{formatDuration(to - from)}</td>
                <td>{reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** The one sentence, computed apart from the service. */
function Sentence() {
  const { expected, came, repeats, lost, onTheWay, unwanted, slowestMs } = counts.value;
  const slowest = slowestMs === undefined ? "–" : formatMs(slowestMs);
  if (place.value && !place.value.isLocal)
    return (
      <p class="sentence muted">What should come is known only where the feed runs: on the local cloud.</p>
    );
  return (
    <p class="sentence" id="sentence">
      <Figure name="expected" value={expected} />
      <Figure name="came" value={came} />
      {onTheWay > 0 && <Figure name="on their way" value={onTheWay} />}
      <Figure name="repeats" value={repeats} />
      <Figure name="lost" value={lost} mark={lost > 0 ? "bad" : "good"} />
      {unwanted > 0 && <Figure name="not wanted" value={unwanted} mark="bad" />}
      <Figure name="slowest" value={slowest} />
      {feedProblem.value && <span class="problem">feed: {feedProblem.value}</span>}
    </p>
  );
}

function Figure({ name, value, mark }: { name: string; value: number | string; mark?: string }) {
  return (
    <span class={`figure ${mark ?? ""}`}>
      {name} <b>{typeof value === "number" ? value.toLocaleString("en") : value}</b>
    </span>
  );
}

function Refusal() {
  const refusal = connection.refusal.value;
  if (!refusal || connection.pageState.value !== "refused") return null;
  const line = `npx wscat -c '${place.value?.url ?? ""}' -H "Authorization: Bearer $TOKEN"`;
  return (
    <div class="notice" role="alert">
      <p>
        <strong>The handshake was refused.</strong> A browser shows no status; what the page can find out:
      </p>
      <ul>
        {refusal.faults.map((fault) => (
          <li key={fault}>{fault}</li>
        ))}
        {refusal.handshakes.map(({ at_ms, status, reason }) => (
          <li key={at_ms}>
            {formatTime(at_ms)} status {status}: {reason}
          </li>
        ))}
      </ul>
      <p>
        This line shows the status: <code>{line}</code>
      </p>
    </div>
  );
}
