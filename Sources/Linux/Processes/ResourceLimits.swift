package import CLinux

/// A resource limit of this process; getrlimit(2). `UInt64.max` stands for none.
package struct ResourceLimit: Sendable, Equatable {
    package var soft: UInt64
    package var hard: UInt64

    package init(soft: UInt64, hard: UInt64) { (self.soft, self.hard) = (soft, hard) }

    /// The kernel's numbers, the same on all processors but MIPS, Alpha and SPARC; asm-generic/resource.h.
    package enum Name: CInt, Sendable, CaseIterable {
        case cpu, fsize, data, stack, core, rss, nproc, nofile, memlock, `as`, locks, sigpending, msgqueue, nice, rtprio
        case rttime

        /// - Parameter text: `RLIMIT_MEMLOCK`.
        package init?(_ text: String) {
            guard let found = Self.allCases.first(where: { $0.text == text }) else { return nil }
            self = found
        }

        package var text: String { "RLIMIT_" + "\(self)".uppercased() }
    }

    package static func current(_ name: Name) throws(Errno) -> ResourceLimit {
        var limit = ResourceLimit(soft: 0, hard: 0)
        _ = try checked { skl_limit_get(name.rawValue, &limit.soft, &limit.hard) }
        return limit
    }

    /// - Throws: `EPERM` when the hard limit is above the current one and this process may not raise it.
    package func set(_ name: Name) throws(Errno) { _ = try checked { skl_limit_set(name.rawValue, soft, hard) } }
}

/// setgroups(2).
package func setGroups(_ groups: [gid_t]) throws(Errno) { _ = try checked { setgroups(groups.count, groups) } }
