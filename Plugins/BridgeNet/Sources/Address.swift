import Glibc

/// An address of IPv4 or IPv6.
struct Address: Hashable, Sendable, Comparable {
    /// 4 or 16, as inet_pton(3) gives them.
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    init?(_ text: some StringProtocol) {
        let text = String(text)
        var four = [UInt8](repeating: 0, count: 4)
        var sixteen = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = four
        } else if inet_pton(AF_INET6, text, &sixteen) == 1 {
            bytes = sixteen
        } else {
            return nil
        }
    }

    var isIPv4: Bool { bytes.count == 4 }
    var bits: Int { bytes.count * 8 }

    var text: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        return inet_ntop(isIPv4 ? AF_INET : AF_INET6, bytes, &buffer, socklen_t(buffer.count))
            .map { String(cString: $0) } ?? ""
    }

    /// The next one; nil after the last.
    var next: Address? {
        var bytes = bytes
        for index in bytes.indices.reversed() {
            bytes[index] = bytes[index] &+ 1
            if bytes[index] != 0 { return Address(bytes: bytes) }
        }
        return nil
    }

    /// With the bits behind the prefix all off, or all on.
    func filled(behind prefix: Int, with isOn: Bool = false) -> Address {
        var bytes = bytes
        for index in bytes.indices {
            let kept = min(max(prefix - index * 8, 0), 8)
            let rest = UInt8(truncatingIfNeeded: 0xFF >> kept)
            bytes[index] = isOn ? bytes[index] | rest : bytes[index] & ~rest
        }
        return Address(bytes: bytes)
    }

    var isLoopback: Bool { isIPv4 ? bytes[0] == 127 : self == Address("::1") }
    var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }

    static func < (left: Address, right: Address) -> Bool {
        left.bytes.count == right.bytes.count
            ? left.bytes.lexicographicallyPrecedes(right.bytes) : left.bytes.count < right.bytes.count
    }
}

/// `10.22.0.0/16`: an address and the length of its network's prefix.
struct Subnet: Hashable, Sendable {
    /// As it was written.
    let address: Address
    let prefix: Int

    init(_ address: Address, _ prefix: Int) { (self.address, self.prefix) = (address, prefix) }

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = Address(parts[0]), let prefix = UInt8(parts[1]),
            prefix <= address.bits
        else { return nil }
        self.init(address, Int(prefix))
    }

    var first: Address { address.filled(behind: prefix) }
    var last: Address { address.filled(behind: prefix, with: true) }
    var text: String { "\(address.text)/\(prefix)" }
    var networkText: String { "\(first.text)/\(prefix)" }

    func contains(_ other: Address) -> Bool {
        other.bytes.count == address.bytes.count && other.filled(behind: prefix) == first
    }
}
