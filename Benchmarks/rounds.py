"""What the benchmarks share: flags, measured runs, interleaved rounds, medians, tables and pages."""

import argparse
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Run(NamedTuple):
    """One run of a command."""

    wall: float  # seconds
    processor: float  # seconds of all its processes that were waited for
    memory: float  # of its largest process, in MiB


def parser(description, rounds):
    """The flags that every benchmark has."""
    made = argparse.ArgumentParser(usage=description)
    made.add_argument("--rounds", type=int, default=rounds)
    made.add_argument("--write", action="store_true")
    return made


def require(benchmark, *programs):
    """Ends the benchmark where one of its programs is missing."""
    for program in programs:
        if not shutil.which(program):
            sys.exit(f"Benchmarks/{benchmark}/run needs {program}; see Share/debian-packages")


def check(words, **more):
    """Runs what must succeed."""
    ended = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if ended.returncode:
        sys.exit(f"{shlex.join(words)} failed:\n{ended.stdout.decode(errors='replace')[-2000:]}")


def measured(words, log, environment=None):
    """Runs a command that must succeed; what it writes goes to the file `log`."""
    start = time.monotonic()
    with open(log, "wb") as output:
        files = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        process = subprocess.Popen(words, env=environment, start_new_session=True, **files)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    wall = time.monotonic() - start
    if status:
        with open(log, errors="replace") as output:
            sys.exit(f"{shlex.join(words)} failed:\n{output.read()[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def interleaved(rounds, names, measure, rotates=False):
    """What `measure(name)` gives, a list for each name: round after round, so that load hits all alike.

    With `rotates` each round begins with another one.
    """
    results = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names) if rotates else 0
        for name in [*names[first:], *names[:first]]:
            results[name].append(measure(name))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return results


def medians(runs):
    """The median of each column of some rows of figures."""
    return [statistics.median(column) for column in zip(*runs)]


def table(head, rows, texts=1):
    """Lines of a table in Markdown; the first columns are texts, the others figures."""
    rule = ["---"] * texts + ["---:"] * (len(head) - texts)
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(rule)}|"]
    return lines + [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]


def write_page(name, title, made, lines):
    """Docs/benchmarks-NAME.md."""
    with open(f"{REPOSITORY}/Docs/benchmarks-{name}.md", "w") as page:
        page.write("\n".join([f"# {title}", "", made, "", *lines]).rstrip() + "\n")
