"""Rules in the forms of vendors and tools: what each says, and what is said of the rest."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import Check, Rule, RuleSet, diff, lint
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.documents.any_form import parse_rules, read_rules
from flask_bucketcors.documents.key_names import field_of, simple, suggestion
from flask_bucketcors.documents.to_forms import FORMS, write_as
from tests.support.naive_evaluator import RuleDict
from tests.support.strategies import rule_sets
from tests.support.tables import in_one_test

A = "https://a.example"
# One rule, which each of the documents below says in its own words.
RULE = {
    "allowed_origins": [A],
    "allowed_methods": ["GET", "PUT"],
    "allowed_headers": ["authorization"],
    "expose_headers": ["ETag"],
    "max_age_seconds": 600,
}
# Google Cloud Storage has one list for both kinds of headers.
ONE_LIST = {**RULE, "allowed_headers": ["authorization", "ETag"]}
ONE_LIST["expose_headers"] = ONE_LIST["allowed_headers"]

S3_RULE = {
    "AllowedOrigins": [A],
    "AllowedMethods": ["GET", "PUT"],
    "AllowedHeaders": ["authorization"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 600,
}
TERRAFORM_RULE = {**RULE, "id": ""}
CLOUDFORMATION = {
    "CorsRules": [
        {
            "AllowedOrigins": [A],
            "AllowedMethods": ["GET", "PUT"],
            "AllowedHeaders": ["authorization"],
            "ExposedHeaders": ["ETag"],
            "MaxAge": 600,
        }
    ]
}
AZURE_IN_TERRAFORM = {
    "allowed_origins": [A],
    "allowed_methods": ["GET", "PUT"],
    "allowed_headers": ["authorization"],
    "exposed_headers": ["ETag"],
    "max_age_in_seconds": 600,
}
AZURE_PROPERTIES = {
    "cors": {
        "corsRules": [
            {
                "allowedOrigins": [A],
                "allowedMethods": ["GET", "PUT"],
                "allowedHeaders": ["authorization"],
                "exposedHeaders": ["ETag"],
                "maxAgeInSeconds": 600,
            }
        ]
    }
}
TEMPLATE = {
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Rules": []}},
        "Uploads": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketName": "uploads", "CorsConfiguration": CLOUDFORMATION},
        },
    }
}


def shown_by_terraform(kind: str, **values: Any) -> dict[str, Any]:
    """What ``terraform show -json`` prints of one resource in a module, beside another one."""
    resource = {"address": f"module.storage.{kind}.uploads", "type": kind, "values": values}
    other = {"address": "aws_s3_bucket.logs", "values": {"bucket": "logs", "cors_rule": []}}
    modules = [{"address": "module.storage", "resources": [resource]}]
    root = {"resources": [other], "child_modules": modules}
    return {"format_version": "1.0", "terraform_version": "1.9", "values": {"root_module": root}}


# What tells in one word what it is -> the document, what it says.
DOCUMENTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "this package": ({"rules": [RULE]}, RULE),
    "a list of rules": ([RULE], RULE),
    "a rule alone": (RULE, RULE),
    "aws s3api get-bucket-cors": ({"CORSRules": [S3_RULE]}, RULE),
    "a rule of S3 alone": (S3_RULE, RULE),
    "arguments of a call": ({"Bucket": "b", "CORSConfiguration": {"CORSRules": [S3_RULE]}}, RULE),
    "numbers as texts": ({"CORSRules": [{**S3_RULE, "MaxAgeSeconds": "600"}]}, RULE),
    "null for what is not set": ([{**S3_RULE, "ID": None, "Id": None}], RULE),
    "the SDK of COS": (
        {
            "CORSRule": [
                {
                    "AllowedOrigin": A,
                    "AllowedMethod": ["GET", "PUT"],
                    "AllowedHeader": "authorization",
                    "ExposeHeader": ["ETag"],
                    "MaxAgeSeconds": "600",
                }
            ]
        },
        RULE,
    ),
    "ali-oss": (
        [
            {
                "allowedOrigin": A,
                "allowedMethod": ["GET", "PUT"],
                "allowedHeader": "authorization",
                "exposeHeader": "ETag",
                "maxAgeSeconds": "600",
            }
        ],
        RULE,
    ),
    "ossutil": (
        {
            "CORSRule": [
                {
                    "AllowedOrigin": [A],
                    "AllowedMethod": ["GET", "PUT"],
                    "AllowedHeader": ["authorization"],
                    "ExposeHeader": ["ETag"],
                    "MaxAgeSeconds": 600,
                }
            ],
            "ResponseVary": False,
        },
        RULE,
    ),
    "the SDK of OBS for Python": (
        {
            "corsRules": [
                {
                    "allowedOrigin": [A],
                    "allowedMethod": ["GET", "PUT"],
                    "allowedHeader": ["authorization"],
                    "exposeHeader": ["ETag"],
                    "maxAgeSecond": 600,
                }
            ]
        },
        RULE,
    ),
    "Google Cloud Storage": (
        [
            {
                "origin": [A],
                "method": ["GET", "PUT"],
                "responseHeader": ["authorization", "ETag"],
                "maxAgeSeconds": 600,
            }
        ],
        ONE_LIST,
    ),
    "a bucket of Google Cloud Storage": (
        {
            "name": "b",
            "cors_config": [
                {
                    "origin": [A],
                    "method": ["GET", "PUT"],
                    "responseHeader": ["authorization", "ETag"],
                    "maxAgeSeconds": 600,
                }
            ],
        },
        ONE_LIST,
    ),
    "Cloudflare R2": (
        {
            "rules": [
                {
                    "allowed": {
                        "origins": [A],
                        "methods": ["GET", "PUT"],
                        "headers": ["authorization"],
                    },
                    "exposeHeaders": ["ETag"],
                    "maxAgeSeconds": 600,
                }
            ]
        },
        RULE,
    ),
    "Backblaze B2": (
        {
            "corsRules": [
                {
                    "corsRuleName": "uploads",
                    "allowedOrigins": [A],
                    "allowedOperations": ["b2_download_file_by_name", "s3_put"],
                    "allowedHeaders": ["authorization"],
                    "exposeHeaders": ["ETag"],
                    "maxAgeSeconds": 600,
                }
            ]
        },
        {**RULE, "allowed_methods": ["GET", "HEAD", "PUT"], "id": "uploads"},
    ),
    "any site with https at B2": (
        [{"allowedOrigins": ["https"], "allowedOperations": ["s3_get"]}],
        {"allowed_origins": ["https://*"], "allowed_methods": ["GET"]},
    ),
    "az storage cors list": (
        [
            {
                "AllowedOrigins": A,
                "AllowedMethods": "GET,PUT",
                "AllowedHeaders": "authorization",
                "ExposedHeaders": "ETag",
                "MaxAgeInSeconds": 600,
                "Service": "blob",
            }
        ],
        RULE,
    ),
    "an account of Azure": (
        {
            "properties": {
                "cors": {
                    "corsRules": [
                        {
                            "allowedOrigins": [A],
                            "allowedMethods": ["GET", "PUT"],
                            "allowedHeaders": ["authorization"],
                            "exposedHeaders": ["ETag"],
                            "maxAgeInSeconds": 600,
                        }
                    ]
                }
            }
        },
        RULE,
    ),
    "a bucket's properties in CloudFormation": (
        {"BucketName": "b", "CorsConfiguration": CLOUDFORMATION},
        RULE,
    ),
    "a template of CloudFormation": (TEMPLATE, RULE),
    "a configuration of Terraform": (
        {
            "resource": {
                "aws_s3_bucket_cors_configuration": {
                    "uploads": {"bucket": "b", "cors_rule": TERRAFORM_RULE}
                }
            }
        },
        RULE,
    ),
    "OSS in Terraform": (
        shown_by_terraform(
            "alicloud_oss_bucket_cors",
            bucket="b",
            response_vary=False,
            cors_rule=[
                {
                    "allowed_origins": [A],
                    "allowed_methods": ["GET", "PUT"],
                    "allowed_headers": ["authorization"],
                    "expose_header": ["ETag"],
                    "max_age_seconds": 600,
                }
            ],
        ),
        RULE,
    ),
    "COS in Terraform": (
        shown_by_terraform("tencentcloud_cos_bucket", bucket="b", cors_rules=[TERRAFORM_RULE]),
        RULE,
    ),
    "Google Cloud Storage in Terraform": (
        shown_by_terraform(
            "google_storage_bucket",
            cors=[
                {
                    "origin": [A],
                    "method": ["GET", "PUT"],
                    "response_header": ["authorization", "ETag"],
                    "max_age_seconds": 600,
                }
            ],
        ),
        ONE_LIST,
    ),
    "R2 in Terraform": (
        shown_by_terraform(
            "cloudflare_r2_bucket_cors",
            bucket_name="b",
            rules=[
                {
                    "allowed": {
                        "origins": [A],
                        "methods": ["GET", "PUT"],
                        "headers": ["authorization"],
                    },
                    "expose_headers": ["ETag"],
                    "id": None,
                    "max_age_seconds": 600,
                }
            ],
        ),
        RULE,
    ),
    "OSS in the older resource of Terraform": (
        shown_by_terraform("alicloud_oss_bucket", bucket="b", cors_rule=[TERRAFORM_RULE]),
        RULE,
    ),
    "Azure in Terraform": (
        shown_by_terraform(
            "azurerm_storage_account",
            name="b",
            blob_properties=[{"versioning_enabled": True, "cors_rule": [AZURE_IN_TERRAFORM]}],
        ),
        RULE,
    ),
    "a template of Azure": (
        {
            "resources": [
                {"type": "Microsoft.Network/virtualNetworks", "name": "n", "properties": {}},
                {
                    "type": "Microsoft.Storage/storageAccounts",
                    "name": "account",
                    "properties": {},
                    "resources": [{"name": "default", "properties": AZURE_PROPERTIES}],
                },
            ]
        },
        RULE,
    ),
    "a template of Azure with symbolic names": (
        {"languageVersion": "2.0", "resources": {"blobs": {"properties": AZURE_PROPERTIES}}},
        RULE,
    ),
    "pulumi stack export": (
        {
            "version": 3,
            "deployment": {
                "resources": [
                    {"urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"},
                    {
                        "urn": "urn:pulumi:dev::p::aws:s3/bucketV2:BucketV2::uploads",
                        "inputs": {"corsRules": [{**RULE}]},
                        "outputs": {"corsRules": [{**RULE}]},
                    },
                ]
            },
        },
        RULE,
    ),
    "Serverless Framework": ({"resources": TEMPLATE}, RULE),
    "Pulumi": (
        {
            "corsRules": [
                {
                    "allowedOrigins": [A],
                    "allowedMethods": ["GET", "PUT"],
                    "allowedHeaders": ["authorization"],
                    "exposeHeaders": ["ETag"],
                    "maxAgeSeconds": 600,
                }
            ]
        },
        RULE,
    ),
}


@in_one_test
@pytest.mark.parametrize("document, says", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_every_form_is_read(document: Any, says: dict[str, Any]) -> None:
    assert parse_rules(json.dumps(document)) == RuleSet.from_dict(
        {"rules": [says], **({"response_vary": False} if "ary" in str(document) else {})}
    )


AZURE_XML = (
    f"<Cors><CorsRule><AllowedOrigins>{A}</AllowedOrigins><AllowedMethods>GET,PUT</AllowedMethods>"
    "<MaxAgeInSeconds>600</MaxAgeInSeconds><ExposedHeaders>ETag</ExposedHeaders>"
    "<AllowedHeaders>authorization</AllowedHeaders></CorsRule></Cors>"
)
GCS_XML = (
    f"<CorsConfig><Cors><Origins><Origin>{A}</Origin></Origins>"
    "<Methods><Method>GET</Method><Method>PUT</Method></Methods><ResponseHeaders>"
    "<ResponseHeader>authorization</ResponseHeader><ResponseHeader>ETag</ResponseHeader>"
    "</ResponseHeaders><MaxAgeSec>600</MaxAgeSec></Cors></CorsConfig>"
)
CLOUDFORMATION_YAML = f"""\
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "${{AWS::StackName}}-uploads"
      CorsConfiguration:
        CorsRules:
          - AllowedOrigins: [{A}]
            AllowedMethods:
              - GET
              - PUT
            AllowedHeaders: ["authorization"]
            ExposedHeaders: [ETag]
            MaxAge: 600
"""
PULUMI_YAML = f"""\
name: storage
runtime: yaml
resources:
  uploads:
    type: aws:s3:BucketV2
  uploads-cors:
    type: aws:s3:BucketCorsConfigurationV2
    properties:
      bucket: ${{uploads.id}}
      corsRules:
        - allowedOrigins: [{A}]
          allowedMethods: [GET, PUT]
          allowedHeaders: [authorization]
          exposeHeaders: [ETag]
          maxAgeSeconds: 600
"""
MINIO_XML = f"""\
<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <CORSRule>
    <AllowedOrigin>{A}</AllowedOrigin>
    <AllowedMethod>GET</AllowedMethod>
    <AllowedMethod>PUT</AllowedMethod>
    <AllowedHeader>authorization</AllowedHeader>
    <ExposeHeader>ETag</ExposeHeader>
    <MaxAgeSeconds>600</MaxAgeSeconds>
  </CORSRule>
</CORSConfiguration>
"""
TEXTS = {
    "Pulumi in YAML": (PULUMI_YAML, RULE),
    "mc cors set": (MINIO_XML, RULE),
    "XML of Azure": (AZURE_XML, RULE),
    "service properties of Azure": (
        f"<StorageServiceProperties>{AZURE_XML}</StorageServiceProperties>",
        RULE,
    ),
    "XML of Google Cloud Storage": (GCS_XML, ONE_LIST),
    "CloudFormation in YAML": (CLOUDFORMATION_YAML, RULE),
    "this package in YAML": (
        f"rules:\n- allowed_origins: ['{A}']\n  allowed_methods: [GET, PUT]\n"
        "  allowed_headers: [authorization]\n  expose_headers: [ETag]\n  max_age_seconds: 600\n",
        RULE,
    ),
}


@in_one_test
@pytest.mark.parametrize("text, says", TEXTS.values(), ids=TEXTS.keys())
def test_texts_that_are_not_json_are_read(text: str, says: dict[str, Any]) -> None:
    assert parse_rules(text) == RuleSet.from_dict({"rules": [says]})


WRONG = "https://a b"


def with_wrong_origin_twice(form: Any) -> Any:
    """A document whose one origin has the same wrong one twice behind it."""
    if isinstance(form, str):
        elements = rf"<((?:Allowed)?Origin)>{A}</\1>"
        if re.search(elements, form):
            twice = rf"<\1>{WRONG}</\1>" * 2
            return re.sub(elements, rf"<\1>{A}</\1>{twice}", form)
        return form.replace(f"'{A}'", A).replace(A, f"{A},{WRONG},{WRONG}")
    if isinstance(form, dict):
        return {
            # Azure has one text for all origins.
            key: f"{A},{WRONG},{WRONG}"
            if key == "AllowedOrigins" and value == A
            else [A, WRONG, WRONG]
            if value in (A, [A])
            else with_wrong_origin_twice(value)
            for key, value in form.items()
        }
    return [with_wrong_origin_twice(each) for each in form] if isinstance(form, list) else form


DOUBLED = {
    name: with_wrong_origin_twice(form)
    for name, (form, says) in {**DOCUMENTS, **TEXTS}.items()
    if A in says["allowed_origins"]
}


@in_one_test
@pytest.mark.parametrize("document", DOUBLED.values(), ids=DOUBLED.keys())
def test_the_index_of_a_wrong_value_is_its_own_in_every_form(document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(InvalidRules) as refused:
        parse_rules(text)
    fields = {"allowed_origins", "AllowedOrigin"}
    assert [(each.value, each.rule, each.index) for each in refused.value.problems] == [
        (WRONG, 0, 1),
        (WRONG, 0, 2),
    ]
    assert {each.field for each in refused.value.problems} <= fields
    assert [(each.check, each.index) for each in lint(text) if each.value == WRONG] == [
        (Check.VALUE_REPEATED, 2),
        (Check.INVISIBLE_CHARACTER, 1),
    ]


@pytest.mark.parametrize(
    "rule, index",
    [
        ({"allowedOperations": ["s3_get", "s3_nothing", "s3_nothing"]}, [1, 2]),
        ({"allowedMethods": ["GET", None, "get", "get"]}, [1, 2, 3]),
    ],
)
def test_the_index_counts_every_value_that_is_read(rule: dict[str, Any], index: list[int]) -> None:
    rules = {"rules": [{"allowedOrigins": [A], **rule}]}
    problems = read_rules(rules).problems()
    assert [(each.field, each.index) for each in problems] == [
        ("allowed_methods", each) for each in index
    ]
    assert {each.index for each in lint(rules) if each.field == "allowed_methods"} == {*index[-2:]}


@in_one_test
@pytest.mark.parametrize(
    "document, note",
    [
        (DOCUMENTS["Google Cloud Storage"][0], "responseHeader is read as AllowedHeader and as"),
        (DOCUMENTS["Backblaze B2"][0], "allowedOperations are read as methods"),
        (DOCUMENTS["any site with https at B2"][0], "the origin https is read as https://*"),
        (DOCUMENTS["az storage cors list"][0], "Service is left out"),
        (DOCUMENTS["arguments of a call"][0], "left out: Bucket"),
        (TEMPLATE, "the rules of Uploads are read"),
        (DOCUMENTS["COS in Terraform"][0], "the rules of module.storage.tencentcloud_cos_bucket"),
    ],
)
def test_what_is_read_as_something_else_is_said(document: Any, note: str) -> None:
    assert any(each.startswith(note) for each in read_rules(document).notes)


FUNCTIONS = {
    "Ref in JSON": json.dumps([{"AllowedOrigins": [{"Ref": "Site"}], "AllowedMethods": ["GET"]}]),
    "Ref in YAML": "- AllowedOrigins: [!Ref Site]\n  AllowedMethods: [GET]",
}


@pytest.mark.parametrize("text", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_a_function_of_a_template_is_read_as_its_text_and_said(text: str) -> None:
    reading = read_rules(text)
    assert reading.rule_set() == RuleSet([Rule(["Site"], ["GET"])])
    assert reading.notes == ["'Site' is read as it stands: the template fills it in"]


def test_what_a_template_inserts_into_a_text_is_said() -> None:
    reading = read_rules([{**RULE, "allowed_origins": ["https://${Domain}"]}])
    assert reading.notes == ["'https://${Domain}' is read as it stands: the template fills it in"]


@pytest.mark.parametrize("parts", [["-"], ["-", "a"]])
def test_a_join_that_joins_nothing_is_no_value(parts: Any) -> None:
    with pytest.raises(InvalidRules, match=r"allowed_origins .* is not text"):
        parse_rules([{**RULE, "allowed_origins": [{"Fn::Join": parts}]}])


@pytest.mark.parametrize(
    "text",
    [
        '[{"AllowedOrigins": {"Fn::Split": [",", "a"]}, "AllowedMethods": ["GET"]}]',
        '- AllowedOrigins: !Split [",", "a"]\n  AllowedMethods: [GET]',
    ],
)
def test_a_list_that_a_template_makes_is_not_taken_for_values(text: str) -> None:
    with pytest.raises(InvalidRules, match=r"allowed_origins \{'Fn::Split': .* is not a list"):
        parse_rules(text)


def test_the_language_of_terraform_is_named_with_the_way() -> None:
    text = 'resource "aws_s3_bucket_cors_configuration" "x" {\n  bucket = "b"\n}'
    with pytest.raises(InvalidRules, match=r"Terraform's own language: .*`terraform show -json`"):
        read_rules(text)


@in_one_test
@pytest.mark.parametrize("spelling", ["AllowedOrigins", "allowedOrigins", "allowed_origins"])
@pytest.mark.parametrize("other", ["AllowedOrigin", "Allowed-Origins", "ALLOWEDORIGINS", "origin"])
def test_a_field_stands_once_whatever_its_spelling(spelling: str, other: str) -> None:
    with pytest.raises(InvalidRules, match=f"rule 1: {other} may occur only once"):
        parse_rules([{spelling: [A], other: [A], "AllowedMethods": ["GET"]}])


@pytest.mark.parametrize(
    "key, suggestion",
    [
        ("AllowedOrigns", "AllowedOrigins"),
        ("alowed_methods", "AllowedMethods"),
        ("AllowHeaders", "AllowedHeaders"),
        ("ExposesHeaders", "ExposeHeaders"),
        ("MaxAgeSecnds", "MaxAgeSeconds"),
    ],
)
def test_what_was_probably_meant_is_suggested(key: str, suggestion: str) -> None:
    with pytest.raises(InvalidRules, match=f"{key} is not allowed here; .* write {suggestion} "):
        parse_rules([{**RULE, key: []}])


@pytest.mark.parametrize(
    "text, said",
    [
        (
            f"<CORSConfiguration><AllowedOrigin>{A}</AllowedOrigin></CORSConfiguration>",
            "AllowedOrigin is not allowed here; remove it; ",
        ),
        (
            json.dumps({"rules": [RULE], "allowed_methods": ["GET"]}),
            "allowed_methods is not allowed here; remove it",
        ),
    ],
)
def test_a_name_that_is_right_is_not_suggested_in_the_wrong_place(text: str, said: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        parse_rules(text)
    assert str(refused.value).startswith(said)
    assert "if you meant that" not in str(refused.value)


def near(key: str) -> set[str]:
    """The key with a letter less, twice, another one, and with two that are swapped."""
    return {
        each
        for i in range(len(key))
        for each in (
            key[:i] + key[i + 1 :],
            key[:i] + key[i] + key[i:],
            key[:i] + "x" + key[i + 1 :],
            key[:i] + key[i + 1 : i + 2] + key[i] + key[i + 2 :],
        )
    }


@pytest.mark.parametrize(
    "key, meant",
    [
        ("AllowedOrigin", "AllowedOrigins"),
        ("allowedMethods", "AllowedMethods"),
        ("allowed_headers", "AllowedHeaders"),
        ("ExposeHeaders", "ExposeHeaders"),
        ("maxAgeSeconds", "MaxAgeSeconds"),
        ("ResponseVary", "ResponseVary"),
    ],
)
def test_each_near_spelling_gets_a_suggestion(key: str, meant: str) -> None:
    unknown = [each for each in near(key) - {key} if field_of(simple(each)) is None]
    assert {suggestion(each) for each in unknown} == {meant}


@in_one_test
@pytest.mark.parametrize(
    "key, meant",
    [
        ("allow_origin", "AllowedOrigins"),
        ("Access-Control-Allow-Origin", "AllowedOrigins"),
        ("access_control_max_age", "MaxAgeSeconds"),
        ("methds", "AllowedMethods"),
        ("CorsRulez", "CORSRules"),
        ("AllowCredentials", None),
        ("Service", None),
    ],
)
def test_what_is_farther_away_is_suggested_where_it_has_one_meaning(
    key: str, meant: str | None
) -> None:
    assert suggestion(key) == meant


def test_a_misspelled_key_of_the_list_is_suggested() -> None:
    with pytest.raises(InvalidRules, match="write CORSRules in place of CORSRuless"):
        read_rules({"CORSRuless": [RULE]})


def test_a_rule_alone_may_misspell_its_origins() -> None:
    with pytest.raises(
        InvalidRules, match=r"AllowedOrigns is not allowed here; .* AllowedOrigins "
    ):
        parse_rules({"AllowedOrigns": [A], "AllowedMethods": ["GET"]})


SEVERAL = {
    "Resources": {
        name: {"Type": "AWS::S3::Bucket", "Properties": {"CorsConfiguration": CLOUDFORMATION}}
        for name in ("Uploads", "Public")
    }
}


def test_resources_of_one_name_are_numbered() -> None:
    state = shown_by_terraform("aws_s3_bucket", cors_rule=[TERRAFORM_RULE])
    modules = state["values"]["root_module"]["child_modules"]
    both = {"values": {"root_module": {"child_modules": modules * 2}}}
    with pytest.raises(InvalidRules, match=r"several buckets \((\S+), \1#2\)"):
        read_rules(both)


def test_a_template_with_several_buckets_is_asked_which() -> None:
    with pytest.raises(InvalidRules, match=r"\(Uploads, Public\): name one, with --resource"):
        read_rules(json.dumps(SEVERAL))
    assert read_rules(json.dumps(SEVERAL), resource="Public").notes == (
        ["the rules of Public are read"]
    )
    assert RuleSet.parse(json.dumps(SEVERAL), resource="Public") == RuleSet.from_dict(
        {"rules": [RULE]}
    )
    with pytest.raises(InvalidRules, match="not those of 'Logs': write Uploads, Public"):
        read_rules(json.dumps(SEVERAL), resource="Logs")


@in_one_test
@pytest.mark.parametrize(
    "text, detail",
    [
        ("hello", "neither XML nor JSON nor YAML"),
        ("a: [1", "neither XML nor JSON, and not accepted as YAML: "),
        ("a: &x []\nb: *x", "YAML with aliases"),
        ("a: 1\n---\nb: 1", "YAML of several documents"),
        ("a: " + "[" * 65, "nested more than 64 deep"),
        ("? [a]\n: b", "YAML with a list or mapping as a key"),
        ("a: " + "x" * 262_144, "YAML of more than 262144 bytes"),
        ("word: 1", "without a list of rules"),
        (b"a: \xff", "neither XML nor JSON: byte 4 is not UTF-8"),
    ],
)
def test_yaml_that_holds_no_rules(text: str | bytes, detail: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        read_rules(text)
    assert detail in str(refused.value)


def test_a_key_that_stands_twice_in_yaml_is_a_problem() -> None:
    with pytest.raises(InvalidRules, match="allowed_methods may occur only once"):
        parse_rules(f"- allowed_origins: [{A}]\n  allowed_methods: [GET]\n  allowed_methods: [PUT]")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@given(rules=rule_sets())
def test_what_was_written_is_read_back(form: Any, rules: list[RuleDict]) -> None:
    """Where the form can say everything. What it cannot say is listed."""
    rule_set = RuleSet.from_dict({"rules": rules})
    written = write_as(rule_set, form, "photos")
    text = written.data if isinstance(written.data, str) else json.dumps(written.data)
    if not written.losses:
        assert not diff(parse_rules(text), rule_set).changes
    else:
        assert read_rules(text)


@given(rules=rule_sets(), response_vary=st.none() | st.booleans())
def test_a_rule_set_is_read_as_its_own_data(
    rules: list[RuleDict], response_vary: bool | None
) -> None:
    rule_set = RuleSet([Rule(**rule) for rule in rules], response_vary)
    by_itself, as_data = read_rules(rule_set), read_rules(rule_set.as_dict())
    assert by_itself.data == as_data.data == rule_set.as_dict()
    assert by_itself.rule_set() == as_data.rule_set() == rule_set
    assert (by_itself.notes, by_itself.problems()) == (as_data.notes, as_data.problems())


def rules_with(**fields: Any) -> RuleSet:
    return RuleSet([Rule(**{"allowed_origins": [A], "allowed_methods": ["GET"], **fields})])


def test_terraform_takes_texts_for_what_they_are() -> None:
    rule_set = rules_with(id="${a} %{b} $${c}")
    written = write_as(rule_set, FORMS["terraform"], "photos")
    assert "$${a} %%{b} $$${c}" in json.dumps(written.data)
    assert written.losses == []
    assert parse_rules(json.dumps(written.data)) == rule_set


@in_one_test
@pytest.mark.parametrize(
    "form, rule_set, losses",
    [
        ("aws", RuleSet([Rule([A], ["GET"])], response_vary=True), ["ResponseVary is left out"]),
        ("aws", rules_with(id="x", max_age_seconds=0), []),
        (
            "gcs",
            rules_with(allowed_headers=["x-a"], expose_headers=["ETag"], id="x"),
            [
                "rule 1: AllowedHeader becomes 'x-a', 'ETag'",
                "rule 1: ExposeHeader becomes 'x-a', 'ETag'",
                "rule 1: ID becomes none",
            ],
        ),
        (
            "gcs",
            rules_with(allowed_origins=["https://*.a.example"]),
            [
                "rule 1: the origin 'https://*.a.example'; Google Cloud Storage takes exact "
                "origins and * alone"
            ],
        ),
        ("azure", rules_with(), ["rule 1: MaxAgeSeconds becomes 0"]),
        (
            "azure",
            RuleSet(rules_with(max_age_seconds=5).rules * 6),
            ["Azure Storage takes 5 rules, and these are 6"],
        ),
        (
            "r2",
            rules_with(max_age_seconds=86_401),
            ["rule 1: max-age 86401; Cloudflare R2 takes at most 86400"],
        ),
        ("b2", rules_with(), []),
        ("cos", RuleSet(rules_with(id="x").rules, response_vary=True), []),
        ("json", RuleSet(rules_with(id="x").rules, response_vary=True), []),
        ("oss", rules_with(id="x"), ["rule 1: ID becomes none"]),
        ("s3", RuleSet(rules_with().rules, response_vary=True), ["ResponseVary is left out"]),
        ("json", rules_with(allowed_methods=["PATCH"]), []),
        ("azure", rules_with(allowed_methods=["PATCH"], max_age_seconds=5), []),
        (
            "aws",
            rules_with(allowed_methods=["PATCH"]),
            ["rule 1: Amazon S3 has no rules for the method PATCH"],
        ),
    ],
)
def test_what_a_form_cannot_say_is_listed(form: str, rule_set: RuleSet, losses: list[str]) -> None:
    assert write_as(rule_set, FORMS[form], "photos").losses == losses
