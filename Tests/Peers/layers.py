"""Images of layers with every oddity that a layer may have, written member by member."""

import io
import os
import tarfile


class Layer:
    """A tar archive, written member by member."""

    def __init__(self, format=tarfile.PAX_FORMAT):
        self.stream = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.stream, mode="w", format=format, encoding="utf-8", errors="surrogateescape")

    def add(self, name, type=tarfile.REGTYPE, data=b"", mode=0o644, uid=0, gid=0, time=1000, link="", device=(0, 0), **pax):
        info = tarfile.TarInfo(os.fsdecode(name))
        info.type, info.mode, info.uid, info.gid, info.mtime, info.linkname = type, mode, uid, gid, time, os.fsdecode(link)
        info.devmajor, info.devminor = device
        info.pax_headers = {key.replace("__", "."): value for key, value in pax.items()}
        info.size = len(data) if type == tarfile.REGTYPE else 0
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def file(self, name, data="x", **more):
        return self.add(name, data=data.encode() if isinstance(data, str) else data, **more)

    def dir(self, name, mode=0o755, **more):
        return self.add(name, tarfile.DIRTYPE, mode=mode, **more)

    def sym(self, name, target):
        return self.add(name, tarfile.SYMTYPE, link=target, mode=0o777)

    def hard(self, name, target):
        return self.add(name, tarfile.LNKTYPE, link=target)

    def char(self, name, major, minor, mode=0o666):
        return self.add(name, tarfile.CHRTYPE, device=(major, minor), mode=mode)

    def raw(self, data):
        self.stream.write(data)
        return self

    def bytes(self):
        self.tar.close()
        return self.stream.getvalue()


def base():
    return (Layer().dir("etc", mode=0o750, uid=3, gid=4).file("etc/passwd", "root", uid=1, gid=2).file("etc/shadow", "s", mode=0)
            .dir("usr").dir("usr/bin").file("usr/bin/su", "su", mode=0o4755).sym("bin", "usr/bin").file("usr/bin/a", "a" * 300000)
            .hard("usr/bin/b", "usr/bin/a").dir("var").dir("var/old").file("var/old/one").file("var/old/two"))


def images():
    """Names and layers, from the lowest."""
    yield "plain", [base()]
    yield "empty", [Layer()]
    yield "no-layers", []
    yield "whiteout", [base(), Layer().file("etc/.wh.passwd", "").file("var/.wh.old", "")]
    yield "whiteout-missing", [base(), Layer().dir("etc").file("etc/.wh.nothing", "")]
    yield "whiteout-then-new", [base(), Layer().file("var/.wh.old", "").dir("var/old").file("var/old/three")]
    yield "new-then-whiteout", [base(), Layer().dir("var/old").file("var/old/three").file("var/.wh.old", "")]
    yield "opaque-first", [base(), Layer().dir("var/old").file("var/old/.wh..wh..opq", "").file("var/old/three")]
    yield "opaque-last", [base(), Layer().dir("var/old").file("var/old/three").file("var/old/.wh..wh..opq", "")]
    yield "opaque-middle", [base(), Layer().dir("var/old").file("var/old/.wh..wh..opq", "").file("var/old/m"),
                            Layer().dir("var/old").file("var/old/l")]
    yield "opaque-twice", [base(), Layer().dir("var").file("var/.wh..wh..opq", ""), Layer().dir("var/old").file("var/old/.wh..wh..opq", "").file("var/old/n")]
    yield "file-to-dir", [base(), Layer().dir("usr/bin/su").file("usr/bin/su/in")]
    yield "dir-to-file", [base(), Layer().file("var/old", "file now")]
    yield "dir-to-link", [base(), Layer().sym("var/old", "../etc")]
    yield "link-to-dir", [base(), Layer().dir("bin").file("bin/new")]
    yield "link-to-file", [base(), Layer().file("bin", "file now")]
    yield "through-link", [base(), Layer().file("bin/through", "t"), Layer().file("bin/.wh.su", "")]
    yield "link-up", [Layer().sym("up", "../../..").file("up/file", "u").sym("abs", "/etc").dir("etc").file("abs/x", "x")]
    yield "dots", [Layer().file("./a/./b", "1").file("a/../c", "2").file("/abs", "3").dir("./")]
    yield "dotdot", [Layer().file("../../up", "1").dir("d").file("d/../../e", "2")]
    yield "duplicates", [Layer().file("f", "one").file("f", "two" * 99999).dir("d").dir("d", mode=0o700).file("f", "three")]
    yield "hardlinks", [base(), Layer().hard("usr/bin/c", "usr/bin/a").hard("etc/d", "./usr/bin/su"), Layer().file("usr/bin/.wh.a", "")]
    yield "hardlink-symlink", [Layer().sym("s", "nowhere").hard("t", "s")]
    yield "hardlink-replaced", [base(), Layer().file("usr/bin/a", "other"), Layer().hard("usr/bin/z", "usr/bin/b")]
    yield "modes", [Layer().file("suid", mode=0o4755).file("sgid", mode=0o2755).dir("sticky", mode=0o1777).file("none", mode=0)
                    .dir("closed", mode=0).file("closed/in", "hidden").dir("readonly", mode=0o555).file("readonly/in")]
    yield "owners", [Layer().file("big", uid=4000000, gid=123456).dir("dir", uid=65534, gid=65534).sym("sym", "x")]
    yield "devices", [Layer().char("null", 1, 3).add("disk", tarfile.BLKTYPE, device=(8, 1), mode=0o660, gid=6).add("pipe", tarfile.FIFOTYPE)]
    yield "attributes", [Layer().file("f", SCHILY__xattr__user__k="value").dir("d", SCHILY__xattr__user__d="1")]
    yield "capability", [Layer().file("ping", mode=0o755, **{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20" + "\x00" * 14})]
    yield "names", [Layer().file(b"latin-\xe9").file("new\nline").file("ünï").file("esc\x1b[31m").file(" ").file("-rf").file("\\")
                    .file("l" * 255).file("d" * 120 + "/" + "e" * 120 + "/" + "f" * 200)]
    yield "gnu", [Layer(tarfile.GNU_FORMAT).file("d" * 120 + "/" + "e" * 150, "long").sym("s", "t" * 200)]
    yield "ustar", [Layer(tarfile.USTAR_FORMAT).file("d" * 80 + "/" + "e" * 90, "prefix")]
    yield "deep", [Layer().file("/".join(["d"] * 300) + "/f", "deep")]
    yield "parents", [Layer().file("made/by/nobody/f", "x").sym("link", "gone/away").file("link/x", "y")]
    yield "times", [Layer().file("old", time=0).file("new", time=4000000000).file("part", time=1234567890.75)]
    yield "content", [Layer().file("zeros", bytes(1 << 20)).file("block", b"b" * 131072).file("more", b"m" * 131073).file("holes", b"h" + bytes(500000) + b"h")]
    yield "trailing", [Layer().file("f").raw(b"")]
