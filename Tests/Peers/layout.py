"""Image layouts of the OCI."""

import hashlib
import json
import os


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def write(path, layers, compress):
    """An image layout with one image, named x."""
    blobs = os.path.join(path, "blobs", "sha256")
    os.makedirs(blobs)

    def put(data, type):
        with open(os.path.join(blobs, digest(data)[7:]), "wb") as file:
            file.write(data)
        return {"mediaType": type, "digest": digest(data), "size": len(data)}

    described, ids = [], []
    for layer in layers:
        data = layer.bytes()
        ids.append(digest(data))
        packed, suffix = compress(data)
        described.append(put(packed, "application/vnd.oci.image.layer.v1.tar" + suffix))
    config = put(json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids}}).encode(),
                 "application/vnd.oci.image.config.v1+json")
    manifest = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": described}).encode(),
                   "application/vnd.oci.image.manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "x"}
    with open(os.path.join(path, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, file)
    with open(os.path.join(path, "oci-layout"), "w") as file:
        file.write('{"imageLayoutVersion": "1.0.0"}')
