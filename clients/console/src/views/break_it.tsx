import { place } from "../store/cloud";
import { isSecondTicking } from "../store/connection";
import { begin, clearAll, faultProblem, FAULTS, inForce } from "../store/faults";
import { Region } from "./parts";

export function BreakIt() {
  const now = isSecondTicking.value;
  const faults = FAULTS.filter(({ needsRedis }) => !needsRedis || place.value?.hasRedis);
  return (
    <Region
      id="break"
      title="Break it"
      aside={inForce.value.length > 0 ? `${inForce.value.length} in force` : ""}
    >
      <p class="muted intro">Each ends by itself. The feed goes on, so that there is something to replay.</p>
      {inForce.value.length > 0 && (
        <div class="notice">
          <ul>
            {inForce.value.map(({ id, label, endsAt }) => (
              <li key={id}>
                {label}:{" "}
                {endsAt === undefined
                  ? "begun before this page was opened"
                  : `${Math.max(0, Math.ceil((endsAt - now) / 1_000))} s left`}
              </li>
            ))}
          </ul>
          <button type="button" onClick={() => void clearAll()}>
            Clear all
          </button>
        </div>
      )}
      <p class="problem" role="alert">
        {faultProblem.value}
      </p>
      <ul class="faults">
        {faults.map((fault) => (
          <li key={fault.id}>
            <button
              type="button"
              id={`fault-${fault.id}`}
              aria-describedby={`about-${fault.id}`}
              onClick={() => void begin(fault)}
            >
              {fault.label}
            </button>
            <p id={`about-${fault.id}`}>
              {fault.does} <span class="muted">{fault.watch}</span>
            </p>
          </li>
        ))}
      </ul>
    </Region>
  );
}
