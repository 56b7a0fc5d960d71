"""Trees of files, compared fact by fact."""

import hashlib
import os
import stat


def content(path, status):
    """Length and digest of a file, also of one that its owner may not read."""
    is_closed = os.geteuid() != 0 and not status.st_mode & stat.S_IRUSR
    if is_closed:
        os.chmod(path, 0o600)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:16]
    if is_closed:
        os.chmod(path, stat.S_IMODE(status.st_mode))
    return f"{status.st_size} {digest}"


def entries(top):
    """Paths below a directory, as bytes, with their status; the directory itself is the empty path."""
    pending = [b""]
    while pending:
        path = pending.pop()
        full = os.path.join(os.fsencode(top), path) if path else os.fsencode(top)
        status = os.lstat(full)
        yield path, full, status
        if stat.S_ISDIR(status.st_mode):
            if os.geteuid() != 0:
                os.chmod(full, 0o700)
            pending += [os.path.join(path, name) for name in sorted(os.listdir(full), reverse=True)]


def facts(top, owners=True, times=None, hard_links=False, attributes=None):
    """What there is to say of every file, by path: kind and permissions, owner, content or target, device.

    `times` tells of which paths the time counts, `attributes` of which names extended attributes do.
    """
    found, groups = {}, {}
    for path, full, status in entries(top):
        is_link = stat.S_ISLNK(status.st_mode)
        words = ["l" if is_link else stat.filemode(status.st_mode)]
        if owners:
            words.append(f"{status.st_uid}:{status.st_gid}")
        if times and not is_link and times(path):
            words.append(f"t{int(status.st_mtime)}")
        if stat.S_ISREG(status.st_mode):
            words.append(content(full, status))
        if is_link:
            words.append("-> " + repr(os.readlink(full)))
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            words.append(f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}")
        if hard_links and not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
            words.append("= " + repr(groups.setdefault(status.st_ino, path)))
        for name in sorted(os.listxattr(full, follow_symlinks=False)) if attributes else []:
            if attributes(name):
                words.append(f"{name}={os.getxattr(full, name, follow_symlinks=False)!r}")
        found[path] = " ".join(words)
    return found


def differences(ours, theirs, is_meant=lambda path: False):
    """A line for every path of which two sets of facts say different things."""
    lines = []
    for path in sorted(ours.keys() | theirs.keys()):
        if ours.get(path) != theirs.get(path) and not is_meant(path):
            lines.append(f"{os.fsdecode(path)!r}: {ours.get(path, 'not there')}  |  {theirs.get(path, 'not there')}")
    return lines
