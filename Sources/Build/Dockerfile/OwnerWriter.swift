import CLinux
import Linux
import Ownership
import Packing

/// Gives files of the image to their owners, or records them where the builder has no ids to give.
struct OwnerWriter {
    /// Whether owners are recorded on the files.
    let hasRecords: Bool
    /// Whether it is an error when the kernel refuses.
    private let mustSucceed: Bool
    private let recordsDevices: Bool

    init(_ request: BootstrapRequest) {
        let keeping = request.options.identity.keeping
        hasRecords = keeping == .owners
        recordsDevices = keeping != .nothing
        mustSucceed = request.ownsAllIDs || keeping == .devices
    }

    /// Gives a file its owner. Must come before permissions and attributes: a change of the owner takes setuid bits and
    /// capabilities away.
    func set(_ uid: UInt32, _ gid: UInt32, of name: EntryName, at directory: CInt) throws(Errno) {
        if hasRecords { return try RecordedOwner(uid: uid, gid: gid).write(name, at: directory) }
        try allowingRefusal { () throws(Errno) in try chown(name, uid, gid, at: directory) }
    }

    /// The same for an open file; O_PATH is enough.
    func set(_ uid: UInt32, _ gid: UInt32, ofOpen file: CInt) throws(Errno) {
        if hasRecords { return try RecordedOwner(uid: uid, gid: gid).write(file) }
        try allowingRefusal { () throws(Errno) in try chown(ofOpen: file, uid, gid) }
    }

    private func allowingRefusal(_ change: () throws(Errno) -> Void) throws(Errno) {
        do throws(Errno) {
            try change()
        } catch {
            if mustSucceed || (error != .notPermitted && error != .invalidArgument) { throw error }
        }
    }

    /// Makes a device node, or a file that stands for one.
    func makeDevice(
        _ name: EntryName, mode: mode_t, isBlock: Bool, major: UInt32, minor: UInt32, uid: UInt32, gid: UInt32,
        at directory: CInt
    ) throws(Errno) {
        if recordsDevices {
            try makeNode(name, mode: SKL_S_IFREG | mode & 0o7777, device: 0, at: directory)
            let device: RecordedOwner.Device =
                isBlock ? .block(major: major, minor: minor) : .character(major: major, minor: minor)
            try RecordedOwner(uid: uid, gid: gid, device: device).write(name, at: directory)
            if !hasRecords { try set(uid, gid, of: name, at: directory) }
            return
        }
        try makeNode(
            name, mode: (isBlock ? SKL_S_IFBLK : SKL_S_IFCHR) | mode & 0o7777,
            device: deviceNumber(major: major, minor: minor), at: directory)
        try set(uid, gid, of: name, at: directory)
    }
}

/// Directories in the image that instructions make on their way.
struct ImageDirectories {
    let root: RootTree
    let owners: OwnerWriter

    /// Makes the directories of a path that are missing, with mode 0755 and this owner. Links are followed inside the image.
    func make(_ path: TreePath, uid: UInt32, gid: UInt32) throws(Errno) {
        var here: TreePath = "/"
        for name in path.components {
            here = here.appending(name)
            if let found = try? root.open(here, .pathOnly) {
                guard try status(of: found.raw).isDirectory else { throw .notDirectory }
                continue
            }
            let place = try root.top.place(here)
            try makeDirectory(place.name, mode: 0o755, at: place.directory.raw)
            try owners.set(uid, gid, of: place.name, at: place.directory.raw)
            try chmod(place.name, 0o755, at: place.directory.raw)
        }
    }
}
