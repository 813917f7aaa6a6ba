import { Fragment } from "preact";
import type { Picture, PictureNode } from "../store/cloud";
import { picture, readLogs } from "../store/picture";
import { openDialog } from "./dialogs";
import { Region } from "./parts";

const COLUMNS = [["publishers", "clients", "redis"], ["gateway"], ["function"], ["queue", "table"]];

export function Service() {
  return (
    <Region id="service" title="The service" aside="calls in the last second">
      {picture.value ? (
        <Map picture={picture.value} />
      ) : (
        <p class="empty">The local cloud shows no picture now.</p>
      )}
    </Region>
  );
}

function Map({ picture: { nodes, calls } }: { picture: Picture }) {
  const labels = new globalThis.Map(nodes.map(({ id, label }) => [id, label]));
  const busy = calls.filter(({ last_second }) => last_second);
  return (
    <>
      <div class="map">
        {COLUMNS.map((kinds) => (
          <ul key={kinds[0]}>
            {nodes
              .filter(({ kind }) => kinds.includes(kind))
              .map((node) => (
                <NodeBox key={node.id} node={node} calls={countInto(node.id, calls)} />
              ))}
          </ul>
        ))}
      </div>
      <details>
        <summary>
          Who calls whom <span class="muted">({busy.length} ways are busy)</span>
        </summary>
        <table>
          <caption class="hidden">Calls in the last second</caption>
          <thead>
            <tr>
              <th scope="col">from</th>
              <th scope="col">to</th>
              <th scope="col">calls</th>
            </tr>
          </thead>
          <tbody>
            {calls.map(({ from, to, last_second }) => (
              <tr key={`${from} ${to}`}>
                <td>{labels.get(from) ?? from}</td>
                <td>{labels.get(to) ?? to}</td>
                <td>{last_second ?? "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}

function countInto(id: string, calls: Picture["calls"]): number {
  return calls.reduce((sum, { to, last_second }) => sum + (to === id ? (last_second ?? 0) : 0), 0);
}

/** A name that a line may break behind its underscores, and nowhere else. */
function Name({ of }: { of: string }) {
  return of.split(/(?<=_)/).map((part, index) => (
    <Fragment key={index}>
      {part}
      <wbr />
    </Fragment>
  ));
}

function NodeBox({ node, calls }: { node: PictureNode; calls: number }) {
  const figures = [
    node.open !== undefined && `${node.open} open`,
    calls > 0 && `→ ${calls}/s`,
    node.in_flight && `${node.in_flight} in flight`,
    node.waiting !== undefined && `${node.waiting} waiting`,
    node.dead && `${node.dead} dead`,
    node.errors && `${node.errors} errors`,
  ].filter(Boolean);
  const classes = `node ${node.kind} ${calls > 0 ? "busy" : ""} ${node.dead || node.errors ? "bad" : ""}`;
  const content = (
    <>
      <b>
        <Name of={node.label} />
      </b>
      <small>{figures.join(" · ") || "quiet"}</small>
    </>
  );
  if (node.kind !== "function") return <li class={classes}>{content}</li>;
  return (
    <li class={classes}>
      <button
        type="button"
        title="Its last log lines"
        onClick={() => {
          void readLogs(node.label);
          openDialog("logs");
        }}
      >
        {content}
      </button>
    </li>
  );
}
