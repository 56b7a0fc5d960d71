import CBridgeNet
import Glibc
import PluginAPI
import PluginKit

/// `--network instance:NAME`: the network that an instance has, with its addresses and ports.
struct InstanceNetwork {
    let name: String
    private let isOfUser: Bool

    private static let prefix = "instance:"

    /// - Returns: nil for another word of `--network`.
    /// - Throws: for words that are none of an instance, or arguments.
    init?(_ request: NetworkRequest, _ session: Session) throws(PluginError) {
        guard request.network.hasPrefix(Self.prefix) else { return nil }
        name = String(request.network.dropFirst(Self.prefix.count))
        let isName = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || "_.-".utf8.contains(byte)
        }
        guard !name.isEmpty, isName else {
            throw PluginError("cannot join the network of instance '\(name)': that is no name of an instance")
        }
        if let argument = request.arguments.first {
            throw PluginError("cannot tell network \(request.network) '\(argument)': it is made already")
        }
        isOfUser = try session.number("uid") != 0
    }

    /// Has the container live there.
    /// - Returns: the networks of a user, in which the instance lives.
    func join(_ session: Session) throws(PluginError) -> UserNetwork? {
        let reason = "network of instance \(name)"
        if isOfUser {
            guard let outer = try UserNetwork.open(session, starts: false), let namespace = outer.network(of: name)
            else {
                throw PluginError(
                    "cannot join the network of instance \(name): your networks have none of that name\n"
                        + "Start it with --net --network bridge; skiff network inspect bridge shows who is there")
            }
            defer { _ = close(namespace) }
            try session.nest(in: outer.user, reason: reason)
            try session.joinNetwork(namespace, reason: reason)
            return outer
        }
        let pid = try process(session)
        let namespace = open("/proc/\(pid)/ns/net", O_RDONLY | O_CLOEXEC)
        guard namespace >= 0 else {
            throw PluginError("cannot join the network of instance \(name)", errno: errno, status: SKIFF_E_SYSTEM)
        }
        defer { _ = close(namespace) }
        try session.joinNetwork(namespace, reason: reason)
        return nil
    }

    /// The name server that the instance has, which knows the names of the others.
    func tellServers(_ network: UserNetwork, _ session: Session) throws(PluginError) {
        let directory = try BridgeNet.configurations(session)
        for lease in network.state.leases() where lease.owner.instance == name {
            guard let address = Address(lease.address), let list = try? NetworkList.find(lease.network, in: directory),
                let range = (try? InterfacePlan(list))??.ranges.joined().first(where: { $0.holds(address) })
            else { continue }
            try session.tell(NetworkResult(.nameServer, range.gateway.text))
        }
    }

    private func process(_ session: Session) throws(PluginError) -> Int {
        let program = try session.directory("libexec") + "/../../bin/skiff"
        let output = bn_memory_file(nil, 0)
        guard output >= 0 else {
            throw PluginError("cannot make a file in memory", errno: errno, status: SKIFF_E_SYSTEM)
        }
        defer { _ = close(output) }
        let path = (try? Host.realPath(program)) ?? program
        // By which instances are found.
        let environment = ["HOME", "APPTAINER_CONFIGDIR", "PATH"].compactMap { (name: String) -> String? in
            getenv(name).map { "\(name)=\(String(cString: $0))" }
        }
        let status = try session.run(
            path, ["skiff", "instance", "list", "--json", name], environment: environment, descriptors: [1: output])
        let answer = (try? Host.read("/proc/self/fd/\(output)", limit: 1 << 20)).flatMap { try? JSON(parsing: $0) }
        let found = answer?["instances"]?.items.first { $0["instance"]?.text == name }
        guard status == 0, let pid = found?["pid"]?.integer else {
            throw PluginError(
                "cannot join the network of instance \(name): there is none\nskiff instance list shows them")
        }
        return pid
    }
}
