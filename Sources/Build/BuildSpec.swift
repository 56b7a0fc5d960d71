import Base
import Core
import Linux
import PluginHost
import Registry

/// What is to be built from: a definition file, or a path to an image or directory (Docs/spec/cli.md §4).
struct BuildSpec {
    private let text: String

    init(_ text: String) { self.text = text }

    /// The transport, which may be a plugin's, and the rest of an address; nil for a path.
    private var address: (transport: String, rest: String)? {
        guard let colon = text.firstIndex(of: ":"), BuiltInTransport.words.contains(String(text[..<colon])) else {
            return splitPluginURI(text).map { ($0.scheme, $0.rest) }
        }
        let rest = text[text.index(after: colon)...]
        return (String(text[..<colon]), String(rest.hasPrefix("//") ? rest.dropFirst(2) : rest))
    }

    /// - Parameter isScheme: whether a word after `Bootstrap:` is the scheme of a plugin.
    func definition(_ arguments: BuildArguments, isScheme: (String) -> Bool) throws(SkiffError) -> Definition {
        if let address { return Definition(bootstrap: address.transport, from: address.rest) }
        if try isImage() { return Definition(localImage: text) }
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try readFile(text, limit: 16 << 20)
        } catch {
            throw SkiffError("Unable to build from \(text): unable to open file \(text): open \(text)", errno: error)
        }
        do throws(DefinitionError) {
            var definition = try Definition(parsing: bytes, arguments: arguments, isScheme: isScheme)
            definition.name = text
            return definition
        } catch {
            throw error.described(in: text)
        }
    }

    /// Whether it is a file whose first instruction is FROM or ARG, which no line of a definition can be.
    func isDockerfile() throws(SkiffError) -> Bool {
        if address != nil { return false }
        guard let kind = try? status(text), kind.isRegular, let file = try? open(text, .read),
            let head = try? readBytes(file.raw, at: 0, count: 1 << 16)
        else { return false }
        return DockerfileSpec.isDockerfile(head)
    }

    private func isImage() throws(SkiffError) -> Bool {
        guard let kind = try? status(text) else { return false }
        if kind.isDirectory { return true }
        // Anything that nobody recognises may be a definition; a damaged image is an error of its own.
        return try ImageSource.find(try absolutePath(text), writable: false) != nil
    }
}
