package import Base
import Core
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
    package var pluginFlags: [PluginFlagUse] = []

    /// Returns the flags that a plugin may see.
    func pluginFlags(of plugin: String) -> [PluginFlagUse] {
        pluginFlags.filter { $0.plugin.isEmpty || $0.plugin == plugin }
    }
    /// `--docker-host`; nil for DOCKER_HOST or Docker's own socket.
    package var dockerHost: String?
    /// `--config`.
    package var configurationFile: String?

    /// Returns options that change nothing.
    ///
    /// - Parameter temporary: an absolute path.
    package init(
        http: HTTPClient, credentials: CredentialSource, limits: DownloadLimits, mirrors: Mirrors,
        platform: OCIPlatform,
        temporary: String
    ) {
        (self.http, self.credentials, self.limits, self.mirrors) = (http, credentials, limits, mirrors)
        (self.platform, self.temporary) = (platform, temporary)
    }

    /// The flags of plugins as text: they can change the meaning of a plugin's address.
    var pluginFlagText: String {
        pluginFlags.map { "--\($0.name)=\($0.values.joined(separator: ","))" }.joined(separator: " ")
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
