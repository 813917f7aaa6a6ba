export type Scalar = string | number | boolean;

type Operators<Value> =
  | { gte?: number; gt?: number; lte?: number; lt?: number }
  | { prefix: string }
  | { suffix: string }
  | { contains: string }
  | { exists: boolean }
  | { not: Condition<Value> }
  | { anyOf: readonly Condition<Value>[] };

type Element<Value> = Value extends readonly (infer Item)[] ? Item : Value;

/** What one attribute of an event must fulfil. A list: any of its values. */
export type Condition<Value = Scalar> =
  Extract<Element<Value>, Scalar> | readonly Extract<Element<Value>, Scalar>[] | Operators<Value>;

/**
 * A filter: all of its conditions must hold. Attributes of `Data` are typed by their values; a publisher may give
 * others beside the data. `minX` and `maxX` bound the number `x`.
 */
export type Filters<Data = unknown> = (unknown extends Data
  ? unknown
  : { [Name in keyof Data]?: Condition<NonNullable<Data[Name]>> }) & {
  [name: string]: Condition | undefined;
};
