import CBridgeNet
import Glibc

/// The rules of the host that networks need: one table of nftables, whose sets and maps have an element for each container. Nothing
/// of one container is in the way of another's, and an element is taken back by what it says.
///
///     table inet skiff {
///         map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
///         map bound4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
///         map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
///         map bound6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
///         set members4 { type ipv4_addr; }
///         set members6 { type ipv6_addr; }
///         set masquerade4 { type ipv4_addr; }
///         set masquerade6 { type ipv6_addr; }
///         set local4 { type ipv4_addr . ipv4_addr; flags interval; }
///         set local6 { type ipv6_addr . ipv6_addr; flags interval; }
///         chain ports {
///             dnat ip to ip daddr . meta l4proto . th dport map @bound4
///             dnat ip to meta l4proto . th dport map @any4
///             dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6
///             dnat ip6 to meta l4proto . th dport map @any6
///         }
///         chain prerouting {
///             type nat hook prerouting priority dstnat; policy accept;
///             fib daddr type local jump ports
///         }
///         chain output {
///             type nat hook output priority -100; policy accept;
///             fib daddr type local jump ports
///         }
///         chain postrouting {
///             type nat hook postrouting priority srcnat; policy accept;
///             ct status dnat ip saddr 127.0.0.0/8 ip daddr @members4 masquerade
///             ct status dnat ip saddr @members4 ip daddr @members4 masquerade
///             ct status dnat ip6 saddr @members6 ip6 daddr @members6 masquerade
///             ip saddr . ip daddr @local4 return
///             ip6 saddr . ip6 daddr @local6 return
///             ip daddr 224.0.0.0/4 return
///             ip6 daddr ff00::/8 return
///             ip saddr @masquerade4 masquerade
///             ip6 saddr @masquerade6 masquerade
///         }
///         chain spoofed {
///             type filter hook prerouting priority raw; policy accept;
///             iifname != "lo" ip daddr 127.0.0.0/8 drop
///             iifname != "lo" ip saddr 127.0.0.0/8 drop
///             iifgroup 0x736b6966 fib saddr . iif oif 0 drop
///         }
///     }
///
/// Ports are only mapped for addresses of this host (`fib daddr type local`): what is merely forwarded is not touched, whatever
/// its port (CVE-2025-67499). Packets for the loopback addresses of the host, and from them, come from the host alone, although
/// route_localnet lets its own reach containers (CVE-2020-8558). What comes from a container has an address that lies there: the
/// group is that of our bridges and pairs.
enum Rules {
    struct Problem: Error {
        let text: String

        init(_ number: Int32) {
            let reason =
                switch number {
                case EEXIST: "an address or port of the container has one already"
                case EPERM: "operation not permitted\nThis needs CAP_NET_ADMIN in the network namespace of the caller"
                case EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT, ENOENT:
                    "\(String(cString: strerror(number)).lowercased())\nThe kernel lacks nf_tables, or its part for nat or fib; modprobe nf_tables may load it"
                default: String(cString: strerror(number)).lowercased()
                }
            text = "cannot add rules to nftables: " + reason
        }
    }

    /// An element of one of the sets and maps, in the kernel's form: parts of a key fill four bytes each.
    struct Element: Equatable {
        let set: String
        let key: [UInt8]
        /// The upper end of an interval; empty without.
        var end: [UInt8] = []
        /// Empty in a set.
        var data: [UInt8] = []

        init(_ set: String, _ key: [UInt8], end: [UInt8] = [], data: [UInt8] = []) {
            (self.set, self.key, self.end, self.data) = (set, key, end, data)
        }

        /// `SET KEY END DATA` in hexadecimal digits, `-` for nothing.
        var text: String { ([set] + [key, end, data].map(Self.digits)).joined(separator: " ") }

        init?(parsing text: String) {
            let words = text.split(separator: " ").map(String.init)
            guard words.count == 4, let key = Self.bytes(words[1]), let end = Self.bytes(words[2]),
                let data = Self.bytes(words[3])
            else { return nil }
            self.init(words[0], key, end: end, data: data)
        }

        private static func digits(_ bytes: [UInt8]) -> String {
            bytes.isEmpty ? "-" : bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }

        private static func bytes(_ digits: String) -> [UInt8]? {
            if digits == "-" { return [] }
            let all = Array(digits.utf8)
            guard all.count % 2 == 0, all.count <= 128 else { return nil }
            let bytes = stride(from: 0, to: all.count, by: 2).map {
                UInt8(String(decoding: all[$0..<$0 + 2], as: UTF8.self), radix: 16)
            }
            return bytes.contains(nil) ? nil : bytes.compactMap { $0 }
        }
    }

    /// Returns the elements of one container.
    static func elements(_ addresses: [Subnet], masquerades: Bool, ports: [PortMap]) -> [Element] {
        var elements: [Element] = []
        for subnet in addresses {
            let address = subnet.address
            let family = address.isIPv4 ? "4" : "6"
            elements.append(Element("members" + family, address.bytes))
            if masquerades {
                elements.append(Element("masquerade" + family, address.bytes))
                elements.append(
                    Element(
                        "local" + family, address.bytes + subnet.first.bytes, end: address.bytes + subnet.last.bytes))
            }
            for map in ports where map.address == nil || map.address?.isIPv4 == address.isIPv4 {
                let key = [map.isUDP ? 17 : 6, 0, 0, 0] + port(map.hostPort)
                elements.append(
                    Element(
                        (map.address == nil ? "any" : "bound") + family, (map.address?.bytes ?? []) + key,
                        data: address.bytes + port(map.containerPort)))
            }
        }
        return elements
    }

    private static func port(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF), 0, 0] }

    /// Adds the elements, all or none, after the table if that is missing.
    static func add(_ elements: [Element]) throws(Problem) {
        if elements.isEmpty { return }
        let isFirst = bn_has_table() == 0
        let result = send {
            if isFirst { bn_batch_table($0) }
            put(elements, isNew: true, in: $0)
        }
        if result != 0 { throw Problem(errno) }
    }

    /// Takes back the elements that are there.
    /// - Returns: a socket whose close waits until the kernel has freed them, or -1: the caller's.
    static func remove(_ elements: [Element]) throws(Problem) -> Int32 {
        var socket: Int32 = -1
        if elements.isEmpty || send({ put(elements, isNew: false, in: $0) }, &socket) == 0 { return socket }
        let number = errno
        if socket >= 0 { _ = close(socket) }
        guard number == ENOENT else { throw Problem(number) }
        // One that is missing refuses them all.
        for element in elements { _ = send { put([element], isNew: false, in: $0) } }
        return -1
    }

    /// In the network of a user: what leaves by the uplink has its address.
    static func masqueradeUplink() throws(Problem) {
        if bn_has_table() == 0, send(bn_batch_uplink_table) != 0 { throw Problem(errno) }
    }

    /// - Returns: as `remove`.
    static func removeTable() throws(Problem) -> Int32 {
        var socket: Int32 = -1
        if send(bn_batch_remove_table, &socket) == 0 { return socket }
        let number = errno
        if socket >= 0 { _ = close(socket) }
        guard number == ENOENT else { throw Problem(number) }
        return -1
    }

    private static func send(_ fill: (OpaquePointer) -> Void, _ socket: UnsafeMutablePointer<Int32>? = nil) -> Int32 {
        guard let batch = bn_batch_begin() else { return -1 }
        fill(batch)
        return bn_batch_send(batch, socket)
    }

    private static func put(_ elements: [Element], isNew: Bool, in batch: OpaquePointer) {
        func pointer(_ bytes: [UInt8], _ body: (UnsafePointer<UInt8>?) -> Void) {
            bytes.withUnsafeBufferPointer { body(bytes.isEmpty ? nil : $0.baseAddress) }
        }
        for element in elements {
            pointer(element.key) { key in
                pointer(element.end) { end in
                    pointer(element.data) { data in
                        bn_batch_element(
                            batch, isNew ? 1 : 0, element.set, key, end, element.key.count, data, element.data.count)
                    }
                }
            }
        }
    }
}
