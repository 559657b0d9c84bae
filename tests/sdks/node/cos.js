// cos-nodejs-sdk-v5. By address ("ip") it connects to one and sends the bucket's host without the port.
// It reads no ResponseVary.
"use strict";
const COS = require("cos-nodejs-sdk-v5");
const { settings, serve, list } = require("./calls");

const bucket = { Bucket: settings.bucket, Region: "ap-guangzhou" };
const address = `127.0.0.1:${settings.port}`;
const style = {
  host: { Domain: `{Bucket}.${settings.suffixAndPort}` },
  ip: { Domain: `{Bucket}.${settings.suffix}`, Ip: address },
  path: { Domain: `${address}/{Bucket}` },
}[settings.style];

const toSdk = (rule) => ({
  ID: rule.id ?? undefined,
  AllowedOrigins: rule.origins,
  AllowedMethods: rule.methods,
  AllowedHeaders: rule.headers,
  ExposeHeaders: rule.expose,
  MaxAgeSeconds: rule.max_age ?? undefined,
});
const fromSdk = (rule) => ({
  id: rule.ID,
  origins: list(rule.AllowedOrigins),
  methods: list(rule.AllowedMethods),
  headers: list(rule.AllowedHeaders),
  expose: list(rule.ExposeHeaders),
  max_age: rule.MaxAgeSeconds,
});

serve(
  ([SecretId, SecretKey]) => {
    const cos = new COS({ SecretId, SecretKey, Protocol: "http:", ...style });
    return {
      put: async ({ rules }) => {
        await cos.putBucketCors({ ...bucket, CORSConfiguration: { CORSRules: rules.map(toSdk) } });
      },
      get: async () => {
        const { CORSRules } = await cos.getBucketCors(bucket);
        return { rules: CORSRules.map(fromSdk), vary: null };
      },
      delete: async () => void (await cos.deleteBucketCors(bucket)),
      options: async ({ origin, method, headers }) => {
        const answer = await cos.optionsObject({
          ...bucket,
          Key: "key",
          Origin: origin,
          AccessControlRequestMethod: method,
          AccessControlRequestHeaders: headers.join(","),
        });
        return answer.OptionsForbidden ? null : answer.AccessControlAllowOrigin;
      },
    };
  },
  (error) => ({ status: error.statusCode, code: error.code ?? (error.error && error.error.Code) }),
);
