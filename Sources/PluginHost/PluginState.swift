package import Base
import Linux

/// Which plugins are switched off: `plugins.conf`, one `disabled = <id>` per line. Everything else is on.
package struct PluginState: Sendable {
    package private(set) var disabled: Set<String> = []
    private let file: String

    /// An absent file disables nothing.
    /// - Throws: when it cannot be read, or somebody who is not trusted can have written it: that must not bring back
    ///   what is switched off.
    package init(reading file: String, trust: Trust) throws(SkiffError) {
        self.file = file
        guard let bytes = try Self.read(file, trust) else { return }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" }
            if words.count == 3, words[0] == "disabled", words[1] == "=" { disabled.insert(String(words[2])) }
        }
    }

    /// - Returns: nil when there is no such file.
    private static func open(_ file: String) throws(SkiffError) -> OwnedFD? {
        do throws(Errno) {
            // A FIFO must not hang every command.
            return try Linux.open(file, [.read, .noFollow, .nonBlocking])
        } catch {
            if error == .noSuchFile || error == .notDirectory { return nil }
            throw SkiffError("cannot read the state of plugins \(file)", errno: error)
        }
    }

    private static func read(_ file: String, _ trust: Trust) throws(SkiffError) -> [UInt8]? {
        guard let descriptor = try open(file) else { return nil }
        let found = try during("cannot look at \(file)") { () throws(Errno) in try status(of: descriptor.raw) }
        guard found.isRegular else { throw SkiffError("cannot read the state of plugins \(file): it is not a file") }
        try trust.check(open: descriptor.raw, file)
        return try during("cannot read the state of plugins \(file)") { () throws(Errno) in
            try readToEnd(descriptor.raw, limit: 1 << 20)
        }
    }

    /// Writes the file whole or not at all.
    package mutating func set(_ id: String, enabled: Bool) throws(SkiffError) {
        if enabled { disabled.remove(id) } else { disabled.insert(id) }
        let text = disabled.sorted().map { "disabled = \($0)\n" }.joined()
        try during("cannot change \(file)", hint: "Only who may write the configuration can do that") {
            () throws(Errno) in
            try AtomicFile.replace(file, Array(text.utf8), mode: 0o644, durable: true)
        }
    }
}
