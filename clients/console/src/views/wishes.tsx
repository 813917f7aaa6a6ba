import { useSignal } from "@preact/signals";
import { ALL } from "../logic/matcher";
import { LANGUAGES, writeSnippet, type Language } from "../logic/snippets";
import { formatTime } from "../logic/visible";
import { knownTopics } from "../store/topics";
import * as wishes from "../store/wishes";
import { FilterForm } from "./filter_form";
import { CopyButton, Region } from "./parts";

export function Wishes() {
  const count = wishes.wanted.value.length;
  return (
    <Region id="wishes" title="Wishes" aside={`${count} ${count === 1 ? "subscription" : "subscriptions"}`}>
      <LinkProblems />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void wishes.apply();
        }}
      >
        <label class="field">
          Topic
          <input
            id="topic"
            list="topics"
            value={wishes.draftTopic.value}
            onInput={(event) => (wishes.draftTopic.value = event.currentTarget.value)}
            autocomplete="off"
            spellcheck={false}
            aria-invalid={wishes.problems.value.has("topic")}
            aria-describedby="topic-problem"
          />
        </label>
        <datalist id="topics">
          {[ALL, ...knownTopics.value].map((topic) => (
            <option key={topic} value={topic} />
          ))}
        </datalist>
        <p id="topic-problem" class="problem">
          {wishes.problems.value.get("topic")}
        </p>
        <div class="row" role="group" aria-label="View of the filter">
          <ViewButton name="form" label="Form" />
          <ViewButton name="json" label="JSON" />
        </div>
        {wishes.view.value === "form" ? <FilterForm /> : <FilterText />}
        <p class="row">
          <button type="submit" class="primary">
            Apply
          </button>
          <span role="status" class="muted said">
            {wishes.said.value}
          </span>
        </p>
      </form>
      <Subscriptions />
      <CopyAs />
    </Region>
  );
}

function LinkProblems() {
  const problems = wishes.linkProblems.value;
  if (problems.length === 0) return null;
  return (
    <div class="notice" role="alert">
      <p>What the link says was not applied:</p>
      <ul>
        {problems.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
    </div>
  );
}

function ViewButton({ name, label }: { name: "form" | "json"; label: string }) {
  return (
    <button
      type="button"
      aria-pressed={wishes.view.value === name}
      onClick={() => (wishes.view.value = name)}
    >
      {label}
    </button>
  );
}

function FilterText() {
  const problems = [...wishes.problems.value].map(([path, problem]) => `${path}: ${problem}`);
  const shown = wishes.textProblem.value ? [wishes.textProblem.value] : problems;
  return (
    <label class="field">
      Filter as JSON
      <textarea
        id="filter-json"
        rows={8}
        spellcheck={false}
        value={wishes.draftText.value}
        onInput={(event) => wishes.setText(event.currentTarget.value)}
        aria-invalid={shown.length > 0}
        aria-describedby="json-problem"
      />
      <span id="json-problem" class="problem">
        {shown.join("; ")}
      </span>
    </label>
  );
}

function Subscriptions() {
  return (
    <ul class="subscriptions">
      {wishes.wanted.value.map((wish) => (
        <li key={wish.topic}>
          <p class="row">
            <b class="grow">{wish.topic}</b>
            <button
              type="button"
              class="quiet"
              aria-label={`Edit ${wish.topic}`}
              onClick={() => wishes.setDraft(wish)}
            >
              edit
            </button>
            <button
              type="button"
              class="quiet"
              aria-label={`End ${wish.topic}`}
              onClick={() => void wishes.unsubscribe(wish.topic)}
            >
              end
            </button>
          </p>
          <code>{JSON.stringify(wish.filters)}</code>
          <p class="muted">
            {wish.state} since {formatTime(wish.since)} · {wish.came.toLocaleString("en")} came
          </p>
        </li>
      ))}
    </ul>
  );
}

function CopyAs() {
  const language = useSignal<Language>("javascript");
  const filters = wishes.draftText.value && !wishes.textProblem.value ? wishes.draftFilters() : undefined;
  const text = filters ? writeSnippet(language.value, { topic: wishes.draftTopic.value, filters }) : "";
  return (
    <details class="copy">
      <summary>Copy as code</summary>
      <p class="row">
        <label class="grow">
          <span class="hidden">Language</span>
          <select
            value={language.value}
            onChange={(event) => (language.value = event.currentTarget.value as Language)}
          >
            {Object.entries(LANGUAGES).map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <CopyButton text={() => text} label="Copy" name="Copy code" />
      </p>
      <pre id="snippet" tabIndex={0}>
        {text || "Mend the filter first."}
      </pre>
    </details>
  );
}
