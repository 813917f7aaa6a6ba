import { axisTop, polylines, type Point } from "../logic/latency";
import { formatMs } from "../logic/visible";
import { isSecondTicking } from "../store/connection";
import { series } from "../store/deals";
import { Region } from "./parts";

const WIDTH = 480;
const HEIGHT = 90;

interface Line {
  name: string;
  values: (number | undefined)[];
}

export function Charts() {
  const points = series.points(isSecondTicking.value);
  return (
    <div class="charts">
      <LatencyChart points={points} />
      <RateChart points={points} />
    </div>
  );
}

function LatencyChart({ points }: { points: Point[] }) {
  const lines = [
    { name: "p50", values: points.map(({ p50 }) => p50) },
    { name: "p99", values: points.map(({ p99 }) => p99) },
  ];
  const now = points.findLast(({ p50 }) => p50 !== undefined);
  return (
    <Region
      id="latency"
      title="Latency"
      aside={now ? `now ${formatMs(now.p50!)}, p99 ${formatMs(now.p99!)}` : "–"}
    >
      <Chart
        label="Latency of live deals, p50 and p99, in the last two minutes"
        lines={lines}
        format={formatMs}
      />
      <Numbers name="Latency" points={points} lines={lines} format={formatMs} />
    </Region>
  );
}

function RateChart({ points }: { points: Point[] }) {
  const lines = [{ name: "deals", values: points.map(({ deals }) => deals) }];
  return (
    <Region id="rate" title="Deals a second" aside={`${points.at(-1)!.deals}/s`}>
      <Chart label="Deals a second in the last two minutes" lines={lines} format={String} />
      <Numbers name="Deals a second" points={points} lines={lines} format={String} />
    </Region>
  );
}

function Chart({ label, lines, format }: { label: string; lines: Line[]; format(value: number): string }) {
  const top = axisTop(Math.max(1, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0))));
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        <line class="grid" x1="0" x2={WIDTH} y1="0.5" y2="0.5" />
        <line class="grid" x1="0" x2={WIDTH} y1={HEIGHT / 2} y2={HEIGHT / 2} />
        <line class="grid" x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
        {lines.map(({ name, values }, index) =>
          polylines(values, WIDTH, HEIGHT, top).map((points) => (
            <polyline
              key={`${name} ${points.slice(0, 12)}`}
              class={`series-${index}`}
              points={points.includes(" ") ? points : `${points} ${points}`}
            />
          )),
        )}
      </svg>
      <figcaption class="muted">
        <span>top {format(top)}</span>
        {lines.length > 1 &&
          lines.map(({ name }, index) => (
            <span key={name} class={`key key-${index}`}>
              {name}
            </span>
          ))}
        <span>2 minutes</span>
      </figcaption>
    </figure>
  );
}

function Numbers({
  name,
  points,
  lines,
  format,
}: {
  name: string;
  points: Point[];
  lines: Line[];
  format(value: number): string;
}) {
  const seconds = points
    .map(({ second }, index) => ({ second, index }))
    .slice(-30)
    .toReversed();
  return (
    <details>
      <summary>As numbers</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={`${name} in numbers`}>
        <table>
          <caption class="hidden">The last 30 seconds, newest first</caption>
          <thead>
            <tr>
              <th scope="col">at</th>
              {lines.map((line) => (
                <th key={line.name} scope="col">
                  {line.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {seconds.map(({ second, index }) => (
              <tr key={second}>
                <td>{new Date(second * 1_000).toTimeString().slice(0, 8)}</td>
                {lines.map(({ name: key, values }) => (
                  <td key={key}>{values[index] === undefined ? "–" : format(values[index])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
