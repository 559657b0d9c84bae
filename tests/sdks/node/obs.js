// esdk-obs-nodejs. In virtual-host style it first asks, unsigned, what the server speaks.
"use strict";
const ObsClient = require("esdk-obs-nodejs");
const { settings, serve, list } = require("./calls");

const server = `http://${settings.virtual ? settings.suffixAndPort : `127.0.0.1:${settings.port}`}`;
const Bucket = settings.bucket;

// What is there and undefined, it would send as "undefined".
const toSdk = (rule) => ({
  ...(rule.id === null ? {} : { ID: rule.id }),
  AllowedOrigin: rule.origins,
  AllowedMethod: rule.methods,
  AllowedHeader: rule.headers,
  ExposeHeader: rule.expose,
  ...(rule.max_age === null ? {} : { MaxAgeSeconds: rule.max_age }),
});
const fromSdk = (rule) => ({
  id: rule.ID,
  origins: list(rule.AllowedOrigin),
  methods: list(rule.AllowedMethod),
  headers: list(rule.AllowedHeader),
  expose: list(rule.ExposeHeader),
  max_age: rule.MaxAgeSeconds === "" ? null : Number(rule.MaxAgeSeconds),
});

class Refused extends Error {}

function checked(result) {
  const { Status: status, Code: code } = result.CommonMsg;
  if (status < 300) return result.InterfaceResult;
  throw Object.assign(new Refused(code), { status, code });
}

serve(
  async ([access_key_id, secret_access_key]) => {
    const obs = new ObsClient({ access_key_id, secret_access_key, server });
    // It is not ready before the next tick.
    await new Promise((resolve) => setImmediate(resolve));
    return {
      put: async ({ rules }) => void checked(await obs.setBucketCors({ Bucket, CorsRules: rules.map(toSdk) })),
      get: async () => ({ rules: checked(await obs.getBucketCors({ Bucket })).CorsRules.map(fromSdk), vary: null }),
      delete: async () => void checked(await obs.deleteBucketCors({ Bucket })),
      options: async ({ origin, method, headers }) => {
        const asked = { Origin: origin, AccessControlRequestMethods: [method], AccessControlRequestHeaders: headers };
        const answer = await obs.optionsObject({ Bucket, Key: "key", ...asked });
        return answer.CommonMsg.Status === 403 ? null : checked(answer).AllowOrigin;
      },
    };
  },
  (error) => ({ status: error.status, code: error.code }),
);
