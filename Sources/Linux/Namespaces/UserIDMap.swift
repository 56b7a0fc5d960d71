/// The ids of a user namespace: /proc/PID/uid_map; user_namespaces(7).
package struct UserIDMap: Sendable, Equatable {
    package struct Range: Sendable, Equatable {
        package let inside: UInt32
        package let outside: UInt32
        package let count: UInt32

        package init(inside: UInt32, outside: UInt32, count: UInt32) {
            (self.inside, self.outside, self.count) = (inside, outside, count)
        }

        /// As the kernel reads it from uid_map and gid_map.
        package var line: String { "\(inside) \(outside) \(count)\n" }
    }

    package let ranges: [Range]

    /// Text without three numbers in each line is a map without ids.
    package init(parsing bytes: [UInt8]) {
        var ranges: [Range] = []
        for line in bytes.split(separator: ASCII.newline) {
            let fields = line.split(separator: ASCII.space)
            let numbers = fields.compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
            guard fields.count == 3, numbers.count == 3 else {
                self.ranges = []
                return
            }
            ranges.append(Range(inside: numbers[0], outside: numbers[1], count: numbers[2]))
        }
        self.ranges = ranges
    }

    /// Nil without /proc.
    package static var ofThisProcess: UserIDMap? {
        (try? readFile("/proc/self/uid_map", limit: 1 << 16)).map(UserIDMap.init(parsing:))
    }

    /// Whether it is the map of the first user namespace, where the kernel lets root mount block devices and give files
    /// to anybody.
    package var isInitial: Bool { ranges == [Range(inside: 0, outside: 0, count: .max)] }

    /// The map of a namespace below this one in which every id is the same as here. It is never the map of the first
    /// namespace: a process must see that it lives in another.
    package var keepingIDs: [Range] {
        ranges.flatMap { range in
            let half = range.count / 2
            let parts = [
                Range(inside: range.inside, outside: range.inside, count: half),
                Range(inside: range.inside + half, outside: range.inside + half, count: range.count - half),
            ]
            return isInitial ? parts : [Range(inside: range.inside, outside: range.inside, count: range.count)]
        }
    }

    /// Whether each of these ids is the same inside as outside.
    package func keeps(_ first: UInt32, count: UInt32) -> Bool {
        ranges.contains {
            $0.inside == $0.outside && first >= $0.inside && first - $0.inside < $0.count
                && count <= $0.count - (first - $0.inside)
        }
    }

    /// The only range, if it has a single id.
    package var soleID: Range? { ranges.count == 1 && ranges[0].count == 1 ? ranges[0] : nil }
}

/// Returns whether this process lives in the first user namespace, as far as /proc tells.
package func inInitialUserNamespace() -> Bool { UserIDMap.ofThisProcess?.isInitial ?? true }
