import PluginKit

/// The directories of a new overlay, in a temporary directory: `upper`, `work`, and what `--create-dir` asks for;
/// Docs/spec/squashfs-and-ext3.md §4. Whatever happens, the command removes them, or the next one does.
struct OverlaySkeleton {
    let path: String
    private let session: Session
    private let mode: UInt32

    init(_ session: Session, directories: [String]) throws(PluginError) {
        self.session = session
        // Ids beyond 16 bits are lost in some readers of ext3: then the directories are for everybody.
        let (uid, gid) = (try session.number("uid") ?? 0, try session.number("gid") ?? 0)
        mode = max(uid, gid) > 65535 ? 0o777 : 0o755
        let (given, usual) = (try session.flag("tmpdir").last, try session.variable("TMPDIR"))
        let parent = given ?? usual ?? "/tmp"
        path = "\(parent)/skiff-overlay.\(UInt64.random(in: 0...UInt64.max))"
        guard parent.utf8.first == UInt8(ascii: "/") else {
            throw PluginError("cannot use the temporary directory \(parent): it is not an absolute path")
        }
        let layout = try directories.map { text throws(PluginError) in try Self.names(in: text, path) }
        try make(path, 0o700)
        for name in ["upper", "work"] { try make("\(path)/\(name)", mode) }
        for names in layout {
            var place = path + "/upper"
            for name in names {
                place += "/" + name
                if (try? Host.kind(of: place, followingLinks: false)) == nil { try make(place, mode) }
            }
        }
        do throws(SystemError) {
            // The root of the file system has these permissions.
            try Host.setMode(path, 0o755)
        } catch {
            throw PluginError("cannot change \(path)", error)
        }
    }

    /// Returns the names on the way to a directory of the overlay; it cannot lead out of it.
    static func names(in text: String, _ path: String) throws(PluginError) -> [String] {
        var names: [String] = []
        for part in text.utf8.split(separator: UInt8(ascii: "/")) {
            let name = String(Substring(part))
            switch name {
            case ".": continue
            case "..":
                guard names.popLast() != nil else {
                    throw PluginError("overlay directory created outside of overlay layout \(path)/upper: \(text)")
                }
            default: names.append(name)
            }
        }
        return names
    }

    private func make(_ place: String, _ mode: UInt32) throws(PluginError) {
        try session.removeLater(place, isDirectory: true)
        do throws(SystemError) {
            try Host.makeDirectory(place, mode: 0o700)
            try Host.setMode(place, mode)
        } catch {
            throw PluginError("cannot make the directory \(place)", error)
        }
    }
}
