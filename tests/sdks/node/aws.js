// @aws-sdk/client-s3; its package may have another name, which is how two versions are together.
"use strict";
const { settings, serve, list } = require("./calls");
const { S3Client, PutBucketCorsCommand, GetBucketCorsCommand, DeleteBucketCorsCommand } = require(settings.package);

const where = {
  endpoint: `http://${settings.virtual ? settings.suffixAndPort : `127.0.0.1:${settings.port}`}`,
  region: "us-east-1",
  forcePathStyle: !settings.virtual,
  maxAttempts: 1,
};
const Bucket = settings.bucket;

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
  ([accessKeyId, secretAccessKey]) => {
    const s3 = new S3Client({ ...where, credentials: { accessKeyId, secretAccessKey } });
    return {
      put: async ({ rules }) => {
        await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: rules.map(toSdk) } }));
      },
      get: async () => {
        const { CORSRules } = await s3.send(new GetBucketCorsCommand({ Bucket }));
        return { rules: list(CORSRules).map(fromSdk), vary: null };
      },
      delete: async () => void (await s3.send(new DeleteBucketCorsCommand({ Bucket }))),
    };
  },
  (error) => ({ status: error.$metadata && error.$metadata.httpStatusCode, code: error.Code ?? error.name }),
);
