import CLinux
import Linux

extension RecordedOwner {
    /// Returns whether the directory's file system keeps records: `user.` attributes on files, and the attribute used
    /// on symbolic links. Leaves no file there.
    /// - Parameter directory: open, and writable.
    package static func isPossible(in directory: CInt) -> Bool {
        guard let file = try? EntryName(".skiff-probe-\(processID())"),
            let link = try? EntryName(".skiff-probe-link-\(processID())")
        else { return false }
        let names = [file, link]
        defer {
            for name in names { try? unlink(name, at: directory) }
        }
        do throws(Errno) {
            try makeNode(file, mode: SKL_S_IFREG | 0o600, device: 0, at: directory)
            try makeSymlink([0x78], at: link, in: directory)
            let owner = RecordedOwner(uid: 1, gid: 2)
            for name in names {
                try owner.write(name, at: directory)
                guard try read(name, at: directory) == owner else { return false }
            }
            return true
        } catch {
            return false
        }
    }

    /// Returns the name under which an attribute that only real root may set is kept, or nil for one that needs no
    /// other name or that no image keeps.
    package static func keptName(of name: [UInt8]) -> [UInt8]? {
        name.starts(with: "trusted.".utf8) ? Array(trustedPrefix.utf8) + name : nil
    }

    /// Returns the name that `keptName` turned into this one.
    package static func trueName(of name: [UInt8]) -> [UInt8]? {
        guard name.starts(with: trustedPrefix.utf8) else { return nil }
        let rest = Array(name.dropFirst(trustedPrefix.utf8.count))
        return rest.starts(with: "trusted.".utf8) ? rest : nil
    }
}
