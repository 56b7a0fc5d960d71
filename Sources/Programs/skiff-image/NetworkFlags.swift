import Base
import Build
import Core
import Grammar
import HTTP
import OCI
import Registry

/// What a command line says about networks, for a build that may need to know.
struct NetworkFlags: NetworkOptionsSource {
    let invocation: Invocation
    let settings: Settings

    func networkOptions() throws(SkiffError) -> NetworkOptions {
        try NetworkOptions(invocation, settings)
    }
}

extension NetworkOptions {
    /// - Throws: for impossible values, and when a password that was asked for cannot be read.
    init(_ invocation: Invocation, _ settings: Settings) throws(SkiffError) {
        let limits = try DownloadLimits(settings)
        var trust = try HTTPTrust()
        if let size = limits.bufferSize { trust.bufferSize = size }
        self.init(
            http: HTTPClient(trust: trust),
            credentials: try CredentialSource(
                login: invocation[.dockerLogin], user: invocation[.dockerUsername],
                password: invocation[.dockerPassword], authFile: invocation[.authfile]),
            limits: limits, mirrors: try Mirrors.load(),
            platform: try Self.platform(invocation),
            temporary: try absolutePath(invocation[.tmpdir] ?? TemporaryDirectory.standard()))
        allowsHTTP = invocation[.noHTTPS]
        isPlatformGiven = invocation.isGiven(.arch)
        isCacheDisabled = invocation[.disableCache]
        library = invocation[.library]
        dockerHost = invocation[.dockerHost]
        isReproducible = invocation[.reproducible]
        pull = invocation[.pull].flatMap { PullPolicy(rawValue: $0) } ?? .newer
        quiet = invocation[.json]
        keepsTemporary = invocation[.noCleanup]
        pluginFlags = invocation.pluginFlags
        configurationFile = invocation.global.configurationFile
    }

    private static func platform(_ invocation: Invocation) throws(SkiffError) -> OCIPlatform {
        do throws(SkiffError) {
            if let text = invocation[.platform] {
                let parts = text.split(separator: "/").map(String.init)
                guard (2...3).contains(parts.count), parts[0] == "linux" else {
                    throw SkiffError("cannot use platform \(text)", hint: "Give linux/ARCH or linux/ARCH/VARIANT")
                }
                return try OCIPlatform(word: parts[1], variant: parts.count > 2 ? parts[2] : nil)
            }
            let platform = try OCIPlatform(word: invocation[.arch], variant: invocation[.archVariant])
            // Libraries know a single arm; registries have images that one variant runs and another does not.
            if invocation.isGiven(.arch), !["delete", "search"].contains(invocation.command) {
                try platform.checkVariant()
            }
            return platform
        } catch {
            guard let word = invocation[.arch] else { throw error }
            // Tests of Apptainer look for this text (Docs/spec/cli.md §17.1).
            throw SkiffError("While parsing arch: arch: \(word) is not valid. \(error.hint ?? error.message)")
        }
    }
}
