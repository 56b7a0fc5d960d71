package import Base
import Linux

/// What `--security` asks for (Docs/spec/runtime.md §10): `seccomp:FILE`, `apparmor:PROFILE`, `selinux:LABEL`, `uid:N`,
/// `gid:N[:N…]`.
package struct SecurityOptions: Sendable, Equatable {
    /// As they were given.
    package let words: [String]
    /// The file of a profile of system calls.
    package private(set) var seccomp: String?
    package private(set) var label: SecurityLabel?
    package private(set) var uid: UInt32?
    /// The group, then the supplementary groups; empty for the caller's.
    package private(set) var gids: [UInt32] = []

    /// Whether the program gets other ids than its caller's.
    package var changesUser: Bool { uid != nil || !gids.isEmpty }

    /// None.
    package init() { words = [] }

    /// - Throws: for an option that is not one of these, that stands twice, or that has a bad value.
    package init(_ words: [String]) throws(SkiffError) {
        self.words = words
        for word in words {
            let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[1].isEmpty else { throw Self.unknown(word) }
            try take(parts[0], parts[1], word)
        }
    }

    private mutating func take(_ name: String, _ value: String, _ word: String) throws(SkiffError) {
        func once(_ isSet: Bool) throws(SkiffError) {
            if isSet { throw SkiffError("cannot use --security \(word): \(name) stands twice") }
        }
        switch name {
        case "seccomp":
            try once(seccomp != nil)
            seccomp = value
        case "apparmor", "selinux":
            if let label, label.module != name {
                throw SkiffError(
                    "failed to apply security configuration: you can't specify both an apparmor profile and a selinux label"
                )
            }
            try once(label != nil)
            label = name == "apparmor" ? .appArmor(value) : .seLinux(value)
        case "uid":
            try once(uid != nil)
            uid = try Self.id(value, "UID")
        case "gid":
            try once(!gids.isEmpty)
            gids = try value.split(separator: ":", omittingEmptySubsequences: false).map { part throws(SkiffError) in
                try Self.id(String(part), "GID")
            }
        default: throw Self.unknown(word)
        }
    }

    private static func unknown(_ word: String) -> SkiffError {
        SkiffError(
            "cannot use --security \(word): it is no option that skiff knows",
            hint: "There are seccomp:FILE, apparmor:PROFILE, selinux:LABEL, uid:N and gid:N")
    }

    /// The last number is the kernel's word for "unchanged"; setresuid(2).
    private static func id(_ text: String, _ kind: String) throws(SkiffError) -> UInt32 {
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber, let id = UInt32(text), id != .max else {
            let reason = isNumber ? "value out of range" : "invalid syntax"
            throw SkiffError(
                "Could not configure target UID/GID: failed to parse provided \(kind): strconv.ParseUint: parsing "
                    + "\"\(text)\": \(reason)")
        }
        return id
    }
}

/// The label of a Linux security module under which the program starts.
package enum SecurityLabel: Sendable, Equatable {
    case appArmor(String)
    case seLinux(String)

    /// `apparmor` or `selinux`.
    package var module: String {
        switch self {
        case .appArmor: "apparmor"
        case .seLinux: "selinux"
        }
    }

    package var value: String {
        switch self {
        case .appArmor(let profile): profile
        case .seLinux(let label): label
        }
    }

    package var text: String { module + ":" + value }

    /// - Parameter text: as `text` gives it.
    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "apparmor": self = .appArmor(parts[1])
        case "selinux": self = .seLinux(parts[1])
        default: return nil
        }
    }
}
