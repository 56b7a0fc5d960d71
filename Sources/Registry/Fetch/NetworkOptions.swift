package import Base
package import Core
package import Grammar
package import HTTP
import Linux
package import OCI

/// The options for networks, credentials, platform and cache, which all commands share (Docs/spec/cli.md §2.1, §5).
package struct NetworkOptions: Sendable {
    package var http: HTTPClient
    package var credentials: CredentialSource
    /// `--no-https`.
    package var allowsHTTP = false
    package var limits: DownloadLimits
    package var mirrors: Mirrors
    package var platform: OCIPlatform
    /// Whether the user named the platform.
    package var isPlatformGiven = false
    package var isCacheDisabled = false
    /// The directory for temporary files.
    package var temporary: String
    /// `--library`.
    package var library: String?
    package var isReproducible = false
    package var pull = PullPolicy.newer
    package var quiet = false
    /// `--no-cleanup`: the temporary files of a failed command stay, and a message says where.
    package var keepsTemporary = false
    /// The flags of plugins whose schemes are used.
    package var pluginFlags: [(name: String, values: [String])] = []
    /// `--config`.
    package var configurationFile: String?

    /// - Throws: for invalid values, and when a password cannot be read.
    package init(_ invocation: Invocation, _ settings: Settings) throws(SkiffError) {
        limits = try DownloadLimits(settings)
        var trust = try HTTPTrust()
        if let size = limits.bufferSize { trust.bufferSize = size }
        http = HTTPClient(trust: trust)
        credentials = try CredentialSource(
            login: invocation.bool("docker-login"), user: invocation.string("docker-username"),
            password: invocation.string("docker-password"), authFile: invocation.string("authfile"))
        allowsHTTP = invocation.bool("no-https")
        mirrors = try Mirrors.load()
        platform = try Self.platform(invocation)
        isPlatformGiven = invocation.isGiven("arch")
        isCacheDisabled = invocation.bool("disable-cache")
        temporary = try absolutePath(invocation.string("tmpdir") ?? TemporaryDirectory.standard())
        library = invocation.string("library")
        isReproducible = invocation.bool("reproducible")
        pull = invocation.string("pull").flatMap { PullPolicy(rawValue: $0) } ?? .newer
        quiet = invocation.bool("json")
        keepsTemporary = invocation.bool("no-cleanup")
        pluginFlags = invocation.pluginFlags
        configurationFile = invocation.global.configurationFile
    }

    /// The flags of plugins as text: they can change the meaning of a plugin's address.
    var pluginFlagText: String {
        pluginFlags.map { "--\($0.name)=\($0.values.joined(separator: ","))" }.joined(separator: " ")
    }

    private static func platform(_ invocation: Invocation) throws(SkiffError) -> OCIPlatform {
        do throws(SkiffError) {
            if let text = invocation.string("platform") {
                let parts = text.split(separator: "/").map(String.init)
                guard (2...3).contains(parts.count), parts[0] == "linux" else {
                    throw SkiffError("cannot use platform \(text)", hint: "Give linux/ARCH or linux/ARCH/VARIANT")
                }
                return try OCIPlatform(word: parts[1], variant: parts.count > 2 ? parts[2] : nil)
            }
            let platform = try OCIPlatform(
                word: invocation.string("arch"), variant: invocation.string("arch-variant"))
            // Libraries know one arm; registries have images that one processor of it runs and another does not.
            if invocation.isGiven("arch"), !["delete", "search"].contains(invocation.command) {
                try platform.checkVariant()
            }
            return platform
        } catch {
            guard let word = invocation.string("arch") else { throw error }
            // A text that tests of Apptainer look for (Docs/spec/cli.md §17.1).
            throw SkiffError("While parsing arch: arch: \(word) is not valid. \(error.hint ?? error.message)")
        }
    }

    /// Returns clients for the registry of an image, mirrors first.
    package func clients(for reference: RegistryReference) throws(SkiffError) -> [RegistryClient] {
        var result: [RegistryClient] = []
        for endpoint in try mirrors.endpoints(for: reference) {
            result.append(
                client(endpoint.reference, isNamed: endpoint.isOriginal, isInsecure: endpoint.isInsecure))
        }
        return result
    }

    /// Returns the client of the registry itself, for requests that must not go to a mirror.
    package func client(_ reference: RegistryReference, isNamed: Bool = true, isInsecure: Bool = false)
        -> RegistryClient
    {
        RegistryClient(
            reference, http: http,
            credential: credentials.credential(
                for: reference.registry, repository: reference.repository, isNamed: isNamed),
            insecure: isInsecure || allowsHTTP)
    }
}

/// When a launch uses the network although it has an image.
package enum PullPolicy: String, Sendable {
    /// Only when it has none.
    case missing
    /// Always asks for the digest of a tag, by a request that does not count as a pull, and fetches a newer image.
    case newer
    case never
}
