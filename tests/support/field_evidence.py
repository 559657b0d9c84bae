# ruff: noqa: E501, RUF001 - what people paste reads best as it stands.
"""Evidence as people paste it in public threads, alone and with their rules.

The texts are those that browsers, libraries and tools print; hosts are replaced. Each row was judged
by reading it, before the code was asked.
"""

from typing import Any, Final, NamedTuple

from flask_bucketcors import Cause
from tests.support.field_rules import S3_SAMPLE, aws, xml

PAGE: Final = "https://www.example.com"
DEV: Final = "http://localhost:5173"
B: Final = "https://photos.s3.eu-west-1.amazonaws.com/cat.jpg"
BLOCKED: Final = (
    f"Access to XMLHttpRequest at '{B}' from origin '{PAGE}' has been blocked by CORS policy: "
)
PREFLIGHT: Final = BLOCKED + "Response to preflight request doesn't pass access control check: "
MISSING: Final = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
PRESIGNED: Final = (
    "https://photos.0a1b.r2.cloudflarestorage.com/up.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"
    "&X-Amz-Expires=600&X-Amz-Signature=a796&X-Amz-SignedHeaders=host&x-id=PutObject"
)
FIREFOX: Final = f"Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {B}. (Reason: {{}})."


class Console(NamedTuple):
    """What a console shows.

    :param tells: the arguments of explain that it tells; ``guessed`` is empty if it tells all.
    :param words: what the explanation has to say where the rules allow everything.
    """

    text: str
    tells: dict[str, Any]
    words: str = ""


NOTHING_NAMED: Final = "The message hides the cause"
SURE: Final[dict[str, Any]] = {"guessed": []}
GUESS: Final[dict[str, Any]] = {"guessed": ["method"], "method": "GET"}

CONSOLES: Final[dict[str, Console]] = {
    # Chromium.
    "obs, the line of the request": Console(
        "Access to XMLHttpRequest at 'http://photos.obs.cn-south-4.myhuaweicloud.com/?apiversion' from origin 'http://localhost:8572' has been blocked by CORS policy: Response to preflight request doesn't pass access control check: No 'Access-Control-Allow-Origin' header is present on the requested resource.\nupload.vue:109 Error-->Error: Network Error\nesdk-obs-browserjs.min.js:1   HEAD http://photos.obs.cn-south-4.myhuaweicloud.com/?apiversion net::ERR_FAILED",
        {**SURE, "origin": "http://localhost:8572", "method": "HEAD", "kind": "preflight"},
    ),
    "r2, a presigned address": Console(
        f"Access to fetch at '{PRESIGNED}' from origin 'http://localhost:3001' has been blocked by CORS policy: Response to preflight request doesn't pass access control check: {MISSING} If an opaque response serves your needs, set the request's mode to 'no-cors' to fetch the resource with CORS disabled.",
        {**SURE, "origin": "http://localhost:3001", "method": "PUT", "kind": "preflight"},
    ),
    "b2, a status": Console(
        "Access to XMLHttpRequest at 'https://pod-000-1139-09.backblaze.com/b2api/v2/b2_upload_file/2a43/c002' from origin 'http://localhost:3001' has been blocked by CORS policy: Response to preflight request doesn't pass access control check: It does not have HTTP ok status.",
        {**GUESS, "origin": "http://localhost:3001", "kind": "preflight"},
    ),
    "gcs, a GET": Console(
        f"Access to fetch at 'https://storage.googleapis.com/photos/a.json' from origin '{PAGE}' has been blocked by CORS policy: {MISSING} If an opaque response serves your needs, set the request's mode to 'no-cors' to fetch the resource with CORS disabled.\na.js:3   GET https://storage.googleapis.com/photos/a.json net::ERR_FAILED 200 (OK)",
        {**SURE, "origin": PAGE, "method": "GET", "kind": "actual"},
    ),
    "a header": Console(
        BLOCKED + "Request header field x-oss-user-agent is not allowed by Access-Control-Allow-Headers in preflight response.",
        {"origin": PAGE, "headers": ["x-oss-user-agent"], "kind": "preflight"},
    ),
    "a header, the line alone": Console(
        "Request header field x-oss-user-agent is not allowed by Access-Control-Allow-Headers in preflight response.",
        {**GUESS, "headers": ["x-oss-user-agent"], "kind": "preflight"},
    ),
    "a method": Console(
        BLOCKED + "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
        {**SURE, "origin": PAGE, "method": "PUT", "kind": "preflight"},
    ),
    "a star and credentials": Console(
        BLOCKED + "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'. The credentials mode of requests initiated by the XMLHttpRequest is controlled by the withCredentials attribute.",
        {"origin": PAGE, "credentials": True},
    ),
    "several origins": Console(
        BLOCKED + "The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed.",
        {"origin": PAGE}, "twice",
    ),
    "another origin": Console(
        BLOCKED + "The 'Access-Control-Allow-Origin' header has a value 'http://localhost:3000' that is not equal to the supplied origin.",
        {"origin": PAGE},
    ),
    "a redirect of the preflight": Console(
        PREFLIGHT + "Redirect is not allowed for a preflight request.", {"origin": PAGE, "kind": "preflight"}, "redirect"
    ),
    "redirected from the same origin": Console(
        f"Access to fetch at '{B}' (redirected from '{PAGE}/files/1') from origin '{PAGE}' has been blocked by CORS policy: {MISSING}",
        {"origin": PAGE},
    ),
    "redirected from elsewhere": Console(
        f"Access to fetch at '{B}' (redirected from 'https://api.example.org/files/1') from origin '{PAGE}' has been blocked by CORS policy: {MISSING}",
        {"origin": "null"},
    ),
    "a page from a file": Console(
        f"Access to XMLHttpRequest at '{B}' from origin 'null' has been blocked by CORS policy: {MISSING}", {"origin": "null"}
    ),
    "a file from a file": Console(
        "Access to XMLHttpRequest at 'file:///C:/site/data.json' from origin 'null' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http, data, isolated-app, chrome-extension, chrome, https, chrome-untrusted.",
        {"origin": "null"},
    ),
    "a font": Console(
        f"Access to font at 'https://cdn.example.net/a.woff2' from origin '{PAGE}' has been blocked by CORS policy: {MISSING}",
        {**SURE, "origin": PAGE, "method": "GET", "kind": "actual"},
    ),
    "an image, years ago": Console(
        f"Access to Image at 'https://cdn.example.net/a.jpg' from origin 'http://localhost:8091' has been blocked by CORS policy: {MISSING} Origin 'http://localhost:8091' is therefore not allowed access.",
        {**SURE, "origin": "http://localhost:8091", "method": "GET", "kind": "actual"},
    ),
    "a font, long ago": Console(
        "Font from origin 'https://d39.cloudfront.net' has been blocked from loading by Cross-Origin Resource Sharing policy: No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin 'http://wiki.example.org' is therefore not allowed access.",
        {**SURE, "origin": "http://wiki.example.org", "method": "GET", "kind": "actual"},
    ),
    "an XMLHttpRequest, long ago": Console(
        "XMLHttpRequest cannot load https://s3.amazonaws.com/assets.example?prefix=dropbox. Response to preflight request doesn't pass access control check: No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin 'http://localhost:1338' is therefore not allowed access.",
        {**GUESS, "origin": "http://localhost:1338", "kind": "preflight"},
    ),
    "oss, with its status": Console(
        "Failed to load http://photos.oss-cn-hangzhou.aliyuncs.com/: Response to preflight request doesn't pass access control check: No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin 'http://localhost:3000' is therefore not allowed access. The response had HTTP status code 403. If an opaque response serves your needs, set the request's mode to 'no-cors' to fetch the resource with CORS disabled.\nUncaught (in promise) TypeError: Failed to fetch (req \"error\"), GET http://photos.oss-cn-hangzhou.aliyuncs.com/ -1 (connected: false, keepalive socket: false)",
        {**SURE, "origin": "http://localhost:3000", "method": "GET", "kind": "preflight"},
    ),
    "a star and credentials, long ago": Console(
        "XMLHttpRequest cannot load http://b.aliyuncs.com/pk1. Response to preflight request doesn't pass access control check: A wildcard '*' cannot be used in the 'Access-Control-Allow-Origin' header when the credentials flag is true. Origin 'http://127.0.0.1:3000' is therefore not allowed access.",
        {"origin": "http://127.0.0.1:3000", "credentials": True},
    ),
    "the status column": Console("up.png\tPreflightMissingAllowOriginHeader\tfetch", {"kind": "preflight"}),
    "the tooltip": Console("Cross-Origin Resource Sharing error: MissingAllowOriginHeader", {}),
    "local network": Console(
        f"Access to fetch at 'http://127.0.0.1:9000/photos/a' from origin '{PAGE}' has been blocked by CORS policy: Permission was denied for this request to access the `loopback` address space.",
        {"origin": PAGE}, "local network",
    ),
    "a private network": Console(
        "Access to fetch at 'http://192.168.1.10:9000/photos/a' from origin 'http://www.example.com' has been blocked by CORS policy: The request client is not a secure context and the resource is in more-private address space `private`.",
        {"origin": "http://www.example.com"}, "local network",
    ),
    "mixed content": Console(
        "Mixed Content: The page at 'https://www.example.com/' was loaded over HTTPS, but requested an insecure XMLHttpRequest endpoint 'http://minio.example.net:9000/photos'. This request has been blocked; the content must be served over HTTPS.",
        {}, "http on an https page",
    ),
    "a policy of the page": Console(
        f"Refused to connect to '{B}' because it violates the following Content Security Policy directive: \"connect-src 'self'\".", {}, "Content-Security-Policy"
    ),
    "a policy of the page, newer": Console(
        f"Connecting to '{B}' violates the following Content Security Policy directive: \"connect-src 'self'\". The action has been blocked.", {}, "Content-Security-Policy"
    ),
    "a certificate": Console("POST https://minio.example.net:9000/photos?uploads net::ERR_CERT_AUTHORITY_INVALID", {**SURE, "method": "POST"}, "the certificate"),
    "nobody listens": Console("GET http://localhost:9000/photos/a net::ERR_CONNECTION_REFUSED", {**SURE, "method": "GET"}, "check the network"),
    "a blocker": Console("PUT https://photos.s3.amazonaws.com/a net::ERR_BLOCKED_BY_CLIENT", {**SURE, "method": "PUT"}, "extensions"),
    "a canvas": Console(
        "Uncaught (in promise) DOMException: Failed to execute 'toDataURL' on 'HTMLCanvasElement': Tainted canvases may not be exported.", {**SURE, "method": "GET"}, "crossorigin"
    ),
    "a header that may not be read": Console('Refused to get unsafe header "ETag"', {"kind": "actual"}, "ETag"),
    "in the quotes of Markdown": Console(
        f"**Access to XMLHttpRequest at `{B}` from origin `{PAGE}` has been blocked by CORS policy: Response to preflight request doesn't pass access control check: No `Access-Control-Allow-Origin` header is present on the requested resource.**",
        {**GUESS, "origin": PAGE, "kind": "preflight"},
    ),
    "in other quotes": Console(
        f"Access to XMLHttpRequest at \u201c{B}\u201d from origin \u201c{PAGE}\u201d has been blocked by CORS policy: No \u201cAccess-Control-Allow-Origin\u201d header is present on the requested resource.",
        {**GUESS, "origin": PAGE, "kind": "actual"},
    ),
    "without quotes, and broken": Console(
        f"Access to XMLHttpRequest at \n{B} from origin {PAGE} has been blocked by CORS policy: No Access-Control-Allow-Origin header is present on the requested\nresource.",
        {**GUESS, "origin": PAGE, "kind": "actual"},
    ),
    "without the reason": Console(f"Access to XMLHttpRequest at '{B}' from origin '{PAGE}' has been blocked by CORS policy", {**GUESS, "origin": PAGE}, NOTHING_NAMED),
    # Firefox.
    "firefox, the header is missing": Console(FIREFOX.format("CORS header \u2018Access-Control-Allow-Origin\u2019 missing") + " Status code: 403.", {**GUESS}),
    "firefox, no success": Console(FIREFOX.format("CORS request did not succeed") + " Status code: (null).", {**GUESS}, "The browser got no response"),
    "firefox, the preflight": Console(FIREFOX.format("CORS preflight response did not succeed") + " Status code: 403.", {**GUESS, "kind": "preflight"}),
    "firefox, long ago": Console(FIREFOX.format("CORS preflight channel did not succeed"), {**GUESS, "kind": "preflight"}),
    "firefox, the network tab": Console(f"XHROPTIONS\n{PRESIGNED}\nCORS Missing Allow Origin", {**SURE, "method": "PUT"}),
    "firefox, a policy of the page": Console(
        "Content Security Policy: The page\u2019s settings blocked the loading of a resource at http://127.0.0.1:9000/uploads (\u201cconnect-src\u201d).", {}, "Content-Security-Policy"
    ),
    "firefox, a policy of the page, newer": Console(
        "Content-Security-Policy: The page\u2019s settings blocked the loading of a resource (connect-src) at http://127.0.0.1:9000/uploads because it violates the following directive: \u201cconnect-src 'self'\u201d", {}, "Content-Security-Policy"
    ),
    "firefox, mixed content": Console("Blocked loading mixed active content \u201chttp://minio.example.net:9000/photos/a\u201d", {}, "http on an https page"),
    "firefox in German": Console(
        f"Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource auf {B}. (Grund: CORS-Kopfzeile 'Access-Control-Allow-Origin' fehlt). Statuscode: 403.", {**GUESS}
    ),
    "firefox in Spanish, Spain": Console(
        f"Solicitud de origen cruzado bloqueada: La misma política de origen no permite la lectura del recurso remoto en {B}. (Razón: falta la cabecera CORS 'Access-Control-Allow-Origin'). Código de estado: 403.", {**GUESS}
    ),
    "firefox in Spanish, Mexico": Console(
        f"Solicitud desde otro origen bloqueada: la política de mismo origen impide leer el recurso remoto en {B} (razón: falta la cabecera CORS 'Access-Control-Allow-Origin'). Código de estado: 403.", {**GUESS}
    ),
    "firefox in Spanish, Mexico, a header": Console(
        f"Solicitud de origen cruzado bloqueada: La política de mismo origen (Same Origin Policy) no permite la lectura de recursos remotos en {B}. (Motivo: La cabecera \u2018x-amz-acl\u2019 no está permitida de acuerdo a la cabecera \u2018Access-Control-Allow-Headers\u2019 de la verificación previa de la respuesta CORS).", {"headers": ["x-amz-acl"], "kind": "preflight"}
    ),
    "firefox in Spanish, Argentina": Console(
        f"Pedido de origen cruzado bloqueado: La política de mismo origen no permite leer el recurso remoto en {B}. (Razón: encabezado CORS \u2018Access-Control-Allow-Origin\u2019 faltante). Código de estado: 200.", {**GUESS}
    ),
    "firefox in Spanish, Argentina, a header": Console(
        f"Pedido de origen cruzado bloqueado: La política de mismo origen no permite leer el recurso remoto en {B}. (Razón: encabezado \u2018x-cos-acl\u2019 no permitido según el encabezado \u2018Access-Control-Allow-Headers\u2019 de la respuesta preflight de CORS).", {"headers": ["x-cos-acl"], "kind": "preflight"}
    ),
    "firefox in Spanish, Argentina, no success": Console(
        f"Pedido de origen cruzado bloqueado: La política de mismo origen no permite leer el recurso remoto en {B}. (Razón: El pedido CORS falló). Código de estado: (null).", {**GUESS}, "The browser got no response"
    ),
    "firefox in Spanish, Chile": Console(
        f"Solicitud de origen cruzado bloqueada: La misma política de origen no permite la lectura de recursos remotos en {B}. (Razón: Cabecera CORS 'Access-Control-Allow-Origin' no presente). Código de estado: 403.", {**GUESS}
    ),
    "firefox in Spanish, Chile, the preflight": Console(
        f"Solicitud de origen cruzado bloqueada: La misma política de origen no permite la lectura de recursos remotos en {B}. (Razón: Respuesta preflight CORS no exitosa). Código de estado: 403.", {**GUESS, "kind": "preflight"}
    ),
    "firefox in Chinese": Console(f"已拦截跨源请求：同源策略禁止读取位于 {B} 的远程资源。（原因：CORS 头缺少 'Access-Control-Allow-Origin'）。状态码：403。", {**GUESS}),
    "firefox in Chinese, a header": Console(
        f"已拦截跨源请求：同源策略禁止读取位于 {B} 的远程资源。（原因：CORS 预检响应的 'Access-Control-Allow-Headers'，不允许使用头 'x-cos-acl'）。", {"headers": ["x-cos-acl"], "kind": "preflight"}
    ),
    "firefox in Chinese, the preflight": Console(f"已拦截跨源请求：同源策略禁止读取位于 {B} 的远程资源。（原因：CORS 预检响应未能成功）。状态码：403。", {**GUESS, "kind": "preflight"}),
    "firefox in Chinese, no success": Console(f"已拦截跨源请求：同源策略禁止读取位于 {B} 的远程资源。（原因：CORS 请求未能成功）。状态码：(null)。", {**GUESS}, "The browser got no response"),
    "firefox in Italian": Console(
        f"Bloccata richiesta multiorigine (cross-origin): il criterio di corrispondenza dell\u2019origine non consente la lettura della risorsa remota da {B}. Motivo: header CORS \u201cAccess-Control-Allow-Origin\u201d mancante. Codice di stato: 301.", {**GUESS}
    ),
    # Safari.
    "safari, two lines": Console(
        f"Fetch API cannot load {B} due to access control checks.\nFailed to load resource: Origin http://localhost:7025 is not allowed by Access-Control-Allow-Origin.", {**GUESS, "origin": "http://localhost:7025"}
    ),
    "safari, a file": Console("[Error] Origin null is not allowed by Access-Control-Allow-Origin. Status code: 200", {"origin": "null"}),
    "safari, the preflight": Console(f"[Error] Preflight response is not successful. Status code: 403\n[Error] XMLHttpRequest cannot load {B} due to access control checks.", {**GUESS, "kind": "preflight"}),
    # Others.
    "edge, long ago": Console(f"SEC7120: [CORS] The origin '{PAGE}' did not find '{PAGE}' in the Access-Control-Allow-Origin response header for cross-origin  resource at '{B}'.", {"origin": PAGE}),
    "internet explorer": Console("SCRIPT7002: XMLHttpRequest: Network Error 0x80070005, Access is denied.", {**GUESS}, NOTHING_NAMED),
    # Libraries.
    "uppy": Console("Error: Failed because: AwsS3/Multipart: Could not read the ETag header. This likely means CORS is not configured correctly on the S3 Bucket. See https://uppy.io/docs/aws-s3-multipart#S3-Bucket-Configuration for instructions.", {**SURE, "method": "PUT"}, "ETag"),
    "amplify": Console("AWSS3Provider - error uploading ETagMissing: No access to ETag property on response. Check CORS configuration to expose ETag header.", {**SURE, "method": "PUT"}, "ETag"),
    "cos-js-sdk-v5": Console('get ETag error, please add "ETag" to CORS ExposeHeader setting.', {**SURE, "method": "PUT"}, "ETag"),
    "ali-oss, ETag": Console("Error: Please set the etag of expose-headers in OSS \n https://help.aliyun.com/document_detail/32069.html", {**SURE, "method": "PUT"}, "ETag"),
    "ali-oss": Console('RequestError: XHR error (req "error"), PUT http://photos.oss-cn-chengdu.aliyuncs.com/a.png -1 (connected: false, keepalive socket: false)\nheaders: {}', {**SURE, "method": "PUT"}, NOTHING_NAMED),
    "cos, hidden": Console("{error: 'CORS blocked or network error', headers: {}}", {**GUESS}, NOTHING_NAMED),
    "cos, jquery": Console('{"readyState":0,"responseText":"","status":0,"statusText":"error"}', {**GUESS}, NOTHING_NAMED),
    "axios, an object": Console('{message: "Network Error", name: "AxiosError", code: "ERR_NETWORK", config: {method: "put", url: "https://photos.s3.amazonaws.com/a"}, status: null}', {**SURE, "method": "PUT"}, NOTHING_NAMED),
    "axios": Console("Uncaught (in promise) AxiosError: Network Error\n    at XMLHttpRequest.handleError (axios.js:1602:14)", {**GUESS}, NOTHING_NAMED),
    "superagent": Console("Error: Request has been terminated\nPossible causes: the network is offline, Origin is not allowed by Access-Control-Allow-Origin, the page is being unloaded, etc.", {**GUESS}, NOTHING_NAMED),
    "angular": Console("HttpErrorResponse {headers: HttpHeaders, status: 0, statusText: 'Unknown Error', url: 'https://photos.s3.amazonaws.com/a', ok: false, message: 'Http failure response for https://photos.s3.amazonaws.com/a: 0 Unknown Error'}", {**GUESS}, NOTHING_NAMED),
    "flutter, an image": Console("ImageCodecException: Failed to load network image.\nImage URL: https://firebasestorage.googleapis.com/v0/b/x/o/a.jpg?alt=media\nTrying to load an image from another domain? Find answers at:\nhttps://flutter.dev/docs/development/platform-integration/web-images", {**SURE, "method": "GET"}, NOTHING_NAMED),
    "flutter, http": Console("Unhandled Exception: ClientException: XMLHttpRequest error., uri=https://storage.googleapis.com/photos/a", {**GUESS}, NOTHING_NAMED),
    "dropzone": Console("Server responded with 0 code.", {**GUESS}, NOTHING_NAMED),
    "hls.js": Console('{"type":"networkError","details":"manifestLoadError","fatal":true,"url":"https://cdn.example.net/a.m3u8","response":{"url":"https://cdn.example.net/a.m3u8","code":0,"text":""}}', {**SURE, "method": "GET"}, NOTHING_NAMED),
    "maplibre": Console("AJAXError: Failed to fetch (0): https://cdn.example.net/tiles.pmtiles", {**GUESS}, NOTHING_NAMED),
    "react native": Console("TypeError: Network request failed\n    at anonymous (http://192.168.1.5:8081/index.bundle)", {**GUESS}, NOTHING_NAMED),
    "tus": Console("Error: tus: failed to create upload, caused by [object ProgressEvent], originated from request (method: POST, url: https://tus.example.net/files/, response code: n/a, response text: n/a, request id: n/a)", {**SURE, "method": "POST"}, NOTHING_NAMED),
    "ky": Console("NetworkError: Request failed due to a network error: PUT https://photos.s3.amazonaws.com/a", {**SURE, "method": "PUT"}, NOTHING_NAMED),
}  # fmt: skip

#: What says nothing of a failure by CORS.
NOT_UNDERSTOOD: Final[dict[str, str]] = {
    "another error": "Uncaught TypeError: Cannot read properties of undefined (reading 'Status')",
    "a name of a file": "console.log",
    "curl without the Origin": "curl: (60) SSL certificate problem: self-signed certificate",
    "a media error": "VIDEOJS: ERROR: (CODE:4 MEDIA_ERR_SRC_NOT_SUPPORTED) The media could not be loaded, either because the server or network failed or because the format is not supported.",
    "pdf.js": "Error: file origin does not match viewer's",
    "a source map": "DevTools failed to load source map: Could not load content for https://www.example.com/a.js.map: HTTP error: status code 404",
    "a response of the server": "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
    "help": "please help, it does not work",
}


class Copied(NamedTuple):
    """A request that somebody copied, with what it tells, or why it is refused."""

    text: str
    tells: dict[str, Any] | str


COPIES: Final[dict[str, Copied]] = {
    "an OPTIONS of the network tab": Copied(
        "curl 'http://localhost:9000/dev-uploads/a.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600' \\\n  -X 'OPTIONS' \\\n  -H 'Access-Control-Request-Method: PUT' \\\n  -H 'Access-Control-Request-Headers: content-type' \\\n  -H 'Origin: http://localhost:3000' \\\n  -H 'Sec-Fetch-Mode: cors' \\\n  -H 'Referer: http://localhost:3000/project/1' \\\n  --compressed -v",
        {"origin": "http://localhost:3000", "method": "PUT", "headers": ["content-type"], "kind": "preflight"},
    ),
    "long options, and what was printed": Copied(
        "curl \\\n--verbose \\\n--request OPTIONS \\\nhttps://s3.amazonaws.com/uploads/test?uploads \\\n--header 'Origin: http://app.example.me:8080' \\\n--header 'Access-Control-Request-Headers: authorization, x-amz-acl, x-amz-date' \\\n--header 'Access-Control-Request-Method: POST' \n      < HTTP/1.1 301 Moved Permanently\n      < x-amz-request-id: A0BB\n      < Content-Type: application/xml\n      < ",
        {"origin": "http://app.example.me:8080", "method": "POST", "headers": ["authorization", "x-amz-acl", "x-amz-date"], "response": {"status": 301, "headers": {"x-amz-request-id": ["A0BB"], "Content-Type": ["application/xml"]}}},
    ),
    "an abbreviated option": Copied(
        'curl -i -H "Origin: http://test.example" --upload /etc/hosts https://play.example.net:9000/testbucket/object\nHTTP/2 403 \naccess-control-allow-origin: http://test.example\n',
        {"origin": "http://test.example", "method": "PUT", "response": {"status": 403, "headers": {"access-control-allow-origin": ["http://test.example"]}}},
    ),
    "head": Copied(
        f'curl -sI -H "Origin: {PAGE}" https://cdn.example.net/a.woff2\nHTTP/1.1 200 OK\nServer: AmazonS3\nX-Cache: Hit from cloudfront\n',
        {"origin": PAGE, "method": "HEAD", "response": {"status": 200, "headers": {"Server": ["AmazonS3"], "X-Cache": ["Hit from cloudfront"]}}},
    ),
    "as cmd": Copied(
        f'curl ^"https://photos.example.net/a^" ^\n  -X ^"PUT^" ^\n  -H ^"content-type: image/png^" ^\n  -H ^"Origin: {PAGE}^" ^\n  --data-raw ^"a^&b^"',
        {"origin": PAGE, "method": "PUT", "headers": ["content-type"]},
    ),
    "with curl.exe": Copied(f'curl.exe -X PUT -H "Origin: {PAGE}" -H "x-ms-blob-type: BlockBlob" https://a.blob.core.windows.net/c/b', {"origin": PAGE, "method": "PUT", "headers": ["x-ms-blob-type"]}),
    "from a word processor": Copied(f"curl \u2013X PUT \u2014header \u201cOrigin: {PAGE}\u201d -H \u2018x-a: it\u2019 https://photos.example.net/a", {"origin": PAGE, "method": "PUT", "headers": ["x-a"]}),
    "with a prompt": Copied(f"$ curl -v -XPUT -H 'Origin: {PAGE}' https://photos.example.net/a", {"origin": PAGE, "method": "PUT"}),
    "fetch of Chromium": Copied(
        f'fetch("https://photos.example.net/a", {{\n  "headers": {{\n    "content-type": "image/png",\n    "sec-ch-ua-platform": "\\"Windows\\""\n  }},\n  "referrer": "{PAGE}/",\n  "body": null,\n  "method": "PUT",\n  "mode": "cors",\n  "credentials": "omit"\n}});',
        {"origin": PAGE, "method": "PUT", "headers": ["content-type"], "credentials": False},
    ),
    "fetch of Firefox": Copied(
        f'await fetch("https://photos.example.net/a", {{\n    "credentials": "omit",\n    "headers": {{\n        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",\n        "Accept": "*/*",\n        "Accept-Language": "en-US,en;q=0.9",\n        "x-cos-acl": "private"\n    }},\n    "referrer": "{PAGE}/",\n    "body": "hello",\n    "method": "PUT",\n    "mode": "cors"\n}});',
        {"origin": PAGE, "method": "PUT", "headers": ["x-cos-acl"], "credentials": False},
    ),
    "fetch of Safari": Copied(
        f'fetch("https://photos.example.net/a", {{\n    "body": null,\n    "cache": "default",\n    "credentials": "omit",\n    "headers": {{\n        "Accept": "*/*",\n        "x-amz-date": "20260101T000000Z"\n    }},\n    "method": "GET",\n    "mode": "cors",\n    "redirect": "follow",\n    "referrer": "{PAGE}/",\n    "referrerPolicy": "strict-origin-when-cross-origin"\n}})',
        {"origin": PAGE, "method": "GET", "headers": ["x-amz-date"], "kind": "preflight"},
    ),
    "fetch for Node": Copied(
        f'fetch("https://photos.example.net/a", {{\n  "headers": {{\n    "content-type": "image/png",\n    "Referer": "{PAGE}/"\n  }},\n  "body": null,\n  "method": "PUT"\n}});',
        {"origin": PAGE, "method": "PUT", "headers": ["content-type"]},
    ),
    "PowerShell": Copied(
        f'Invoke-WebRequest -UseBasicParsing -Uri "https://photos.example.net/a" `\n-Method "OPTIONS" `\n-Headers @{{\n"Accept"="*/*"\n  "Access-Control-Request-Headers"="content-type"\n  "Access-Control-Request-Method"="PUT"\n  "Origin"="{PAGE}"\n}}',
        {"origin": PAGE, "method": "PUT", "headers": ["content-type"], "kind": "preflight"},
    ),
    "a simple POST": Copied(f"curl 'https://photos.example.net/' -H 'Origin: {PAGE}' -F key=a -F file=@a.png", {"origin": PAGE, "method": "POST", "headers": [], "kind": "actual"}),
    "all as curl": Copied(f"curl 'https://photos.example.net/a' -H 'Origin: {PAGE}' ;\ncurl 'https://photos.example.net/b' -H 'Origin: {PAGE}'", "several curl commands"),
    "all as fetch": Copied(
        f'fetch("https://photos.example.net/a", {{"referrer": "{PAGE}/", "method": "GET"}}); ;\nfetch("https://photos.example.net/b", {{"referrer": "{PAGE}/", "method": "PUT"}});', "several"
    ),
    "postman": Copied("curl --location --request PUT 'https://photos.example.net/a' --header 'Content-Type: image/png' --data-binary '@/C:/a.png'", "names no page"),
    "fetch of a program": Copied("await fetch(url, { method: 'PUT', body: file })", "Copy as fetch"),
    "httpie": Copied(f"http OPTIONS https://photos.example.net/a Origin:{PAGE} Access-Control-Request-Method:PUT", "no curl command"),
    "the headers of the network tab": Copied(f"Request URL: https://photos.example.net/a\nRequest Method: OPTIONS\nStatus Code: 403 Forbidden\nOrigin: {PAGE}", "no curl command"),
    "wget": Copied(f"wget --header='Origin: {PAGE}' https://photos.example.net/a", "no curl command"),
}  # fmt: skip


class Case(NamedTuple):
    """Rules and evidence together, with the cause that the thread found.

    :param evidence: the text of a console, the arguments of explain, or a HAR file's name.
    :param words: what the explanation has to say.
    """

    rules: str
    evidence: str | dict[str, Any]
    cause: Cause
    words: tuple[str, ...] = ()


def sent(origin: str = PAGE, method: str = "PUT", *headers: str, **other: Any) -> dict[str, Any]:
    """The request that somebody describes."""
    return {"origin": origin, "method": method, "headers": list(headers), **other}


PAGEFLOW: Final = (
    "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule><CORSRule>"
    "<AllowedOrigin>http://flow.example.org/</AllowedOrigin><AllowedMethod>POST</AllowedMethod><AllowedHeader>*</AllowedHeader>"
    "</CORSRule></CORSConfiguration>"
)
TWO_OF_COS: Final = (
    "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader>"
    f"</CORSRule><CORSRule><AllowedOrigin>{PAGE}</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader>"
    "<ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>"
)
PUT: Final = {"AllowedMethods": ["PUT"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"]}

CASES: Final[dict[str, Case]] = {
    "http and a slash": Case(PAGEFLOW, sent("https://flow.example.org", "POST"), Cause.ORIGIN_TRAILING_SLASH),
    "a path with a star": Case(xml("<AllowedHeader>*</AllowedHeader>", "http://up.example.com:5000/*", "PUT"), sent("http://up.example.com:5000"), Cause.ORIGIN_PATH),
    "the page on this machine is not named": Case(aws(**PUT), sent("http://localhost:8080"), Cause.ORIGIN_NOT_LISTED),
    "another port": Case(aws(**PUT, AllowedOrigins=["http://localhost:3000"]), sent("http://localhost:5173"), Cause.ORIGIN_PORT, ("5173",)),
    "no port": Case(aws(**PUT, AllowedOrigins=["http://localhost"]), sent("http://localhost:3000"), Cause.ORIGIN_PORT),
    "localhost by its number": Case(aws(**PUT, AllowedOrigins=["http://localhost:3000"]), sent("http://127.0.0.1:3000"), Cause.ORIGIN_IP_LOCALHOST),
    "http and https": Case(aws(**PUT, AllowedOrigins=["http://www.example.com"]), sent(), Cause.ORIGIN_SCHEME),
    "https without its s in a pattern": Case(aws(**PUT, AllowedOrigins=["http://*.example.com"]), sent(), Cause.ORIGIN_SCHEME),
    "no scheme": Case(aws(**PUT, AllowedOrigins=["www.example.com"]), sent(), Cause.ORIGIN_SCHEME),
    "a scheme with two slashes too few": Case(aws(**PUT, AllowedOrigins=["https:www.example.com"]), sent(), Cause.ORIGIN_SCHEME),
    "a scheme that is misspelt": Case(aws(**PUT, AllowedOrigins=["htps://www.example.com"]), sent(), Cause.ORIGIN_SCHEME),
    "with www": Case(aws(**PUT, AllowedOrigins=["https://example.com"]), sent(), Cause.ORIGIN_SUBDOMAIN_DEPTH),
    "without www": Case(aws(**PUT), sent("https://example.com"), Cause.ORIGIN_APEX),
    "subdomains only": Case(aws(**PUT, AllowedOrigins=["https://*.example.com"]), sent("https://example.com"), Cause.ORIGIN_APEX),
    "capitals": Case(aws(**PUT, AllowedOrigins=["https://WWW.example.com"]), sent(), Cause.ORIGIN_CASE),
    "the default port": Case(aws(**PUT, AllowedOrigins=["https://www.example.com:443"]), sent(), Cause.ORIGIN_DEFAULT_PORT),
    "a slash": Case(aws(**PUT, AllowedOrigins=["https://www.example.com/"]), PREFLIGHT + MISSING, Cause.ORIGIN_TRAILING_SLASH),
    "a path": Case(aws(**PUT, AllowedOrigins=["https://www.example.com/upload"]), sent(), Cause.ORIGIN_PATH),
    "a blank behind": Case(aws(**PUT, AllowedOrigins=["https://www.example.com "]), sent(), Cause.ORIGIN_INVISIBLE_CHARACTER),
    "a zero width space": Case(aws(**PUT, AllowedOrigins=["\u200bhttps://www.example.com"]), sent(), Cause.ORIGIN_INVISIBLE_CHARACTER),
    "a Cyrillic letter": Case(aws(**PUT, AllowedOrigins=["https://www.ex\u0430mple.com"]), sent(), Cause.ORIGIN_LOOKALIKE),
    "two origins in one text": Case(aws(**PUT, AllowedOrigins=["https://example.com, https://www.example.com"]), sent(), Cause.ORIGIN_NOT_LISTED, ("each origin as a value of its own",)),
    "a regular expression": Case(aws(**PUT, AllowedOrigins=["https://.*\\.example\\.com"]), sent(), Cause.ORIGIN_NOT_LISTED, ("rule 1",)),
    # Hosts that are misspelt.
    "two letters are swapped": Case(aws(**PUT, AllowedOrigins=["https://www.exmaple.com"]), sent(), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    "a letter is missing": Case(aws(**PUT, AllowedOrigins=["https://www.exampl.com"]), sent(), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    "a letter too many": Case(aws(**PUT, AllowedOrigins=["https://wwww.example.com"]), sent(), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    "con": Case(aws(**PUT, AllowedOrigins=["https://www.example.con"]), sent(), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    "co": Case(aws(**PUT, AllowedOrigins=["https://www.example.co"]), sent(), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    "a dot is missing": Case(aws(**PUT, AllowedOrigins=["https://wwwexample.com"]), sent(), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    "a hyphen is missing": Case(aws(**PUT, AllowedOrigins=["https://my-shop.example.com"]), sent("https://myshop.example.com"), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    "a misspelt host above a rule for all": Case('[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}, {"AllowedOrigins": ["https://www.exmaple.com"], "AllowedMethods": ["PUT"]}]', sent(), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    "localhost is misspelt": Case(aws(**PUT, AllowedOrigins=["http://locahost:3000"]), sent("http://localhost:3000"), Cause.ORIGIN_NOT_LISTED, ("Did you mean",)),
    # Methods and headers.
    "a header is missing": Case(aws(**PUT | {"AllowedHeaders": ["authorization", "content-type", "x-oss-date"]}), BLOCKED + "Request header field x-oss-user-agent is not allowed by Access-Control-Allow-Headers in preflight response.", Cause.HEADER_MISSING, ("x-oss-user-agent",)),
    "no header is allowed": Case(aws(**PUT | {"AllowedHeaders": []}), sent(PAGE, "PUT", "content-type"), Cause.HEADER_MISSING, ("content-type",)),
    "headers in one text": Case(aws(**PUT | {"AllowedHeaders": ["Content-Type, Authorization"]}), sent(PAGE, "PUT", "content-type"), Cause.HEADER_MISSING, ("each header as a value of its own",)),
    "POST for parts": Case(aws(**PUT | {"AllowedMethods": ["PUT", "GET", "HEAD"]}), sent(PAGE, "POST"), Cause.METHOD_MISSING, ("POST",)),
    "HEAD": Case(aws(**PUT | {"AllowedMethods": ["GET", "PUT"]}), sent(PAGE, "HEAD", "x-obs-date"), Cause.METHOD_HEAD_NOT_GET),
    "methods in lower case": Case(aws(**PUT | {"AllowedMethods": ["put"]}), sent(), Cause.METHOD_CASE),
    "all methods": Case(aws(**PUT | {"AllowedMethods": ["*"]}), sent(), Cause.METHOD_MISSING, ("list the methods",)),
    "only OPTIONS": Case(aws(**PUT | {"AllowedMethods": ["GET", "OPTIONS"]}), sent(), Cause.METHOD_MISSING, ("leave OPTIONS out",)),
    "PATCH of tus": Case(aws(**PUT), sent(PAGE, "PATCH", "upload-offset"), Cause.METHOD_NOT_ENABLED, ("BUCKETCORS_EXTRA_METHODS",)),
    # The page may not read a header.
    "ETag is not exposed": Case(aws(**PUT | {"ExposeHeaders": []}), {**sent(), "response": {"console": "Error: Could not read the ETag header. This likely means CORS is not configured correctly on the S3 Bucket."}}, Cause.EXPOSE_MISSING, ("ETag",)),
    "ETag is not exposed, amplify": Case(aws(**PUT | {"ExposeHeaders": []}), {**sent(), "response": {"console": "ETagMissing: No access to ETag property on response. Check CORS configuration to expose ETag header."}}, Cause.EXPOSE_MISSING, ("ETag",)),
    "the first rule has no ExposeHeader": Case(TWO_OF_COS, {**sent(), "response": {"console": 'get ETag error, please add "ETag" to CORS ExposeHeader setting.'}}, Cause.SHADOWED_RULE),
    # Credentials, null, nothing.
    "a star and cookies": Case(S3_SAMPLE, BLOCKED + "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.", Cause.CREDENTIALS_WILDCARD),
    "a page from a file": Case(aws(**PUT), f"Access to XMLHttpRequest at '{B}' from origin 'null' has been blocked by CORS policy: {PREFLIGHT[len(BLOCKED):]}{MISSING}", Cause.ORIGIN_NULL),
    "a redirect": Case(aws(), f"Access to fetch at '{B}' (redirected from 'https://api.example.org/file/1') from origin '{PAGE}' has been blocked by CORS policy: {MISSING}", Cause.ORIGIN_NULL),
    "no rules": Case("[]", sent(), Cause.NO_RULES),
    "an app with capacitor": Case(aws(**PUT, AllowedOrigins=["http://localhost"]), sent("capacitor://localhost"), Cause.ORIGIN_SCHEME, ("capacitor://localhost",)),
    # The rules are right, and something else is wrong.
    "the wrong region": Case(S3_SAMPLE, {**sent(method="PUT"), "kind": "preflight", "response": {"status": 301, "headers": {"x-amz-bucket-region": "eu-west-1", "Server": "AmazonS3"}}}, Cause.APP_REFUSED),
    "a login in front": Case(S3_SAMPLE, {**sent(), "kind": "preflight", "response": {"status": 401, "headers": {"WWW-Authenticate": "Basic"}}}, Cause.APP_REFUSED),
    "nginx adds one, too": Case(S3_SAMPLE, BLOCKED + "The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed.", Cause.DUPLICATE_HEADERS),
    "a response of a cache": Case(aws(), f"Access to image at '{B}' from origin '{PAGE}' has been blocked by CORS policy: {MISSING}", Cause.VARY_MISSING),
    "Cloudflare responds": Case(S3_SAMPLE, {**sent(), "kind": "preflight", "response": {"status": 403, "headers": {"Server": "cloudflare", "CF-RAY": "8a"}}}, Cause.CDN_RESPONDED),
    "nothing listens": Case(aws(), "GET https://minio.example.net:9000/a net::ERR_CONNECTION_REFUSED", Cause.OTHER, ("The browser got no response",)),
    "a canvas": Case(aws(), "DOMException: Failed to execute 'toDataURL' on 'HTMLCanvasElement': Tainted canvases may not be exported.", Cause.OTHER, ("crossorigin",)),
    "a library that hides it": Case(aws(**PUT), "AxiosError: Network Error", Cause.OTHER, (NOTHING_NAMED,)),
    "a text that says nothing": Case(aws(**PUT), "Uncaught (in promise) Error: Upload failed", Cause.OTHER, ("not understood",)),
    # Rules of other vendors.
    "google, another method": Case('[{"origin": ["https://www.example.com"], "method": ["GET"], "responseHeader": ["Content-Type"], "maxAgeSeconds": 3600}]', sent(PAGE, "PUT", "content-type"), Cause.METHOD_MISSING),
    "r2, a slash": Case('{"rules": [{"allowed": {"origins": ["https://www.example.com/"], "methods": ["PUT"], "headers": ["content-type"]}}]}', sent(PAGE, "PUT", "content-type"), Cause.ORIGIN_TRAILING_SLASH),
    "b2, only its own calls": Case('[{"corsRuleName": "a", "allowedOrigins": ["https"], "allowedOperations": ["b2_upload_file"], "allowedHeaders": ["*"]}]', sent(), Cause.METHOD_MISSING),
    "azure, http": Case('[{"AllowedHeaders": "*", "AllowedMethods": "GET,PUT", "AllowedOrigins": "http://www.example.com", "ExposedHeaders": "etag", "MaxAgeInSeconds": 200}]', sent(), Cause.ORIGIN_SCHEME),
    "fields that are misspelt": Case('[{"AllowedOrigins": ["https://www.example.com"], "AllowedMethods": ["PUT"], "AllowHeaders": ["*"]}]', sent(PAGE, "PUT", "content-type"), Cause.HEADER_MISSING, ("AllowHeaders", "write AllowedHeaders")),
    # HAR files.
    "chromium's tools": Case(aws(AllowedMethods=["GET", "PUT"], AllowedOrigins=[DEV + "/"]), "chromium-devtools.har", Cause.ORIGIN_TRAILING_SLASH),
    "chromium's tools, a header": Case(aws(AllowedMethods=["GET", "PUT"], AllowedOrigins=[DEV], AllowedHeaders=["content-type", "authorization"]), "chromium-devtools.har", Cause.HEADER_MISSING, ("x-amz-acl",)),
    "firefox": Case(aws(AllowedMethods=["GET", "PUT"], AllowedOrigins=[DEV + "/"]), "firefox.har", Cause.ORIGIN_TRAILING_SLASH),
    "firefox, a header": Case(aws(AllowedMethods=["GET", "PUT"], AllowedOrigins=[DEV], AllowedHeaders=["content-type", "x-amz-acl"]), "firefox.har", Cause.HEADER_MISSING, ("authorization",)),
    "safari": Case(aws(AllowedMethods=["GET", "PUT"], AllowedOrigins=["http://localhost:3000"]), "safari.har", Cause.ORIGIN_PORT),
}  # fmt: skip

#: What each HAR file tells: the requests that failed, in its order.
HARS: Final[dict[str, list[dict[str, Any]]]] = {
    "chromium-devtools.har": [
        {"origin": DEV, "method": "GET", "kind": "actual", "headers": []},
        {"origin": DEV, "method": "PUT", "kind": "preflight", "headers": ["authorization", "content-type", "x-amz-acl"]},
        {"origin": DEV, "method": "GET", "kind": "actual", "headers": [], "guessed": ["origin"]},
    ],
    "firefox.har": [
        {"origin": DEV, "method": "GET", "kind": "actual", "headers": []},
        {"origin": DEV, "method": "PUT", "kind": "preflight", "headers": ["authorization", "content-type", "x-amz-acl"]},
        {"origin": DEV, "method": "GET", "kind": "actual", "headers": []},
        {"origin": DEV, "method": "GET", "kind": "actual", "headers": []},
    ],
    "safari.har": [
        {"origin": DEV, "method": "GET", "kind": "actual", "headers": []},
        {"origin": DEV, "method": "PUT", "kind": "preflight", "headers": ["content-type"]},
    ],
}  # fmt: skip
