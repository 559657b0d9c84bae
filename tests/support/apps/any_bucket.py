"""An application that does not say which buckets exist, with its database in the current folder."""

from pathlib import Path

from flask import Flask

from flask_bucketcors import BucketCORS

app = Flask("storage", instance_path=str(Path.cwd()), static_folder=None)
BucketCORS(app)
