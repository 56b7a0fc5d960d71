"""Interleaved start times: every command a few times per round, round after round, so that load hits all alike."""

import json
import os
import platform
import pwd
import shlex
import statistics
import subprocess
import sys
import time

work, user, rounds, page = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
root, sif, skiff = work + "/root", work + "/image.sif", work + "/prefix/bin/skiff"
AT_ONCE, BURSTS, RUNS = 50, 5, 5
BASE = "bwrap, same mounts"


def same_work(home):
    """bubblewrap with the mounts that skiff makes by default."""
    words = ["bwrap", "--ro-bind", root, "/", "--dev-bind", "/dev", "/dev"]
    for path in ["/proc", "/sys", "/tmp", "/var/tmp", home]:
        words += ["--bind", path, path]
    for name in ["hosts", "localtime", "resolv.conf", "passwd", "group"]:
        words += ["--ro-bind", "/etc/" + name, "/etc/" + name]
    return words + ["/bin/true"]


def commands(home):
    return {
        "no container": [root + "/bin/true"],
        "bwrap, root only": ["bwrap", "--ro-bind", root, "/", "/bin/true"],
        BASE: same_work(home),
        "ch-run": ["ch-run", root, "--", "/bin/true"],
        "skiff, directory": [skiff, "exec", root, "/bin/true"],
        "skiff, directory, C plugin": [skiff, "exec", "--hello", "x", root, "/bin/true"],
        "skiff, SIF": [skiff, "exec", sif, "/bin/true"],
    }


class Identity:
    """Who starts the commands. hyperfine itself runs as that user, so that no row pays for the change."""

    def __init__(self, name):
        self.name, self.record = name, pwd.getpwnam(name)
        self.home = self.record.pw_dir
        self.switch, self.popen = [], {}
        if os.getuid() == 0 and self.record.pw_uid != 0:
            uid, gid = self.record.pw_uid, self.record.pw_gid
            self.switch = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups"]
            self.popen = {"user": uid, "group": gid, "extra_groups": []}
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.home, "USER": name, "LANG": "C.UTF-8"}


class Samples:
    """Of one command: wall times and processor times, in seconds, or why there are none."""

    def __init__(self):
        self.wall, self.processor, self.error = [], [], None

    def take(self, words, environment, result, runs, before):
        if self.error:
            return
        command = [*before, "hyperfine", "-N", "--warmup", "1", "--runs", str(runs), "--export-json", result]
        done = subprocess.run(
            [*command, shlex.join(words)], env=environment, cwd="/", capture_output=True, text=True)
        if done.returncode:
            self.error = (done.stderr.strip().splitlines() or ["failed"])[-1]
            return
        with open(result) as file:
            found = json.load(file)["results"][0]
        if "measurements" in found:  # hyperfine 2
            self.wall += [one["time_wall_clock"]["value"] for one in found["measurements"]]
            self.processor += [one["time_cpu"]["value"] for one in found["measurements"]]
        else:
            self.wall += found["times"]
            self.processor.append(found["user"] + found["system"])

    @property
    def median(self):
        return statistics.median(self.wall) if self.wall else None


def at_once(words, identity):
    start = time.monotonic()
    processes = [
        subprocess.Popen(
            words, env=identity.environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            **identity.popen)
        for _ in range(AT_ONCE)
    ]
    failures = sum(process.wait() != 0 for process in processes)
    return time.monotonic() - start, failures


def measure(name):
    identity = Identity(name)
    out = f"{work}/out-{name}"
    os.mkdir(out)
    os.chmod(out, 0o777)
    rows = commands(identity.home)
    peer = os.environ.get("SKIFF_PEER" if name == "root" else "SKIFF_PEER_USER")
    drop = ["--drop-caps", "CAP_SYS_RESOURCE"] if name == "root" else []
    peers = {
        label: ["apptainer", "exec", *drop, image, "/bin/true"]
        for label, image in {"Apptainer, directory": root, "Apptainer, SIF": sif}.items()
    }
    samples = {label: Samples() for label in [*rows, *peers]}
    for _ in range(rounds):
        for label, words in rows.items():
            samples[label].take(words, identity.environment, out + "/result.json", RUNS, identity.switch)
        for label, words in peers.items():
            if peer:
                samples[label].take(words, os.environ, out + "/peer.json", 2, shlex.split(peer))
    many = {}
    for label, words in rows.items():
        if not samples[label].error:
            tries = [at_once(words, identity) for _ in range(BURSTS)]
            many[label] = (statistics.median(t for t, _ in tries), sum(f for _, f in tries))
    return samples, many


def table(title, samples, many):
    base = samples[BASE].median
    lines = [f"## {title}", ""]
    lines.append(f"| command | median ms | min ms | CPU ms | x bwrap | {AT_ONCE} at once, s | failures of {AT_ONCE * BURSTS} |")
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for label, sample in samples.items():
        if not sample.wall:
            lines.append(f"| {label} | not measured: {sample.error or 'not here'} | | | | | |")
            continue
        ratio = f"{sample.median / base:.2f}" if base else ""
        burst = f"{many[label][0]:.2f} | {many[label][1]}" if label in many else " | "
        lines.append(
            f"| {label} | {sample.median * 1e3:.2f} | {min(sample.wall) * 1e3:.2f} "
            f"| {statistics.median(sample.processor) * 1e3:.2f} | {ratio} | {burst} |")
    return lines + [""] + conclusions(samples) + [""]


def conclusions(samples):
    """What was aimed at, and what came out."""
    lines = []

    def ratio(what, over, under, aim):
        a, b = samples[over], samples[under]
        if a.wall and b.wall:
            lines.append(
                f"* {what}: {a.median / b.median:.2f} by medians, {min(a.wall) / min(b.wall):.2f} by minima (aim: {aim}).")

    ratio("A directory against bubblewrap", "skiff, directory", BASE, "at most 1.3")
    ratio("A SIF against bubblewrap with a directory", "skiff, SIF", BASE, "at most 2.5")
    ratio("Apptainer's SIF against skiff's", "Apptainer, SIF", "skiff, SIF", "at least 12")
    with_plugin, without = samples["skiff, directory, C plugin"], samples["skiff, directory"]
    if with_plugin.wall and without.wall:
        lines.append(
            f"* A plugin in C that adds a flag, a bind and a variable: {(with_plugin.median - without.median) * 1e3:.2f} ms "
            f"by medians, {(min(with_plugin.wall) - min(without.wall)) * 1e3:.2f} ms by minima (aim: under 1).")
    return lines


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main():
    before = os.getloadavg()[0]
    names = ["root", user] if os.getuid() == 0 else [user]
    tables = [(("As root" if name == "root" else "As an ordinary user"), *measure(name)) for name in names]
    lines = [
        "# How long a container takes to start",
        "",
        "`make bench` measures and writes this page. Each command runs `/bin/true` of a small busybox tree, in rounds:",
        f"every command {RUNS} times per round, {rounds} rounds, so that load on the machine hits all alike. `x bwrap` is the",
        "ratio of medians to bubblewrap with the mounts that skiff makes. CPU is what the command and its waited-for",
        "children used; a server that outlives them is not in it. `ch-run` makes fewer mounts than the others.",
        "",
        f"Machine: {os.cpu_count()} CPUs ({processor()}), Linux {platform.release()}, load average "
        f"{before:.1f} at the start and {os.getloadavg()[0]:.1f} at the end.",
        "",
    ]
    for title, samples, many in tables:
        lines += table(title, samples, many)
    with open(page, "w") as file:
        file.write("\n".join(lines).rstrip() + "\n")
    print("\n".join(lines))


main()
