import Base
import Core
import Grammar
import HTTP
import Inspect
import Linux
import OCI
import Registry

/// `tag`, `delete` and `search` (Docs/spec/cli.md §5).
struct ManageCommands {
    private let invocation: Invocation
    private let installation: Installation
    private let settings: Settings

    init(_ invocation: Invocation, _ installation: Installation, _ settings: Settings) {
        (self.invocation, self.installation, self.settings) = (invocation, installation, settings)
    }

    func run() throws(SkiffError) {
        switch invocation.command {
        case "tag": try tag()
        case "delete": try delete()
        default: try search()
        }
    }

    private func oras(_ uri: ImageURI) throws(SkiffError) -> RegistryReference {
        guard uri.transport == "oras" else { throw SkiffError("Unsupported transport type: \(uri.transport)") }
        return try RegistryReference(uri.reference, needsRegistry: true)
    }

    /// Adds a name to a manifest or index, without an upload.
    private func tag() throws(SkiffError) {
        guard invocation.positionals.count == 2, let uri = ImageURI(invocation.positionals[0]) else {
            throw SkiffError("No transport type URI supplied: \(invocation.positionals.first ?? "")")
        }
        let tag = invocation.positionals[1]
        guard RegistryReference.isTag(tag) else { throw SkiffError("cannot use tag \"\(tag)\": it is no tag") }
        let client = try NetworkOptions(invocation, settings).client(try oras(uri))
        let manifest = try client.manifest(client.reference.selector)
        _ = try client.put(manifest.bytes, mediaType: manifest.descriptor.mediaType, as: tag)
        Log.info("Tagged \(manifest.descriptor.digest) as \(tag)")
    }

    private func delete() throws(SkiffError) {
        guard let address = invocation.positionals.first, let uri = ImageURI(address) else {
            throw SkiffError("No transport type URI supplied: \(invocation.positionals.first ?? "")")
        }
        var options = try NetworkOptions(invocation, settings)
        let isLibrary = uri.transport == "library"
        let library = isLibrary ? try LibraryReference(uri.rest) : nil
        let reference = isLibrary ? nil : try oras(uri)
        if !invocation[.force] {
            let question = "Are you sure you want to delete \(address) [y/N] "
            guard LoginPrompt.confirms(question) else { return }
        }
        // The time limit does not include the question.
        options.http = try HTTPClient(seconds: invocation[.timeout] ?? 15)
        if let library {
            let client = try LibraryClient.find(host: library.host, options, installation)
            let path = "v1/images/\(library.path):\(library.tag)?arch=\(options.platform.architecture)"
            guard try client.ask("DELETE", path, "cannot delete \(address)") != nil else {
                throw SkiffError("cannot delete \(address): the library has no such image")
            }
        } else if let reference {
            let client = options.client(reference)
            let told = try client.digest(of: reference.selector)
            let digest =
                if let told { told } else { try client.manifest(reference.selector).descriptor.digest }
            try client.delete(digest)
        }
        Log.info("Image \(address) deleted.")
    }

    private func search() throws(SkiffError) {
        guard let query = invocation.positionals.first else { throw SkiffError("accepts 1 arg(s)", code: .usage) }
        let options = try NetworkOptions(invocation, settings)
        if let uri = ImageURI(query), uri.transport == "oras" { return try searchRegistry(uri, options) }
        let text = query.hasPrefix("library:") ? String(query.dropFirst(8).drop { $0 == "/" }) : query
        guard text.count >= 3 else {
            throw SkiffError("cannot search for \"\(text)\": a query needs 3 characters or more")
        }
        try searchLibrary(text, options)
    }

    private func searchRegistry(_ uri: ImageURI, _ options: NetworkOptions) throws(SkiffError) {
        let place = uri.reference
        var lines: [String] = []
        if place.contains("/") {
            let client = options.client(try RegistryReference(place, needsRegistry: true))
            lines = try client.tags().map { "oras://\(client.reference.registry)/\(client.reference.repository):\($0)" }
        } else {
            // Any name will do: the list covers the whole registry.
            let client = options.client(try RegistryReference(place + "/catalog", needsRegistry: true))
            lines = try client.catalog().map { "oras://\(place)/\($0)" }
        }
        print(
            lines.map { ($0, []) }, "\(lines.count == 0 ? "No" : "Found \(lines.count)") container images", query: place
        )
    }

    private func searchLibrary(_ text: String, _ options: NetworkOptions) throws(SkiffError) {
        let library = try LibraryClient.find(host: nil, options, installation)
        let architecture = options.platform.architecture
        let signed = invocation[.signed] ? "&signed=true" : ""
        let path = "v1/search?value=\(queryEscaped(text))&arch=\(architecture)\(signed)"
        let answer = try library.ask("GET", path, "cannot search the library")
        var found: [(String, [String])] = []
        if case .array(let images) = answer?["image"] {
            for image in images {
                func member(_ name: String) -> String { image[name]?.stringValue ?? "" }
                var tags = ""
                if case .array(let values) = image["tags"] {
                    tags = values.compactMap(\.stringValue).joined(separator: ",")
                }
                let uri =
                    "library://\(member("entityName"))/\(member("collectionName"))/\(member("containerName")):\(tags)"
                var notes: [String] = []
                if !member("description").isEmpty { notes.append(member("description")) }
                if case .array(let prints) = image["fingerprints"], !prints.isEmpty {
                    notes.append("Signed by: " + prints.compactMap(\.stringValue).joined(separator: ","))
                }
                found.append((uri, notes))
            }
        }
        let count = found.isEmpty ? "No" : "Found \(found.count)"
        print(found, "\(count) container images", query: text, architecture: architecture)
    }

    private func print(
        _ lines: [(String, [String])], _ head: String, query: String, architecture: String? = nil
    ) {
        let platform = architecture.map { " for \($0)" } ?? ""
        if lines.isEmpty {
            try? writeAnswer("No container images found\(platform) matching \"\(query)\".\n\n")
            return
        }
        var text = "\(head)\(platform) matching \"\(query)\":\n\n"
        for (uri, notes) in lines {
            text += "\t\(uri.printable)\n" + notes.map { "\t\t\($0.printable)\n" }.joined() + "\n"
        }
        try? writeAnswer(text)
    }
}
