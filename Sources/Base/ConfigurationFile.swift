import CLinux
package import Linux

/// A file that changes what a command does: users read it as it is, root only where nobody but those that `Trust` names
/// can have written it.
package struct ConfigurationFile: Sendable {
    package enum Place: Sendable {
        /// A part of the installation, below /etc, or named by the caller.
        case administrator
        /// Below the home of the user named by the environment.
        case user
    }

    package let path: String
    private let place: Place
    /// `remote configuration`, for messages.
    private let name: String

    package init(_ path: String, _ place: Place, name: String = "configuration file") {
        (self.path, self.place, self.name) = (path, place, name)
    }

    /// - Returns: its bytes; nil when there is no such file.
    package func read(limit: Int) throws(SkiffError) -> [UInt8]? {
        guard let file = try open() else { return nil }
        let bytes = try read(file.raw, limit: limit)
        try check(file.raw)
        return bytes
    }

    /// - Returns: nil when there is no such file.
    package func open() throws(SkiffError) -> OwnedFD? {
        do throws(Errno) {
            return try Linux.open(path, O_RDONLY)
        } catch {
            if error == .noSuchFile || error == .notDirectory { return nil }
            throw SkiffError("cannot read \(name) \(path)", errno: error)
        }
    }

    package func read(_ file: CInt, limit: Int) throws(SkiffError) -> [UInt8] {
        try during("cannot read \(name) \(path)") { () throws(Errno) in try readToEnd(file, limit: limit) }
    }

    /// Whether this process may have more powers than the writer of a file; without a system call, getauxval(3).
    package static var needsTrust: Bool { getauxval(UInt(AT_EUID)) == 0 || getauxval(UInt(AT_SECURE)) != 0 }

    /// Refuses to obey the open file as root when somebody else could have written it.
    package func check(_ file: CInt) throws(SkiffError) {
        guard Self.needsTrust else { return }
        try (place == .administrator ? Trust.ofThisProcess : Trust.ofUserFiles).check(open: file, path)
    }
}
