# ruff: noqa: E501 - what was printed reads best on a line of its own.
"""What browsers and libraries print, wording by wording, with what each complains about.

Chromium 156 printed the rows of ``CHROMIUM_PRINTS``, which the tests in Chromium make it print
again where that takes no more than a page. ``CHROMIUM_HOLDS`` stand in its program or its source.
"""

from typing import Final

PAGE: Final = "https://www.a.example"
AT: Final = f"Access to fetch at 'https://b.example/k' from origin '{PAGE}' has been blocked by CORS policy: "
PREFLIGHT: Final = AT + "Response to preflight request doesn't pass access control check: "

CHROMIUM_PRINTS: Final = [
    # (complaint, text)
    (
        "NO_ALLOW_ORIGIN",
        AT + "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
    ),
    (
        "NO_ALLOW_ORIGIN",
        AT.replace("fetch", "XMLHttpRequest")
        + "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
    ),
    (
        "NO_ALLOW_ORIGIN",
        AT.replace("fetch", "font")
        + "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
    ),
    (
        "NO_ALLOW_ORIGIN",
        AT.replace("fetch", "CSS stylesheet")
        + "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
    ),
    (
        "NO_ALLOW_ORIGIN",
        PREFLIGHT + "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
    ),
    (
        "OTHER_ORIGIN",
        AT
        + "The 'Access-Control-Allow-Origin' header has a value 'https://b.test' that is not equal to the supplied origin. Have the server send the header with a valid value.",
    ),
    (
        "OTHER_ORIGIN",
        AT
        + "The 'Access-Control-Allow-Origin' header contains the invalid value 'b.test'. Have the server send the header with a valid value.",
    ),
    (
        "SEVERAL_ORIGINS",
        AT
        + f"The 'Access-Control-Allow-Origin' header contains multiple values '*, {PAGE}', but only one is allowed. Have the server send the header with a valid value.",
    ),
    (
        "WILDCARD",
        AT
        + "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.",
    ),
    (
        "NO_CREDENTIALS",
        AT
        + "The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true' when the request's credentials mode is 'include'.",
    ),
    ("STATUS", PREFLIGHT + "It does not have HTTP ok status."),
    ("REDIRECT", PREFLIGHT + "Redirect is not allowed for a preflight request."),
    (
        "METHOD",
        AT + "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
    ),
    (
        "HEADER",
        AT
        + "Request header field x-a is not allowed by Access-Control-Allow-Headers in preflight response.",
    ),
    (
        "BAD_LIST",
        AT
        + "Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
    ),
    (
        "BAD_LIST",
        AT
        + "Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
    ),
    (
        "USER_INFO",
        AT
        + "Redirect location '' contains a username and password, which is disallowed for cross-origin requests.",
    ),
    (
        "MODE",
        f'Fetch API cannot load https://b.example/k. Request mode is "same-origin" but the URL\'s origin is not same as the request origin {PAGE}.',
    ),
    (
        "MODE",
        'Fetch API cannot load https://b.example/k. Request mode is "no-cors" but the redirect mode is not "follow".',
    ),
    (
        "MODE",
        "TypeError: Failed to execute 'fetch' on 'Window': 'PUT' is unsupported in no-cors mode.",
    ),
    ("NOT_HTTP", "Not allowed to load local resource: file:///etc/hosts"),
    ("NOT_HTTP", 'Fetch API cannot load foo://x/y. URL scheme "foo" is not supported.'),
    (
        "INTEGRITY_WITHOUT_CORS",
        "Subresource Integrity: The resource 'https://b.example/k.js' has an integrity attribute, but the resource requires the request to be CORS enabled to check the integrity, and it is not. The resource has been blocked because the integrity cannot be enforced.",
    ),
    (
        "INTEGRITY_WITHOUT_CORS",
        "Subresource Integrity: The resource 'https://b.example/k' has an integrity attribute, but the response is not eligible for integrity validation.",
    ),
    (
        "INTEGRITY",
        "Failed to find a valid digest in the 'integrity' attribute for resource 'https://b.example/k.js' with computed SHA-384 integrity 'GF0NAtiw'. The resource has been blocked.",
    ),
    ("INTEGRITY", "Fetch API cannot load https://b.example/k. SRI's integrity checks failed."),
    ("RESOURCE_POLICY", "Failed to load resource: net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin"),
    (
        "BAD_FONT",
        "Failed to decode downloaded font: https://b.example/k.woff2\nOTS parsing error: invalid sfntVersion: 1008821359",
    ),
    (
        "SAME_ORIGIN_ONLY",
        f"Unsafe attempt to load URL https://b.example/k.vtt from frame with URL {PAGE}/. Domains, protocols and ports must match.",
    ),
    (
        "SAME_ORIGIN_ONLY",
        f"SecurityError: Failed to construct 'Worker': Script at 'https://b.example/k.js' cannot be accessed from origin '{PAGE}'.",
    ),
    (
        "SAME_ORIGIN_ONLY",
        f"SecurityError: Failed to read a named property 'document' from 'Window': Blocked a frame with origin \"{PAGE}\" from accessing a cross-origin frame.",
    ),
    (
        "TAINTED",
        "SecurityError: Failed to execute 'toDataURL' on 'HTMLCanvasElement': Tainted canvases may not be exported.",
    ),
    (
        "TAINTED",
        "SecurityError: Failed to execute 'getImageData' on 'CanvasRenderingContext2D': The canvas has been tainted by cross-origin data.",
    ),
    (
        "TAINTED",
        "SecurityError: Failed to execute 'texImage2D' on 'WebGLRenderingContext': The image element contains cross-origin data, and may not be loaded.",
    ),
    (
        "TAINTED",
        "SecurityError: Failed to construct 'VideoFrame': VideoFrames can't be created from tainted sources.",
    ),
    (
        "OPAQUE",
        "Cache.add() failed for 'https://b.example/k': An opaque response cannot be added because its status is not exposed. Use Cache.put() to cache opaque responses.",
    ),
    ("UNEXPOSED", 'Refused to get unsafe header "ETag"'),
    (
        "LOCAL_NETWORK",
        AT + "Permission was denied for this request to access the `loopback` address space.",
    ),
    ("UNNAMED", "Failed to load resource: net::ERR_FAILED"),
    ("UNNAMED", "TypeError: Failed to fetch"),
    ("UNNAMED", "TypeError: Failed to fetch dynamically imported module: https://b.example/k.js"),
    ("UNNAMED", "NetworkError: A network error occurred."),
]

CHROMIUM_HOLDS: Final = [
    ("MODE", AT + "Cross origin requests are not allowed by request mode."),
    ("NO_RESPONSE", AT + "The response is invalid."),
    (
        "NOT_HTTP",
        AT
        + "Cross origin requests are only supported for protocol schemes: chrome, data, http, https.",
    ),
    (
        "LOCAL_NETWORK",
        AT
        + "The request client is not a secure context and the resource is in more-private address space `local`.",
    ),
    (
        "LOCAL_NETWORK",
        AT
        + "Request had a target IP address space of `local` yet the resource is in address space `public`.",
    ),
    ("LOCAL_NETWORK", "Access to local network is blocked."),
    ("LOCAL_NETWORK", "GET http://192.168.1.2/k net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS"),
    (
        "PRIVATE_PREFLIGHT",
        PREFLIGHT
        + "No 'Access-Control-Allow-Private-Network' header was present in the preflight response for this private network request targeting the `local` address space.",
    ),
    (
        "PRIVATE_PREFLIGHT",
        PREFLIGHT
        + "The 'Access-Control-Allow-Private-Network' header in the preflight response for this private network request had a value of 'x', not 'true'.",
    ),
    (
        "INTEGRITY",
        "Subresource Integrity: The resource at `https://b.example/k` was not signed, but integrity checks are required. The resource has been blocked.",
    ),
    (
        "INTEGRITY",
        "Subresource Integrity: The resource at `https://b.example/k` was not signed in a way that matched the required integrity checks.",
    ),
    (
        "INTEGRITY",
        "Error parsing 'integrity' attribute ('sha384-x'). The specified hash algorithm must be one of 'sha256', 'sha384', or 'sha512'.",
    ),
    ("OPAQUE", "GET https://b.example/k.js net::ERR_BLOCKED_BY_ORB 200 (OK)"),
    ("OPAQUE", "Response was blocked by ORB (Opaque Response Blocking)"),
    (
        "OPAQUE",
        "Cross-Origin Read Blocking (CORB) blocked cross-origin response https://b.example/k with MIME type text/html.",
    ),
    (
        "OPAQUE",
        'The FetchEvent for "https://b.example/k" resulted in a network error response: an "opaque" response was used for a request whose type is not no-cors',
    ),
    (
        "RESOURCE_POLICY",
        "Cross-Origin-Resource-Policy prevented from serving the response to the client.",
    ),
    ("RESOURCE_POLICY", "Failed Cross-Origin-Resource-Policy check."),
    ("TAINTED", "A tainted OffscreenCanvas may not be exported."),
    ("TAINTED", "The ImageBitmap contains cross-origin data, and may not be loaded."),
    ("TAINTED", "The video element contains cross-origin data, and may not be loaded."),
    ("TAINTED", "The external image is tainted by cross-origin data."),
    ("TAINTED", "Cannot capture from element with cross-origin data"),
    (
        "TAINTED",
        "MediaElementAudioSource outputs zeroes due to CORS access restrictions for https://b.example/k.mp3",
    ),
    (
        "TAINTED",
        "Media element must be CORS-same-origin with the embedding page. If cross-origin, you should use the `crossorigin` attribute and make sure CORS headers on the media data response are CORS-same-origin.",
    ),
    (
        "SAME_ORIGIN_ONLY",
        "Failed to resolve module specifier. The base URL is about:blank because import() is called from a CORS-cross-origin script.",
    ),
    ("UNNAMED", "k\tCORS error\tfetch"),
    ("NO_RESPONSE", "k\t(blocked:csp)\tfetch"),
    ("NO_RESPONSE", "k\t(blocked:mixed-content)\tfetch"),
    ("RESOURCE_POLICY", "k\t(blocked:NotSameOrigin)\timg"),
    ("LOCAL_NETWORK", "CORS error: LocalNetworkAccessPermissionDenied"),
    ("LOCAL_NETWORK", "CORS error: InsecureLocalNetwork"),
    ("LOCAL_NETWORK", "CORS error: InvalidLocalNetworkAccess"),
    ("MODE", "CORS error: DisallowedByMode"),
    ("NOT_HTTP", "CORS error: CorsDisabledScheme"),
    ("USER_INFO", "CORS error: RedirectContainsCredentials"),
    ("NO_CREDENTIALS", "CORS error: PreflightInvalidAllowCredentials"),
    ("OTHER_ORIGIN", "CORS error: PreflightAllowOriginMismatch"),
]

#: The issues tab of Chromium's tools, and the network tab of Firefox's.
TABS: Final = [
    ("NO_ALLOW_ORIGIN", "Ensure CORS response header values are valid"),
    ("NO_ALLOW_ORIGIN", "A Cross-Origin Resource Sharing (CORS) request was blocked because of invalid or missing response headers of the request or the associated preflight request."),
    ("OTHER_ORIGIN", "Ensure CORS requesting origin matches resource\u2019s allowed origin"),
    ("OTHER_ORIGIN", "the `Access-Control-Allow-Origin` response header of the request or the associated preflight request specified an origin different from the origin of the context that initiated the request."),
    ("WILDCARD", "Ensure credentialed requests aren\u2019t sent to CORS resources with origin wildcards"),
    ("WILDCARD", "it was configured to `include` credentials and the `Access-Control-Allow-Origin` response header of the request or the associated preflight request was set to a wildcard `*`."),
    ("NO_CREDENTIALS", "Ensure CORS requests include credentials only when allowed"),
    ("NO_CREDENTIALS", "the `Access-Control-Allow-Credentials` response header of the request or the associated preflight request wasn\u2019t set to `true`."),
    ("METHOD", "Ensure CORS request uses allowed method"),
    ("METHOD", "it neither uses one of the CORS-safelisted methods (`GET`, `HEAD`, `POST`) nor was the request method explicitly allowed"),
    ("HEADER", "Ensure CORS request includes only allowed headers"),
    ("HEADER", "it contained request headers that were neither CORS-safelisted (`Accept`) nor allowed by the `Access-Control-Allow-Headers` response header"),
    ("STATUS", "Ensure preflight responses are valid"),
    ("STATUS", "the response to the associated preflight request failed, had an unsuccessful HTTP status code, and/or was a redirect."),
    ("USER_INFO", "Ensure CORS requests aren\u2019t redirected to URLs containing credentials"),
    ("MODE", "Ensure only same-origin resources are fetched with same-origin request mode"),
    ("NOT_HTTP", "Ensure CORS requests are made on supported schemes"),
    ("LOCAL_NETWORK", "Ensure that local network requests are compatible with restrictions"),
    ("NO_RESPONSE", "CORS disabled"),
    ("NO_RESPONSE", "CORS Failed"),
    ("NOT_HTTP", "CORS Not HTTP"),
    ("SEVERAL_ORIGINS", "CORS Multiple Origin Not Allowed"),
    ("NO_ALLOW_ORIGIN", "CORS Missing Allow Origin"),
    ("WILDCARD", "CORS No Allow Credentials"),
    ("OTHER_ORIGIN", "CORS Allow Origin Not Matching Origin"),
    ("NO_CREDENTIALS", "CORS Missing Allow Credentials"),
    ("REDIRECT", "CORS External Redirect Not Allowed"),
    ("STATUS", "CORS Preflight Did Not Succeed"),
    ("BAD_LIST", "CORS Invalid Allow Method"),
    ("BAD_LIST", "CORS Invalid Allow Header"),
    ("METHOD", "CORS Method Not Found"),
    ("HEADER", "CORS Missing Allow Header"),
]  # fmt: skip

SAFARI: Final = [
    (
        "NO_ALLOW_ORIGIN",
        f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200",
    ),
    ("UNNAMED", "Fetch API cannot load https://b.example/k due to access control checks."),
    ("UNNAMED", "TypeError: Load failed"),
    (
        "WILDCARD",
        "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true.",
    ),
    (
        "NO_CREDENTIALS",
        'Credentials flag is true, but Access-Control-Allow-Credentials is not "true".',
    ),
    ("STATUS", "Preflight response is not successful. Status code: 403"),
    ("HEADER", "Request header field x-a is not allowed by Access-Control-Allow-Headers."),
    ("METHOD", "Method PUT is not allowed by Access-Control-Allow-Methods."),
    ("SEVERAL_ORIGINS", "Access-Control-Allow-Origin cannot contain more than one origin."),
    ("INTEGRITY", "Cannot load script https://b.example/k.js. Failed integrity metadata check."),
    (
        "RESOURCE_POLICY",
        "Cancelled load to https://b.example/k because it violates the resource's Cross-Origin-Resource-Policy response header.",
    ),
    ("TAINTED", "Cross-origin image load denied by Cross-Origin Resource Sharing policy."),
    ("TAINTED", "SecurityError: The operation is insecure."),
    (
        "NO_RESPONSE",
        "Refused to connect to https://b.example/k because it does not appear in the connect-src directive of the Content Security Policy.",
    ),
    ("NO_RESPONSE", "TypeError: The network connection was lost."),
]

FIREFOX_BESIDE_CORS: Final = [
    (
        "INTEGRITY",
        'None of the "sha384" hashes in the integrity attribute match the content of the subresource.',
    ),
    ("UNNAMED", "TypeError: NetworkError when attempting to fetch resource."),
    (
        "INTEGRITY_WITHOUT_CORS",
        "\u201chttps://b.example/k.js\u201d is not eligible for integrity checks since it's neither CORS-enabled nor same-origin.",
    ),
    (
        "INTEGRITY",
        "None of the \u201csha384\u201d hashes in the \u201cintegrity\u201d attribute match the content of the subresource at \u201chttps://b.example/k.js\u201d. The computed hash is \u201cx\u201d.",
    ),
    (
        "OPAQUE",
        "The resource at \u201chttps://b.example/k\u201d was blocked by OpaqueResponseBlocking. Reason: \u201cmime type\u201d.",
    ),
    (
        "NO_ALLOW_ORIGIN",
        'downloadable font: download failed (font-family: "X" style:normal src index:0): bad URI or cross-site access not allowed source: https://b.example/k.woff2',
    ),
    (
        "BAD_FONT",
        'downloadable font: rejected by sanitizer (font-family: "X" src index:0) source: https://b.example/k.woff2',
    ),
    (
        "SAME_ORIGIN_ONLY",
        'Error: Permission denied to access property "document" on cross-origin object',
    ),
    (
        "TAINTED",
        "DOMException: The operation is insecure. SecurityError: The operation is insecure.",
    ),
    ("NO_RESPONSE", "Blocked loading mixed active content \u201chttp://b.example/k\u201d"),
    (
        "RESOURCE_POLICY",
        "The resource at \u201chttps://b.example/k\u201d was blocked due to its Cross-Origin-Resource-Policy header (or lack thereof).",
    ),
]

LIBRARIES: Final = [
    # (library, text); each hides the cause
    ("axios", "AxiosError: Network Error"),
    ("axios, its code", '{"message":"Network Error","name":"AxiosError","code":"ERR_NETWORK"}'),
    ("ky", "NetworkError: Request failed due to a network error: PUT https://b.example/k"),
    (
        "superagent",
        "Error: Request has been terminated\nPossible causes: the network is offline, Origin is not allowed by Access-Control-Allow-Origin, the page is being unloaded, etc.",
    ),
    (
        "Angular",
        "HttpErrorResponse: Http failure response for https://b.example/k: 0 Unknown Error",
    ),
    (
        "XMLHttpRequest, synchronous",
        "NetworkError: Failed to execute 'send' on 'XMLHttpRequest': Failed to load 'https://b.example/k'.",
    ),
    ("React Native", "TypeError: Network request failed"),
    ("Flutter, http", "ClientException: XMLHttpRequest error., uri=https://b.example/k"),
    ("Flutter, http by fetch", "ClientException: Failed to fetch, uri=https://b.example/k"),
    ("Flutter, older", "Error: XMLHttpRequest error."),
    (
        "Flutter, dio",
        "DioException [connection error]: The connection errored: The XMLHttpRequest onError callback was called. This typically indicates an error on the network layer.",
    ),
    (
        "Uppy",
        "Error: This looks like a network error, the endpoint might be blocked by an internet provider or a firewall.",
    ),
    (
        "tus",
        "Error: tus: failed to upload chunk at offset 0, caused by [object ProgressEvent], originated from request (method: PATCH, url: https://b.example/k, response code: n/a, response text: n/a, request id: n/a)",
    ),
    ("COS", "{error: 'CORS blocked or network error'}"),
    (
        "OSS",
        'RequestError: XHR error (req "error"), PUT https://b.example/k -1 (connected: false, keepalive socket: false)',
    ),
    ("S3, version 2", "NetworkingError: Network Failure"),
    ("S3, version 3", "TypeError: Failed to fetch"),
]

#: By language, the text of each reason that Firefox prints; {} is the value that it names.
_EN = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at https://b.example/k. (Reason: {})."
_DE = "Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource auf https://b.example/k. (Grund: {})."
_FR = "Blocage d\u2019une requête multiorigine (Cross-Origin Request)\xa0: la politique «\xa0Same Origin\xa0» ne permet pas de consulter la ressource distante située sur https://b.example/k. Raison\xa0: {}."
_JA = "クロスオリジン要求をブロックしました: 同一生成元ポリシーにより、https://b.example/k にあるリモートリソースの読み込みは拒否されます (理由: {})。"
_ES = "Solicitud de origen cruzado bloqueada: La misma política de origen no permite la lectura del recurso remoto en https://b.example/k. (Razón: {})."
_BR = "Requisição cross-origin bloqueada: A diretiva Same Origin (mesma origem) não permite a leitura do recurso remoto em https://b.example/k (motivo: {})."
_PT = "Pedido de origem cruzada bloqueado: A política de mesma origem não permite a leitura do recurso remoto em https://b.example/k. (Motivo: {})."

_REASONS: Final = {
    _EN: [
        ("NO_RESPONSE", "CORS request did not succeed"),
        ("NO_RESPONSE", "CORS disabled"),
        ("REDIRECT", "CORS request external redirect not allowed"),
        ("NOT_HTTP", "CORS request not HTTP"),
        ("NO_ALLOW_ORIGIN", "CORS header \u2018Access-Control-Allow-Origin\u2019 missing"),
        (
            "SEVERAL_ORIGINS",
            "Multiple CORS header \u2018Access-Control-Allow-Origin\u2019 not allowed",
        ),
        (
            "OTHER_ORIGIN",
            "CORS header \u2018Access-Control-Allow-Origin\u2019 does not match \u2018https://b.test\u2019",
        ),
        (
            "WILDCARD",
            "Credential is not supported if the CORS header \u2018Access-Control-Allow-Origin\u2019 is \u2018*\u2019",
        ),
        ("METHOD", "Did not find method in CORS header \u2018Access-Control-Allow-Methods\u2019"),
        (
            "NO_CREDENTIALS",
            "expected \u2018true\u2019 in CORS header \u2018Access-Control-Allow-Credentials\u2019",
        ),
        ("STATUS", "CORS preflight response did not succeed"),
        (
            "BAD_LIST",
            "invalid token \u2018a b\u2019 in CORS header \u2018Access-Control-Allow-Methods\u2019",
        ),
        (
            "HEADER",
            "header \u2018x-a\u2019 is not allowed according to header \u2018Access-Control-Allow-Headers\u2019 from CORS preflight response",
        ),
    ],
    _DE: [
        ("NO_RESPONSE", "CORS-Anfrage schlug fehl"),
        ("REDIRECT", "Externe Weiterleitung der CORS-Anfrage verboten"),
        ("NOT_HTTP", "CORS-Anfrage war nicht http"),
        ("NO_ALLOW_ORIGIN", "CORS-Kopfzeile 'Access-Control-Allow-Origin' fehlt"),
        (
            "SEVERAL_ORIGINS",
            "Es darf nur ein eine CORS-Kopfzeile 'Access-Control-Allow-Origin' verwendet werden",
        ),
        (
            "OTHER_ORIGIN",
            "CORS-Kopfzeile 'Access-Control-Allow-Origin' stimmt nicht mit 'https://b.test' überein",
        ),
        (
            "WILDCARD",
            "Berechtigung/Credential wird nicht unterstützt, wenn die CORS-Kopfzeile 'Access-Control-Allow-Origin' auf '*' gesetzt ist",
        ),
        ("METHOD", "Methode nicht in CORS-Kopfzeile 'Access-Control-Allow-Methods' gefunden"),
        ("NO_CREDENTIALS", "'true' in CORS-Kopfzeile 'Access-Control-Allow-Credentials' erwartet"),
        ("STATUS", "CORS-Preflight-Antwort schlug fehl"),
        ("BAD_LIST", "ungültiges Token 'a b' in CORS-Kopfzeile 'Access-Control-Allow-Methods'"),
        (
            "HEADER",
            "Kopfzeile 'x-a' ist aufgrund der Kopfzeile 'Access-Control-Allow-Headers' aus der CORS-Preflight-Antwort nicht zulässig",
        ),
    ],
    _FR: [
        ("NO_RESPONSE", "échec de la requête CORS"),
        ("REDIRECT", "la redirection externe de requêtes CORS n\u2019est pas autorisée"),
        ("NOT_HTTP", "la requête CORS n\u2019utilise pas HTTP"),
        (
            "NO_ALLOW_ORIGIN",
            "l\u2019en-tête CORS «\xa0Access-Control-Allow-Origin\xa0» est manquant",
        ),
        (
            "SEVERAL_ORIGINS",
            "le recours à plusieurs en-têtes CORS «\xa0Access-Control-Allow-Origin\xa0» n\u2019est pas autorisé",
        ),
        (
            "OTHER_ORIGIN",
            "l\u2019en-tête CORS «\xa0Access-Control-Allow-Origin\xa0» ne correspond pas à «\xa0https://b.test\xa0»",
        ),
        (
            "WILDCARD",
            "l\u2019identification n\u2019est pas prise en charge si la valeur de l\u2019en-tête CORS «\xa0Access-Control-Allow-Origin\xa0» est «\xa0*\xa0»",
        ),
        ("METHOD", "méthode manquante dans l\u2019en-tête «\xa0Access-Control-Allow-Methods\xa0»"),
        (
            "NO_CREDENTIALS",
            "«\xa0true\xa0» attendu dans l\u2019en-tête CORS «\xa0Access-Control-Allow-Credentials\xa0»",
        ),
        ("STATUS", "échec de la réponse de pré-vérification des requêtes CORS"),
        (
            "BAD_LIST",
            "jeton «\xa0a b\xa0» invalide dans l\u2019en-tête CORS «\xa0Access-Control-Allow-Headers\xa0»",
        ),
        (
            "HEADER",
            "l\u2019en-tête «\xa0x-a\xa0» n\u2019est pas autorisé d\u2019après l\u2019en-tête «\xa0Access-Control-Allow-Headers\xa0» de la réponse de pré-vérification des requêtes CORS",
        ),
    ],
    _JA: [
        ("NO_RESPONSE", "CORS 要求が成功しなかった"),
        ("REDIRECT", "CORS 要求の外部リダイレクトは許可されない"),
        ("NOT_HTTP", "CORS 要求が http でない"),
        ("NO_ALLOW_ORIGIN", "CORS ヘッダー \u2018Access-Control-Allow-Origin\u2019 が足りない"),
        (
            "SEVERAL_ORIGINS",
            "複数の CORS ヘッダー \u2018Access-Control-Allow-Origin\u2019 は許可されない",
        ),
        (
            "OTHER_ORIGIN",
            "CORS ヘッダー \u2018Access-Control-Allow-Origin\u2019 が \u2018https://b.test\u2019 と異なる",
        ),
        (
            "WILDCARD",
            "CORS ヘッダー \u2018Access-Control-Allow-Origin\u2019 が \u2018*\u2019 である場合、認証情報はサポートされない",
        ),
        (
            "METHOD",
            "CORS ヘッダー \u2018Access-Control-Allow-Methods\u2019 にメソッドが見つからない",
        ),
        (
            "NO_CREDENTIALS",
            "CORS ヘッダー \u2018Access-Control-Allow-Credentials\u2019 は \u2018true\u2019 であるべき",
        ),
        ("STATUS", "CORS プリフライト応答が継承されていない"),
        (
            "BAD_LIST",
            "CORS ヘッダー \u2018Access-Control-Allow-Methods\u2019 に不正なトークン \u2018a b\u2019 が含まれる",
        ),
        (
            "HEADER",
            "CORS プリフライト応答からのヘッダー \u2018Access-Control-Allow-Headers\u2019 によりヘッダー \u2018x-a\u2019 が許可されていない",
        ),
    ],
    _ES: [
        ("NO_RESPONSE", "Solicitud CORS sin éxito"),
        ("REDIRECT", "No se permite la redirección externa de la solicitud CORS"),
        ("NOT_HTTP", "la solicitud CORS no es http"),
        ("NO_ALLOW_ORIGIN", "falta la cabecera CORS 'Access-Control-Allow-Origin'"),
        (
            "SEVERAL_ORIGINS",
            "no se permiten múltiples cabeceras CORS \u2018Access-Control-Allow-Origin\u2019",
        ),
        (
            "OTHER_ORIGIN",
            "la cabecera CORS 'Access-Control-Allow-Origin' no coincide con 'https://b.test'",
        ),
        (
            "WILDCARD",
            "la credencial no se admite si la cabecera CORS 'Access-Control-Allow-Credentials' es '*'",
        ),
        (
            "METHOD",
            "token no se ha encontrado el método en la cabecera CORS 'Access-Control-Allow-Methods'",
        ),
        (
            "NO_CREDENTIALS",
            "se esperaba 'true' en la cabecera CORS 'Access-Control-Allow-Credentials'",
        ),
        ("STATUS", 'la respuesta CORS preliminar "preflight" no ha tenido éxito'),
        ("BAD_LIST", "token 'a b' no válido en la cabecera CORS 'Access-Control-Allow-Headers'"),
        (
            "HEADER",
            "La cabecera \u2018x-a\u2019 no está permitida de acuerdo a la cabecera \u2018Access-Control-Allow-Headers\u2019 de la verificación previa de la respuesta CORS",
        ),
    ],
    _BR: [
        ("NO_RESPONSE", "falha na requisição CORS"),
        ("REDIRECT", "redirecionamento externo de requisição CORS não permitido"),
        ("NOT_HTTP", "requisição CORS não é http"),
        ("NO_ALLOW_ORIGIN", "falta cabeçalho 'Access-Control-Allow-Origin' no CORS"),
        (
            "SEVERAL_ORIGINS",
            "não é permitido vários cabeçalhos \u2018Access-Control-Allow-Origin\u2019 no CORS",
        ),
        (
            "OTHER_ORIGIN",
            "cabeçalho 'Access-Control-Allow-Origin' do CORS não corresponde a 'https://b.test'",
        ),
        (
            "WILDCARD",
            "credencial não suportada se o cabeçalho \u2018Access-Control-Allow-Origin\u2019 do CORS for \u2018*\u2019",
        ),
        ("METHOD", "método não encontrado no cabeçalho 'Access-Control-Allow-Methods' do CORS "),
        (
            "NO_CREDENTIALS",
            "esperado 'true' no cabeçalho 'Access-Control-Allow-Credentials' do CORS",
        ),
        ("STATUS", "falha na resposta de comprovação (preflight) do CORS"),
        ("BAD_LIST", "token 'a b' inválido no cabeçalho 'Access-Control-Allow-Methods' do CORS"),
        (
            "HEADER",
            "header \u2018x-a\u2019 não permitido, de acordo com o header \u2018Access-Control-Allow-Headers\u2019 da resposta de comprovação (preflight) do CORS",
        ),
    ],
    _PT: [
        ("NO_RESPONSE", "pedido CORS não foi bem sucedido"),
        ("REDIRECT", "pedido CORS de redirecionamento externo não permitido"),
        ("NOT_HTTP", "pedido CORS não http"),
        ("NO_ALLOW_ORIGIN", "cabeçalho CORS \u2018Access-Control-Allow-Origin\u2019 em falta"),
        (
            "SEVERAL_ORIGINS",
            "múltiplos cabeçalhos CORS \u2018Access-Control-Allow-Origin\u2019 não permitidos",
        ),
        (
            "OTHER_ORIGIN",
            "cabeçalho CORS 'Access-Control-Allow-Origin' não corresponde a 'https://b.test'",
        ),
        (
            "WILDCARD",
            "Credencial não suportada se o cabeçalho CORS \u2018Access-Control-Allow-Origin\u2019 é \u2018*\u2019",
        ),
        (
            "METHOD",
            "não encontrou o método no cabeçalho CORS \u2018Access-Control-Allow-Methods\u2019",
        ),
        (
            "NO_CREDENTIALS",
            "era esperado \u2018true\u2019 no cabeçalho CORS 'Access-Control-Allow-Credentials'",
        ),
        ("STATUS", "a resposta CORS preflight não foi bem sucedida"),
        ("BAD_LIST", "token inválido 'a b' no cabeçalho CORS 'Access-Control-Allow-Methods'"),
        (
            "HEADER",
            "o cabeçalho \u2018x-a\u2019 não é permitido de acordo com cabeçalho \u2018Access-Control-Allow-Headers\u2019 da resposta CORS preflight",
        ),
    ],
}

FIREFOX: Final = [
    (said, frame.format(text)) for frame, reasons in _REASONS.items() for said, text in reasons
]
