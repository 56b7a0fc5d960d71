package import Base
import CLinux
import Linux

/// /etc/subuid or /etc/subgid; subuid(5). Apptainer switches a line off by an exclamation mark in front of it.
struct SubordinateFile {
    private static let size: UInt32 = 65536
    /// The highest range that Apptainer gives.
    private static let highest: UInt32 = 4_294_836_224

    private struct Entry {
        var owner: String
        var first: UInt64
        var count: UInt64
        var isDisabled: Bool

        init?(_ line: [UInt8]) {
            let parts = String(bytes: line).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, let first = UInt64(parts[1]), let count = UInt64(parts[2]),
                first <= UInt64(UInt32.max), count <= UInt64(UInt32.max)
            else { return nil }
            isDisabled = parts[0].hasPrefix("!")
            owner = isDisabled ? String(parts[0].dropFirst()) : parts[0]
            (self.first, self.count) = (first, count)
        }
    }

    private let path: String
    private var lines: [[UInt8]]

    init(_ bytes: [UInt8], path: String) {
        self.path = path
        lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0) }
        if lines.last?.isEmpty == true { lines.removeLast() }
    }

    var bytes: [UInt8] { lines.flatMap { $0 + [UInt8(ascii: "\n")] } }

    /// The line with the range that --fakeroot uses: one of 65536 ids or more, under the name or the number of the user.
    private func find(_ user: UserRecord) -> Int? {
        lines.firstIndex { line in
            guard let entry = Entry(line), entry.count >= UInt64(Self.size) else { return false }
            return entry.owner == user.name || entry.owner == String(user.uid)
        }
    }

    private func place(_ user: UserRecord) throws(SkiffError) -> Int {
        guard let place = find(user) else {
            throw SkiffError("no mapping entry found in \(path) for \(user.name)")
        }
        return place
    }

    /// - Returns: whether the user has a range that is switched off, which stays so.
    mutating func add(_ user: UserRecord) throws(SkiffError) -> Bool {
        if let place = find(user) { return Entry(lines[place])?.isDisabled ?? false }
        let taken = lines.compactMap { Entry($0) }
        var first = UInt64(Self.highest)
        while first >= UInt64(Self.size) {
            let end = first + UInt64(Self.size)
            if !taken.contains(where: { $0.first < end && first < $0.first + $0.count }) {
                lines.append("\(user.uid):\(first):\(Self.size)".bytes)
                return false
            }
            first -= UInt64(Self.size)
        }
        throw SkiffError("no range of \(Self.size) ids is free in \(path)")
    }

    mutating func remove(_ user: UserRecord) throws(SkiffError) { lines.remove(at: try place(user)) }

    mutating func enable(_ user: UserRecord, _ isEnabled: Bool) throws(SkiffError) {
        let place = try place(user)
        guard let entry = Entry(lines[place]), entry.isDisabled == isEnabled else { return }
        lines[place] = isEnabled ? Array(lines[place].dropFirst()) : [UInt8(ascii: "!")] + lines[place]
    }
}

/// The ranges of ids of users: `config fakeroot` (Docs/spec/cli.md §13).
package enum SubordinateRanges {
    package enum Change: String, Sendable {
        case add = "adding"
        case remove = "removing"
        case enable = "enabling"
        case disable = "disabling"
    }

    /// Changes both files for a user; the second is not touched when the first cannot be changed.
    package static func apply(_ change: Change, to name: String, command: String) throws(SkiffError) {
        guard effectiveUID() == 0 else { throw SkiffError("\"\(command)\" command requires root privileges") }
        guard let user = userRecord(name: name) else {
            throw SkiffError(
                "while \(change.rawValue) \(name): could not retrieve user information for \(name): user: unknown user "
                    + name)
        }
        for path in ["/etc/subuid", "/etc/subgid"] {
            do throws(SkiffError) {
                try apply(change, to: user, path)
            } catch {
                throw SkiffError(
                    "while \(change.rawValue) \(name): \(error.message)", errno: error.errno, hint: error.hint)
            }
        }
    }

    private static func apply(_ change: Change, to user: UserRecord, _ path: String) throws(SkiffError) {
        let file = LockedFile(path)
        try file.whileLocked { () throws(SkiffError) in
            let before = try file.read(limit: 16 << 20) ?? []
            var entries = SubordinateFile(before, path: path)
            switch change {
            case .add:
                if try entries.add(user) {
                    Log.warning("The range of \(user.name) in \(path) is switched off: use --enable")
                }
            case .remove: try entries.remove(user)
            case .enable: try entries.enable(user, true)
            case .disable: try entries.enable(user, false)
            }
            if entries.bytes == before { return }
            try during("cannot write \(path)") { () throws(Errno) in try file.write(entries.bytes) }
        }
    }
}
