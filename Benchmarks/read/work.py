"""The work whose time `Benchmarks/read/run` takes.

Also a program, `work.py RESULTS`, which fuse-probe runs in the mount namespace of its mount: it writes what `measure` gives as
JSON.
"""

import json
import os
import subprocess
import sys
import time

WORK = {
    "stat": 'find "$0/small" -size +1000000k',
    "files": 'find "$0/small" -type f -print0 | xargs -0 cat >/dev/null',
    "4 readers": 'find "$0/small" -type f -print0 | xargs -0 -n 400 -P 4 cat >/dev/null',
    "big": 'dd if="$0/big" of=/dev/null bs=1M status=none',
}


def milliseconds(script, mount):
    start = time.monotonic()
    subprocess.run(["/bin/sh", "-c", script, mount], check=True)
    return (time.monotonic() - start) * 1000


def measure(mount, server=None):
    """Milliseconds of each work, cold and warm; with a server, its peak of memory in MiB."""
    found = {}
    for name, script in WORK.items():
        # Caches of one work must not help the next.
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
        found[f"{name}, cold"] = milliseconds(script, mount)
        found[f"{name}, warm"] = milliseconds(script, mount)
    if server:
        with open(f"/proc/{server}/status") as file:
            peak = next(line for line in file if line.startswith("VmHWM:"))
        found["memory"] = int(peak.split()[1]) / 1024
    return found


if __name__ == "__main__":
    with open(sys.argv[1], "w") as results:
        json.dump(measure(os.environ["MOUNT_POINT"], os.environ["SERVER_PID"]), results)
