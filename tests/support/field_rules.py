# ruff: noqa: E501 - what people paste reads best as it stands.
"""Rules as people paste them in public threads, and as vendors' pages and tools print them.

The forms are real; hosts are replaced. Each row was judged by reading it, before the code was asked.
"""

import json
from typing import Any, Final, NamedTuple


def says(
    origins: str, methods: str, headers: str = "", expose: str = "", **other: Any
) -> dict[str, Any]:
    """One rule as plain data."""
    lists = {
        "allowed_origins": origins.split(),
        "allowed_methods": methods.split(),
        "allowed_headers": headers.split(),
        "expose_headers": expose.split(),
    }
    return {**{name: each for name, each in lists.items() if each}, **other}


class Rules(NamedTuple):
    """A text that means valid rules.

    :param notes: words of each note that has to be made.
    :param vary: ResponseVary.
    :param resource: the name of the bucket in a template.
    """

    text: str | bytes
    rules: list[dict[str, Any]]
    notes: tuple[str, ...] = ()
    vary: bool | None = None
    resource: str | None = None


S3_SAMPLE: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
    <CORSRule>
        <AllowedOrigin>*</AllowedOrigin>
        <AllowedMethod>PUT</AllowedMethod>
        <AllowedMethod>GET</AllowedMethod>
        <AllowedMethod>HEAD</AllowedMethod>
        <MaxAgeSeconds>3000</MaxAgeSeconds>
        <AllowedHeader>*</AllowedHeader>
        <ExposeHeader>ETag</ExposeHeader>
    </CORSRule>
</CORSConfiguration>
"""
TWO_RULES: Final = """\
<CORSRule>
  <AllowedOrigin>http://localhost:1338</AllowedOrigin>
  <AllowedMethod>PUT</AllowedMethod>
  <AllowedMethod>POST</AllowedMethod>
  <AllowedHeader>*</AllowedHeader>
</CORSRule>
<CORSRule>
  <AllowedOrigin>*</AllowedOrigin>
  <AllowedMethod>GET</AllowedMethod>
</CORSRule>"""
AWS_CONSOLE: Final = """\
[
    {
        "AllowedHeaders": [
            "*"
        ],
        "AllowedMethods": [
            "POST",
            "GET"
        ],
        "AllowedOrigins": [
            "*"
        ],
        "ExposeHeaders": []
    }
]"""
CLOUDFORMATION: Final = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Site: {Type: String}
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties:
      BucketName: !Sub "${AWS::StackName}-uploads"
      CorsConfiguration:
        CorsRules:
          - AllowedOrigins: ['*']
            AllowedHeaders:
              - '*'
            AllowedMethods: [GET, PUT, POST]
            MaxAge: 3000
            ExposedHeaders:
              - ETag
  Logs:
    Type: AWS::S3::Bucket
    Properties:
      CorsConfiguration:
        CorsRules:
          - AllowedOrigins: [!Sub "https://${Site}"]
            AllowedMethods: [GET]
            MaxAge: !If [IsProd, 3000, 30]
  Queue:
    Type: AWS::SQS::Queue
"""
SERVERLESS: Final = """\
service: uploads
provider:
  name: aws
resources:
  Resources:
    StorageBucket:
      Type: AWS::S3::Bucket
      Properties:
        BucketName: ${self:custom.bucketName}
        CorsConfiguration:
          CorsRules:
            - AllowedOrigins:
                - "*"
              AllowedHeaders:
                - "*"
              AllowedMethods:
                - GET
                - PUT
              MaxAge: 3000
              ExposeHeader:
                - x-amz-request-id
                - ETag
"""
CROSSPLANE: Final = """\
apiVersion: s3.aws.crossplane.io/v1beta1
kind: Bucket
metadata:
  name: test-bucket
spec:
  forProvider:
    locationConstraint: us-east-1
    corsConfiguration:
      corsRules:
        - allowedMethods: ["GET"]
          allowedOrigins: ["https://www.example.com"]
          allowedHeaders: ["*"]
          exposeHeaders: ["x-amz-request-id"]
          maxAgeSeconds: 3000
"""
ANSIBLE: Final = """\
- name: Create simple CORS for S3 bucket
  community.aws.s3_cors:
    name: mys3bucket
    state: present
    rules:
      - allowed_origins:
          - http://www.example.com
        allowed_methods:
          - GET
          - POST
        allowed_headers:
          - Authorization
        expose_headers:
          - x-amz-server-side-encryption
          - x-amz-request-id
        max_age_seconds: 30000
"""
PULUMI: Final = """\
name: site
runtime: yaml
resources:
  bucket:
    type: alicloud:oss:Bucket
  default:
    type: alicloud:oss:BucketCors
    properties:
      bucket: ${bucket.bucket}
      responseVary: true
      corsRules:
        - allowedMethods:
            - GET
          allowedOrigins:
            - '*'
          allowedHeaders:
            - x-oss-test
            - x-oss-abc
          exposeHeaders:
            - x-oss-request-id
          maxAgeSeconds: 1000
"""
AZURE_PROPERTIES: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<StorageServiceProperties>
  <Logging>
    <Version>1.0</Version>
    <Delete>true</Delete>
    <RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>
  </Logging>
  <HourMetrics><Version>1.0</Version><Enabled>false</Enabled></HourMetrics>
  <Cors>
    <CorsRule>
      <AllowedOrigins>http://www.fabrikam.example,http://www.contoso.example</AllowedOrigins>
      <AllowedMethods>GET,PUT</AllowedMethods>
      <MaxAgeInSeconds>500</MaxAgeInSeconds>
      <ExposedHeaders>x-ms-request-id</ExposedHeaders>
      <AllowedHeaders>x-ms-meta-target*,x-ms-meta-customheader</AllowedHeaders>
    </CorsRule>
  </Cors>
  <DefaultServiceVersion>2017-07-29</DefaultServiceVersion>
</StorageServiceProperties>
"""
B2_BUCKET: Final = {
    "accountId": "30f20426f0b1",
    "bucketId": "87ba238875c6214145260818",
    "bucketInfo": {},
    "bucketName": "photos",
    "bucketType": "allPrivate",
    "corsRules": [
        {
            "corsRuleName": "downloadFromAnyOriginWithUpload",
            "allowedHeaders": ["*"],
            "allowedOperations": ["s3_head", "s3_put", "s3_delete", "s3_post", "s3_get"],
            "allowedOrigins": ["https://file.example", "http://localhost:3000"],
            "exposeHeaders": ["etag", "x-bz-content-sha1"],
            "maxAgeSeconds": 86400,
        }
    ],
    "defaultRetention": {"mode": None},
    "defaultServerSideEncryption": {"mode": "none"},
    "isFileLockEnabled": False,
    "lifecycleRules": [],
    "options": [],
    "revision": 3,
}
TERRAFORM_STATE: Final = {
    "version": 4,
    "terraform_version": "1.9.8",
    "serial": 12,
    "resources": [
        {
            "mode": "managed",
            "type": "huaweicloud_obs_bucket",
            "name": "photos",
            "instances": [
                {
                    "attributes": {
                        "bucket": "photos",
                        "cors_rule": [
                            {
                                "allowed_headers": ["*"],
                                "allowed_methods": ["PUT", "POST"],
                                "allowed_origins": ["https://www.example.com"],
                                "expose_headers": ["ETag"],
                                "max_age_seconds": 3000,
                            }
                        ],
                    }
                }
            ],
        }
    ],
}


def planned(kind: str, **values: Any) -> str:
    """What ``terraform show -json`` prints of a plan with one resource."""
    resource = {"address": f"{kind}.photos", "mode": "managed", "type": kind, "values": values}
    return json.dumps(
        {
            "format_version": "1.2",
            "terraform_version": "1.9.8",
            "planned_values": {"root_module": {"resources": [resource]}},
            "resource_changes": [
                {
                    "address": f"{kind}.photos",
                    "change": {"actions": ["create"], "before": None, "after": values},
                }
            ],
        }
    )


ANY = says("*", "PUT GET HEAD", "*", "ETag", max_age_seconds=3000)
ANY_GET = says("*", "GET")
WWW = "https://www.example.com"

RULES: Final[dict[str, Rules]] = {
    # Documents of the APIs.
    "cos, with an ID": Rules(
        "<CORSConfiguration><CORSRule><ID>1234</ID><AllowedOrigin>http://www.example.com</AllowedOrigin>"
        "<AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-cos-meta-test</AllowedHeader>"
        "<MaxAgeSeconds>500</MaxAgeSeconds><ExposeHeader>x-cos-meta-test1</ExposeHeader></CORSRule>"
        "<ResponseVary>true</ResponseVary></CORSConfiguration>",
        [says("http://www.example.com", "PUT", "x-cos-meta-test", "x-cos-meta-test1", max_age_seconds=500, id="1234")],
        vary=True,
    ),
    "s3cmd": Rules(S3_SAMPLE, [ANY]),
    "ibm, standalone": Rules(
        S3_SAMPLE.replace('"UTF-8"?', '"UTF-8" standalone="yes"?'), [ANY]
    ),
    "oss": Rules(
        '<?xml version="1.0" encoding="UTF-8"?>\n<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>'
        "<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod><AllowedHeader>Authorization"
        "</AllowedHeader></CORSRule><ResponseVary>false</ResponseVary></CORSConfiguration>",
        [says("*", "PUT GET", "Authorization")],
        vary=False,
    ),
    "rules without a root": Rules(
        TWO_RULES, [says("http://localhost:1338", "PUT POST", "*"), ANY_GET]
    ),
    "rules without a root, with a declaration": Rules(
        '<?xml version="1.0" encoding="UTF-8"?>\n' + TWO_RULES,
        [says("http://localhost:1338", "PUT POST", "*"), ANY_GET],
    ),
    "a rule without a root, behind a comment": Rules(
        "<!-- uploads -->\n" + TWO_RULES, [says("http://localhost:1338", "PUT POST", "*"), ANY_GET]
    ),
    "a prefix for the namespace": Rules(
        '<s3:CORSConfiguration xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/"><s3:CORSRule>'
        "<s3:AllowedOrigin>*</s3:AllowedOrigin><s3:AllowedMethod>GET</s3:AllowedMethod></s3:CORSRule>"
        "</s3:CORSConfiguration>",
        [ANY_GET],
    ),
    "xml with a byte order mark": Rules(b"\xef\xbb\xbf" + S3_SAMPLE.encode(), [ANY]),
    "xml with Windows lines": Rules(S3_SAMPLE.replace("\n", "\r\n"), [ANY]),
    "gcs": Rules(
        '<?xml version="1.0" encoding="UTF-8"?><CorsConfig><Cors><Origins><Origin>http://origin1.example.com'
        "</Origin></Origins><Methods><Method>GET</Method><Method>HEAD</Method></Methods><ResponseHeaders>"
        "<ResponseHeader>x-goog-meta-foo1</ResponseHeader></ResponseHeaders><MaxAgeSec>1800</MaxAgeSec></Cors>"
        "</CorsConfig>",
        [says("http://origin1.example.com", "GET HEAD", "x-goog-meta-foo1", "x-goog-meta-foo1", max_age_seconds=1800)],
        ("responseHeader is read as",),
    ),
    "azure, service properties": Rules(
        AZURE_PROPERTIES,
        [says("http://www.fabrikam.example http://www.contoso.example", "GET PUT",
              "x-ms-meta-target* x-ms-meta-customheader", "x-ms-request-id", max_age_seconds=500)],
    ),
    # What consoles, commands and SDKs print.
    "aws console": Rules(AWS_CONSOLE, [says("*", "POST GET", "*")]),
    "aws s3api get-bucket-cors": Rules(
        '{\n    "CORSRules": [\n        {\n            "AllowedHeaders": ["*"],\n            "AllowedMethods": ["GET", "PUT", "POST", "HEAD"],\n'
        '            "AllowedOrigins": ["*", "http://localhost:8000"],\n            "ExposeHeaders": ["ETag"],\n            "MaxAgeSeconds": 86400\n        }\n    ]\n}',
        [says("* http://localhost:8000", "GET PUT POST HEAD", "*", "ETag", max_age_seconds=86400)],
    ),
    "boto3 get_bucket_cors": Rules(
        '{"ResponseMetadata": {"RequestId": "X", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},'
        ' "CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}',
        [ANY_GET],
    ),
    "aws sdk for go, nulls": Rules(
        '{"CORSRules":[{"AllowedHeaders":["*"],"AllowedMethods":["PUT"],"AllowedOrigins":["*"],"ExposeHeaders":null,"ID":null,"MaxAgeSeconds":null}]}',
        [says("*", "PUT", "*")],
    ),
    "arguments of putBucketCors": Rules(
        '{"Bucket": "my-bucket-name", "CORSConfiguration": {"CORSRules": [{"AllowedHeaders": ["*"], "AllowedOrigins": ["https://www.example.com"], "AllowedMethods": ["GET"], "ExposeHeaders": ["ETag"]}]}, "ContentMD5": ""}',
        [says(WWW, "GET", "*", "ETag")],
        ("Bucket",),
    ),
    "a rule alone": Rules(
        '{\n"AllowedHeaders": [\n"*"\n],\n"AllowedMethods": [\n"GET",\n"PUT",\n"POST"\n],\n"AllowedOrigins": [\n"*"\n],\n"ExposeHeaders": []\n}',
        [says("*", "GET PUT POST", "*")],
    ),
    "cos-nodejs-sdk-v5 getBucketCors": Rules(
        '{"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"], "ExposeHeaders": [], "MaxAgeSeconds": "5"}],'
        ' "ResponseVary": "false", "statusCode": 200, "headers": {"content-type": "application/xml"}, "RequestId": "NWZh"}',
        [says("*", "PUT", "*", max_age_seconds=5)],
        ("statusCode",),
        vary=False,
    ),
    "cos-python-sdk get_bucket_cors": Rules(
        '{"CORSRule": [{"ID": "cors_rule", "AllowedOrigin": ["http://cloud.example.com"], "AllowedMethod": ["GET", "PUT"], "AllowedHeader": ["x-cos-*"], "MaxAgeSeconds": "500"}]}',
        [says("http://cloud.example.com", "GET PUT", "x-cos-*", max_age_seconds=500, id="cors_rule")],
    ),
    "ali-oss putBucketCORS": Rules(
        '[{"allowedOrigin": "http://example.com", "allowedMethod": "GET", "allowedHeader": "*", "exposeHeader": ["ETag", "x-oss-request-id"], "maxAgeSeconds": "30"}]',
        [says("http://example.com", "GET", "*", "ETag x-oss-request-id", max_age_seconds=30)],
    ),
    "ali-oss getBucketCORS": Rules(
        '{"rules": [{"allowedOrigin": "*", "allowedMethod": ["GET", "PUT"], "allowedHeader": "*", "maxAgeSeconds": "0"}], "res": {"status": 200, "statusCode": 200, "headers": {"server": "AliyunOSS"}, "size": 300, "aborted": false, "rt": 31}}',
        [says("*", "GET PUT", "*", max_age_seconds=0)],
        ("res",),
    ),
    "ossutil": Rules(
        '{"CORSRule": [{"AllowedOrigin": ["*"], "AllowedMethod": ["PUT", "GET"], "AllowedHeader": ["Authorization"]}, {"AllowedOrigin": ["http://example.com", "http://example.net"], "AllowedMethod": ["GET"], "ExposeHeader": ["x-oss-test"], "MaxAgeSeconds": 100}], "ResponseVary": false}',
        [says("*", "PUT GET", "Authorization"), says("http://example.com http://example.net", "GET", expose="x-oss-test", max_age_seconds=100)],
        vary=False,
    ),
    "esdk-obs-browserjs getBucketCors": Rules(
        '{"CommonMsg": {"Status": 200, "Code": "", "Message": "", "HostId": ""}, "InterfaceResult": {"RequestId": "0000018", "CorsRules": [{"ID": "rule1", "AllowedMethod": ["PUT", "HEAD"], "AllowedOrigin": ["http://www.example.com"], "AllowedHeader": ["*"], "MaxAgeSeconds": "100", "ExposeHeader": ["ETag"]}]}}',
        [says("http://www.example.com", "PUT HEAD", "*", "ETag", max_age_seconds=100, id="rule1")],
    ),
    "gsutil cors set": Rules(
        '[\n    {\n      "origin": ["http://example.appspot.com"],\n      "responseHeader": ["Content-Type"],\n      "method": ["GET", "HEAD", "DELETE"],\n      "maxAgeSeconds": 3600\n    }\n]',
        [says("http://example.appspot.com", "GET HEAD DELETE", "Content-Type", "Content-Type", max_age_seconds=3600)],
        ("responseHeader is read as",),
    ),
    "gcs, without response headers": Rules(
        '[{"origin": ["*"], "method": ["GET"], "maxAgeSeconds": 3600}]', [says("*", "GET", max_age_seconds=3600)]
    ),
    "gcloud storage buckets describe": Rules(
        "cors_config:\n- maxAgeSeconds: 3600\n  method:\n  - GET\n  origin:\n  - https://www.example.com\n  responseHeader:\n  - Content-Type\ncreation_time: 2024-01-02T03:04:05+0000\ndefault_storage_class: STANDARD\nlocation: EU\nname: photos\n",
        [says(WWW, "GET", "Content-Type", "Content-Type", max_age_seconds=3600)],
        ("default_storage_class",),
    ),
    "wrangler r2": Rules(
        '{"rules": [{"allowed": {"origins": ["https://www.example.com"], "methods": ["GET", "PUT"], "headers": ["content-type"]}, "exposeHeaders": ["etag"], "maxAgeSeconds": 3600}]}',
        [says(WWW, "GET PUT", "content-type", "etag", max_age_seconds=3600)],
    ),
    "the API of Cloudflare": Rules(
        '{"success": true, "errors": [], "messages": [], "result": {"rules": [{"id": "Allow Local Development", "allowed": {"methods": ["GET"], "origins": ["http://localhost:3000"], "headers": ["x-requested-by"]}, "exposeHeaders": ["Content-Encoding"], "maxAgeSeconds": 3600}]}}',
        [says("http://localhost:3000", "GET", "x-requested-by", "Content-Encoding", max_age_seconds=3600, id="Allow Local Development")],
    ),
    "rules of R2 in the words of S3": Rules(
        '{"rules": [{"AllowedOrigins": ["http://example.com"], "AllowedMethods": ["GET", "HEAD"], "AllowedHeaders": ["Authorization"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 3600}]}',
        [says("http://example.com", "GET HEAD", "Authorization", "ETag", max_age_seconds=3600)],
    ),
    "b2 bucket get": Rules(
        json.dumps(B2_BUCKET, indent=4),
        [says("https://file.example http://localhost:3000", "HEAD PUT DELETE POST GET", "*", "etag x-bz-content-sha1", max_age_seconds=86400, id="downloadFromAnyOriginWithUpload")],
        ("allowedOperations are read as methods", "bucketType"),
    ),
    "b2, its own calls": Rules(
        '[{"corsRuleName": "x", "allowedOrigins": ["*"], "allowedOperations": ["b2_download_file_by_id", "b2_download_file_by_name", "b2_upload_file", "b2_upload_part"], "exposeHeaders": ["x-bz-content-sha1"], "allowedHeaders": ["authorization"], "maxAgeSeconds": 3600}]',
        [says("*", "GET HEAD POST", "authorization", "x-bz-content-sha1", max_age_seconds=3600, id="x")],
        ("allowedOperations are read as methods",),
    ),
    "b2, a member of an object": Rules(
        '"corsRules": [\n    {\n        "allowedOperations": ["s3_get"],\n        "allowedOrigins": ["https://file.example"],\n        "corsRuleName": "a",\n        "maxAgeSeconds": 86400\n    }\n]',
        [says("https://file.example", "GET", max_age_seconds=86400, id="a")],
        ("allowedOperations are read as methods",),
    ),
    "az storage cors list": Rules(
        '[\n  {\n    "AllowedHeaders": "*",\n    "AllowedMethods": "GET, PUT",\n    "AllowedOrigins": "https://www.example.com,https://example.com",\n    "ExposedHeaders": "etag",\n    "MaxAgeInSeconds": 3600,\n    "Rule": 1,\n    "Service": "blob"\n  }\n]',
        [says("https://www.example.com https://example.com", "GET PUT", "*", "etag", max_age_seconds=3600)],
        ("Rule is left out", "Service is left out"),
    ),
    "az storage account blob-service-properties show": Rules(
        '{"containerDeleteRetentionPolicy": null, "cors": {"corsRules": [{"allowedHeaders": ["x-ms-*"], "allowedMethods": ["GET", "PUT"], "allowedOrigins": ["https://www.example.com"], "exposedHeaders": ["x-ms-request-id"], "maxAgeInSeconds": 200}]}, "id": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a/blobServices/default", "name": "default", "resourceGroup": "rg", "sku": {"name": "Standard_LRS"}, "type": "Microsoft.Storage/storageAccounts/blobServices"}',
        [says(WWW, "GET PUT", "x-ms-*", "x-ms-request-id", max_age_seconds=200)],
    ),
    "mc cors get": Rules(
        '<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\n  <CORSRule>\n    <AllowedHeader>*</AllowedHeader>\n    <AllowedMethod>PUT</AllowedMethod>\n    <AllowedOrigin>http://127.0.0.1:5173</AllowedOrigin>\n    <ID>dev</ID>\n  </CORSRule>\n</CORSConfiguration>',
        [says("http://127.0.0.1:5173", "PUT", "*", id="dev")],
    ),
    # Spellings.
    "yc storage bucket get": Rules(
        '{"name": "photos", "cors": [{"id": "a", "allowed_methods": ["METHOD_GET", "METHOD_PUT"], "allowed_origins": ["*"], "max_age_seconds": "30"}]}',
        [says("*", "GET PUT", id="a", max_age_seconds=30)], ("METHOD_GET is read as GET",),
    ),
    "snake case": Rules(
        '[{"allowed_origins": ["https://www.example.com"], "allowed_methods": ["GET"], "allowed_headers": ["range"], "expose_headers": ["etag"], "max_age_seconds": 60}]',
        [says(WWW, "GET", "range", "etag", max_age_seconds=60)],
    ),
    "lower case": Rules(
        '[{"allowedorigins": ["https://www.example.com"], "allowedmethods": ["GET"], "maxageseconds": 60}]',
        [says(WWW, "GET", max_age_seconds=60)],
    ),
    "upper case": Rules(
        '{"CORSRULES": [{"ALLOWEDORIGINS": ["https://www.example.com"], "ALLOWEDMETHODS": ["GET"]}]}', [says(WWW, "GET")]
    ),
    "dashes": Rules(
        "rules:\n- allowed-origins: ['https://www.example.com']\n  allowed-methods: [GET]\n  max-age-seconds: 60\n",
        [says(WWW, "GET", max_age_seconds=60)],
    ),
    "exposed headers": Rules(
        '[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "ExposedHeaders": ["ETag"]}]', [says("*", "GET", expose="ETag")]
    ),
    "numbers as text": Rules(
        '[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "MaxAgeSeconds": "3000"}]', [says("*", "GET", max_age_seconds=3000)]
    ),
    "a list for one value in the singular": Rules(
        '{"CORSRule": {"AllowedOrigin": "https://www.example.com", "AllowedMethod": ["GET", "PUT"]}}', [says(WWW, "GET PUT")]
    ),
    "a byte order mark": Rules(b"\xef\xbb\xbf" + AWS_CONSOLE.encode(), [says("*", "POST GET", "*")]),
    # Templates.
    "cloudformation, one of two": Rules(
        CLOUDFORMATION, [says("*", "GET PUT POST", "*", "ETag", max_age_seconds=3000)], ("Uploads",), resource="Uploads"
    ),
    "serverless": Rules(
        SERVERLESS, [says("*", "GET PUT", "*", "x-amz-request-id ETag", max_age_seconds=3000)], ("StorageBucket",)
    ),
    "cdk synth": Rules(
        '{"Resources": {"Bucket83908E77": {"Type": "AWS::S3::Bucket", "Properties": {"CorsConfiguration": {"CorsRules": [{"AllowedHeaders": ["*"], "AllowedMethods": ["GET"], "AllowedOrigins": [{"Fn::Join": ["", ["https://", {"Ref": "Site"}]]}]}]}}, "UpdateReplacePolicy": "Retain", "Metadata": {"aws:cdk:path": "x"}}}}',
        [says("https://${Site}", "GET", "*")],
        ("the template fills it in",),
    ),
    "pulumi": Rules(
        PULUMI, [says("*", "GET", "x-oss-test x-oss-abc", "x-oss-request-id", max_age_seconds=1000)], vary=True
    ),
    "terraform state of obs": Rules(
        json.dumps(TERRAFORM_STATE), [says(WWW, "PUT POST", "*", "ETag", max_age_seconds=3000)], ("huaweicloud_obs_bucket.photos",)
    ),
    "terraform plan of oss": Rules(
        planned("alicloud_oss_bucket_cors", bucket="photos", response_vary=True, cors_rule=[{"allowed_methods": ["GET"], "allowed_origins": ["*"], "allowed_headers": ["x-oss-test", "x-oss-abc"], "expose_header": ["x-oss-request-id"], "max_age_seconds": 1000}]),
        [says("*", "GET", "x-oss-test x-oss-abc", "x-oss-request-id", max_age_seconds=1000)],
        vary=True,
    ),
    "terraform plan of cos": Rules(
        planned("tencentcloud_cos_bucket", bucket="photos-1250000000", acl="private", cors_rules=[{"allowed_headers": ["*"], "allowed_methods": ["PUT", "POST"], "allowed_origins": ["http://*.abc.example"], "expose_headers": ["Etag"], "max_age_seconds": 300}]),
        [says("http://*.abc.example", "PUT POST", "*", "Etag", max_age_seconds=300)],
    ),
    "terraform plan of b2": Rules(
        planned("b2_bucket", bucket_name="photos", cors_rules=[{"allowed_headers": [], "allowed_operations": ["s3_get", "s3_head"], "allowed_origins": ["https"], "cors_rule_name": "d", "expose_headers": [], "max_age_seconds": 3600}]),
        [says("https://*", "GET HEAD", max_age_seconds=3600, id="d")],
        ("the origin https is read as https://*",),
    ),
    "terraform plan of r2": Rules(
        planned("cloudflare_r2_bucket_cors", account_id="0", bucket_name="photos", jurisdiction="default", rules=[{"allowed": {"headers": None, "methods": ["GET"], "origins": ["http://localhost:3000"]}, "expose_headers": None, "id": "dev", "max_age_seconds": 3600}]),
        [says("http://localhost:3000", "GET", max_age_seconds=3600, id="dev")],
    ),
    "terraform plan of google": Rules(
        planned("google_storage_bucket", name="photos", location="EU", cors=[{"max_age_seconds": 3600, "method": ["GET", "HEAD"], "origin": ["http://image-store.example"], "response_header": ["*"]}]),
        [says("http://image-store.example", "GET HEAD", "*", max_age_seconds=3600)],
        ("responseHeader is read as",),
    ),
    "terraform plan of scaleway": Rules(
        planned("scaleway_object_bucket", name="photos", cors_rule=[{"allowed_headers": None, "allowed_methods": ["GET"], "allowed_origins": ["https://www.example.com"], "expose_headers": None, "max_age_seconds": 3000}]),
        [says(WWW, "GET", max_age_seconds=3000)],
    ),
    "terraform in json": Rules(
        '{"resource": {"aws_s3_bucket_cors_configuration": {"example": {"bucket": "${aws_s3_bucket.example.id}", "cors_rule": [{"allowed_headers": ["*"], "allowed_methods": ["PUT", "POST"], "allowed_origins": ["https://${var.domain}"], "expose_headers": ["ETag"], "max_age_seconds": 3000}, {"allowed_methods": ["GET"], "allowed_origins": ["*"]}]}}}}',
        [says("https://${var.domain}", "PUT POST", "*", "ETag", max_age_seconds=3000), ANY_GET],
        ("the template fills it in",),
    ),
    "azure resource manager": Rules(
        '{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0", "resources": [{"type": "Microsoft.Storage/storageAccounts/blobServices", "apiVersion": "2023-01-01", "name": "[concat(parameters(\'name\'), \'/default\')]", "properties": {"cors": {"corsRules": [{"allowedOrigins": ["https://www.example.com"], "allowedMethods": ["GET"], "maxAgeInSeconds": 3600, "exposedHeaders": [""], "allowedHeaders": [""]}]}}}]}',
        [says(WWW, "GET", max_age_seconds=3600)],
    ),
    "crossplane": Rules(
        CROSSPLANE, [says(WWW, "GET", "*", "x-amz-request-id", max_age_seconds=3000)]
    ),
    "xml as json": Rules(
        '{"CORSConfiguration": {"@xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "CORSRule": {"AllowedOrigin": "*", "AllowedMethod": ["GET", "PUT"], "MaxAgeSeconds": "30"}}}',
        [says("*", "GET PUT", max_age_seconds=30)],
        ("@xmlns",),
    ),
    "one of several buckets of a list": Rules(
        '{"buckets": [{"name": "a", "cors": [{"origin": ["*"], "method": ["GET"]}]}, {"name": "b", "cors": [{"origin": ["https://www.example.com"], "method": ["GET"]}]}]}',
        [says(WWW, "GET")],
        ("the rules of b",),
        resource="b",
    ),
    "ansible": Rules(
        ANSIBLE, [says("http://www.example.com", "GET POST", "Authorization", "x-amz-server-side-encryption x-amz-request-id", max_age_seconds=30000)]
    ),
}  # fmt: skip


class Refused(NamedTuple):
    """A text that a bucket cannot have.

    :param words: what has to be said: what is wrong, and what to write instead.
    """

    text: str | bytes
    words: tuple[str, ...]


def aws(**fields: Any) -> str:
    """Rules as the console of S3 takes them, with one rule."""
    rule = {"AllowedOrigins": [WWW], "AllowedMethods": ["GET"], **fields}
    return json.dumps([{name: value for name, value in rule.items() if value != ""}])


def xml(inner: str = "", origin: str = WWW, method: str = "GET") -> str:
    """A document of S3 with one rule."""
    return (
        f"<CORSConfiguration><CORSRule><AllowedOrigin>{origin}</AllowedOrigin>"
        f"<AllowedMethod>{method}</AllowedMethod>{inner}</CORSRule></CORSConfiguration>"
    )


REFUSED: Final[dict[str, Refused]] = {
    # Fields.
    "an operation alone is no method": Refused(
        aws(AllowedMethods=["s3_put_object"]), ("s3_put_object", "is not a method")
    ),
    "texts where lists are meant": Refused(
        '{"CORSRules":[{"AllowedHeaders":"Authorization","AllowedMethods":"GET","AllowedOrigins":"https://www.example.com"}]}',
        ("allowed_headers 'Authorization' is not a list", "allowed_methods 'GET' is not a list", "allowed_origins", "in brackets"),
    ),
    "an empty rule": Refused(
        "<CORSConfiguration><CORSRule></CORSRule></CORSConfiguration>", ("rule 1: AllowedOrigin is missing", "rule 1: AllowedMethod is missing")
    ),
    "an empty rule in JSON": Refused("[{}]", ("rule 1: allowed_origins is missing",)),
    "methods are missing": Refused(
        '{"Bucket": "b", "CORSConfiguration": {"CORSRules": [{"AllowedOrigins": ["test.com"], "MaxAgeSeconds": 0}]}}',
        ("rule 1: allowed_methods is missing",),
    ),
    "each field in an object of its own": Refused(
        '{"CORSRules": [{"AllowedHeaders": ["*"]}, {"AllowedMethods": ["GET"]}, {"AllowedOrigins": ["*"]}, {"MaxAgeSeconds": 3000}]}',
        ("rule 1: allowed_origins is missing", "rule 2: allowed_origins is missing", "rule 3: allowed_methods is missing"),
    ),
    "a misspelt field": Refused(aws(AllowedHeader_s=["*"], AlowedHeaders=["*"]), ("AlowedHeaders is not allowed here", "write AllowedHeaders")),
    "AllowHeaders": Refused(aws(AllowHeaders=["*"]), ("AllowHeaders is not allowed here", "write AllowedHeaders")),
    "AllowOrigins": Refused(aws(AllowedOrigins="", AllowOrigins=[WWW]), ("write AllowedOrigins", "allowed_origins is missing")),
    "allowed_orgins": Refused('[{"allowed_orgins": ["*"], "allowed_methods": ["GET"]}]', ("write AllowedOrigins",)),
    "Expose-Header": Refused(aws(**{"Expose-Headrs": ["ETag"]}), ("write ExposeHeaders",)),
    "AccessControlAllowOrigin": Refused(aws(AccessControlAllowOrigin="*"), ("AccessControlAllowOrigin is not allowed here",)),
    "MaxAgeSecond of the console": Refused(aws(MaxAgeSecconds=5), ("write MaxAgeSeconds",)),
    "plural elements": Refused(
        "<CORSConfiguration><CORSRule><AllowedOrigins>*</AllowedOrigins><AllowedMethods>GET</AllowedMethods></CORSRule></CORSConfiguration>",
        ("AllowedOrigins is not allowed here", "write AllowedOrigin ", "write AllowedMethod "),
    ),
    "ExposedHeader in XML": Refused(xml("<ExposedHeader>ETag</ExposedHeader>"), ("ExposedHeader is not allowed here", "write ExposeHeader ")),
    "MaxAge in XML": Refused(xml("<MaxAge>5</MaxAge>"), ("MaxAge is not allowed here", "write MaxAgeSeconds ")),
    "elements in the wrong case": Refused(
        "<CORSConfiguration><CorsRule><allowedOrigin>*</allowedOrigin><allowedMethod>GET</allowedMethod></CorsRule></CORSConfiguration>",
        ("CorsRule is not allowed here", "write CORSRule "),
    ),
    "a value's element in the wrong case": Refused(xml("<allowedHeader>*</allowedHeader>"), ("write AllowedHeader ",)),
    "the root in the wrong case": Refused(xml().replace("CORSConfiguration", "CorsConfiguration"), ("'CorsConfiguration'", "write CORSConfiguration")),
    "twice in two spellings": Refused(aws(AllowedOrigin="*"), ("AllowedOrigin may occur only once",)),
    "a key twice": Refused('[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "AllowedMethods": ["PUT"]}]', ("AllowedMethods may occur only once",)),
    "two MaxAgeSeconds": Refused(xml("<MaxAgeSeconds>1</MaxAgeSeconds><MaxAgeSeconds>2</MaxAgeSeconds>"), ("MaxAgeSeconds may occur only once",)),
    # Methods.
    "OPTIONS": Refused(aws(AllowedMethods=["GET", "PUT", "OPTIONS"]), ("leave OPTIONS out: a preflight is decided by the rule for the method",)),
    "OPTIONS in XML": Refused(xml("<AllowedMethod>OPTIONS</AllowedMethod>"), ("leave OPTIONS out",)),
    "OPTIONS of Azure": Refused(
        '[{"AllowedHeaders": "*", "AllowedMethods": "GET,OPTIONS", "AllowedOrigins": "*", "ExposedHeaders": "*", "MaxAgeInSeconds": 200, "Service": "blob"}]',
        ("leave OPTIONS out", "contains a *; list each header by name"),
    ),
    "OPTIONS of Google": Refused('[{"origin": ["https://www.example.com"], "method": ["OPTIONS", "PUT"], "responseHeader": ["Content-Type"], "maxAgeSeconds": 3600}]', ("leave OPTIONS out",)),
    "all methods": Refused(aws(AllowedMethods=["*"]), ("'*'", "list the methods")),
    "all methods of Google": Refused('[{"origin": ["*"], "method": ["*"], "maxAgeSeconds": 3600}]', ("list the methods",)),
    "lower case methods": Refused(aws(AllowedMethods=["get", "put"]), ("'get' is in the wrong case", "write it in upper case")),
    "methods in one text": Refused(aws(AllowedMethods=["GET, PUT"]), ("'GET, PUT'", "each method as a value of its own")),
    "methods in one element": Refused(xml(method="GET, POST"), ("'GET, POST'", "each method as a value of its own")),
    "methods with bars": Refused(xml(method="GET|POST"), ("'GET|POST'", "each method as a value of its own")),
    "another method": Refused(aws(AllowedMethods=["PURGE"]), ("'PURGE' is not a method that rules can allow", "write GET, PUT")),
    # Origins.
    "origins in one text": Refused(aws(AllowedOrigins=["https://a.example,https://b.example"]), ("each origin as a value of its own",)),
    "origins in one text, with a blank": Refused(aws(AllowedOrigins=["https://a.example https://b.example"]), ("each origin as a value of its own",)),
    "origins in one element": Refused(xml(origin="http://a.example; http://b.example"), ("each origin as a value of its own",)),
    "a path": Refused(aws(AllowedOrigins=["https://www.example.com/app"]), ("contains a path", "scheme://host")),
    "a path with a star": Refused(xml(origin="http://www.example.com:5000/*"), ("contains a path", "scheme://host")),
    "two stars": Refused(aws(AllowedOrigins=["https://*.*.example.com"]), ("more than one *",)),
    "any scheme and any host": Refused(aws(AllowedOrigins=["*://*.example.com"]), ("more than one *",)),
    "a regular expression": Refused(aws(AllowedOrigins=["/^https:\\/\\/.*\\.example\\.com$/"]), ("character that no origin can have",)),
    "an optional s": Refused(aws(AllowedOrigins=["https?://www.example.com"]), ("character that no origin can have",)),
    "a bracket too many": Refused(xml(origin="&gt;https://www.example.com"), ("character that no origin can have",)),
    "a placeholder": Refused(aws(AllowedOrigins=["<yourOrigin>"]), ("character that no origin can have",)),
    "quotes in quotes": Refused(aws(AllowedOrigins=["'https://www.example.com'"]), ("character that no origin can have",)),
    "a query": Refused(aws(AllowedOrigins=["https://www.example.com?x=1"]), ("'https://www.example.com?x=1'",)),
    "a user": Refused(aws(AllowedOrigins=["https://me@www.example.com"]), ("character that no origin can have",)),
    "no host names": Refused(aws(AllowedOrigins=["https://b\u00fccher.example"]), ("xn--",)),
    "a zero width space": Refused(aws(AllowedOrigins=["https://www.example.com\u200b"]), ("may be invisible",)),
    "a port that is none": Refused(aws(AllowedOrigins=["http://localhost:99999"]), ("port", "65535")),
    "an origin without its value": Refused(aws(AllowedOrigins=["https://www.example.com", ""]), ("is empty",)),
    "null among the origins": Refused(aws(AllowedOrigins=[None]), ("is not text",)),
    "no origins": Refused(aws(AllowedOrigins=[]), ("allowed_origins is missing",)),
    # Headers.
    "headers in one text": Refused(aws(AllowedHeaders=["Content-Type, Authorization"]), ("each header as a value of its own",)),
    "headers in one element": Refused(xml("<AllowedHeader>Authorization,Content-Type</AllowedHeader>"), ("each header as a value of its own",)),
    "exposed headers in one text": Refused(aws(ExposeHeaders=["ETag,Content-Length"]), ("each header as a value of its own",)),
    "a header with its colon": Refused(aws(AllowedHeaders=["Content-Type:"]), ("'Content-Type:' is not a header name",)),
    "a header with its value": Refused(aws(AllowedHeaders=["x-amz-acl: public-read"]), ("is not a header name",)),
    "two stars in a header": Refused(aws(AllowedHeaders=["x-*-meta-*"]), ("more than one *",)),
    "all headers exposed": Refused(aws(ExposeHeaders=["*"]), ("contains a *; list each header by name",)),
    "a prefix exposed": Refused(xml("<ExposeHeader>x-amz-meta-*</ExposeHeader>"), ("contains a *; list each header by name",)),
    # Numbers and the like.
    "seconds with their unit": Refused(aws(MaxAgeSeconds="3000s"), ("'3000s' is not a whole number of seconds",)),
    "an hour": Refused(xml("<MaxAgeSeconds>1h</MaxAgeSeconds>"), ("'1h' is not a whole number of seconds",)),
    "a negative number": Refused(aws(MaxAgeSeconds=-1), ("-1 is not between 0 and",)),
    "a fraction": Refused(aws(MaxAgeSeconds=0.5), ("0.5 is not a whole number",)),
    "a list of seconds": Refused(aws(MaxAgeSeconds=[3000]), ("is not a whole number",)),
    "yes": Refused(xml().replace("</CORSRule>", "</CORSRule><ResponseVary>yes</ResponseVary>"), ("ResponseVary 'yes' is neither true nor false",)),
    "stray text": Refused(xml("GET"), ("text between its elements",)),
    # Several buckets.
    "cloudformation with two buckets": Refused(CLOUDFORMATION, ("Uploads, Logs", "--resource")),
    # Almost JSON.
    "a trailing comma": Refused('[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "PUT",]}]', ("a comma before ]: remove it",)),
    "a trailing comma behind the rule": Refused('[\n  {\n    "AllowedOrigins": ["*"],\n    "AllowedMethods": ["GET"],\n  }\n]', ("a comma before }: remove it", "line 4")),
    "a comma is missing": Refused('{\n"CORSRules": [{\n"AllowedHeaders": ["*"],\n"AllowedMethods": ["GET" "PUT"],\n"AllowedOrigins": ["*"]}]}', ("a comma is missing", "line 4")),
    "a comment": Refused('[{"AllowedOrigins": ["*"], // any site\n"AllowedMethods": ["GET"]}]', ("a comment", "remove it")),
    "typographic quotes": Refused("[\n  {\n    \u201cAllowedOrigins\u201d: [\n      \u201c*\u201d\n    ]\n  }\n]", ("a typographic quote", "write the straight one", "line 3")),
    "a Python dictionary": Refused("{'CORSRules': [{'AllowedHeaders': ['*'], 'AllowedMethods': ['GET'], 'AllowedOrigins': ['*']}]}", ("a single quote: write double quotes",)),
    "a JavaScript object": Refused('{\n  CORSRules: [{\n    AllowedHeaders: ["*"], AllowedMethods: ["GET"], AllowedOrigins: ["*"],\n  }]\n}', ("a name without quotes",)),
    "blanks of a web page": Refused('[\n\u00a0\u00a0{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}\n]', ("an invisible character", "line 2")),
    "two documents": Refused('{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}\n{"AllowedOrigins": ["https://www.example.com"], "AllowedMethods": ["PUT"]}', ("something follows the end", "into one list")),
    "an ellipsis": Refused('[{"AllowedOrigins": [...], "AllowedMethods": ["GET"]}]', ("this is not a value", "column 22")),
    "cut off": Refused('[\n    {\n        "AllowedHeaders": [\n            "*"\n        ],', ("ends too early",)),
    "True of Python": Refused('{"rules": [{"allowed_origins": ["*"], "allowed_methods": ["GET"]}], "response_vary": True}', ("True: write true",)),
    # Almost XML.
    "an end tag is missing": Refused("<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin></CORSConfiguration>", ("end tag",)),
    "cut off in XML": Refused("<CORSConfiguration>\n<CORSRule>\n<AllowedOrigin>*</AllowedOrigin>", ("ends too early",)),
    "an ampersand": Refused(xml(origin="https://www.example.com?a=1&b=2"), ("&amp;",)),
    "an HTML page": Refused('<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Sign in</title></head><body></body></html>', ("an HTML page, such as a login page",)),
    "an HTML page without its type": Refused("<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>", ("an HTML page",)),
    "a document type": Refused('<!DOCTYPE CORSConfiguration SYSTEM "x.dtd">' + xml(), ("document type is not accepted",)),
    "the error of a bucket without rules": Refused(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchCORSConfiguration</Code><Message>The CORS configuration does not exist</Message><BucketName>photos</BucketName><RequestId>X</RequestId></Error>',
        ("NoSuchCORSConfiguration", "an error of the server"),
    ),
    "the error of a signature": Refused(
        "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>AccessDenied</Code>\n\t<Message>Access Denied.</Message>\n</Error>",
        ("AccessDenied", "an error of the server"),
    ),
    # Neither.
    "UTF-16 of PowerShell": Refused("\ufeff[]".encode("utf-16-le"), ("UTF-16", "convert it to UTF-8")),
    "XML in UTF-16": Refused(b"\xff\xfe" + S3_SAMPLE.encode("utf-16-le"), ("UTF-16", "convert it to UTF-8")),
    "Latin-1": Refused('[{"ID": "Gr\u00fc\u00dfe", "AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]'.encode("latin-1"), ("not UTF-8", "byte 12")),
    "empty": Refused("", ("empty",)),
    "an empty object": Refused("{}", ("without a list of rules",)),
    "a star": Refused("*", ("neither XML nor JSON",)),
    "the language of Terraform": Refused(
        'resource "aws_s3_bucket" "b" {\n  bucket = "s3-website-test.example.com"\n  cors_rule {\n    allowed_headers = ["*"]\n    allowed_methods = ["PUT", "POST"]\n    allowed_origins = ["https://s3-website-test.example.com"]\n  }\n}',
        ("Terraform", "terraform show -json"),
    ),
    "only the block": Refused('  cors_rule {\n    allowed_methods = ["GET"]\n    allowed_origins = ["*"]\n  }', ("Terraform", "terraform show -json")),
    "a block of Markdown": Refused('```json\n[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]\n```', ("```", "leave")),
    "the quotes of a shell": Refused("'{\"CORSRules\": [{\"AllowedOrigins\": [\"*\"], \"AllowedMethods\": [\"GET\"]}]}'", ("a document in quotes", "leave out the quotes")),
    "a text that holds JSON": Refused('"[{\\"AllowedOrigins\\": [\\"*\\"], \\"AllowedMethods\\": [\\"GET\\"]}]"', ("a document in quotes", "leave out the quotes")),
    "a comment in front": Refused('// cors.json\n[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]', ("a comment: JSON has none, remove it", "line 1")),
    "a command of aws": Refused(
        "aws s3api put-bucket-cors --bucket somebucket --cors-configuration '{\"CORSRules\": [{\"AllowedOrigins\": [\"*\"], \"AllowedMethods\":[\"GET\"]}]}'",
        ("a command", "only"),
    ),
    "a command of b2": Refused("b2 update-bucket --corsRules '[\n    {\n        \"corsRuleName\": \"a\",\n        \"allowedOrigins\": [\"*\"],\n        \"allowedOperations\": [\"s3_put\"],\n        \"maxAgeSeconds\": 3600\n    }\n]' my-bucket allPublic", ("a command", "only")),
    "a request of the API": Refused("PUT /?cors HTTP/1.1\nHost: photos-1250000000.cos.ap-beijing.myqcloud.com\nContent-Type: application/xml\n\n" + xml(), ("a request", "body")),
    "a program in JavaScript": Refused("const rules = [{\n  allowedOrigin: 'http://example.com',\n  allowedMethod: 'GET',\n}];\nclient.putBucketCORS('b', rules);", ("a program", "JSON")),
    "a program in Python": Refused("cors_configuration = {\n    'CORSRules': [{'AllowedMethods': ['GET'], 'AllowedOrigins': ['*']}]\n}\ns3.put_bucket_cors(Bucket='b', CORSConfiguration=cors_configuration)", ("a program", "JSON")),
    "XML as a browser shows it": Refused("This XML file does not appear to have any style information associated with it. The document tree is shown below.\n" + xml(), ("XML with a text in front of it", "leave the text out")),
    "what aws printed": Refused("An error occurred (NoSuchCORSConfiguration) when calling the GetBucketCors operation: The CORS configuration does not exist", ("an error that a command printed",)),
    "Bicep": Refused("resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-01-01' = {\n  name: 'default'\n  properties: {\n    cors: {\n      corsRules: [\n      ]\n    }\n  }\n}", ("Bicep",)),
    "a program of the CDK": Refused("new s3.Bucket(this, 'B', { cors: [{ allowedMethods: [s3.HttpMethods.GET], allowedOrigins: ['*'] }] });", ("a program",)),
    "XML of a page's source": Refused("&lt;CORSConfiguration&gt;&lt;CORSRule&gt;&lt;/CORSRule&gt;&lt;/CORSConfiguration&gt;", ("write < for &lt;",)),
    "a table of aws": Refused("-------------------\n|  GetBucketCors  |\n+-----------------+\n||   CORSRules   ||\n", ("a table", "--output json")),
    "nginx": Refused("add_header 'Access-Control-Allow-Origin' 'https://www.example.com' always;", ("settings of a server",)),
    "an ingress of Kubernetes": Refused('nginx.ingress.kubernetes.io/enable-cors: "true"\nnginx.ingress.kubernetes.io/cors-allow-origin: "*"\n', ("settings of a server",)),
    "vercel.json": Refused('{"headers": [{"source": "/(.*)", "headers": [{"key": "Access-Control-Allow-Origin", "value": "*"}]}]}', ("settings of a server",)),
    "headers of a response": Refused("HTTP/1.1 200 OK\nAccess-Control-Allow-Origin: *\nServer: AmazonS3\n", ("settings of a server",)),
    "a mistake in rules that name the header": Refused('[{"origin": ["*"], "method": ["GET"], "responseHeader": ["Access-Control-Allow-Origin"],}]', ("a comma before }",)),
    "words": Refused("Allow all origins please", ("neither XML nor JSON",)),
    "two documents of YAML": Refused("rules: []\n---\nrules: []\n", ("YAML of several documents",)),
    "anchors": Refused("x: &all ['*']\nrules:\n- allowed_origins: *all\n  allowed_methods: [GET]\n", ("YAML with aliases",)),
    "tabs in YAML": Refused("rules:\n\t- allowed_origins: ['*']\n", ("not accepted as YAML", "line 2")),
}  # fmt: skip

#: Rules that a bucket can have, and what lint says of them: the ids of some checks and the value.
LINTED: Final[dict[str, tuple[str, str]]] = {
    "https://www.example.com/": ("BC303", "PUT"),
    "https://www.example.com:443": ("BC304", "PUT"),
    "http://www.example.com:80": ("BC304", "PUT"),
    "https://WWW.Example.com": ("BC301", "PUT"),
    "www.example.com": ("BC308", "PUT"),
    "localhost:3000": ("BC308", "PUT"),
    "*.example.com": ("BC203", "PUT"),
    "http://*.example.com": ("BC207", "PUT"),
    "https://*example.com": ("BC201", "PUT"),
    "https://www.example.com*": ("BC202", "PUT"),
    "https://*": ("BC204", "PUT"),
    "wss://www.example.com": ("BC309", "PUT"),
    "ftp://www.example.com": ("BC309", "PUT"),
    "http://127.1:3000": ("BC309", "PUT"),
    "http://192.168.0.300": ("BC309", "PUT"),
    "https://*.com": ("BC205", "PUT"),
    "https://*.cos.ap-guangzhou.myqcloud.com": ("BC205", "PUT"),
    "https://*.oss-cn-hangzhou.aliyuncs.com": ("BC205", "PUT"),
    "https://*.s3.amazonaws.com": ("BC205", "PUT"),
    "https://*.r2.dev": ("BC205", "PUT"),
    "null": ("BC206", "PUT"),
    "*": ("BC209", "PUT"),
}
