import Base
import CLinux
import Linux

/// The container's private file system in memory: mount points for the image and the root, staged files, directories
/// and layers. It is mounted over a directory of the host in our own mount namespace only, and is gone with it.
struct Session: ~Copyable {
    /// The session's directory, for *at calls.
    let directory: OwnedFD
    private var staged = 0

    /// Directories that every Linux system has; the first that exists is covered. The sources were copied before.
    private static let places = ["/tmp", "/var/tmp", "/run", "/mnt", "/dev"]

    /// Makes and enters the session, which is the current directory afterwards.
    init(_ plan: SessionFilesystem) throws(SkiffError) {
        let type = plan.type.rawValue
        let options: [(String, String?)] = [("mode", "0755")] + (plan.size.map { [("size", String($0))] } ?? [])
        directory = try during("cannot make the session file system") { () throws(Errno) in
            let mount = try newFilesystem(type, source: type, options: options, attributes: [.noSuid, .noDev])
            try Self.attachSomewhere(mount)
            try changeDirectory(mount.raw)
            for name in ["image", "root", "staged", "layers"] { try makeDirectory(name, at: mount.raw) }
            return mount
        }
    }

    private static func attachSomewhere(_ mount: borrowing OwnedFD) throws(Errno) {
        for place in places where (try? status(place).isDirectory) == true {
            try attach(mount, at: place)
            return
        }
        throw .noSuchFile
    }

    /// Makes an empty directory and returns its path relative to the session.
    mutating func stageDirectory(mode: UInt32) throws(Errno) -> String {
        staged += 1
        let name = "staged/\(staged)"
        try makeDirectory(name, mode: 0o700, at: directory.raw)
        try chmod(name, mode_t(mode), at: directory.raw)
        return name
    }

    /// Makes a file with these bytes and returns its path relative to the session.
    mutating func stageFile(_ bytes: [UInt8], mode: UInt32) throws(Errno) -> String {
        staged += 1
        let name = "staged/\(staged)"
        try writeFile(name, bytes, mode: mode_t(mode), at: directory.raw, exclusive: true)
        return name
    }

    /// Makes a device node and returns its path relative to the session.
    mutating func stageNode(_ node: Mount.Node) throws(Errno) -> String {
        staged += 1
        let name = "staged/\(staged)"
        let kind = mode_t(node.isBlock ? S_IFBLK : S_IFCHR)
        try makeNode(
            name, mode: kind | 0o600, device: deviceNumber(major: node.major, minor: node.minor), at: directory.raw)
        try Linux.chown(name, node.uid, node.gid, at: directory.raw)
        try chmod(name, mode_t(node.mode), at: directory.raw)
        return name
    }
}
