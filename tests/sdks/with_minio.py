"""minio, which has no call for the rules of a bucket; they go through what its own calls use."""

import hashlib
from base64 import b64encode
from typing import Any

import urllib3
from calls import Configuration, Keys, Where, format_xml, parse_xml
from minio import Minio, S3Error


class Calls:
    def __init__(self, where: Where, keys: Keys) -> None:
        self._pool = urllib3.PoolManager()
        self._minio = Minio(
            where.server, *keys, secure=False, region="us-east-1", http_client=self._pool
        )
        if where.virtual:
            self._minio.enable_virtual_style_endpoint()
        self._bucket = where.bucket

    def put(self, configuration: Configuration) -> None:
        body = format_xml(configuration).encode()
        digest = b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        self._send("PUT", body=body, headers={"Content-MD5": digest})

    def get(self) -> Configuration:
        return parse_xml(self._send("GET"))

    def delete(self) -> None:
        self._send("DELETE")

    def close(self) -> None:
        self._pool.clear()

    def _send(self, method: str, **sent: Any) -> bytes:
        query = {"query_params": {"cors": ""}}
        return self._minio._execute(method, bucket_name=self._bucket, **query, **sent).data


def read_error(error: Exception) -> tuple[int, str] | None:
    return (error.response.status, error.code) if isinstance(error, S3Error) else None
