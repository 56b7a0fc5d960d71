import PluginKit

/// What type `tuning` of CNI changes in a container's network namespace.
struct Tuning: Sendable {
    struct Problem: Error { let text: String }

    struct Setting: Sendable, Equatable {
        /// Below /proc/sys; `Tuning.interface` stands for the interface's name.
        let path: [String]
        let value: String
    }

    /// As CNI's program has it.
    static let interface = "IFNAME"

    var settings: [Setting] = []
    /// 0 leaves it as it is.
    var mtu: UInt32 = 0
    /// 0 leaves it as it is; packets.
    var queueLength: UInt32 = 0
    /// Six bytes.
    var mac: [UInt8]?
    var isPromiscuous: Bool?
    var hearsAllMulticast: Bool?

    /// Reads a member of a list.
    /// - Throws: for a setting that is none of the network's, and values of the wrong kind.
    mutating func add(_ item: JSON) throws(Problem) {
        if let list = item["sysctl"] {
            guard case .object(let members) = list else { throw Problem(text: "sysctl of type tuning is no object") }
            for member in members { settings.append(try Self.setting(member)) }
        }
        mtu = try Self.number(item, "mtu") ?? mtu
        queueLength = try Self.number(item, "txQLen") ?? queueLength
        isPromiscuous = try Self.flag(item, "promisc") ?? isPromiscuous
        hearsAllMulticast = try Self.flag(item, "allmulti") ?? hearsAllMulticast
        if let text = item["mac"]?.text, !text.isEmpty {
            let bytes = text.split(separator: ":", omittingEmptySubsequences: false)
                .map { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
            guard bytes.count == 6, !bytes.contains(nil) else {
                throw Problem(text: "mac of type tuning is no hardware address")
            }
            mac = bytes.compactMap { $0 }
        }
    }

    /// Only settings of the namespace itself: others are those of the host.
    private static func setting(_ member: JSON.Member) throws(Problem) -> Setting {
        // A name of an interface may have a dot where the words are parted by slashes; sysctl.d(5).
        let separator: Character = member.name.contains("/") ? "/" : "."
        let path = member.name.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
        guard path.count > 1, path[0] == "net", !path.contains(where: { ["", ".", ".."].contains($0) }) else {
            throw Problem(text: "sysctl \(member.name) of type tuning is none of a network")
        }
        guard let value = member.value.text, !value.contains("\n") else {
            throw Problem(text: "sysctl \(member.name) of type tuning has no text")
        }
        return Setting(path: path, value: value)
    }

    private static func number(_ item: JSON, _ key: String) throws(Problem) -> UInt32? {
        guard let value = item[key], value != .null else { return nil }
        guard let number = value.integer.flatMap({ UInt32(exactly: $0) }) else {
            throw Problem(text: "\(key) of type tuning is no number")
        }
        return number
    }

    private static func flag(_ item: JSON, _ key: String) throws(Problem) -> Bool? {
        switch item[key] {
        case nil, .null: return nil
        case .bool(let value): return value
        default: throw Problem(text: "\(key) of type tuning is neither true nor false")
        }
    }
}
