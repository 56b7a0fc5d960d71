package import Base
package import CLinux
import Linux

/// Ids of the host that a user may give out in a user namespace: a line of /etc/subuid and one of /etc/subgid; subuid(5).
package struct SubordinateIDs: Sendable, Equatable {
    package struct Range: Sendable, Equatable {
        package let first: UInt32
        package let count: UInt32
        package init(first: UInt32, count: UInt32) { (self.first, self.count) = (first, count) }
    }

    package let users: Range
    package let groups: Range
    /// Paths of the two programs that may write the maps, newuidmap(1).
    package let userMapper: String
    package let groupMapper: String

    package init(users: Range, groups: Range, userMapper: String, groupMapper: String) {
        (self.users, self.groups) = (users, groups)
        (self.userMapper, self.groupMapper) = (userMapper, groupMapper)
    }

    /// What images take for granted: all 16-bit ids.
    private static let least: UInt32 = 65536

    /// Returns the first range of the user, by name or number, that is large enough.
    package static func range(in text: [UInt8], user: String, uid: UInt32) -> Range? {
        for line in text.split(separator: 0x0A) {
            let fields = line.split(separator: 0x3A, omittingEmptySubsequences: false).map {
                String(bytes: $0)
            }
            guard fields.count == 3, fields[0] == user || fields[0] == String(uid), let first = UInt32(fields[1]),
                let count = UInt32(fields[2]), count >= least, first > 0, !first.addingReportingOverflow(count).overflow
            else { continue }
            return Range(first: first, count: count)
        }
        return nil
    }

    /// Returns the arguments of newuidmap or newgidmap: the caller is root, the range is everybody else.
    package static func words(_ mapper: String, process: pid_t, own: UInt32, _ range: Range) -> [String] {
        [lastComponent(mapper), String(process), "0", String(own), "1", "1", String(range.first), String(range.count)]
    }
}

extension SubordinateIDs {
    /// Writes the maps of a child's new user namespace, from outside.
    package func map(_ process: pid_t, uid: UInt32, gid: UInt32) throws(SkiffError) {
        for (mapper, own, range) in [(userMapper, uid, users), (groupMapper, gid, groups)] {
            let words = Self.words(mapper, process: process, own: own, range)
            let ended = try during("cannot start \(mapper)") { () throws(Errno) in
                let pid = try spawn(mapper, words, environment: [])
                return try waitFor(pid)?.status
            }
            guard ended == .exited(0) else {
                throw SkiffError(
                    "cannot map the ids of /etc/subuid: \(words.joined(separator: " ")) failed",
                    hint: "See its message above, or use --ignore-subuid")
            }
        }
    }
}
