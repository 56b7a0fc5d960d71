#!/usr/bin/env python3
"""signed-text.py FILE.sif GROUP: what a signature of the group says, as Apptainer's own would (nothing is taken from skiff)."""
import hashlib, json, struct, sys

data = open(sys.argv[1], "rb").read()
group = int(sys.argv[2])
total, table = struct.unpack_from("<qq", data, 88)


def digest(part):
    return "sha256:" + hashlib.sha256(part).hexdigest()


objects = []
for slot in range(total):
    raw = data[table + slot * 585 : table + (slot + 1) * 585]
    kind, used, ident, groups, link, offset, size = struct.unpack_from("<iBIIIqq", raw)
    if used and groups & 0x0FFFFFFF == group:
        # Type and use, then link, then size, then creation, owner and everything behind.
        fields = raw[:5], raw[13:17], raw[25:33], raw[41:49], raw[57:]
        objects.append((ident, fields, data[offset : offset + size]))
base = min(o[0] for o in objects)
entries = [
    {
        "relativeId": ident - base,
        "descriptorDigest": digest(fields[0] + struct.pack("<I", ident - base) + b"".join(fields[1:])),
        "objectDigest": digest(content),
    }
    for ident, fields, content in sorted(objects)
]
text = {"version": 1, "header": {"digest": digest(data[:45] + data[48:64])}, "objects": entries}
print(json.dumps(text, separators=(",", ":")), end="")
