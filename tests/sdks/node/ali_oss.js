// ali-oss, with signatures of version 1 and 4. It has neither ID nor a MaxAgeSeconds of 0.
"use strict";
const OSS = require("ali-oss");
const { settings, serve, list } = require("./calls");

// To an address it would send a host of aliyuncs.com.
const endpoint = settings.virtual ? `http://${settings.suffixAndPort}` : `http://localhost:${settings.port}`;
const where = { bucket: settings.bucket, region: "oss-cn-hangzhou", endpoint, sldEnable: !settings.virtual };

const toSdk = (rule) => ({
  allowedOrigin: rule.origins,
  allowedMethod: rule.methods,
  allowedHeader: rule.headers,
  exposeHeader: rule.expose,
  maxAgeSeconds: rule.max_age,
});
const fromSdk = (rule) => ({
  origins: list(rule.allowedOrigin),
  methods: list(rule.allowedMethod),
  headers: list(rule.allowedHeader),
  expose: list(rule.exposeHeader),
  max_age: rule.maxAgeSeconds,
});

serve(
  ([accessKeyId, accessKeySecret]) => {
    const oss = new OSS({ accessKeyId, accessKeySecret, ...where, authorizationV4: settings.version === "V4" });
    return {
      put: async ({ rules }) => void (await oss.putBucketCORS(settings.bucket, rules.map(toSdk))),
      get: async () => ({ rules: (await oss.getBucketCORS(settings.bucket)).rules.map(fromSdk), vary: null }),
      delete: async () => void (await oss.deleteBucketCORS(settings.bucket)),
    };
  },
  (error) => ({ status: error.status, code: error.code }),
);
