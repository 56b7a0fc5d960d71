import PluginAPI
import PluginKit

/// A file that appears whole or not at all, readable by its owner alone.
struct NewFile {
    let path: String
    private let file: HostFile
    /// Where the file system knows no files without a name.
    private let temporary: String?
    var descriptor: Int32 { file.descriptor }

    init(_ path: String, _ session: Session) throws(PluginError) {
        self.path = path
        let directory = Self.directory(of: path)
        do throws(SystemError) {
            do throws(SystemError) {
                file = try HostFile(directory, .nameless)
                temporary = nil
            } catch {
                guard [.notSupported, .isDirectory, .noSuchFile].contains(error) else { throw error }
                let name = "\(try Host.realPath(directory))/.skiff-overlay.\(UInt64.random(in: 0...UInt64.max))"
                do throws(PluginError) {
                    try session.removeLater(name, isDirectory: false)
                } catch {
                    throw .accessDenied
                }
                file = try HostFile(name, .create(mode: 0o600))
                temporary = name
            }
        } catch {
            throw PluginError("cannot make a file in \(directory)", error)
        }
    }

    static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Gives the file its name, which nobody may have yet.
    func publish() throws(PluginError) {
        do throws(SystemError) {
            try Host.synchronize(descriptor)
            if let temporary {
                try Host.link(temporary, to: path)
            } else {
                try Host.name(descriptor, path)
            }
        } catch {
            throw PluginError("cannot make \(path)", error)
        }
    }

    /// Puts the file in the place of another one, with its owner and permissions.
    ///
    /// - Parameter old: the other file, open.
    func replace(_ old: Int32, _ session: Session) throws(PluginError) {
        do throws(SystemError) {
            // Through a link the file is replaced, and the link stays a link.
            let target = try Host.realPath(path)
            try Host.copyOwner(from: old, to: descriptor)
            try Host.synchronize(descriptor)
            if let temporary { return try Host.rename(temporary, to: target) }
            let name = "\(Self.directory(of: target))/.skiff-overlay.\(UInt64.random(in: 0...UInt64.max))"
            do throws(PluginError) {
                try session.removeLater(name, isDirectory: false)
            } catch {
                throw .accessDenied
            }
            try Host.name(descriptor, name)
            try Host.rename(name, to: target)
        } catch {
            throw PluginError("cannot replace \(path)", error)
        }
    }
}
