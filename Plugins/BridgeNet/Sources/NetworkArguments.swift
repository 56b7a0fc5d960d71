/// A port of the host that leads into the container.
struct PortMap: Hashable, Sendable {
    /// Nil: every address of the host.
    var address: Address?
    var hostPort: UInt16
    var containerPort: UInt16
    var isUDP: Bool

    var transport: String { isUDP ? "udp" : "tcp" }
    var text: String {
        let host = address.map { $0.isIPv4 ? $0.text + ":" : "[\($0.text)]:" } ?? ""
        return "\(host)\(hostPort)/\(transport)"
    }

    /// `[ADDRESS:]HOST[:CONTAINER]/tcp`; Docs/spec/runtime.md §9 has it without the address.
    init?(_ text: String) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, ["tcp", "udp"].contains(halves[1]) else { return nil }
        isUDP = halves[1] == "udp"
        var rest = halves[0]
        address = nil
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]"),
                let given = Address(rest[rest.index(after: rest.startIndex)..<end])
            else { return nil }
            address = given
            rest = rest[rest.index(after: end)...]
            guard rest.hasPrefix(":") else { return nil }
            rest = rest.dropFirst()
        } else if let colon = rest.firstIndex(of: ":"), rest[..<colon].contains(".") {
            guard let given = Address(rest[..<colon]) else { return nil }
            address = given
            rest = rest[rest.index(after: colon)...]
        }
        let ports = rest.split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) }
        guard (1...2).contains(ports.count), let host = ports[0], host > 0, let container = ports.last ?? nil,
            container > 0
        else { return nil }
        (hostPort, containerPort) = (host, container)
        if address?.isUnspecified == true { address = nil }
    }
}

/// What `--network-args` says to one network.
struct NetworkArguments: Sendable {
    struct Problem: Error { let text: String }

    var ports: [PortMap] = []
    /// `IP=`.
    var addresses: [Address] = []
    var ranges: [Subnet] = []
    /// `MAC=`, six bytes.
    var mac: [UInt8]?
    /// Those that only programs of CNI know.
    var others: [String] = []

    init(_ arguments: [String]) throws(Problem) {
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let (key, value) = (parts[0], parts.count > 1 ? parts[1] : "")
            switch key {
            case "portmap":
                guard let map = PortMap(value) else {
                    throw Problem(
                        text: "cannot map port '\(value)': it is not HOST[:CONTAINER]/tcp or /udp\n"
                            + "Write it like portmap=8080:80/tcp, or portmap=127.0.0.1:8080:80/tcp for one address")
                }
                ports.append(map)
            case "IP", "ips":
                for text in value.split(separator: ",") {
                    guard let address = Address(text.prefix { $0 != "/" }) else {
                        throw Problem(text: "cannot use \(key)=\(value): \(text) is not an IP address")
                    }
                    addresses.append(address)
                }
            case "ipRange":
                guard let range = Subnet(value) else {
                    throw Problem(text: "cannot use ipRange=\(value): it is not a network like 10.22.5.0/24")
                }
                ranges.append(range)
            case "MAC", "mac":
                let bytes = value.split(separator: ":", omittingEmptySubsequences: false).map { UInt8($0, radix: 16) }
                guard bytes.count == 6, !bytes.contains(nil), bytes[0].map({ $0 & 1 == 0 }) == true else {
                    throw Problem(text: "cannot use \(key)=\(value): it is not the address of an interface")
                }
                mac = bytes.compactMap { $0 }
            default: others.append(argument)
            }
        }
        for (index, map) in ports.enumerated() {
            let same = ports[..<index].first {
                $0.hostPort == map.hostPort && $0.isUDP == map.isUDP && $0.address == map.address
            }
            if same != nil { throw Problem(text: "cannot map port \(map.text) twice") }
        }
    }
}
