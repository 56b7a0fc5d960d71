/// Something that changes files, all of it expanded: what remains when ENV, ARG and their like are done.
package struct DockerfileStep: Sendable, Equatable {
    package let place: DockerfilePlace
    /// The joined line, for messages.
    package let text: String
    package let action: Action

    package enum Action: Sendable, Equatable {
        case run(RunStep)
        case copy(CopyStep)
        /// WORKDIR: the directory with its parents, which belong to the user.
        case makeDirectory(String, owner: String)
    }
}

package struct RunStep: Sendable, Equatable {
    package enum Program: Sendable, Equatable {
        case arguments([String])
        /// A heredoc that names its own interpreter: a file to be made and started.
        case script([UInt8])
    }

    package var program: Program
    /// `NAME=VALUE`.
    package var environment: [String]
    /// Proxies of `--build-arg`: seen by the command, without part in what makes the step another one.
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
        /// Absolute in the source.
        package let source: String
        /// Nil for the build context, or for an empty cache.
        package let from: DockerfilePlan.Base?
        /// Of a cache.
        package let identifier: String
        /// Of a cache: no other command uses it at the same time.
        package var isExclusive = false
        package let isWritable: Bool
        package let mode: UInt32
        package let owner: UInt32
        package let group: UInt32
        /// Bytes; 0 for no limit.
        package let size: Int64
    }
}

package struct CopyStep: Sendable, Equatable {
    package struct File: Sendable, Equatable {
        package let name: String
        package let content: [UInt8]
    }

    /// Paths and patterns in the source; ADD's may be addresses.
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
    /// Whether archives of the build context become what is in them.
    package var unpacks: Bool
    /// The same of files from other hosts, which stay as they are unless that was asked for.
    package var unpacksFetched = false
    /// Of the one file that is fetched: 64 digits of its SHA-256.
    package var checksum: String?

    /// Whether ADD is to fetch a source.
    package static func isAddress(_ source: String) -> Bool {
        ["http://", "https://", "git://", "ssh://", "git@"].contains { source.hasPrefix($0) }
    }
}
