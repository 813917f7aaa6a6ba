import {
  isRange,
  KINDS,
  newNode,
  RANGES,
  readScalar,
  type Kind,
  type Node,
  type Row,
} from "../logic/filter_model";
import { draftRows, problems, setRows, textProblem } from "../store/wishes";

/** A row for each condition; the same value as the JSON. */
export function FilterForm() {
  const rows = draftRows.value;
  if (textProblem.value) return <p class="problem">{textProblem.value}: mend it in the JSON.</p>;
  const change = (index: number, row: Row | undefined): void =>
    setRows(rows.flatMap((old, at) => (at === index ? (row ? [row] : []) : [old])));
  return (
    <fieldset class="filter">
      <legend>All of these hold</legend>
      {rows.map((row, index) => (
        <div class="condition" key={index}>
          <input
            class="attribute"
            aria-label={`Attribute ${index + 1}`}
            placeholder="attribute"
            value={row.attribute}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => change(index, { ...row, attribute: event.currentTarget.value })}
          />
          <Condition
            node={row.node}
            path={`filters.${row.attribute}`}
            name={row.attribute || `attribute ${index + 1}`}
            change={(node) => change(index, { ...row, node })}
            remove={() => change(index, undefined)}
          />
        </div>
      ))}
      <button
        type="button"
        class="quiet"
        id="add"
        onClick={() => setRows([...rows, { attribute: "", node: newNode() }])}
      >
        + condition
      </button>
    </fieldset>
  );
}

interface ConditionProps {
  node: Node;
  path: string;
  name: string;
  change(node: Node): void;
  remove?: (() => void) | undefined;
}

function Condition({ node, path, name, change, remove }: ConditionProps) {
  const hasText = !["exists", "absent", "not", "anyOf"].includes(node.kind);
  return (
    <>
      <KindChoice node={node} name={name} change={change} />
      {hasText && (
        <Value
          text={node.text}
          name={`Value of ${name}`}
          path={isRange(node.kind) ? `${path}.${node.kind}` : path}
          showType={node.kind === "is"}
          change={(text) => change({ ...node, text })}
        />
      )}
      {isRange(node.kind) && <Bounds node={node} path={path} name={name} change={change} />}
      {node.parts.length > 0 && <Parts node={node} path={path} name={name} change={change} />}
      {remove && (
        <button type="button" class="quiet remove" aria-label={`Remove ${name}`} onClick={remove}>
          ×
        </button>
      )}
      {!hasText && <Problem path={path} />}
    </>
  );
}

function KindChoice({ node, name, change }: Pick<ConditionProps, "node" | "name" | "change">) {
  return (
    <select
      aria-label={`Condition of ${name}`}
      value={node.kind}
      onChange={(event) => {
        const kind = event.currentTarget.value as Kind;
        change({ ...newNode(kind, node.text), bounds: isRange(kind) ? node.bounds : [] });
      }}
    >
      {Object.entries(KINDS).map(([kind, label]) => (
        <option key={kind} value={kind}>
          {label}
        </option>
      ))}
    </select>
  );
}

function Value(props: {
  text: string;
  name: string;
  path: string;
  showType?: boolean;
  change(text: string): void;
}) {
  const { text, name, path } = props;
  const type = { string: "text", number: "number", boolean: "yes/no" }[typeof readScalar(text) as "string"];
  const id = `problem-${path}`;
  return (
    <span class="value">
      <input
        aria-label={name}
        value={text}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={problemAt(path) !== undefined}
        aria-describedby={id}
        onInput={(event) => props.change(event.currentTarget.value)}
      />
      {props.showType && text && <small class="type">{type}</small>}
      <Problem path={path} />
    </span>
  );
}

function Problem({ path }: { path: string }) {
  return (
    <span class="problem" id={`problem-${path}`}>
      {problemAt(path)}
    </span>
  );
}

/** The problem of a place, or of one within it that has no field of its own. */
function problemAt(path: string): string | undefined {
  return [...problems.value].find(([at]) => at === path || at.startsWith(`${path}[`))?.[1];
}

function Bounds({ node, path, name, change }: ConditionProps) {
  const used = [node.kind, ...node.bounds.map(({ kind }) => kind)];
  const free = RANGES.find((kind) => !used.includes(kind));
  const setBounds = (bounds: Node["bounds"]): void => change({ ...node, bounds });
  return (
    <>
      {node.bounds.map((bound, index) => (
        <span class="bound" key={index}>
          <select
            aria-label={`Bound ${index + 2} of ${name}`}
            value={bound.kind}
            onChange={(event) =>
              setBounds(
                node.bounds.with(index, { ...bound, kind: event.currentTarget.value as typeof bound.kind }),
              )
            }
          >
            {RANGES.map((kind) => (
              <option key={kind} value={kind} disabled={kind !== bound.kind && used.includes(kind)}>
                {KINDS[kind]}
              </option>
            ))}
          </select>
          <Value
            text={bound.text}
            name={`Value ${index + 2} of ${name}`}
            path={`${path}.${bound.kind}`}
            change={(text) => setBounds(node.bounds.with(index, { ...bound, text }))}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove bound ${index + 2} of ${name}`}
            onClick={() => setBounds(node.bounds.filter((_, at) => at !== index))}
          >
            ×
          </button>
        </span>
      ))}
      {free && (
        <button
          type="button"
          class="quiet"
          aria-label={`Add a bound to ${name}`}
          onClick={() => setBounds([...node.bounds, { kind: free, text: "" }])}
        >
          + bound
        </button>
      )}
    </>
  );
}

function Parts({ node, path, name, change }: ConditionProps) {
  const setParts = (parts: Node[]): void => change({ ...node, parts });
  const within = (index: number): string => (node.kind === "not" ? `${path}.not` : `${path}.anyOf[${index}]`);
  return (
    <div class="parts" role="group" aria-label={`${name} ${KINDS[node.kind]}`}>
      {node.parts.map((part, index) => (
        <div class="part" key={index}>
          <Condition
            node={part}
            path={within(index)}
            name={`${name}, part ${index + 1}`}
            change={(changed) => setParts(node.parts.with(index, changed))}
            remove={
              node.parts.length > 1 ? () => setParts(node.parts.filter((_, at) => at !== index)) : undefined
            }
          />
        </div>
      ))}
      {node.kind === "anyOf" && (
        <button
          type="button"
          class="quiet"
          aria-label={`Add an alternative to ${name}`}
          onClick={() => setParts([...node.parts, newNode()])}
        >
          + or
        </button>
      )}
    </div>
  );
}
