/** What an object has itself under a name: `constructor` and its like, which all objects inherit, are absent. */
export const own = <T>(values: Record<string, T> | undefined, name: string): T | undefined =>
  values && {}.hasOwnProperty.call(values, name) ? values[name] : undefined;
