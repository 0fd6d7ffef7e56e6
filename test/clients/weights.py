"""The vendors' own clients against our stand-ins: they must take them for the real services. Tried: boto3 1.44.8, huggingface_hub 2.4.0."""

import hashlib
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from huggingface_hub import HfApi, snapshot_download

hub, commit, store, folder = sys.argv[1:5]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def shown(story, found):
    for name, data in sorted(found.items()):
        print(story, name, digest(data))


at = snapshot_download("org/tiny", revision=commit, endpoint=hub, token="hf_right", cache_dir=folder)
found = {}
for root, _, names in os.walk(at):
    for name in names:
        path = os.path.join(root, name)
        with open(path, "rb") as file:
            found[os.path.relpath(path, at)] = file.read()
shown("hf", found)
rows = HfApi(endpoint=hub, token="hf_right").list_repo_tree("org/tiny", revision=commit, recursive=True)
print("hf listed", sum(row.size for row in rows))

config = Config(s3={"addressing_style": "path"}, region_name="eu-test-1")
client = boto3.client("s3", endpoint_url=store, aws_access_key_id="AKIDTEST", aws_secret_access_key="hush/hush", config=config)
found = {}
for page in client.get_paginator("list_objects_v2").paginate(Bucket="models", Prefix="tiny/"):
    for row in page.get("Contents", []):
        found[row["Key"][5:]] = client.get_object(Bucket="models", Key=row["Key"])["Body"].read()
shown("s3", found)
part = client.get_object(Bucket="models", Key="tiny/config.json", Range="bytes=1-3")["Body"].read()
print("s3 part", part.decode())
wrong = boto3.client("s3", endpoint_url=store, aws_access_key_id="AKIDTEST", aws_secret_access_key="no", config=config)
try:
    wrong.get_object(Bucket="models", Key="tiny/config.json")
except ClientError as error:
    print("s3 refused", error.response["Error"]["Code"])
