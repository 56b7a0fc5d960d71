/// An instruction of a Dockerfile, parsed but not expanded.
package struct Instruction: Sendable, Equatable {
    package let place: DockerfilePlace
    /// The joined line.
    package let text: String
    package let kind: Kind

    package enum Kind: Sendable, Equatable {
        case add(CopyFiles)
        case arg([Argument])
        case cmd(CommandLine)
        case copy(CopyFiles)
        case entrypoint(CommandLine)
        case env([Pair])
        case expose([String])
        case healthcheck(Healthcheck)
        case label([Pair])
        case maintainer(String)
        /// The deferred instruction, as text.
        case onbuild(String)
        case run(RunCommand)
        case shell([String])
        case stopsignal(String)
        case user(String)
        case volume([String])
        case workdir(String)
    }

    /// `KEY=VALUE`, both as written.
    package struct Pair: Sendable, Equatable {
        package let key: String
        package let value: String
    }

    /// `NAME` or `NAME=DEFAULT`, as written.
    package struct Argument: Sendable, Equatable {
        package let name: String
        package let value: String?
    }
}

/// The command of RUN, CMD and ENTRYPOINT.
package enum CommandLine: Sendable, Equatable {
    /// A line for the shell.
    case shell(String)
    /// `["program", "argument"]`.
    case exec([String])
}

/// COPY and ADD.
package struct CopyFiles: Sendable, Equatable {
    package var sources: [String] = []
    /// Files to be written, after those of `sources`.
    package var heredocs: [Heredoc] = []
    package var destination = ""
    /// A stage's name or number, or an image; nil for the build context.
    package var from: String?
    package var owner: String?
    package var mode: String?
    package var excluded: [String] = []
    /// `--unpack`; nil when it was not given.
    package var unpacks: Bool?
    /// `--checksum`.
    package var checksum: String?
}

package struct RunCommand: Sendable, Equatable {
    package var command: CommandLine
    package var heredocs: [Heredoc] = []
    package var mounts: [RunMount] = []
    /// `--network`: `default`, `host` or `none`.
    package var network = "default"
}

/// `RUN --mount=`: a mount for the time of the command. Text is as written: variables are expanded later.
package struct RunMount: Sendable, Equatable {
    package enum Kind: String, Sendable { case bind, cache, tmpfs }

    package var kind = Kind.bind
    package var target: String?
    package var source: String?
    package var from: String?
    /// The id of a cache; the target when absent.
    package var identifier: String?
    package var isWritable: Bool?
    /// Whether a cache is for one command at a time: `sharing=locked` or `private`.
    package var isExclusive = false
    /// The octal mode of a new cache.
    package var mode: String?
    package var owner: String?
    package var group: String?
    /// The size of a tmpfs, such as `64m`.
    package var size: String?
}

/// HEALTHCHECK. Times are in nanoseconds, 0 when not given.
package struct Healthcheck: Sendable, Equatable {
    /// `NONE`, `CMD` and a program, or `CMD-SHELL` and a line.
    package var test: [String] = []
    package var interval: Int64 = 0
    package var timeout: Int64 = 0
    package var startPeriod: Int64 = 0
    package var startInterval: Int64 = 0
    package var retries: Int64 = 0

    package init(
        test: [String] = [], interval: Int64 = 0, timeout: Int64 = 0, startPeriod: Int64 = 0, startInterval: Int64 = 0,
        retries: Int64 = 0
    ) {
        (self.test, self.interval, self.timeout) = (test, interval, timeout)
        (self.startPeriod, self.startInterval, self.retries) = (startPeriod, startInterval, retries)
    }
}
