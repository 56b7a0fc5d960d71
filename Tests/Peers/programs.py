"""Running programs, and the places that the comparisons share."""

import os
import shutil
import subprocess
import sys

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(REPOSITORY, "Tests/Corpus")
NAME = os.path.basename(sys.argv[0])


def run(words, **more):
    """The finished process; both outputs are in `stdout`, as text."""
    return subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        **more)


class Failed(Exception):
    """A program that had to succeed and did not."""


def must(words, **more):
    """What a program writes that must succeed."""
    done = run(words, **more)
    if done.returncode:
        raise Failed(f"{' '.join(words)} failed:\n{done.stdout[-2000:]}")
    return done.stdout


def remove(path):
    """A tree, with directories that their owner may not read."""
    subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL)
    shutil.rmtree(path, ignore_errors=True)


def main(body):
    """Runs the program; a failure of another is its failure."""
    try:
        sys.exit(body())
    except Failed as failure:
        sys.exit(f"{NAME}: {failure}")


def cases(folder):
    """The names of the corpus' cases, from the files with expectations."""
    return sorted(name[:-7] for name in os.listdir(f"{CORPUS}/{folder}") if name.endswith(".expect"))


def expectation(folder, case):
    """Pairs of a word and the rest of the line, as Tests/Corpus/Definitions/README.md explains them."""
    with open(f"{CORPUS}/{folder}/{case}.expect") as file:
        lines = [line.rstrip("\n").partition(" ") for line in file]
    return [(word, rest) for word, _, rest in lines]
