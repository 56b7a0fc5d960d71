package import Base
import Linux

/// Values for `{{ NAME }}` that came from outside of the definition: `--build-arg` and `--build-arg-file`
/// (Docs/spec/deffile.md §5).
package struct BuildArguments: Sendable, Equatable {
    /// The values by name. Those of the command line count more than those of the file.
    package private(set) var values: [String: String] = [:]
    package private(set) var warnings: [String] = []

    package init() {}

    /// - Parameters:
    ///   - words: of `--build-arg`, each `NAME=VALUE`; the last of a name wins.
    ///   - file: of `--build-arg-file`.
    package init(words: [String], file: String?) throws(SkiffError) {
        if let file {
            let bytes: [UInt8]
            do throws(Errno) {
                bytes = try readFile(file, limit: 16 << 20)
            } catch {
                throw SkiffError(
                    "While processing the definition file: error while opening file \"\(file)\": open \(file)",
                    errno: error)
            }
            read(bytes, file)
        }
        for word in words {
            guard let (name, value) = Self.split(word), !name.isEmpty else {
                throw SkiffError(
                    "While processing the definition file: \(Self.problem(word))", hint: "Write --build-arg NAME=VALUE")
            }
            values[name] = value
        }
    }

    /// One `NAME=VALUE` a line; other lines, comments among them, are left out with a warning.
    package mutating func read(_ bytes: [UInt8], _ file: String) {
        for line in DefinitionLine.all(bytes) {
            guard let (name, value) = Self.split(line.trimmed.text), !name.isEmpty else {
                let text = line.trimmed.text
                warnings.append(
                    "Skipping \"\(text)\" in build arg file: \(Self.problem(text)) (\(file):\(line.number))")
                continue
            }
            values[name] = value
        }
    }

    /// Why a line has no value.
    static func problem(_ text: String) -> String {
        text.utf8.contains(0x3D) ? "missing key portion in \"\(text)\"" : "\"\(text)\" is not a key=value pair"
    }

    /// Cuts a line at its first `=`, and takes the blanks around both parts away.
    static func split(_ text: String) -> (name: String, value: String)? {
        let bytes = text.bytes
        guard let equals = bytes.firstIndex(of: 0x3D) else { return nil }
        return (bytes[..<equals].trimmed.text, bytes[(equals + 1)...].trimmed.text)
    }
}
