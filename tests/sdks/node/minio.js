// minio has no call for the rules of a bucket; they go through what its own calls go through.
"use strict";
const crypto = require("crypto");
const Minio = require("minio");
const { settings, serve, formatXml } = require("./calls");

const where = {
  endPoint: settings.virtual ? settings.suffix : "127.0.0.1",
  port: settings.port,
  useSSL: false,
  region: "us-east-1",
  pathStyle: !settings.virtual,
};

async function read(response) {
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

serve(
  ([accessKey, secretKey]) => {
    const minio = new Minio.Client({ ...where, accessKey, secretKey });
    const about = { bucketName: settings.bucket, query: "cors" };
    return {
      put: async (configuration) => {
        const body = formatXml(configuration);
        const headers = { "content-md5": crypto.createHash("md5").update(body).digest("base64") };
        await minio.makeRequestAsync({ ...about, method: "PUT", headers }, body, [200]);
      },
      get: async () => ({ xml: await read(await minio.makeRequestAsync({ ...about, method: "GET" }, "", [200])) }),
      delete: async () => void (await minio.makeRequestAsync({ ...about, method: "DELETE" }, "", [204])),
    };
  },
  (error) => ({ status: error.statusCode ?? null, code: error.code }),
);
