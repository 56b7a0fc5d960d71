package import Base
import Core
import OCI
import Signing

/// The upload of a SIF to an address: a registry, a library, or whatever a plugin's scheme stands for.
package struct ImagePush {
    private let facts: SIFFacts
    private let uri: ImageURI
    private let installation: Installation
    /// Of `KEY=VALUE`; registries keep them.
    package var annotations: [(key: String, value: String)] = []
    /// Registries and libraries keep it.
    package var description = ""
    /// Whether a library gets an image that nobody has signed.
    package var allowsUnsigned = false

    /// - Throws: for an address that nothing can be pushed to, and a file that is no SIF.
    package init(_ file: String, to uri: ImageURI, _ installation: Installation) throws(SkiffError) {
        guard Self.own.contains(uri.transport) || !BuiltInTransport.reserved.contains(uri.transport) else {
            throw SkiffError("Unsupported transport type: \(uri.transport)")
        }
        facts = try SIFFacts(file)
        (self.uri, self.installation) = (uri, installation)
    }

    private static let own = ["oras", "library", "docker"]

    /// Whether the address has a place for annotations and a description.
    package var keepsDescriptions: Bool { Self.own.contains(uri.transport) }

    package enum Receipt {
        /// What a registry or a plugin calls the image now.
        case digest(String)
        /// What a library says, a line each.
        case lines([String])
    }

    package func run(_ options: NetworkOptions) throws(SkiffError) -> Receipt {
        switch uri.transport {
        case "library": .lines(try toLibrary(options))
        case "docker": .digest(try toDocker(options))
        case "oras": .digest(try toOras(options))
        default: .digest(try throughPlugin(options))
        }
    }

    private func toDocker(_ options: NetworkOptions) throws(SkiffError) -> String {
        let reference = try RegistryReference(uri.reference, needsRegistry: false)
        Cleanup.watch()
        return try DockerPush(
            client: options.client(reference), facts: facts, annotations: annotations, description: description,
            temporary: options.temporary, progress: Progress(isQuiet: options.quiet)
        ).run().description
    }

    private func toOras(_ options: NetworkOptions) throws(SkiffError) -> String {
        let reference = try RegistryReference(uri.reference, needsRegistry: true)
        return try OrasPush(
            client: options.client(reference), facts: facts, description: description, annotations: annotations,
            progress: Progress(isQuiet: options.quiet)
        ).run().description
    }

    private func throughPlugin(_ options: NetworkOptions) throws(SkiffError) -> String {
        Cleanup.watch()
        return try PluginPush(facts: facts, uri: uri, options: options, installation: installation).run()
    }

    private func toLibrary(_ options: NetworkOptions) throws(SkiffError) -> [String] {
        let reference = try LibraryReference(uri.rest)
        let library = try LibraryClient.find(host: reference.host, options, installation)
        if !library.hasToken {
            throw SkiffError(
                "Cannot push image to library: an authentication token is required", hint: "Log in with 'remote login'")
        }
        try verify()
        return try LibraryPush(
            library: library, reference: reference, file: facts.path, architecture: facts.architecture.name,
            description: description, progress: Progress(isQuiet: options.quiet)
        ).run()
    }

    private func verify() throws(SkiffError) {
        if allowsUnsigned { return Log.warning("Skipping container verification") }
        do throws(VerificationError) {
            try SignatureCheck(installation).verify(facts.path)
        } catch {
            Log.warning(error.description)
            throw SkiffError(
                "Unable to upload container: unable to verify signature",
                hint: "Push it as it is with --allow-unsigned")
        }
    }
}
