import Glibc
import PluginAPI
public import PluginKit

/// The networks of CNI's configuration files, for `--network`: bridges, pairs, macvlan and ipvlan with addresses, port maps and
/// masquerading in process; other types by programs of CNI.
public final class BridgeNet: NetworkPlugin {
    public let id = "org.skiff.bridge-net"
    public let version = "0.1.0"
    public let name = "BridgeNet"
    public let phases: Set<PluginPhase> = []

    public init() {}

    public var handlers: [Handler] {
        [
            .strings("network") { session, list, count in
                Kit.run { () throws(PluginError) in
                    guard let session = Session(session) else { return }
                    try NetworkCommand(session).run(Kit.strings(list, count))
                }
            }
        ]
    }

    /// Networks that were taken on, by their place in `--network`.
    private var networks: [Int: Way] = [:]
    private var records: [Int: UInt64] = [:]
    /// Descriptors that keep ports.
    private var reserved: [Int: [Int32]] = [:]
    /// That of a user who is not root, from `prepare` to the end of the container.
    private var userNetwork: UserNetwork?
    /// Paths of leases in it.
    private var leases: [Int: [String]] = [:]

    private enum Way {
        case native(NativeNetwork)
        case programs(ProgramNetwork)
        case instance(InstanceNetwork)
    }

    public func validate(_ request: NetworkRequest, _ session: Session) throws(PluginError) -> Bool {
        if let joined = try InstanceNetwork(request, session) {
            networks[request.index] = .instance(joined)
            return true
        }
        let found: NetworkList?
        let directory = try Self.configurations(session)
        do throws(NetworkList.Problem) {
            found = try NetworkList.find(request.network, in: directory)
        } catch {
            throw PluginError(error.text)
        }
        guard let found else { return false }
        networks[request.index] = try way(found, request.arguments, session)
        return true
    }

    private func way(_ list: NetworkList, _ words: [String], _ session: Session) throws(PluginError) -> Way {
        let directories = try Self.programs(session)
        let network: NativeNetwork
        let isOfUser = try session.number("uid") != 0
        do throws(NetworkArguments.Problem) {
            let arguments = try NetworkArguments(words)
            do throws(NetworkList.Problem) {
                guard let plan = try InterfacePlan(list) else {
                    if isOfUser {
                        throw NetworkList.Problem(
                            text:
                                "cannot set up network \(list.name): programs of CNI have to make it, and that needs root"
                        )
                    }
                    return .programs(try ProgramNetwork(list, arguments, directories: directories))
                }
                network = NativeNetwork(list: list, plan: plan, arguments: arguments, isOfUser: isOfUser)
            } catch {
                throw NetworkArguments.Problem(text: error.text)
            }
        } catch {
            throw PluginError(error.text)
        }
        try network.check()
        return .native(network)
    }

    /// `cni configuration path`, or `network` beside skiff.conf.
    static func configurations(_ session: Session) throws(PluginError) -> String {
        let given = try session.configuration("cni configuration path").first ?? ""
        return given.isEmpty ? try session.directory("configuration") + "/network" : given
    }

    /// `cni plugin path`, or where distributions have them.
    static func programs(_ session: Session) throws(PluginError) -> [String] {
        let given = try session.configuration("cni plugin path").first ?? ""
        let list = given.isEmpty ? try session.variable("CNI_PATH") ?? "" : given
        let own = list.split(separator: ":").map(String.init)
        return own.isEmpty ? ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"] : own
    }

    public func prepare(_ request: NetworkRequest, _ session: Session) throws(PluginError) {
        switch networks[request.index] {
        case .native(let network):
            try session.note("\(request.interface): \(network.summary)")
            // The container's user namespace has to be made inside that of the network: it is needed now.
            guard network.isOfUser, !network.isLoopback else { return }
            if network.plan.masquerades {
                let uplink = try UserNetwork.uplink(session)
                try session.note("\(request.interface): other hosts by \(uplink ?? "nothing: pasta is missing")")
            }
            if try session.number("explain") == 1 {
                return try session.note("\(request.interface): the user namespace is made inside that of your networks")
            }
            if userNetwork == nil {
                // The socket is there before the keeper has it.
                try pushRelease(try UserNetwork.directory(session).path, request, session)
                let opened = try UserNetwork.open(session)
                try session.nest(in: opened.user, reason: "networks of the user")
                userNetwork = opened
            }
            if network.plan.masquerades { try userNetwork?.startUplink() }
        case .programs(let network): try session.note("\(request.interface): \(network.summary)")
        case .instance(let network):
            // Another one would be made in the instance's as well.
            guard networks.count == 1 else {
                throw PluginError("cannot join the network of instance \(network.name) beside another network")
            }
            userNetwork = try network.join(session)
        case nil: break
        }
    }

    public func attach(_ request: NetworkRequest, _ place: ContainerPlace, _ session: Session) throws(PluginError) {
        switch networks[request.index] {
        case .native(let network) where network.isOfUser:
            guard let userNetwork else { return }
            leases[request.index] = try network.attach(request, place, session, userNetwork)
        case .native(let network):
            let state = try Self.state()
            try pushRelease(Attachment.name(request.container, request.index), request, session)
            reserved[request.index] = try network.attach(request, place, session, state)
        case .programs(let network): try network.attach(request, place, session)
        case .instance(let network): if let userNetwork { try network.tellServers(userNetwork, session) }
        case nil: break
        }
    }

    public func detach(
        _ request: NetworkRequest, _ place: ContainerPlace, _ results: [NetworkResult], _ session: Session
    ) throws(PluginError) {
        switch networks[request.index] {
        case .native(let network) where network.isOfUser:
            for lease in leases.removeValue(forKey: request.index) ?? [] { _ = unlink(lease) }
            guard leases.isEmpty else { return }
            userNetwork = nil
            for record in records.values { try session.drop(record) }
            records = [:]
        case .native:
            // Whoever gets a port next finds no rule for it.
            defer { for file in reserved.removeValue(forKey: request.index) ?? [] { _ = close(file) } }
            // Whoever stops an instance looks for what is left.
            let waits = try session.text("instance") != nil
            try Self.release(Attachment.name(request.container, request.index), waits: waits)
            if let record = records.removeValue(forKey: request.index) { try session.drop(record) }
        case .programs(let network): try network.detach(request, place, session)
        case .instance: userNetwork = nil
        case nil: break
        }
    }

    /// Writes down how to take back what is made next.
    private func pushRelease(_ object: String, _ request: NetworkRequest, _ session: Session) throws(PluginError) {
        let program = try session.directory("libexec") + "/../../bin/skiff"
        let path = (try? Host.realPath(program)) ?? program
        records[request.index] = try session.push(
            .run(path, ["skiff", "network", "release", object], input: []), reason: "network \(request.network)")
    }

    static func state() throws(PluginError) -> StateDirectory {
        do throws(StateDirectory.Problem) {
            return try StateDirectory()
        } catch {
            throw PluginError(error.text, errno: error.errno, status: SKIFF_E_SYSTEM)
        }
    }

    static func release(_ name: String, waits: Bool = true) throws(PluginError) {
        let state = try state()
        do throws(Rules.Problem) {
            try state.locked { () throws(Rules.Problem) in try Attachment.release(name, in: state, waits: waits) }
        } catch {
            throw PluginError(error.text, status: SKIFF_E_SYSTEM)
        }
    }
}
