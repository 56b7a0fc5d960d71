package import Linux

/// What the program gets besides what every launch decides: entries that plugins add to the plan.
package struct ProgramAttributes: Sendable, Equatable {
    /// Who asked for something, and why; for `--explain`.
    package struct Cause: Sendable, Equatable {
        package var reason: String
        /// The id of a plugin.
        package var origin: String

        package init(reason: String, origin: String) { (self.reason, self.origin) = (reason, origin) }

        var text: String { "\(reason), \(origin)" }
    }

    package struct Group: Sendable, Equatable {
        /// As the host counts.
        package var gid: UInt32
        package var cause: Cause

        package init(gid: UInt32, cause: Cause) { (self.gid, self.cause) = (gid, cause) }
    }

    package struct Limit: Sendable, Equatable {
        package var resource: ResourceLimit.Name
        package var value: ResourceLimit
        package var cause: Cause

        package init(resource: ResourceLimit.Name, value: ResourceLimit, cause: Cause) {
            (self.resource, self.value, self.cause) = (resource, value, cause)
        }
    }

    package struct Filter: Sendable, Equatable {
        /// An array of `struct sock_filter`; seccomp(2).
        package var program: [UInt8]
        package var cause: Cause

        package init(program: [UInt8], cause: Cause) { (self.program, self.cause) = (program, cause) }
    }

    package struct Sysctl: Sendable, Equatable {
        /// `net.core.somaxconn`.
        package var name: String
        package var value: String
        package var cause: Cause

        package init(name: String, value: String, cause: Cause) {
            (self.name, self.value, self.cause) = (name, value, cause)
        }

        /// Below /proc/sys.
        var path: String { name.split(separator: ".", omittingEmptySubsequences: false).joined(separator: "/") }
    }

    package struct Wrapper: Sendable, Equatable {
        /// An absolute path in the container, and arguments.
        package var words: [[UInt8]]
        package var cause: Cause

        package init(words: [[UInt8]], cause: Cause) { (self.words, self.cause) = (words, cause) }
    }

    package var groups: [Group] = []
    package var limits: [Limit] = []
    package var filters: [Filter] = []
    package var sysctls: [Sysctl] = []
    /// The last one is executed first.
    package var wrappers: [Wrapper] = []

    package init() {}

    /// Adds a limit. Of two for one resource the lower values count.
    package mutating func add(_ limit: Limit) {
        guard let index = limits.firstIndex(where: { $0.resource == limit.resource }) else {
            limits.append(limit)
            return
        }
        limits[index].value.soft = min(limits[index].value.soft, limit.value.soft)
        limits[index].value.hard = min(limits[index].value.hard, limit.value.hard)
        limits[index].cause.origin += ", " + limit.cause.origin
    }

    /// The words that stand in front of the program.
    var wrapper: [[UInt8]] { wrappers.reversed().flatMap(\.words) }
}
