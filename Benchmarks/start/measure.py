"""Interleaved start times: every command once per round, round after round, so that load hits all alike."""

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
AT_ONCE = 50


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
        "bwrap, same mounts": same_work(home),
        "ch-run": ["ch-run", root, "--", "/bin/true"],
        "skiff, directory": [skiff, "exec", root, "/bin/true"],
        "skiff, directory, C plugin": [skiff, "exec", "--hello", "x", root, "/bin/true"],
        "skiff, SIF": [skiff, "exec", sif, "/bin/true"],
    }


def identity(name):
    record = pwd.getpwnam(name)
    switch = []
    if os.getuid() == 0 and record.pw_uid != 0:
        switch = ["setpriv", f"--reuid={record.pw_uid}", f"--regid={record.pw_gid}", "--init-groups"]
    environment = {"PATH": os.environ["PATH"], "HOME": record.pw_dir, "USER": name, "LANG": "C.UTF-8"}
    return switch, environment, record.pw_dir


def hyperfine(words, environment, result, runs="5", before=()):
    command = [*before, "hyperfine", "-N", "--warmup", "1", "--runs", runs, "--export-json", result, shlex.join(words)]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1:] or ["failed"]
    with open(result) as file:
        return json.load(file)["results"][0]["times"], None


def at_once(words, environment):
    start = time.monotonic()
    processes = [
        subprocess.Popen(words, env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(AT_ONCE)
    ]
    failures = sum(process.wait() != 0 for process in processes)
    return time.monotonic() - start, failures


def measure(name):
    switch, environment, home = identity(name)
    out = f"{work}/out-{name}"
    os.mkdir(out)
    os.chmod(out, 0o777)
    rows = {label: switch + words for label, words in commands(home).items()}
    # The change of user is paid by every row of a table alike, also by the baseline.
    samples, errors = {label: [] for label in rows}, {}
    peer = os.environ.get("SKIFF_PEER" if name == "root" else "SKIFF_PEER_USER")
    drop = ["--drop-caps", "CAP_SYS_RESOURCE"] if name == "root" else []
    peers = {"Apptainer, directory": root, "Apptainer, SIF": sif}
    samples.update({label: [] for label in peers})
    for _ in range(rounds):
        for label, words in rows.items():
            if label not in errors:
                times, error = hyperfine(words, environment, out + "/result.json")
                if error:
                    errors[label] = error[0]
                else:
                    samples[label] += times
        for label, image in peers.items():
            if peer:
                words = ["apptainer", "exec", *drop, image, "/bin/true"]
                times, error = hyperfine(words, os.environ, out + "/peer.json", "2", shlex.split(peer))
                if error:
                    errors[label] = error[0]
                else:
                    samples[label] += times
    many = {}
    for label, words in rows.items():
        if label not in errors:
            tries = [at_once(words, environment) for _ in range(5)]
            many[label] = (statistics.median(t for t, _ in tries), sum(f for _, f in tries))
    return samples, errors, many


def table(title, samples, errors, many):
    base = statistics.median(samples["bwrap, same mounts"]) if samples["bwrap, same mounts"] else None
    lines = [f"## {title}", "", "| command | median ms | min ms | x bwrap | 50 at once, s | failures of 250 |"]
    lines.append("|---|---|---|---|---|---|")
    for label, times in samples.items():
        if not times:
            lines.append(f"| {label} | not measured: {errors.get(label, 'not here')} | | | | |")
            continue
        median = statistics.median(times)
        ratio = f"{median / base:.2f}" if base else ""
        burst = f"{many[label][0]:.2f} | {many[label][1]}" if label in many else " | "
        lines.append(f"| {label} | {median * 1e3:.2f} | {min(times) * 1e3:.2f} | {ratio} | {burst} |")
    return lines + [""]


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main():
    lines = [
        "# How long a container takes to start",
        "",
        "`make bench` measures and writes this page. Each command runs `/bin/true` of a small busybox tree, in rounds:",
        f"every command {5} times per round, {rounds} rounds, so that load on the machine hits all alike. `x bwrap` is the",
        "ratio of medians to bubblewrap with the mounts that skiff makes. The rows of one table pay alike for the change of",
        "user in front of the command.",
        "",
        f"Machine: {os.cpu_count()} CPUs ({processor()}), Linux {platform.release()}, load average "
        f"{os.getloadavg()[0]:.1f} at the start.",
        "",
    ]
    names = ["root", user] if os.getuid() == 0 else [user]
    for name in names:
        title = "As root" if name == "root" else "As an ordinary user"
        lines += table(title, *measure(name))
    with open(page, "w") as file:
        file.write("\n".join(lines).rstrip() + "\n")
    print("\n".join(lines))


main()
