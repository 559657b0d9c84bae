"""What Firefox prints in German, French, Japanese, Spanish and Portuguese when CORS fails.

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
            rf"falta (?:la cabecera|el encabezado) CORS {_ORIGIN}",
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
            r"la credencial no se admite si",
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
            r"solicitud CORS no es http",
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
            r"Solicitud CORS sin éxito|CORS desactivado",
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
            r"no es apto para comprobaciones de integridad",
            r"não é elegível para verificações de integridade",
        ),
    ),
)
