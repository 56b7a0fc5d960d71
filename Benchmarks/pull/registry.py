"""Images of this host's files, and a registry that has them."""

import gzip
import hashlib
import io
import json
import os
import random
import re
import subprocess
import sys
import tarfile
import time


def chosen_files():
    """Some 210 MB of this host's programs, libraries and documents, the same on every run."""
    places = [
        "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share/doc", "/usr/share/perl", "/usr/share/zoneinfo", "/usr/include",
    ]
    names = [
        os.path.join(folder, name)
        for place in places
        for folder, folders, files in os.walk(place)
        for name in files + folders
    ]
    random.Random(1).shuffle(names)
    chosen, total = [], 0
    for name in names:
        size = os.lstat(name).st_size
        if total < 210 << 20 and size < 3 << 20:
            chosen.append(name)
            total += size
    return sorted(chosen)


def make_image(target, layers):
    """Writes an OCI layout; returns the digests of its layers."""
    os.makedirs(target + "/blobs/sha256")

    def put(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{target}/blobs/sha256/{digest}", "wb") as file:
            file.write(data)
        return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}

    described, ids = [], []
    for files in layers:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for file in files:
                tar.add(file, recursive=False)
        ids.append("sha256:" + hashlib.sha256(stream.getvalue()).hexdigest())
        described.append(put(gzip.compress(stream.getvalue(), 6, mtime=0), "layer.v1.tar+gzip"))
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = {
        "architecture": architecture, "os": "linux", "config": {"Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": ids},
    }
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": described}
    manifest["config"] = put(json.dumps(config).encode(), "config.v1+json")
    entry = put(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "x"}
    with open(target + "/index.json", "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
    with open(target + "/oci-layout", "w") as file:
        file.write('{"imageLayoutVersion": "1.0.0"}')
    return [layer["digest"].removeprefix("sha256:") for layer in described]


def start(work):
    """The process of a registry, and its HOST:PORT."""
    with open(work + "/registry.yml", "w") as file:
        storage = f"{{filesystem: {{rootdirectory: {work}/registry}}}}"
        file.write(
            f"version: 0.1\nlog: {{level: info}}\nstorage: {storage}\n"
            "http: {addr: '127.0.0.1:0', secret: bench}\n")
    with open(work + "/registry.log", "wb") as log:
        words = ["docker-registry", "serve", work + "/registry.yml"]
        environment = os.environ | {"OTEL_TRACES_EXPORTER": "none"}
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    for _ in range(1000):
        with open(work + "/registry.log") as log:
            found = re.search(r"listening on (127\.0\.0\.1:\d+)\D", log.read())
        if found:
            return process, found[1]
        time.sleep(0.01)
    process.kill()
    sys.exit("the registry does not listen")
