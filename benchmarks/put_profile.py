"""Profile ``PUT ?cors`` in memory, and print which share of it each part takes.

The profiler slows down small functions more than large ones, so the shares are rough.
"""

import cProfile
import pstats
import tempfile
from contextlib import closing
from pathlib import Path

from cases import MEMORY, bare, bucket_name
from cold import call_put
from report import parse_arguments

from flask_bucketcors import BucketCORSMiddleware, RulesAPI, SQLiteStore

#: The function of each part: its file and its name.
PARTS = {
    "the store": ("contract.py", "put_many"),
    "XML parsed, values checked": ("from_xml.py", "parse_xml"),
    "the request read for signatures": ("signed_request.py", "from_environ"),
    "the request resolved by the middleware": ("middleware.py", "_consider"),
    "digests of the body": ("bodies.py", "check_digests"),
    "the hook asked": ("rules_writer.py", "admit"),
    "rules linted": ("put_review.py", "review"),
}


def main() -> None:
    options = parse_arguments(__doc__, changes=2_000)
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-", dir=MEMORY) as folder,
        closing(SQLiteStore(Path(folder, "put.sqlite"))) as store,
    ):
        api = RulesAPI(store, authorize=lambda call: True)
        middleware = BucketCORSMiddleware(bare, store=store, api=api)
        call_put(middleware, "first")
        profile = cProfile.Profile()
        with profile:
            for number in range(options.changes):
                call_put(middleware, bucket_name(number))
    functions = pstats.Stats(profile).get_stats_profile().func_profiles
    whole = functions["call_put"].cumtime
    rest = 1.0
    for part, (file, name) in PARTS.items():
        found = functions[name]
        assert found.file_name.endswith(file), found.file_name
        rest -= found.cumtime / whole
        print(f"{part}: {found.cumtime / whole:.0%}")
    print(f"the rest: {rest:.0%}")


if __name__ == "__main__":
    main()
