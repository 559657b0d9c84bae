"""What Firefox prints in the languages of many users when CORS fails.

These are German, French, Italian, Japanese, Spanish (of Spain, Argentina, Chile and Mexico),
Portuguese and Chinese. :mod:`~flask_bucketcors.analysis.evidence.any_language` reads the reasons
that name a header in all others.

Source: ``security.properties`` in the language packs of Firefox 153. The rows are the same as those
of English in :mod:`~flask_bucketcors.analysis.evidence.browser_wordings`, with straight quotes.
"""

from collections.abc import Sequence
from typing import Final

from flask_bucketcors.analysis.evidence.said import Said

_ORIGIN: Final = "'Access-Control-Allow-Origin'"
_METHODS: Final = "'Access-Control-Allow-Methods'"
_HEADERS: Final = "'Access-Control-Allow-Headers'"
_LISTS: Final = r"'(Access-Control-Allow-\w+)'"
_CREDENTIALS: Final = "'Access-Control-Allow-Credentials'"
_VALUE: Final = r"'([^'\n]{0,2048})'"
_TOKEN: Final = r"'[^'\n]{0,2048}'"

#: The complaint, whether it is about the preflight (None if other words tell), and the texts.
TRANSLATED: Final[Sequence[tuple[Said, bool | None, Sequence[str]]]] = (
    (
        Said.NO_ALLOW_ORIGIN,
        None,
        (
            rf"CORS-Kopfzeile {_ORIGIN} fehlt",
            rf"en-tête CORS {_ORIGIN} est manquant",
            rf"CORS ヘッダー {_ORIGIN} が足りない",
            # In Mexico, the words go on where the header came twice.
            rf"falta (?:la cabecera|el encabezado) CORS {_ORIGIN}(?! no esta permitido)",
            rf"falta (?:o )?cabeçalho {_ORIGIN}",
            rf"cabeçalho CORS {_ORIGIN} em falta",
        ),
    ),
    (
        Said.OTHER_ORIGIN,
        None,
        (
            rf"CORS-Kopfzeile {_ORIGIN} stimmt nicht mit {_VALUE} überein",
            rf"{_ORIGIN} ne correspond pas à {_VALUE}",
            rf"{_ORIGIN} が {_VALUE} と異なる",
            rf"{_ORIGIN} no coincide con {_VALUE}",
            rf"{_ORIGIN} (?:do CORS )?não corresponde a {_VALUE}",
        ),
    ),
    (
        Said.SEVERAL_ORIGINS,
        None,
        (
            rf"Es darf nur ein\w{{0,2}} (?:eine )?CORS-Kopfzeile {_ORIGIN}",
            rf"plusieurs en-têtes CORS {_ORIGIN}",
            rf"複数の CORS ヘッダー {_ORIGIN}",
            rf"múltiples (?:cabeceras|encabezados) CORS {_ORIGIN}",
            rf"CORS {_ORIGIN} (?:múltiples no permitidos|no esta permitido)",
            rf"不允许有多个 {_ORIGIN}|不允許有多個 ?{_ORIGIN}",
            r"CORS [\"']?Access-Control-Allow-Origin[\"']? multipli non consentiti",
            rf"(?:vários|múltiplos) cabeçalhos (?:CORS )?{_ORIGIN}",
        ),
    ),
    (
        Said.WILDCARD,
        None,
        (
            r"Berechtigung/Credential wird nicht unterstützt",
            r"identification n'est pas prise en charge si la valeur",
            rf"{_ORIGIN} が '\*' である場合",
            r"la credencial no (?:se admite|es compatible|está soportada) si",
            r"credencial não suportada se",
        ),
    ),
    (
        Said.NO_CREDENTIALS,
        None,
        (
            rf"'true' in CORS-Kopfzeile {_CREDENTIALS} erwartet",
            rf"'true' attendu dans l'en-tête CORS {_CREDENTIALS}",
            rf"{_CREDENTIALS} は 'true' であるべき",
            rf"se esperaba 'true' en (?:la cabecera|el encabezado) CORS {_CREDENTIALS}",
            rf"esperado 'true' no cabeçalho (?:CORS )?{_CREDENTIALS}",
        ),
    ),
    (
        Said.METHOD,
        True,
        (
            rf"Methode nicht in CORS-Kopfzeile {_METHODS}",
            rf"méthode manquante dans l'en-tête (?:CORS )?{_METHODS}",
            rf"{_METHODS} にメソッドが見つからない",
            rf"no se ha encontrado el método en (?:la cabecera|el encabezado) CORS {_METHODS}",
            rf"método não encontrado no cabeçalho {_METHODS}",
            rf"não encontrou o método no cabeçalho CORS {_METHODS}",
        ),
    ),
    (
        Said.HEADER,
        True,
        (
            rf"Kopfzeile {_VALUE} ist aufgrund der Kopfzeile {_HEADERS}",
            rf"en-tête {_VALUE} n'est pas autorisé d'après l'en-tête {_HEADERS}",
            rf"{_HEADERS} によりヘッダー {_VALUE} が許可されていない",
            rf"cabecera {_VALUE} no está permitida de acuerdo a la cabecera {_HEADERS}",
            rf"(?:header|cabeçalho) {_VALUE} não (?:é )?permitido,? de acordo com",
        ),
    ),
    (
        Said.STATUS,
        True,
        (
            r"CORS-Preflight-Antwort schlug fehl",
            r"échec de la réponse de pré-vérification des requêtes CORS",
            r"CORS プリフライト応答が",
            r"respuesta CORS preliminar \S{0,16} ?no ha tenido éxito",
            r"respuesta (?:preflight )?CORS no (?:fue exitosa|exitosa)",
            r"CORS 预检响应未能成功|CORS preflight 回應並未成功",
            r"risposta CORS preliminare \S{0,16} ?non riuscita",
            r"falha na resposta de comprovação \(preflight\)",
            r"resposta CORS preflight não foi bem sucedida",
        ),
    ),
    (
        Said.REDIRECT,
        True,
        (
            r"Externe Weiterleitung der CORS-Anfrage verboten",
            r"redirection externe de requêtes CORS n'est pas autorisée",
            r"CORS 要求の外部リダイレクトは許可されない",
            r"No se permite la redirección externa de la solicitud CORS",
            r"Redirección externa de solicitud CORS no permitida",
            r"pedido de redireccionamiento externo no está permitido",
            r"不允许 CORS 请求外部重定向|不允許 CORS 請求被重導到外部",
            r"redirect non consentito per richiesta CORS esterna",
            r"redirecionamento externo de requisição CORS",
            r"CORS de redirecionamento externo não permitido",
        ),
    ),
    (
        Said.BAD_LIST,
        True,
        (
            rf"ungültiges Token {_TOKEN} in CORS-Kopfzeile {_LISTS}",
            rf"jeton {_TOKEN} invalide dans l'en-tête CORS {_LISTS}",
            rf"{_LISTS} に不正なトークン",
            rf"token {_TOKEN} no válido en (?:la cabecera|el encabezado) CORS {_LISTS}",
            rf"token {_TOKEN} inválido no cabeçalho {_LISTS}",
            rf"token inválido {_TOKEN} no cabeçalho CORS {_LISTS}",
        ),
    ),
    (
        Said.NOT_HTTP,
        None,
        (
            r"CORS-Anfrage war nicht http",
            r"requête CORS n'utilise pas HTTP",
            r"CORS 要求が http でない",
            r"(?:solicitud|pedido) CORS no (?:es )?http",
            r"CORS 请求不是 http|CORS 請求未使用 http|richiesta CORS non http",
            r"requisição CORS não é http|pedido CORS não http",
        ),
    ),
    (
        Said.NO_RESPONSE,
        None,
        (
            r"CORS-Anfrage schlug fehl|CORS deaktiviert",
            r"échec de la requête CORS|CORS désactivé",
            r"CORS 要求が成功しなかった|CORS が無効",
            r"Solicitud CORS (?:sin éxito|no exitosa)|El pedido CORS falló",
            r"CORS (?:desactivado|deshabilitado)",
            r"CORS 请求未能成功|CORS 未启用|CORS 請求未成功|已停用 CORS",
            r"richiesta CORS non riuscita|CORS disattivato",
            r"falha na requisição CORS|pedido CORS não foi bem sucedido|CORS desativado",
            r"Laden von gemischten aktiven Inhalten|Blocage du chargement du contenu mixte actif",
            r"carregamento d[eo] conteúdo misto ativo",
        ),
    ),
    (
        Said.INTEGRITY_WITHOUT_CORS,
        False,
        (
            r"werden keine Integritätsprüfungen vorgenommen",
            r"n'est pas admissible au contrôle d'intégrité",
            r"整合性チェックに適格ではありません",
            r"no es (?:apto|elegible) para (?:comprobaci|verificaci|revisi)ones de integridad",
            r"无法用作完整性检查|無法用作完整性檢查|non è adatto per controlli di integrità",
            r"não é elegível para verificações de integridade",
        ),
    ),
)
