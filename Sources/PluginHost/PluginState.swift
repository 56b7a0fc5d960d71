package import Base
import CLinux
import Linux

/// Which plugins somebody switched off: `plugins.conf`, one `disabled = <id>` a line. Everything else is on.
package struct PluginState: Sendable {
    package private(set) var disabled: Set<String> = []
    private let file: String

    /// An absent or unreadable file disables nothing.
    package init(reading file: String) {
        self.file = file
        guard let bytes = try? readFile(file, limit: 1 << 20) else { return }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" }
            if words.count == 3, words[0] == "disabled", words[1] == "=" { disabled.insert(String(words[2])) }
        }
    }

    /// Writes the file whole or not at all: a temporary name beside it, fsync, rename.
    package mutating func set(_ id: String, enabled: Bool) throws(SkiffError) {
        if enabled { disabled.remove(id) } else { disabled.insert(id) }
        let text = disabled.sorted().map { "disabled = \($0)\n" }.joined()
        let temporary = "\(file).\(processID())"
        try during("cannot change \(file)", hint: "Only who may write the configuration can do that") {
            () throws(Errno) in
            do throws(Errno) {
                let target = try open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
                try writeFully(target.raw, text)
                try Linux.fsync(target.raw)
                try target.close()
                try Linux.rename(temporary, to: file)
            } catch {
                try? Linux.unlink(temporary)
                throw error
            }
        }
    }
}
