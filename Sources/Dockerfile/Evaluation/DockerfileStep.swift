/// A step that changes files, with its variables expanded. ENV, ARG and the like are applied already.
package struct DockerfileStep: Sendable, Equatable {
    package let place: DockerfilePlace
    /// The joined line, for messages.
    package let text: String
    package let action: Action

    package enum Action: Sendable, Equatable {
        case run(RunStep)
        case copy(CopyStep)
        /// WORKDIR: a directory, made with its parents, which belong to the user.
        case makeDirectory(String, owner: String)
    }
}

package struct RunStep: Sendable, Equatable {
    package enum Program: Sendable, Equatable {
        case arguments([String])
        /// A heredoc with an interpreter of its own: a file to be written and executed.
        case script([UInt8])
    }

    package var program: Program
    /// `NAME=VALUE`.
    package var environment: [String]
    /// Proxies of `--build-arg`: the command sees them, but the step does not depend on them.
    package var proxies: [String]
    package var directory: String
    /// Empty for root.
    package var user: String
    package var mounts: [Mount]
    /// `default`, `host` or `none`.
    package var network: String

    package struct Mount: Sendable, Equatable {
        package let kind: RunMount.Kind
        /// Absolute.
        package let target: String
        /// The absolute path in the source.
        package let source: String
        /// Nil for the build context, or for an empty cache.
        package let from: DockerfilePlan.Base?
        /// The id of a cache.
        package let identifier: String
        /// Whether no other command may use the cache at the same time.
        package var isExclusive = false
        package let isWritable: Bool
        package let mode: UInt32
        package let owner: UInt32
        package let group: UInt32
        /// In bytes; 0 for no limit.
        package let size: Int64
    }
}

package struct CopyStep: Sendable, Equatable {
    package struct File: Sendable, Equatable {
        package let name: String
        package let content: [UInt8]
    }

    /// Paths and patterns in the source; ADD's may be URLs.
    package var sources: [String]
    package var files: [File]
    /// Absolute; ends in a slash when it must be a directory.
    package var destination: String
    /// Nil for the build context.
    package var from: DockerfilePlan.Base?
    /// As written, to be looked up in the image.
    package var owner: String?
    package var mode: FileModeChange?
    package var excluded: IgnoreFile
    /// Whether archives of the build context are unpacked.
    package var unpacks: Bool
    /// Whether fetched archives are unpacked; by default they are not.
    package var unpacksFetched = false
    /// The SHA-256 of the one file that is fetched, in 64 hexadecimal digits.
    package var checksum: String?

    /// Returns whether a source is a URL, which ADD fetches.
    package static func isAddress(_ source: String) -> Bool {
        ["http://", "https://", "git://", "ssh://", "git@"].contains { source.hasPrefix($0) }
    }
}
