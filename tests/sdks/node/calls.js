// What every driver here shares. `calls.py` beside this folder says what is sent and
// what comes back.
"use strict";
const dns = require("dns");
const readline = require("readline");

const settings = JSON.parse(process.argv[2]);
settings.virtual = settings.style === "host";
settings.suffixAndPort = `${settings.suffix}:${settings.port}`;

// There is no name server for virtual hosts: every name below the suffix is this machine.
const { lookup } = dns;
dns.lookup = (host, ...rest) =>
  lookup(host === settings.suffix || host.endsWith(`.${settings.suffix}`) ? "127.0.0.1" : host, ...rest);

const list = (value) => (value === undefined || value === null || value === "" ? [] : [].concat(value));

/** Serve calls: `makeClient(keys)` gives an object with put, get and delete; `readError` reads what they throw. */
function serve(makeClient, readError) {
  const clients = new Map();
  const answer = async (call) => {
    const name = JSON.stringify(call.keys);
    if (!clients.has(name)) clients.set(name, await makeClient(call.keys));
    return (await clients.get(name)[call.name](call.configuration)) ?? null;
  };
  const write = (answered) => process.stdout.write(`${JSON.stringify(answered)}\n`);
  readline.createInterface({ input: process.stdin }).on("line", async (line) => {
    try {
      write({ value: await answer(JSON.parse(line)) });
    } catch (error) {
      const { status, code } = readError(error);
      write(code === undefined ? { failure: String(error.stack || error) } : { status, code });
    }
  }).on("close", () => process.exit(0));
}

/** A document, for clients that take one as it is. */
function formatXml({ rules }) {
  const escape = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const elements = (name, values) => list(values).map((each) => `<${name}>${escape(each)}</${name}>`).join("");
  const rule = (each) =>
    elements("ID", each.id) + elements("AllowedOrigin", each.origins) + elements("AllowedMethod", each.methods) +
    elements("AllowedHeader", each.headers) + elements("ExposeHeader", each.expose) +
    elements("MaxAgeSeconds", each.max_age);
  return `<CORSConfiguration>${rules.map((each) => `<CORSRule>${rule(each)}</CORSRule>`).join("")}</CORSConfiguration>`;
}

module.exports = { settings, serve, list, formatXml };
