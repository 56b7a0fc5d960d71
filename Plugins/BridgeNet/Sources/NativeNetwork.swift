import CBridgeNet
import Glibc
import PluginAPI
import PluginKit

/// Attaches one interface in process.
struct NativeNetwork {
    let list: NetworkList
    let plan: InterfacePlan
    let arguments: NetworkArguments
    /// Whether it is made in the network of a user who is not root.
    let isOfUser: Bool

    /// An address of the container with its gateway.
    private struct Given {
        let subnet: Subnet
        let gateway: Address?
    }

    // MARK: before

    /// - Throws: for arguments that this network cannot follow.
    func check() throws(PluginError) {
        if isOfUser, case .sublink(let kind, _, _) = plan.kind {
            throw PluginError(
                "cannot set up network \(list.name): \(kind) needs an interface of this host, and that needs root",
                status: SKIFF_E_DENIED)
        }
        if !arguments.ports.isEmpty && !plan.mapsPorts {
            throw PluginError("cannot map ports in network \(list.name): \(list.file) has no plugin portmap")
        }
        if let other = arguments.others.first {
            throw PluginError(
                "cannot tell network \(list.name) '\(other)': it takes portmap, IP, ipRange and MAC")
        }
        let ranges = plan.ranges.flatMap { $0 }
        for range in arguments.ranges
        where !ranges.contains(where: { $0.subnet.contains(range.first) && $0.subnet.contains(range.last) }) {
            throw PluginError("cannot use ipRange=\(range.text): it lies in no range of network \(list.name)")
        }
        for address in arguments.addresses
        where !ranges.contains(where: { $0.subnet.contains(address) && $0.gateway != address }) {
            throw PluginError("cannot use IP=\(address.text): it is no address of network \(list.name)")
        }
        if case .loopback = plan.kind, !arguments.addresses.isEmpty || arguments.mac != nil {
            throw PluginError("cannot give network \(list.name) an address: it is loopback alone")
        }
    }

    /// One line for `--explain`.
    var summary: String {
        let what =
            switch plan.kind {
            case .bridge(let name, _, _): "a pair of interfaces, one end at bridge \(name)"
            case .pointToPoint: "a pair of interfaces"
            case .sublink(let kind, _, let master): "\(kind) of \(master ?? "the interface of the default route")"
            case .loopback: "loopback"
            }
        let subnets = plan.ranges.flatMap { $0 }.map(\.subnet.text) + plan.fixed.map(\.address.text)
        let ports = arguments.ports.map { "\($0.text) to \($0.containerPort)" }
        return
            ([what] + (subnets.isEmpty ? [] : ["address of " + subnets.joined(separator: ", ")])
            + (plan.masquerades ? ["masqueraded"] : [])
            + (ports.isEmpty ? [] : ["ports " + ports.joined(separator: ", ")]))
            .joined(separator: "; ")
    }

    // MARK: attach

    var isLoopback: Bool { if case .loopback = plan.kind { true } else { false } }

    /// - Returns: descriptors that keep the mapped ports, which stay open as long as the container lives.
    func attach(_ request: NetworkRequest, _ place: ContainerPlace, _ session: Session, _ state: StateDirectory)
        throws(PluginError) -> [Int32]
    {
        if isLoopback { return [] }
        let reserved = try reservePorts()
        do throws(PluginError) {
            try state.locked { () throws(PluginError) in try make(request, place, session, state) }
        } catch {
            for file in reserved { _ = close(file) }
            throw error
        }
        return reserved
    }

    /// As for root, but with the other ends of pairs in the network of the user, and mapped ports by its keeper.
    /// - Returns: paths of leases.
    func attach(_ request: NetworkRequest, _ place: ContainerPlace, _ session: Session, _ network: UserNetwork)
        throws(PluginError) -> [String]
    {
        if isLoopback { return [] }
        let reserved = try reservePorts()
        defer { for file in reserved { _ = close(file) } }
        let state = network.state
        let owner = try self.owner(request, session)
        let given = try state.locked { () throws(PluginError) in try chooseAddresses(owner, state) }
        let leases = leases(given, state)
        do throws(PluginError) {
            // One after the other: the first makes the bridge.
            try state.locked { () throws(PluginError) in
                try session.inside(network.place, [.user, .network]) { () throws(PluginError) in
                    try makeLink(request, place, given, Self.linkName(request))
                    if plan.masquerades || isGateway { try forward(given.map(\.subnet)) }
                    if plan.masquerades { try addRules { () throws(Rules.Problem) in try Rules.masqueradeUplink() } }
                    // The container's user namespace lies in this one: no other process has to enter it.
                    guard bn_enter_network(place.network) == 0 else { throw Self.cannotEnter() }
                    try setUpInside(request.interface, given)
                    // Whoever is no root there either serves port 80 as well, as in root's containers: no port of the host is meant.
                    try HostSetting.write("0", "/proc/sys/net/ipv4/ip_unprivileged_port_start")
                }
            }
            for (map, file) in zip(arguments.ports, reserved) {
                let isIPv4 = map.address?.isIPv4 ?? true
                guard let target = given.first(where: { $0.subnet.address.isIPv4 == isIPv4 }) else {
                    throw PluginError(
                        "cannot map port \(map.text): network \(list.name) has no address of its family")
                }
                try network.forward(file, to: target.subnet.address, port: map.containerPort)
            }
            if let name = try session.text("instance") {
                for item in given { try network.name(name, item.subnet.address, place.network) }
            }
            if plan.masquerades { try network.wantUplink() }
            try tell(given, session)
        } catch {
            for lease in leases { _ = unlink(lease) }
            throw error
        }
        return leases
    }

    private func leases(_ given: [Given], _ state: StateDirectory) -> [String] {
        given.filter { address in plan.ranges.joined().contains { $0.subnet.contains(address.subnet.address) } }
            .map { state.leasePath($0.subnet.address.text, of: list.name) }
    }

    private func addRules(_ add: () throws(Rules.Problem) -> Void) throws(PluginError) {
        do throws(Rules.Problem) {
            try add()
        } catch {
            throw PluginError(error.text, status: SKIFF_E_SYSTEM)
        }
    }

    private func make(
        _ request: NetworkRequest, _ place: ContainerPlace, _ session: Session, _ state: StateDirectory
    ) throws(PluginError) {
        Attachment.finishEnding(in: state)
        var made = Attachment(owner: try owner(request, session))
        let given = try chooseAddresses(made.owner, state)
        made.leases = leases(given, state)
        let subnets = given.map(\.subnet)
        // Behind macvlan and ipvlan the host does not see the packets.
        if !isSublink {
            made.link = Self.linkName(request)
            made.elements = Rules.elements(subnets, masquerades: plan.masquerades, ports: arguments.ports)
        }
        if case .bridge(let name, _, _) = plan.kind { made.bridge = name }
        let firewalls = !isSublink && list.types.contains("firewall") ? Firewalls() : nil
        made.accepted = firewalls?.concerned(given.map(\.subnet.address)) ?? []
        let name = Attachment.name(request.container, request.index)
        do throws(StateDirectory.Problem) {
            try StateDirectory.write(made.text, to: state.statePath(name))
        } catch {
            for lease in made.leases { _ = unlink(lease) }
            throw PluginError(error.text, errno: error.errno, status: SKIFF_E_SYSTEM)
        }
        try makeLink(request, place, given, made.link)
        try Self.visit(place.network) { () throws(PluginError) in try setUpInside(request.interface, given) }
        if plan.masquerades || isGateway { try forward(subnets) }
        try addRules { () throws(Rules.Problem) in
            do throws(Rules.Problem) {
                try Rules.add(made.elements)
            } catch {
                // A port is free as soon as its command has ended; its rule may be there still.
                guard Attachment.releaseEnded(in: state) else { throw error }
                try Rules.add(made.elements)
            }
        }
        let end = made.bridge.isEmpty ? made.link : made.bridge
        for warning in firewalls?.accept(made.accepted, bridge: end) ?? [] { Kit.log(.warning, warning) }
        try tell(given, session)
    }

    /// Runs a body in a network namespace: root may return, and needs no process of its own for that.
    private static func visit(_ namespace: Int32, _ body: () throws(PluginError) -> Void) throws(PluginError) {
        let own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)
        defer { if own >= 0 { _ = close(own) } }
        guard own >= 0, bn_enter_network(namespace) == 0 else { throw cannotEnter() }
        // What comes next is meant for the host.
        defer { if bn_enter_network(own) != 0 { _exit(1) } }
        try body()
    }

    private static func cannotEnter() -> PluginError {
        PluginError("cannot enter the network of the container", errno: errno, status: SKIFF_E_SYSTEM)
    }

    /// What pasta's and slirp4netns' ends have: what they pass on is no packet of this host.
    private var mtu: UInt32 { plan.mtu == 0 && isOfUser ? 65520 : plan.mtu }

    private var isSublink: Bool { if case .sublink = plan.kind { true } else { false } }
    private var isGateway: Bool {
        switch plan.kind {
        case .bridge(_, let isGateway, _): isGateway
        case .pointToPoint: true
        case .sublink, .loopback: false
        }
    }

    /// Unique on the host: `veth`, and a hash of container and interface (FNV-1a).
    static func linkName(_ request: NetworkRequest) -> String {
        var hash: UInt32 = 0x811C_9DC5
        for byte in "\(request.container).\(request.index)".utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        let digits = String(hash, radix: 16)
        return "veth" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// Binds the ports that are mapped, so that no other program of the host has one, and gets none.
    private func reservePorts() throws(PluginError) -> [Int32] {
        var reserved: [Int32] = []
        for map in arguments.ports {
            let address = map.address ?? Address(bytes: [0, 0, 0, 0])
            let file = bn_bind(address.bytes, address.bytes.count, map.hostPort, map.isUDP ? 1 : 0)
            // The keeper of a user's network listens; root's rules catch what comes before it is heard.
            if file < 0 || isOfUser && !map.isUDP && listen(file, SOMAXCONN) != 0 {
                let number = errno
                for file in reserved + (file < 0 ? [] : [file]) { _ = close(file) }
                let hint =
                    switch number {
                    case EADDRINUSE: "\nAnother program of this host has the port; map another one"
                    case EACCES:
                        "\nPorts below net.ipv4.ip_unprivileged_port_start need root: sysctl -w "
                            + "net.ipv4.ip_unprivileged_port_start=\(map.hostPort), or another port"
                    default: ""
                    }
                throw PluginError("cannot map port \(map.text)\(hint)", errno: number, status: SKIFF_E_SYSTEM)
            }
            reserved.append(file)
        }
        return reserved
    }

    // MARK: addresses

    /// This command, with what `skiff network inspect` tells of its container.
    private func owner(_ request: NetworkRequest, _ session: Session) throws(PluginError) -> Owner {
        var owner = Owner(container: request.container)
        owner.ports = arguments.ports.map { "\($0.text):\($0.containerPort)" }
        owner.instance = try session.text("instance")
        return owner
    }

    private func chooseAddresses(_ owner: Owner, _ state: StateDirectory) throws(PluginError) -> [Given] {
        var given = plan.fixed.map { Given(subnet: $0.address, gateway: $0.gateway) }
        for set in plan.ranges {
            guard let chosen = try choose(set, owner, state) else {
                for item in given { _ = unlink(state.leasePath(item.subnet.address.text, of: list.name)) }
                let asked = arguments.addresses.map(\.text).joined(separator: ", ")
                throw PluginError(
                    asked.isEmpty
                        ? "cannot find an address in network \(list.name): all of \(set.map(\.subnet.text).joined(separator: ", ")) are taken"
                        : "cannot use IP=\(asked) in network \(list.name): another container has it")
            }
            given.append(chosen)
        }
        return given
    }

    private func choose(_ set: [AddressRange], _ owner: Owner, _ state: StateDirectory) throws(PluginError) -> Given? {
        for range in set {
            var candidate: Address? = range.first
            let asked = arguments.addresses.filter { range.subnet.contains($0) }
            let limits = arguments.ranges.filter { range.subnet.contains($0.first) }
            if !asked.isEmpty { candidate = asked[0] } else if let limit = limits.first { candidate = limit.first.next }
            var tries = 0
            while let address = candidate, range.subnet.contains(address), tries < 70_000 {
                let isWithin = asked.isEmpty ? range.holds(address) && limits.allSatisfy { $0.contains(address) } : true
                if !isWithin && asked.isEmpty && address > range.last { break }
                if isWithin, address != range.gateway, try take(address, owner, state) {
                    return Given(subnet: Subnet(address, range.subnet.prefix), gateway: range.gateway)
                }
                if !asked.isEmpty { return nil }
                candidate = address.next
                tries += 1
            }
        }
        return nil
    }

    private func take(_ address: Address, _ owner: Owner, _ state: StateDirectory) throws(PluginError) -> Bool {
        do throws(StateDirectory.Problem) {
            return try state.lease(address, of: list.name, for: owner)
        } catch {
            throw PluginError(error.text, errno: error.errno, status: SKIFF_E_SYSTEM)
        }
    }

    // MARK: links

    private func makeLink(_ request: NetworkRequest, _ place: ContainerPlace, _ given: [Given], _ link: String)
        throws(PluginError)
    {
        if case .sublink(let kind, let mode, let master) = plan.kind {
            let parent = master.map { if_nametoindex($0) } ?? bn_default_link()
            guard parent > 0 else {
                throw PluginError(
                    "cannot set up network \(list.name): there is no interface \(master ?? "with a default route")")
            }
            // The name may exist outside: it is given inside.
            try succeed("cannot make an interface of type \(kind)") {
                bn_add_sublink(kind, request.interface, parent, mode, place.network, mtu)
            }
            return
        }
        var bridge: UInt32 = 0
        if case .bridge(let name, _, _) = plan.kind { bridge = try ensureBridge(name, given) }
        let mac = arguments.mac
        try succeed("cannot make a pair of interfaces") {
            mac.map { bn_add_veth(link, request.interface, place.network, mtu, $0, bridge) }
                ?? bn_add_veth(link, request.interface, place.network, mtu, nil, bridge)
        }
        let index = if_nametoindex(link)
        // A container reaches its own mapped ports by the port that its frames come from.
        if case .bridge(_, _, let hairpin) = plan.kind, hairpin || !arguments.ports.isEmpty {
            try succeed("cannot set hairpin mode") { bn_set_hairpin(index) }
        }
        guard case .pointToPoint = plan.kind else { return }
        for item in given {
            guard let gateway = item.gateway else { continue }
            try add(Subnet(gateway, gateway.bits), to: index)
            try route(Subnet(item.subnet.address, item.subnet.address.bits), by: nil, index)
        }
        if !arguments.ports.isEmpty && !isOfUser {
            try HostSetting.write("1", "/proc/sys/net/ipv4/conf/\(link)/route_localnet")
        }
    }

    private func ensureBridge(_ name: String, _ given: [Given]) throws(PluginError) -> UInt32 {
        var index = if_nametoindex(name)
        if index == 0 {
            try succeed("cannot make bridge \(name)") { bn_add_bridge(name, mtu) }
            index = if_nametoindex(name)
            _ = bn_set_alias(index, Attachment.mark)
        } else {
            try succeed("cannot start bridge \(name)") { bn_set_up(index) }
        }
        guard Host.permits(.read, "/sys/class/net") else { return index }
        if isGateway {
            for item in given {
                if let gateway = item.gateway { try add(Subnet(gateway, item.subnet.prefix), to: index) }
            }
        }
        // Packets of the host's own loopback addresses reach containers; `Rules` keeps out those of others.
        if !arguments.ports.isEmpty && !isOfUser {
            try HostSetting.write("1", "/proc/sys/net/ipv4/conf/\(name)/route_localnet")
        }
        return index
    }

    private func setUpInside(_ interface: String, _ given: [Given]) throws(PluginError) {
        let index = if_nametoindex(interface)
        try succeed("cannot start interface \(interface)") { bn_set_up(index) }
        for item in given {
            guard case .pointToPoint = plan.kind, let gateway = item.gateway else {
                try add(item.subnet, to: index)
                continue
            }
            let own = item.subnet.address
            try add(Subnet(own, own.bits), to: index)
            try route(Subnet(gateway, gateway.bits), by: nil, index)
            try route(Subnet(item.subnet.first, item.subnet.prefix), by: gateway, index)
        }
        for route in plan.routes {
            let isIPv4 = route.destination.address.isIPv4
            let gateway = route.gateway ?? given.first { $0.subnet.address.isIPv4 == isIPv4 }?.gateway
            if given.contains(where: { $0.subnet.address.isIPv4 == isIPv4 }) {
                try self.route(route.destination, by: gateway, index)
            }
        }
        try tune(interface, index)
    }

    /// Type `tuning`.
    private func tune(_ interface: String, _ index: UInt32) throws(PluginError) {
        let tuning = plan.tuning
        for setting in tuning.settings {
            let path = setting.path.map { $0 == Tuning.interface ? interface : $0 }.joined(separator: "/")
            try HostSetting.write(setting.value, "/proc/sys/" + path)
        }
        var (set, changed): (UInt32, UInt32) = (0, 0)
        for (isSet, flag) in [(tuning.isPromiscuous, IFF_PROMISC), (tuning.hearsAllMulticast, IFF_ALLMULTI)] {
            guard let isSet else { continue }
            changed |= UInt32(flag)
            if isSet { set |= UInt32(flag) }
        }
        guard tuning.mtu != 0 || tuning.queueLength != 0 || tuning.mac != nil || changed != 0 else { return }
        // MAC= is given with the interface.
        let mac = arguments.mac == nil ? tuning.mac : nil
        try succeed("cannot tune interface \(interface)") {
            mac.map { bn_tune(index, tuning.mtu, tuning.queueLength, $0, set, changed) }
                ?? bn_tune(index, tuning.mtu, tuning.queueLength, nil, set, changed)
        }
    }

    private func add(_ subnet: Subnet, to index: UInt32) throws(PluginError) {
        try succeed("cannot add address \(subnet.text)") {
            bn_add_address(index, subnet.address.bytes, subnet.address.bytes.count, UInt8(subnet.prefix))
        }
    }

    private func route(_ destination: Subnet, by gateway: Address?, _ index: UInt32) throws(PluginError) {
        let bytes = destination.first.bytes
        try succeed("cannot add a route to \(destination.text)") {
            gateway.map { bn_add_route(index, bytes, bytes.count, UInt8(destination.prefix), $0.bytes) }
                ?? bn_add_route(index, bytes, bytes.count, UInt8(destination.prefix), nil)
        }
    }

    /// Stays on: another network of the host may need it by now.
    private func forward(_ subnets: [Subnet]) throws(PluginError) {
        if subnets.contains(where: \.address.isIPv4) { try HostSetting.write("1", "/proc/sys/net/ipv4/ip_forward") }
        if subnets.contains(where: { !$0.address.isIPv4 }) {
            try HostSetting.write("1", "/proc/sys/net/ipv6/conf/all/forwarding")
        }
    }

    private func succeed(_ what: String, _ call: () -> Int32) throws(PluginError) {
        if call() == 0 { return }
        let number = errno
        let hint =
            switch number {
            case EOPNOTSUPP: "\nThe kernel has no such type; modprobe may load it"
            case EPERM: "\nThis needs CAP_NET_ADMIN in the network namespace of the caller"
            default: ""
            }
        throw PluginError(what + hint, errno: number, status: SKIFF_E_SYSTEM)
    }

    // MARK: results

    private func tell(_ given: [Given], _ session: Session) throws(PluginError) {
        for item in given {
            try session.tell(NetworkResult(.address, item.subnet.text))
            if let gateway = item.gateway { try session.tell(NetworkResult(.gateway, gateway.text)) }
        }
        let families = Set(given.map(\.subnet.address.isIPv4))
        for route in plan.routes where families.contains(route.destination.address.isIPv4) {
            try session.tell(NetworkResult(.route, route.destination.networkText, detail: route.gateway?.text))
        }
        for map in arguments.ports {
            try session.tell(NetworkResult(.port, map.text, detail: String(map.containerPort)))
        }
        // The keeper of a user's network knows the names of the user's instances, and asks the host for others.
        let servers = isOfUser ? given.compactMap(\.gateway?.text) : NameServers.reachable
        for server in servers { try session.tell(NetworkResult(.nameServer, server)) }
    }
}
