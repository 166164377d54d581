// Judges signatures with what Node brings along, and with npm's `standardwebhooks` where it is installed beside this file.
// In: one JSON object per line {id, stamp, signature, body, secret, public}; body in base64, keys as texts or null.
// Out: one line per case, 1 or 0 for each judge: v1 by hash, v1a by key, v1 by the library (- where a judge has no key).
import { createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const FRESH_S = 300;
const ED25519 = Buffer.from("302a300506032b6570032100", "hex"); // how SPKI begins for a raw ed25519 key
const keys = new Map();

let Webhook = null;
try {
  Webhook = createRequire(process.argv[2] ?? import.meta.url)("standardwebhooks").Webhook;
} catch {
  Webhook = null;
}

function entries(header, version) {
  return header.split(" ").map((part) => part.split(",")).filter((pair) => pair[0] === version && pair.length === 2);
}

function fresh(stamp) {
  return /^\d+$/.test(stamp) && Math.abs(Date.now() / 1000 - Number(stamp)) <= FRESH_S;
}

function byHash(one, signed) {
  const made = createHmac("sha256", Buffer.from(one.secret.slice("whsec_".length), "base64")).update(signed).digest();
  return entries(one.signature, "v1").some(([, text]) => {
    const given = Buffer.from(text, "base64");
    return given.length === made.length && timingSafeEqual(given, made);
  });
}

function byKey(one, signed) {
  if (!keys.has(one.public)) {
    const raw = Buffer.from(one.public.slice("whpk_".length), "base64");
    keys.set(one.public, createPublicKey({ key: Buffer.concat([ED25519, raw]), format: "der", type: "spki" }));
  }
  return entries(one.signature, "v1a").some(([, text]) => {
    const given = Buffer.from(text, "base64");
    return given.length === 64 && verify(null, signed, keys.get(one.public), given);
  });
}

function byLibrary(one, body) {
  const headers = { "webhook-id": one.id, "webhook-timestamp": one.stamp, "webhook-signature": one.signature };
  try {
    new Webhook(one.secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

console.log(Webhook ? "library" : "no library");
for await (const line of createInterface({ input: process.stdin })) {
  const one = JSON.parse(line);
  const body = Buffer.from(one.body, "base64");
  const signed = Buffer.concat([Buffer.from(`${one.id}.${one.stamp}.`), body]);
  const timely = fresh(one.stamp);
  const say = (key, verdict) => (key ? (timely && verdict() ? "1" : "0") : "-");
  console.log(
    say(one.secret, () => byHash(one, signed)) +
      say(one.public, () => byKey(one, signed)) +
      say(Webhook && one.secret, () => byLibrary(one, body)),
  );
}
