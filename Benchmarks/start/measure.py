"""Start times by hyperfine: every command a few times per round, round after round, so that load hits all alike."""

import json
import os
import pwd
import shlex
import statistics
import subprocess
import time

AT_ONCE, BURSTS, RUNS = 50, 5, 5
BASE = "bwrap, same mounts"


def same_mounts(root, home):
    """bubblewrap with the mounts that skiff makes by default."""
    words = ["bwrap", "--ro-bind", root, "/", "--dev-bind", "/dev", "/dev"]
    for path in ["/proc", "/sys", "/tmp", "/var/tmp", home]:
        words += ["--bind", path, path]
    for name in ["hosts", "localtime", "resolv.conf", "passwd", "group"]:
        words += ["--ro-bind", "/etc/" + name, "/etc/" + name]
    return [*words, "/bin/true"]


def commands(work, home):
    """The rows that need no peer, in an installation and images of `Benchmarks/start/run`."""
    root, sif, skiff = work + "/root", work + "/image.sif", work + "/prefix/bin/skiff"
    return {
        "no container": [root + "/bin/true"],
        "bwrap, root only": ["bwrap", "--ro-bind", root, "/", "/bin/true"],
        BASE: same_mounts(root, home),
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


def measure(work, name, rounds):
    """Samples of every row as one user, and seconds and failures of many at once by row."""
    identity = Identity(name)
    out = f"{work}/out-{name}"
    os.mkdir(out)
    os.chmod(out, 0o777)
    rows = commands(work, identity.home)
    peer = os.environ.get("SKIFF_PEER" if name == "root" else "SKIFF_PEER_USER")
    drop = ["--drop-caps", "CAP_SYS_RESOURCE"] if name == "root" else []
    peers = {
        label: ["apptainer", "exec", *drop, image, "/bin/true"]
        for label, image in {"Apptainer, directory": work + "/root", "Apptainer, SIF": work + "/image.sif"}.items()
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
