import Base
package import Core
import Linux

/// The options of a mount of config.json, as fstab(5) writes them, those of the kernel's attributes, and `tmpcopyup`.
package struct MountOptions {
    package private(set) var isBind = false
    package private(set) var isRecursive = false
    package private(set) var copiesUp = false
    /// What the file system itself gets.
    package private(set) var data: [String] = []
    private var plain = BundleMount.Change()
    private var recursive = BundleMount.Change(isRecursive: true)
    private var propagations: [BundleMount.Change] = []

    /// What is done to the mount, in order.
    package var changes: [BundleMount.Change] {
        [plain, recursive].filter { !$0.set.isEmpty || !$0.clear.isEmpty } + propagations
    }

    var isReadOnly: Bool { plain.set.contains(.readOnly) }

    package enum Problem: Error, Equatable {
        case unknown
        case refused(String)
    }

    package init() {}

    /// All options that are not of one file system; for `features`.
    package static var known: [String] {
        let attributes = [
            "ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "nodiratime", "diratime", "nosymfollow",
            "symfollow", "noatime", "strictatime", "relatime", "atime", "norelatime", "nostrictatime",
        ]
        let ways = ["private", "slave", "unbindable"]
        let others = [
            "bind", "rbind", "tmpcopyup", "defaults", "async", "loud", "nomand", "noacl", "noiversion", "sync",
            "dirsync",
            "lazytime", "nolazytime", "silent", "mand",
        ]
        return (others + (attributes + ways).flatMap { [$0, "r" + $0] }).sorted()
    }

    private static func attribute(_ word: some StringProtocol) -> (set: MountAttributes, clear: MountAttributes)? {
        switch word {
        case "ro": (.readOnly, [])
        case "rw": ([], .readOnly)
        case "nosuid": (.noSuid, [])
        case "suid": ([], .noSuid)
        case "nodev": (.noDev, [])
        case "dev": ([], .noDev)
        case "noexec": (.noExec, [])
        case "exec": ([], .noExec)
        case "nodiratime": (.noDirectoryTimes, [])
        case "diratime": ([], .noDirectoryTimes)
        case "nosymfollow": (.noSymlinks, [])
        case "symfollow": ([], .noSymlinks)
        case "noatime": (.noAccessTimes, .accessTimes)
        case "strictatime": (.strictAccessTimes, .accessTimes)
        case "relatime", "atime", "norelatime", "nostrictatime": ([], .accessTimes)
        default: nil
        }
    }

    private static func propagation(_ word: some StringProtocol) -> Propagation? {
        switch word {
        case "private": .private
        case "slave": .slave
        case "unbindable": .unbindable
        default: nil
        }
    }

    /// Takes one option.
    package mutating func take(_ word: String) throws(Problem) {
        switch word {
        case "bind": isBind = true
        case "rbind": (isBind, isRecursive) = (true, true)
        case "tmpcopyup": copiesUp = true
        // What is so anyhow.
        case "defaults", "async", "loud", "nomand", "noacl", "noiversion": break
        case "sync", "dirsync", "lazytime", "nolazytime", "silent", "mand": data.append(word)
        case "shared", "rshared":
            throw .refused("mounts of the container would appear on the host, which skiff does not let them")
        case "remount": throw .refused("there is nothing to mount anew: give the options to the mount itself")
        case "idmap", "ridmap": throw .refused("mounts with ids of their own are not supported")
        case "": throw .unknown
        default: try takeAttribute(word)
        }
    }

    private mutating func takeAttribute(_ word: String) throws(Problem) {
        if let change = Self.attribute(word) {
            plain.add(change.set, change.clear)
        } else if let way = Self.propagation(word) {
            propagations.append(.init(propagation: way))
        } else if word.hasPrefix("r"), let way = Self.propagation(word.dropFirst()) {
            propagations.append(.init(propagation: way, isRecursive: true))
        } else if word.hasPrefix("r"), let change = Self.attribute(word.dropFirst()) {
            recursive.add(change.set, change.clear)
        } else {
            data.append(word)
        }
    }
}

extension BundleMount.Change {
    /// Of two options about one thing the later one counts.
    fileprivate mutating func add(_ set: MountAttributes, _ clear: MountAttributes) {
        self.set.subtract(clear)
        self.set.formUnion(set)
        self.clear.subtract(set)
        self.clear.formUnion(clear)
        // The kernel wants the field of access times cleared whole when a value of it is set.
        if !self.set.isDisjoint(with: .accessTimes) { self.clear.formUnion(.accessTimes) }
    }
}
