package import CLinux

/// A file whose owner, permissions, times and extended attributes are set: a name in an open directory, which is not
/// followed, or an open file.
package enum AttributeTarget {
    case name(EntryName, in: CInt)
    /// O_PATH is enough.
    case open(CInt)

    package func setOwner(_ uid: uid_t, _ gid: gid_t) throws(Errno) {
        switch self {
        case .name(let name, let directory): try chown(name, uid, gid, at: directory)
        case .open(let file): try chown(ofOpen: file, uid, gid)
        }
    }

    package func setPermissions(_ mode: mode_t) throws(Errno) {
        switch self {
        case .name(let name, let directory): try chmod(name, mode, at: directory)
        case .open(let file): try chmod(ofOpen: file, mode)
        }
    }

    /// - Parameter seconds: both times, since 1970.
    package func setTimes(seconds: Int64) throws(Errno) {
        switch self {
        case .name(let name, let directory): try Linux.setTimes(name, seconds: seconds, at: directory)
        case .open(let file): try Linux.setTimes(ofOpen: file, seconds: seconds)
        }
    }

    package func status() throws(Errno) -> FileStatus {
        switch self {
        case .name(let name, let directory): try Linux.status(name, at: directory)
        case .open(let file): try Linux.status(of: file)
        }
    }

    /// Returns all extended attributes, sorted by name.
    package func xattrs() throws(Errno) -> [(name: [UInt8], value: [UInt8])] {
        switch self {
        case .name(let name, let directory): try readXattrs(of: name, at: directory)
        case .open(let file): try readXattrs(ofOpen: file)
        }
    }

    package func setXattr(_ key: [UInt8], _ value: [UInt8]) throws(Errno) {
        switch self {
        case .name(let name, let directory): try Linux.setXattr(key, value, of: name, at: directory)
        case .open(let file): try Linux.setXattr(key, value, ofOpen: file)
        }
    }

    package func removeXattr(_ key: [UInt8]) throws(Errno) {
        switch self {
        case .name(let name, let directory): try Linux.removeXattr(key, of: name, at: directory)
        case .open(let file): try Linux.removeXattr(key, ofOpen: file)
        }
    }

    /// Returns the value; nil where there is no such attribute, or no attributes at all.
    package func xattr(_ key: [UInt8]) throws(Errno) -> [UInt8]? {
        switch self {
        case .name(let name, let directory): try Linux.xattr(key, of: name, at: directory)
        case .open(let file): try Linux.xattr(key, ofOpen: file)
        }
    }
}
