"use strict";

const settings = JSON.parse(document.getElementById("settings").textContent);
const bucketPath = `/${settings.bucket}`;
document.getElementById("origin").textContent = location.origin;

// All that XMLHttpRequest tells a page of a failure.
const BLOCKED = "the browser blocked it";

// A response: `readable` are the headers that the browser lets this page see.
const responded = (status, readable, note = "") => ({ ok: true, status, readable, note });

function xhr(method, path, { headers = {}, body = null, onprogress = null } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, `${settings.store}${path}`);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (onprogress) request.upload.onprogress = (event) => onprogress(event.loaded / event.total);
    request.onload = () => resolve(responded(request.status, request.getAllResponseHeaders()));
    request.onerror = () => reject(new Error(BLOCKED));
    request.send(body);
  });
}

async function ownServer(method, path, data) {
  const options = { method };
  if (data) {
    options.body = JSON.stringify(data);
    options.headers = { "Content-Type": "application/json" };
  }
  const response = await fetch(path, options);
  const content = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(content.error || `${path}: ${response.status}`);
  return content;
}

const sign = async (method, path, query = {}) =>
  (await ownServer("POST", "/sign", { method, path, query })).authorization;

async function signedXhr(method, path, options = {}) {
  const authorization = await sign(method, path);
  return xhr(method, path, { ...options, headers: { ...options.headers, Authorization: authorization } });
}

// A name of its own for each request: no cache responds in place of the store.
const fresh = (path) => `${path}?t=${Date.now()}`;
const demoObject = `${bucketPath}/demo/page.txt`;

const requests = [
  {
    id: "head",
    title: "Test CORS",
    text: "The vendors' button: XMLHttpRequest with HEAD, which shows the status and the headers that script can read.",
    method: "HEAD",
    path: `${bucketPath}/${settings.key}`,
    run() { return xhr("HEAD", fresh(this.path)); },
  },
  {
    id: "get",
    title: "GET an object",
    text: "A simple request: no preflight, but without a rule the browser hides the response from the page.",
    method: "GET",
    path: `${bucketPath}/${settings.key}`,
    run() { return xhr("GET", fresh(this.path)); },
  },
  {
    id: "put",
    title: "PUT with metadata",
    text: "x-cos-meta-demo and Authorization have to be named in a preflight.",
    method: "PUT",
    path: demoObject,
    headers: ["authorization", "content-type", "x-cos-meta-demo"],
    run() {
      const headers = { "x-cos-meta-demo": "written by a page", "Content-Type": "text/plain" };
      return signedXhr("PUT", this.path, { headers, body: `written at ${new Date().toISOString()}` });
    },
  },
  {
    id: "delete",
    title: "DELETE it again",
    text: "Always preflighted.",
    method: "DELETE",
    path: demoObject,
    headers: ["authorization"],
    run() { return signedXhr("DELETE", this.path); },
  },
  {
    id: "upload",
    title: "Upload a file",
    text: "One PUT with progress; the progress alone makes the browser ask first.",
    method: "PUT",
    path: `${bucketPath}/demo/upload`,
    headers: ["authorization", "content-type"],
    file: true,
    run(file, onprogress) {
      const headers = { "Content-Type": file.type || "application/octet-stream" };
      return signedXhr("PUT", this.path, { headers, body: file, onprogress });
    },
  },
];

if (settings.sdk) {
  const cos = new COS({
    Domain: `${new URL(settings.store).host}/{Bucket}`,
    Protocol: new URL(settings.store).protocol,
    ChunkRetryTimes: 0,
    async getAuthorization(options, callback) {
      const path = `${bucketPath}/${options.Key}`;
      const Authorization = await sign(options.Method.toUpperCase(), path, options.Query);
      callback({ Authorization });
    },
  });
  window.cos = cos;
  requests.push({
    id: "sdk",
    title: "Multipart upload with the vendor's SDK",
    text: "cos-js-sdk-v5, sliceUploadFile: parts of 1 MiB. It has to read the ETag of each part.",
    method: "POST",
    path: `${bucketPath}/demo/multipart`,
    headers: ["authorization", "cache-control", "content-md5", "content-type"],
    file: true,
    async run(file, onprogress) {
      const data = await cos.sliceUploadFile({
        Bucket: settings.bucket,
        Region: "local",
        Key: "demo/multipart",
        Body: file,
        SliceSize: 0,
        ChunkSize: 1024 * 1024,
        onProgress: (progress) => onprogress(progress.percent),
      });
      return responded(data.statusCode, `etag: ${data.ETag}`, `stored as ${data.Location}`);
    },
  });
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function headersShown(summary, text) {
  const details = element("details");
  details.append(element("summary", summary), element("pre", text));
  return details;
}

function showSuccess(result, response) {
  const verdict = element("strong", `${response.status} `, response.status < 400 ? "good" : "bad");
  const line = element("div");
  line.append(verdict, response.note || "The browser lets this page read the response.");
  const hidden = /^etag:/im.test(response.readable) ? "" : "ETag is not among them: no ExposeHeader names it.";
  result.replaceChildren(line, headersShown("Headers that script can read", response.readable));
  if (hidden && response.status !== 204) result.append(element("div", hidden, "hint"));
}

async function showFailure(result, request, card, error) {
  const message = error.message || error.error || String(error);
  const line = element("div");
  line.append(element("strong", "Failed: ", "bad"), message);
  result.replaceChildren(line);
  // Only a message of the SDK tells more than the failure itself.
  const told = message === BLOCKED ? "" : message;
  const failed = { method: request.method, path: request.path, headers: request.headers || [], message: told };
  let found;
  try {
    found = await ownServer("POST", "/explanation", failed);
  } catch (trouble) {
    result.append(element("div", trouble.message, "lines"));
    return;
  }
  result.append(element("div", found.text, "lines"));
  if (found.fix) {
    // The last line of the text says what the fix newly allows.
    const button = element("button", "Apply this fix and try again", "fix");
    button.addEventListener("click", () =>
      changeRules("POST", "/fix", { ...failed, fix: found.fix })
        .then(() => run(request, card))
        .catch((trouble) => {
          button.replaceWith(element("div", trouble.message, "bad"));
          changeRules("GET", "/rules").catch(showTrouble);
        }));
    result.append(button);
  }
  for (const response of found.responses) {
    const text = response.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
    result.append(headersShown(`${response.status} to ${response.request}`, text));
  }
}

async function run(request, card) {
  const result = card.querySelector(".result");
  const progress = card.querySelector("progress");
  const button = card.querySelector("button");
  const file = card.querySelector("input")?.files[0];
  delete card.dataset.outcome;
  if (request.file && !file) {
    result.replaceChildren("Choose a file first.");
    card.dataset.outcome = "unsent";
    return;
  }
  progress.hidden = !request.file;
  progress.value = 0;
  button.disabled = true;
  result.replaceChildren("…");
  try {
    showSuccess(result, await request.run(file, (share) => { progress.value = share; }));
    card.dataset.outcome = "succeeded";
  } catch (error) {
    await showFailure(result, request, card, error);
    card.dataset.outcome = "failed";
  } finally {
    button.disabled = false;
  }
}

for (const request of requests) {
  const card = document.getElementById("card").content.cloneNode(true).firstElementChild;
  card.id = request.id;
  card.querySelector("h3").textContent = request.title;
  card.querySelector("p").textContent = request.text;
  const button = card.querySelector("button");
  button.textContent = request.title === "Test CORS" ? "Test CORS" : request.method;
  if (request.file) {
    const input = Object.assign(element("input"), { type: "file" });
    input.setAttribute("aria-label", "File to upload");
    card.querySelector(".controls").append(input);
    button.textContent = "Upload";
  }
  button.addEventListener("click", () => run(request, card));
  document.getElementById("cards").append(card);
}

const switches = [...document.querySelectorAll("[data-rules]")];

async function changeRules(method, path, data) {
  delete document.body.dataset.rules;
  const rules = await ownServer(method, path, data);
  const editor = document.getElementById("rules");
  editor.value = rules.document;
  editor.scrollTo(0, 0);
  const change = method === "GET" ? "" : "Saved. The rules are in force from the next request on.";
  showOutcome(rules.document ? change : "The bucket has no rules.");
  document.getElementById("findings").replaceChildren(...rules.findings.map((finding) => {
    const item = element("li", "", "lines");
    item.append(element("strong", finding.title), ` ${finding.text}`);
    return item;
  }));
  for (const button of switches) {
    button.setAttribute("aria-pressed", String(button.dataset.rules === rules.name));
  }
  document.body.dataset.rules = rules.name || "edited";
}

function showOutcome(text, className = "") {
  document.getElementById("outcome").replaceChildren(element("div", text, className));
}

function showTrouble(trouble) {
  showOutcome(trouble.message, "bad lines");
  // They are about the rules that are stored.
  document.getElementById("findings").replaceChildren();
}

for (const button of switches) {
  button.addEventListener("click", () =>
    changeRules("PUT", `/rules/${button.dataset.rules}`).catch(showTrouble));
}

document.getElementById("save").addEventListener("click", () =>
  changeRules("PUT", "/rules", { document: document.getElementById("rules").value }).catch(showTrouble));

changeRules("GET", "/rules").catch(showTrouble);
