import CBridgeNet

/// The rules of the host that networks need: one table of nftables, whose sets and maps have an element for each container. Nothing
/// of one container is in the way of another's, and an element is taken back by what it says.
enum Rules {
    struct Problem: Error { let text: String }

    /// Ports are only mapped for addresses of this host (`fib daddr type local`): what is merely forwarded is not touched, whatever
    /// its port (CVE-2025-67499). Packets for the loopback addresses of the host come from the host alone, although
    /// route_localnet lets its own reach containers (CVE-2020-8558).
    private static let table = """
        table inet skiff {
            map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
            map bound4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
            map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
            map bound6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
            set members4 { type ipv4_addr; }
            set members6 { type ipv6_addr; }
            set masquerade4 { type ipv4_addr; }
            set masquerade6 { type ipv6_addr; }
            set local4 { type ipv4_addr . ipv4_addr; flags interval; }
            set local6 { type ipv6_addr . ipv6_addr; flags interval; }
            chain ports {
                dnat ip to ip daddr . meta l4proto . th dport map @bound4
                dnat ip to meta l4proto . th dport map @any4
                dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6
                dnat ip6 to meta l4proto . th dport map @any6
            }
            chain prerouting {
                type nat hook prerouting priority dstnat; policy accept;
                fib daddr type local jump ports
            }
            chain output {
                type nat hook output priority -100; policy accept;
                fib daddr type local jump ports
            }
            chain postrouting {
                type nat hook postrouting priority srcnat; policy accept;
                ct status dnat ip saddr 127.0.0.0/8 ip daddr @members4 masquerade
                ct status dnat ip saddr @members4 ip daddr @members4 masquerade
                ct status dnat ip6 saddr @members6 ip6 daddr @members6 masquerade
                ip saddr . ip daddr @local4 return
                ip6 saddr . ip6 daddr @local6 return
                ip daddr 224.0.0.0/4 return
                ip6 daddr ff00::/8 return
                ip saddr @masquerade4 masquerade
                ip6 saddr @masquerade6 masquerade
            }
            chain loopback {
                type filter hook prerouting priority raw; policy accept;
                iifname != "lo" ip daddr 127.0.0.0/8 drop
            }
        }

        """

    /// Returns the elements of one container, as lines of `SET { ELEMENT }`.
    static func elements(
        _ addresses: [Subnet], masquerades: Bool, ports: [PortMap], container: String
    ) -> [String] {
        var lines: [String] = []
        for subnet in addresses {
            let address = subnet.address
            let family = address.isIPv4 ? "4" : "6"
            lines.append("members\(family) { \(address.text) }")
            if masquerades {
                lines.append("masquerade\(family) { \(address.text) }")
                lines.append("local\(family) { \(address.text) . \(subnet.networkText) }")
            }
            for map in ports where map.address == nil || map.address?.isIPv4 == address.isIPv4 {
                let key = "\(map.transport) . \(map.hostPort)"
                let target = "\(address.text) . \(map.containerPort)"
                lines.append(
                    map.address.map { "bound\(family) { \($0.text) . \(key) : \(target) }" }
                        ?? "any\(family) { \(key) : \(target) }")
            }
        }
        return lines
    }

    /// Adds the elements, all or none, after the table if that is missing.
    static func add(_ elements: [String]) throws(Problem) {
        if elements.isEmpty { return }
        let commands = elements.map { "create element inet skiff \($0)\n" }.joined()
        if case .refused = try run(commands) {
            // The table is missing, or an element of it is there already, which the second answer tells.
            if case .refused(let why) = try run(exists ? commands : table + commands) {
                throw Problem(text: "cannot add rules to nftables: " + why)
            }
        }
    }

    private static var exists: Bool {
        if case .done? = try? run("list table inet skiff\n") { return true }
        return false
    }

    /// Takes back the elements that are there.
    static func remove(_ elements: [String]) throws(Problem) {
        let commands = elements.map { "delete element inet skiff \($0)\n" }
        if case .done = try run(commands.joined()) { return }
        // One that is missing refuses them all.
        for command in commands { _ = try run(command) }
    }

    /// In the network of a user: what leaves by the uplink has its address.
    static func masqueradeUplink() throws(Problem) {
        if exists { return }
        let table = """
            table inet skiff {
                chain postrouting {
                    type nat hook postrouting priority srcnat; policy accept;
                    oifname "\(BN_UPLINK)" masquerade
                }
            }

            """
        if case .refused(let why) = try run(table) { throw Problem(text: "cannot add rules to nftables: " + why) }
    }

    static func removeTable() throws(Problem) { _ = try run("delete table inet skiff\n") }

    private enum Answer {
        case done
        case refused(String)
    }

    private static func run(_ commands: String) throws(Problem) -> Answer {
        var words = [CChar](repeating: 0, count: 1024)
        switch bn_nft(commands, &words, words.count) {
        case 0: return .done
        case 1:
            let text = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return .refused(String(text.prefix { $0 != "\n" }))
        default:
            throw Problem(
                text:
                    "cannot add rules to nftables: libnftables.so.1 cannot be opened\nInstall the package libnftables1")
        }
    }
}
