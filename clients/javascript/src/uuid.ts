/** A random UUID. `crypto.randomUUID` is absent outside HTTPS and in React Native, `getRandomValues` mostly is not. */
export function uuid(random: () => number): string {
  const bytes = new Uint8Array(16);
  const source = globalThis.crypto as Crypto | undefined;
  if (source?.getRandomValues) source.getRandomValues(bytes);
  else bytes.forEach((_, index) => (bytes[index] = random() * 256));

  bytes[6] = (bytes[6]! & 0x0f) | 0x40; // version 4
  bytes[8] = (bytes[8]! & 0x3f) | 0x80; // variant of RFC 9562
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
