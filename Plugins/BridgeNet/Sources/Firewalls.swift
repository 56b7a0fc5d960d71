import CBridgeNet
import Glibc
import PluginKit

/// Firewalls of the host, whose chains may drop what goes to and from containers: where one accepts a packet, another still drops
/// it. As CNI's `firewall` does, chain FORWARD of iptables gets two rules for each address; so does what Docker, ufw and others
/// have made of it.
struct Firewalls {
    /// A restoring program for each family; rules of nf_tables and of ip_tables are its affair.
    private static let programs = ["/usr/sbin/iptables-restore", "/usr/sbin/ip6tables-restore"]

    /// Those of nf_tables.
    private let chains: [bn_chain]

    /// Looks at the network namespace that this process is in.
    init() {
        var found = [bn_chain](repeating: bn_chain(), count: 64)
        found.removeLast(found.count - bn_forward_chains(&found, found.count))
        chains = found
    }

    /// The addresses for which iptables of this host has a chain FORWARD.
    func concerned(_ addresses: [Address]) -> [Address] {
        addresses.filter { address in
            Self.hasOldTable(address.isIPv4)
                || chains.contains { $0.family == Self.family(address.isIPv4) && Self.isOfTables($0) }
        }
    }

    /// Has packets of the addresses, and answers to them and what comes to a mapped port, accepted.
    /// - Parameter bridge: the interface that a user may tell a firewall about.
    /// - Returns: warnings about firewalls that only their administrator changes.
    func accept(_ addresses: [Address], bridge: String) -> [String] {
        var warnings: [String] = []
        for isIPv4 in [true, false] {
            let own = addresses.filter { $0.isIPv4 == isIPv4 }
            let program = Self.programs[isIPv4 ? 0 : 1]
            if own.isEmpty || bn_restore_rules(program, Self.rules(own, "-I FORWARD 1")) == 0 { continue }
            warnings.append(
                "chain FORWARD of this host may drop what the container sends: \(program) adds no rules to it")
        }
        if chains.contains(where: { Self.text($0.table) == "firewalld" }) {
            warnings.append(
                "firewalld may refuse what the container sends: firewall-cmd --zone=trusted --add-interface=\(bridge)")
        }
        for chain in chains where chain.drops != 0 && !Self.isOfTables(chain) {
            warnings.append(
                "chain \(Self.text(chain.name)) of nftables table \(Self.text(chain.table)) drops what it does not know: "
                    + "accept interface \(bridge) there")
        }
        return warnings
    }

    private static func isOfTables(_ chain: bn_chain) -> Bool {
        [family(true), family(false)].contains(chain.family) && text(chain.table) == "filter"
            && text(chain.name) == "FORWARD"
    }

    static func withdraw(_ addresses: [Address]) {
        for isIPv4 in [true, false] {
            let own = addresses.filter { $0.isIPv4 == isIPv4 }
            let program = programs[isIPv4 ? 0 : 1]
            if own.isEmpty || bn_restore_rules(program, rules(own, "-D FORWARD")) == 0 { continue }
            // One that is missing refuses them all.
            for rule in lines(own, "-D FORWARD") { _ = bn_restore_rules(program, "*filter\n\(rule)COMMIT\n") }
        }
    }

    private static func rules(_ addresses: [Address], _ deed: String) -> String {
        "*filter\n" + lines(addresses, deed).joined() + "COMMIT\n"
    }

    private static func lines(_ addresses: [Address], _ deed: String) -> [String] {
        let mark = "-m comment --comment skiff -j ACCEPT\n"
        return addresses.flatMap { address in
            [
                "\(deed) -s \(address.text)/\(address.bits) \(mark)",
                "\(deed) -d \(address.text)/\(address.bits) -m conntrack --ctstate RELATED,ESTABLISHED,DNAT \(mark)",
            ]
        }
    }

    /// NFPROTO_IPV4, NFPROTO_IPV6.
    private static func family(_ isIPv4: Bool) -> UInt8 { isIPv4 ? 2 : 10 }

    /// Whether ip_tables itself has such a table, beside nf_tables.
    private static func hasOldTable(_ isIPv4: Bool) -> Bool {
        let names = (try? Host.read("/proc/net/\(isIPv4 ? "ip" : "ip6")_tables_names", limit: 4096)) ?? []
        return String(decoding: names, as: UTF8.self).split(separator: "\n").contains("filter")
    }

    private static func text<Tuple>(_ place: Tuple) -> String {
        withUnsafeBytes(of: place) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
