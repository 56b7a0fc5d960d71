package import Base
package import Core
package import Grammar
import Linux
import OCI
import Signing

/// `push IMAGE URI` (Docs/spec/cli.md §5).
package struct PushCommand {
    private let invocation: Invocation
    private let installation: Installation
    private let settings: Settings

    package init(_ invocation: Invocation, _ installation: Installation, _ settings: Settings) {
        (self.invocation, self.installation, self.settings) = (invocation, installation, settings)
    }

    package func run() throws(SkiffError) {
        guard invocation.positionals.count == 2 else { throw SkiffError("accepts 2 arg(s)", code: .usage) }
        let (file, address) = (invocation.positionals[0], invocation.positionals[1])
        guard let uri = ImageURI(address) else { throw SkiffError("No transport type URI supplied: \(address)") }
        let isOurs = ["oras", "library", "docker"].contains(uri.transport)
        guard isOurs || !BuiltInTransport.reserved.contains(uri.transport) else {
            throw SkiffError("Unsupported transport type: \(uri.transport)")
        }
        guard (try? status(file).isRegular) == true else {
            throw SkiffError("cannot push \(file): Unable to open image: there is no such file")
        }
        let facts = try SIFFacts(file)
        let options = try NetworkOptions(invocation, settings)
        if !isOurs { return try throughPlugin(facts, uri, options) }
        let progress = Progress(isQuiet: options.quiet)
        if uri.transport == "library" {
            try toLibrary(facts, try LibraryReference(uri.rest), options, progress)
        } else {
            try toRegistry(facts, uri, options, progress)
        }
    }

    private func toRegistry(_ facts: SIFFacts, _ uri: ImageURI, _ options: NetworkOptions, _ progress: Progress)
        throws(SkiffError)
    {
        let isLayered = uri.transport == "docker"
        let reference = try RegistryReference(uri.reference, needsRegistry: !isLayered)
        let (client, description) = (options.client(reference), invocation.string("description") ?? "")
        let digest: OCIDigest
        if isLayered {
            Cleanup.watch()
            digest = try DockerPush(
                client: client, facts: facts, annotations: annotations(), description: description,
                temporary: options.temporary, progress: progress
            ).run()
        } else {
            digest = try OrasPush(
                client: client, facts: facts, description: description, annotations: annotations(), progress: progress
            ).run()
        }
        tell(digest.description, uri, options)
    }

    private func throughPlugin(_ facts: SIFFacts, _ uri: ImageURI, _ options: NetworkOptions) throws(SkiffError) {
        for flag in ["annotation", "description"] where invocation.isGiven(flag) {
            Log.warning("Ignoring --\(flag): \(uri.transport):// has no place for it")
        }
        Cleanup.watch()
        let push = PluginPush(facts: facts, uri: uri, options: options, installation: installation)
        tell(try push.run(), uri, options)
    }

    private func tell(_ digest: String, _ uri: ImageURI, _ options: NetworkOptions) {
        Log.info("Digest: \(digest)")
        Log.info("Upload complete")
        guard options.quiet else { return }
        let answer = JSONText.members(["uri": .string(uri.description), "digest": .string(digest)])
        try? writeFully(1, answer.text(indent: "  ") + "\n")
    }

    private func annotations() -> [(key: String, value: String)] {
        invocation.list("annotation").compactMap { text in
            guard let equals = text.firstIndex(of: "=") else {
                Log.warning("Ignoring annotation \"\(text)\": KEY=VALUE is the form")
                return nil
            }
            return (String(text[..<equals]), String(text[text.index(after: equals)...]))
        }
    }

    /// Refuses to push an unsigned image to a library, unless --allow-unsigned is given.
    private func verify(_ facts: SIFFacts) throws(SkiffError) {
        if invocation.bool("allow-unsigned") { return Log.warning("Skipping container verification") }
        do throws(VerificationError) {
            try SignatureCheck(installation).verify(facts.path)
        } catch {
            Log.warning(error.description)
            throw SkiffError(
                "Unable to upload container: unable to verify signature",
                hint: "Push it as it is with --allow-unsigned")
        }
    }

    private func toLibrary(
        _ facts: SIFFacts, _ reference: LibraryReference, _ options: NetworkOptions, _ progress: Progress
    ) throws(SkiffError) {
        let library = try LibraryClient.find(host: reference.host, options, installation)
        if !library.hasToken {
            throw SkiffError(
                "Cannot push image to library: an authentication token is required", hint: "Log in with 'remote login'")
        }
        try verify(facts)
        let push = LibraryPush(
            library: library, reference: reference, file: facts.path, architecture: facts.architecture.name,
            description: invocation.string("description") ?? "", progress: progress)
        for line in try push.run() { try? writeFully(1, line + "\n") }
        Log.info("Upload complete")
    }
}
