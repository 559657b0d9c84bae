"""The SDKs at the example application: objects, the rules of a bucket, a page that reads."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests
import with_boto3
import with_cos
import with_obs
import with_oss2
import with_oss_v2
from calls import Refused
from obs import CreateBucketHeader
from table import EVERYTHING, KEYS, ORIGIN, OTHER_ORIGIN, STRANGERS, Client, in_process, table

from tests.support.apps.served_storage import HOST_SUFFIX
from tests.support.processes.children import CHILD_SECONDS

KEY = "dir/a b+\u00fc"


class Objects:
    """What is done with objects, by the clients of the modules ``with_...``."""

    def __init__(self, calls: Any, bucket: str) -> None:
        self.bucket = bucket
        self.client = calls.client


class OfBoto3(Objects):
    def create(self) -> None:
        self.client.create_bucket(Bucket=self.bucket, ACL="public-read")

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body, Metadata={"author": "me"})

    def get(self, key: str) -> tuple[bytes, str]:
        found = self.client.get_object(Bucket=self.bucket, Key=key)
        return found["Body"].read(), found["Metadata"]["author"]

    def keys(self) -> list[str]:
        first = self.client.list_objects(Bucket=self.bucket).get("Contents", [])
        second = self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        assert first == second
        return [each["Key"] for each in first]

    def copy(self, key: str, to: str) -> None:
        source = {"Bucket": self.bucket, "Key": key}
        self.client.copy_object(Bucket=self.bucket, Key=to, CopySource=source)

    def delete(self, *keys: str) -> None:
        names = [{"Key": key} for key in keys]
        self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": names})

    def remove(self) -> None:
        self.client.delete_bucket(Bucket=self.bucket)


class OfOss2(Objects):
    def create(self) -> None:
        self.client.create_bucket("public-read")

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(key, body, headers={"x-oss-meta-author": "me"})

    def get(self, key: str) -> tuple[bytes, str]:
        found = self.client.get_object(key)
        return found.read(), found.headers["x-oss-meta-author"]

    def keys(self) -> list[str]:
        first = [each.key for each in oss2.ObjectIterator(self.client)]
        assert first == [each.key for each in oss2.ObjectIteratorV2(self.client)]
        return first

    def copy(self, key: str, to: str) -> None:
        self.client.copy_object(self.bucket, key, to)

    def delete(self, *keys: str) -> None:
        self.client.batch_delete_objects(list(keys))

    def remove(self) -> None:
        self.client.delete_bucket()


class OfOssV2(Objects):
    def create(self) -> None:
        self.client.put_bucket(oss.PutBucketRequest(bucket=self.bucket, acl="public-read"))

    def put(self, key: str, body: bytes) -> None:
        request = oss.PutObjectRequest(
            bucket=self.bucket, key=key, body=body, metadata={"author": "me"}
        )
        self.client.put_object(request)

    def get(self, key: str) -> tuple[bytes, str]:
        found = self.client.get_object(oss.GetObjectRequest(bucket=self.bucket, key=key))
        return found.body.content, found.metadata["author"]

    def keys(self) -> list[str]:
        found = self.client.list_objects_v2(oss.ListObjectsV2Request(bucket=self.bucket))
        return [each.key for each in found.contents or []]

    def copy(self, key: str, to: str) -> None:
        request = oss.CopyObjectRequest(bucket=self.bucket, key=to, source_key=key)
        self.client.copy_object(request)

    def delete(self, *keys: str) -> None:
        names = [oss.DeleteObject(key=key) for key in keys]
        request = oss.DeleteMultipleObjectsRequest(
            bucket=self.bucket, encoding_type="url", objects=names
        )
        self.client.delete_multiple_objects(request)

    def remove(self) -> None:
        self.client.delete_bucket(oss.DeleteBucketRequest(bucket=self.bucket))


class OfObs(Objects):
    def create(self) -> None:
        with_obs.checked(self.client.createBucket(self.bucket, CreateBucketHeader("public-read")))

    def put(self, key: str, body: bytes) -> None:
        metadata = {"author": "me"}
        with_obs.checked(self.client.putContent(self.bucket, key, body.decode(), metadata=metadata))

    def get(self, key: str) -> tuple[bytes, str]:
        found = self.client.getObject(self.bucket, key, loadStreamInMemory=True)
        with_obs.checked(found)
        author = next(value for name, value in found.header if name.endswith("author"))
        return found.body.buffer, author

    def keys(self) -> list[str]:
        found = with_obs.checked(self.client.listObjects(self.bucket))
        return [each.key for each in found.body.contents]

    def copy(self, key: str, to: str) -> None:
        with_obs.checked(self.client.copyObject(self.bucket, key, self.bucket, to))

    def delete(self, *keys: str) -> None:
        for key in keys:
            with_obs.checked(self.client.deleteObject(self.bucket, key))

    def remove(self) -> None:
        with_obs.checked(self.client.deleteBucket(self.bucket))


class OfCos(Objects):
    def create(self) -> None:
        self.client.create_bucket(self.bucket, ACL="public-read")

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(self.bucket, body, key, Metadata={"x-cos-meta-author": "me"})

    def get(self, key: str) -> tuple[bytes, str]:
        found = self.client.get_object(self.bucket, key)
        return found["Body"].get_raw_stream().read(), found["x-cos-meta-author"]

    def keys(self) -> list[str]:
        found = self.client.list_objects(self.bucket, EncodingType="url")
        return [unquote(each["Key"]) for each in found.get("Contents", [])]

    def copy(self, key: str, to: str) -> None:
        source = {"Bucket": self.bucket, "Endpoint": HOST_SUFFIX, "Key": key}
        self.client.copy_object(self.bucket, to, source)

    def delete(self, *keys: str) -> None:
        self.client.delete_objects(self.bucket, {"Object": [{"Key": key} for key in keys]})

    def remove(self) -> None:
        self.client.delete_bucket(self.bucket)


OBJECTS = {
    with_boto3: OfBoto3,
    with_oss2: OfOss2,
    with_oss_v2: OfOssV2,
    with_obs: OfObs,
    with_cos: OfCos,
}
CLIENTS = [
    pytest.param(client, id=" ".join(filter(None, (client.name, client.version, client.style))))
    for client in table()
    if client.start is in_process
]


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


@pytest.fixture
def objects(client: Client, example_port: int) -> Iterator[Any]:
    module = next(each for each in OBJECTS if each.__name__ == client.module)
    calls = module.Calls(client.where(example_port), KEYS)
    yield OBJECTS[module](calls, client.bucket)
    calls.close()


def test_objects_and_the_rules_of_their_bucket(
    client: Client, objects: Any, example_port: int
) -> None:
    objects.create()
    objects.put(KEY, b"hello")
    assert objects.get(KEY) == (b"hello", "me")
    objects.copy(KEY, "copy")
    assert objects.get("copy") == (b"hello", "me")
    assert objects.keys() == ["copy", KEY]

    rules = in_process(client.module, client.where(example_port))
    rules.put(KEYS, client.sayable(EVERYTHING))
    for code, stranger in STRANGERS.items():
        with pytest.raises(Refused) as raised:
            rules.delete(stranger)
        assert raised.value.code == code
    url = f"http://127.0.0.1:{example_port}/{client.bucket}/{quote(KEY)}"
    allowed = requests.get(url, headers={"Origin": ORIGIN}, timeout=CHILD_SECONDS)
    assert (allowed.content, allowed.headers["Access-Control-Allow-Origin"]) == (b"hello", ORIGIN)
    refused = requests.get(url, headers={"Origin": OTHER_ORIGIN}, timeout=CHILD_SECONDS)
    assert (refused.content, "Access-Control-Allow-Origin" in refused.headers) == (b"hello", False)

    objects.delete(KEY, "copy")
    assert objects.keys() == []
    objects.remove()
    with pytest.raises(Refused) as raised:
        rules.get(KEYS)
    assert (raised.value.status, raised.value.code) == (404, "NoSuchBucket")
    rules.close()
