import PluginKit

/// A network as a configuration file of CNI describes it: what is done for one interface, in order.
package struct NetworkList: Sendable {
    package struct Problem: Error { let text: String }

    let file: String
    let name: String
    let version: String
    /// The members of `plugins`; the whole of a `.conf` file.
    let plugins: [JSON]

    /// Finds a network by the name inside of the files of a directory.
    /// - Returns: nil when none has it.
    static func find(_ name: String, in directory: String) throws(Problem) -> NetworkList? {
        var broken: Problem?
        for file in (try? Host.names(in: directory)) ?? [] where isConfiguration(file) {
            do throws(Problem) {
                let list = try NetworkList(reading: directory + "/" + file)
                if list.name == name { return list }
            } catch {
                // Another file may have the name.
                broken = broken ?? error
            }
        }
        if let broken { throw broken }
        return nil
    }

    /// The networks of a directory that can be read.
    static func all(in directory: String) -> [NetworkList] {
        ((try? Host.names(in: directory)) ?? []).filter(isConfiguration).compactMap {
            try? NetworkList(reading: directory + "/" + $0)
        }
    }

    private static func isConfiguration(_ name: String) -> Bool {
        [".conflist", ".conf", ".json"].contains { name.hasSuffix($0) }
    }

    init(reading file: String) throws(Problem) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Host.read(file, limit: 1 << 20)
        } catch {
            throw Problem(text: "cannot read network \(file): \(error)")
        }
        try self.init(parsing: bytes, file: file)
    }

    package init(parsing bytes: [UInt8], file: String) throws(Problem) {
        let root: JSON
        do throws(JSON.Problem) {
            root = try JSON(parsing: bytes)
        } catch {
            let before = bytes[..<error.offset]
            let line = before.count { $0 == 0x0A } + 1
            let column = error.offset - (before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0) + 1
            throw Problem(text: "cannot read network \(file): line \(line), column \(column): \(error.reason)")
        }
        guard let name = root["name"]?.text, !name.isEmpty else {
            throw Problem(text: "cannot read network \(file): it has no name")
        }
        // The rule of CNI's specification. A name is a directory of leases here.
        let isNamed = name.utf8.enumerated().allSatisfy { place, byte in
            let isAlphanumeric = byte < 0x80 && Character(UnicodeScalar(byte)).isLetter || (0x30...0x39).contains(byte)
            return isAlphanumeric || place > 0 && "_.-".utf8.contains(byte)
        }
        guard isNamed, name.utf8.count <= 200 else {
            throw Problem(
                text:
                    "cannot read network \(file): its name has to begin with a letter or digit, and to consist of these, _, . and -"
            )
        }
        let plugins = root["plugins"]?.items ?? [root]
        guard !plugins.isEmpty, plugins.allSatisfy({ $0["type"]?.text?.isEmpty == false }) else {
            throw Problem(text: "cannot read network \(file): a member of plugins has no type")
        }
        (self.file, self.name, self.plugins) = (file, name, plugins)
        version = root["cniVersion"]?.text ?? "0.4.0"
    }

    package var types: [String] { plugins.compactMap { $0["type"]?.text } }
}

/// What one interface gets, where all types of a list are done in process.
package struct InterfacePlan: Sendable {
    enum Kind: Sendable {
        case bridge(name: String, isGateway: Bool, hairpin: Bool)
        case pointToPoint
        /// `macvlan` or `ipvlan` with its mode, on an interface of the host; nil for that of the default route.
        case sublink(String, mode: UInt32, master: String?)
        case loopback
    }

    struct Route: Sendable {
        let destination: Subnet
        let gateway: Address?
    }

    var kind: Kind
    var mtu: UInt32
    var masquerades: Bool
    var mapsPorts: Bool
    /// Each is a list of ranges that together give one address.
    var ranges: [[AddressRange]]
    /// Addresses that the file names, with their gateways.
    var fixed: [(address: Subnet, gateway: Address?)]
    var routes: [Route]
    var tuning = Tuning()

    /// The types that are done in process.
    static let types: Set<String> = [
        "bridge", "ptp", "macvlan", "ipvlan", "loopback", "firewall", "portmap", "tuning",
    ]
    static let addressTypes: Set<String> = ["host-local", "static"]

    /// - Returns: nil when a program of CNI has to do it.
    package init?(_ list: NetworkList) throws(NetworkList.Problem) {
        let main = list.plugins[0]
        let ipam = main["ipam"]
        guard list.types.allSatisfy(Self.types.contains),
            Self.addressTypes.contains(ipam?["type"]?.text ?? "static"),
            list.plugins.dropFirst().allSatisfy({ ["firewall", "portmap", "tuning"].contains($0["type"]?.text) }),
            main["vlan"] == nil, main["vlanTrunk"] == nil, main["macspoofchk"] == nil
        else { return nil }
        func problem(_ text: String) -> NetworkList.Problem { .init(text: "cannot use network \(list.file): \(text)") }
        mtu = UInt32(clamping: main["mtu"]?.integer ?? 0)
        masquerades = main["ipMasq"]?.isTrue ?? false
        mapsPorts = list.types.contains("portmap")
        switch main["type"]?.text {
        case "bridge":
            let name = main["bridge"]?.text ?? "cni0"
            guard (1...15).contains(name.utf8.count), !name.utf8.contains(where: { $0 <= 0x20 || $0 == 0x2F }) else {
                throw problem("\(name) cannot be the name of a bridge")
            }
            let isGateway = main["isGateway"]?.isTrue ?? false || main["isDefaultGateway"]?.isTrue ?? false
            kind = .bridge(name: name, isGateway: isGateway, hairpin: main["hairpinMode"]?.isTrue ?? false)
        case "ptp": kind = .pointToPoint
        case "macvlan":
            let modes: [String: UInt32] = ["private": 1, "vepa": 2, "bridge": 4, "passthru": 8]
            guard let mode = modes[main["mode"]?.text ?? "bridge"] else { throw problem("unknown mode of macvlan") }
            kind = .sublink("macvlan", mode: mode, master: main["master"]?.text)
        case "ipvlan":
            let modes: [String: UInt32] = ["l2": 0, "l3": 1, "l3s": 2]
            guard let mode = modes[main["mode"]?.text ?? "l2"] else { throw problem("unknown mode of ipvlan") }
            kind = .sublink("ipvlan", mode: mode, master: main["master"]?.text)
        case "loopback": kind = .loopback
        default: throw problem("\(list.types[0]) makes no interface")
        }
        (ranges, fixed, routes) = ([], [], [])
        for item in list.plugins.dropFirst() where item["type"]?.text == "tuning" {
            do throws(Tuning.Problem) {
                try tuning.add(item)
            } catch {
                throw problem(error.text)
            }
        }
        guard let ipam else { return }
        let sets = ipam["ranges"]?.items.map(\.items) ?? (ipam["subnet"] == nil ? [] : [[ipam]])
        for set in sets {
            ranges.append(
                try set.map { item throws(NetworkList.Problem) in
                    guard let range = AddressRange(item) else { throw problem("a range of addresses is wrong") }
                    return range
                })
        }
        for item in ipam["addresses"]?.items ?? [] {
            guard let address = item["address"]?.text.flatMap({ Subnet($0) }) else {
                throw problem("an address is wrong")
            }
            fixed.append((address, item["gateway"]?.text.flatMap { Address($0) }))
        }
        for item in ipam["routes"]?.items ?? [] {
            guard let destination = item["dst"]?.text.flatMap({ Subnet($0) }) else { throw problem("a route is wrong") }
            routes.append(Route(destination: destination, gateway: item["gw"]?.text.flatMap { Address($0) }))
        }
        if main["isDefaultGateway"]?.isTrue == true {
            for size in [4, 16]
            where !routes.contains(where: { $0.destination.prefix == 0 && $0.destination.address.bytes.count == size })
            {
                let everything = Subnet(Address(bytes: [UInt8](repeating: 0, count: size)), 0)
                routes.append(Route(destination: everything, gateway: nil))
            }
        }
    }
}

/// Addresses that containers are given.
struct AddressRange: Sendable {
    var subnet: Subnet
    var first: Address
    var last: Address
    var gateway: Address

    init?(_ subnet: Subnet) {
        // Two addresses of it are no host's, and one is the gateway's.
        guard subnet.prefix <= subnet.address.bits - 2, let first = subnet.first.next else { return nil }
        self.subnet = subnet
        (gateway, self.first) = (first, first)
        last = subnet.last
        if subnet.address.isIPv4 {
            var bytes = last.bytes
            bytes[3] -= 1
            last = Address(bytes: bytes)
        }
    }

    init?(_ item: JSON) {
        guard let subnet = item["subnet"]?.text.flatMap({ Subnet($0) }) else { return nil }
        self.init(subnet)
        func address(_ key: String, _ standard: Address) -> Address? {
            guard let text = item[key]?.text else { return standard }
            return Address(text).flatMap { subnet.contains($0) ? $0 : nil }
        }
        guard let first = address("rangeStart", first), let last = address("rangeEnd", last),
            let gateway = address("gateway", gateway), first <= last
        else { return nil }
        (self.first, self.last, self.gateway) = (first, last, gateway)
    }

    func holds(_ address: Address) -> Bool { subnet.contains(address) && first <= address && address <= last }
}
