"""``python -m tests.fuzz``: run fuzz targets for some minutes, and keep what made one fail.

Where atheris is installed, each target runs in a process of its own, guided by the branches of
the package that an input reaches; elsewhere mutants of the seeds are drawn.
"""

import argparse
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

ROOT = Path(__file__).parents[2]
# Longest input, and what one input may take before it counts as a fault.
MAX_INPUT_BYTES = 4096
# Of a target's process, beside the time that it is given.
START_SECONDS = 60
MAX_INPUT_SECONDS = 20
MAX_MEMORY_MB = 2048


def main(arguments: Sequence[str]) -> int:
    """Run targets; 0 if none failed, 1 if one did."""
    options = read_options(arguments)
    catalogue = load_catalogue(guided=options.guided)
    names = options.targets or list(catalogue.TARGETS)
    unknown = set(names) - catalogue.TARGETS.keys()
    if unknown:
        known = ", ".join(catalogue.TARGETS)
        print(f"no target is called {', '.join(sorted(unknown))}: write one of {known}")
        return 2
    if options.input:
        catalogue.TARGETS[names[0]].check(options.input.read_bytes())
        return 0
    if options.guided:
        guide(catalogue.TARGETS[names[0]], options)
    seconds = options.minutes * 60 / len(names)
    results = [run(catalogue.TARGETS[name], seconds, options) for name in names]
    return 0 if all(results) else 1


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="names; all of them if there is none")
    parser.add_argument("--minutes", type=float, default=10, help="for all of them together")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--plain", action="store_true", help="draw mutants, also with atheris")
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz-failures"), help="folder for inputs that fail"
    )
    parser.add_argument("--input", type=Path, help="give this file to one target, once")
    parser.add_argument("--guided", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def load_catalogue(*, guided: bool) -> ModuleType:
    """The targets; for atheris with the package made to tell which branches it takes."""
    sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]
    if guided:
        import atheris

        with atheris.instrument_imports(include=["flask_bucketcors"], enable_loader_override=False):
            import tests.fuzz.catalogue
    import tests.fuzz.catalogue

    return tests.fuzz.catalogue


def run(target, seconds: float, options: argparse.Namespace) -> bool:  # type: ignore[no-untyped-def]
    """Run a target for some seconds; whether all went well."""
    print(f"{target.name}: {seconds:.0f} s", flush=True)
    options.keep.mkdir(parents=True, exist_ok=True)
    if options.plain or find_spec("atheris") is None:
        return draw(target, seconds, options)
    again = [sys.executable, "-m", "tests.fuzz", "--guided", target.name]
    again += ["--minutes", str(seconds / 60), "--keep", str(options.keep.resolve())]
    again += ["--seed", str(options.seed)]
    limit = 2 * seconds + START_SECONDS
    return subprocess.run(again, cwd=ROOT, check=False, timeout=limit).returncode == 0


def draw(target, seconds: float, options: argparse.Namespace) -> bool:  # type: ignore[no-untyped-def]
    """Give a target seeds, then mutants; whether it stood them all."""
    from itertools import chain

    from tests.fuzz.mutants import mutants

    seeds, end, count = list(target.seeds()), time.monotonic() + seconds, 0
    for data in chain(seeds, mutants(seeds, target.words, options.seed)):
        if time.monotonic() >= end:
            break
        try:
            target.check(data)
        except Exception:
            path = options.keep / f"{target.name}-{options.seed}-{count}"
            path.write_bytes(data)
            traceback.print_exc()
            print(f"{target.name}: input {count} fails: {data!r}\nit is kept as {path}")
            return False
        count += 1
    print(f"{target.name}: {count} inputs", flush=True)
    return True


def guide(target, options: argparse.Namespace) -> None:  # type: ignore[no-untyped-def]
    """Have atheris run a target; this ends the process."""
    import atheris

    with TemporaryDirectory() as folder:
        corpus, words = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, seed in enumerate(target.seeds()):
            (corpus / str(number)).write_bytes(seed)
        words.write_text("".join(f'"{escaped(word)}"\n' for word in target.words if word))
        atheris.Setup(
            [
                target.name,
                f"-max_total_time={options.minutes * 60:.0f}",
                f"-max_len={MAX_INPUT_BYTES}",
                f"-timeout={MAX_INPUT_SECONDS}",
                f"-rss_limit_mb={MAX_MEMORY_MB}",
                f"-seed={options.seed}",
                f"-dict={words}",
                f"-artifact_prefix={options.keep}/{target.name}-",
                "-print_final_stats=1",
                "-verbosity=0",
                str(corpus),
            ],
            target.check,
        )
        atheris.Fuzz()


def escaped(word: bytes) -> str:
    """Bytes as a dictionary of libFuzzer writes them."""
    return "".join(f"\\x{byte:02X}" for byte in word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
