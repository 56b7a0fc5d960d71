import CBridgeNet
import Glibc
import PluginAPI
import PluginKit

/// A network that programs of CNI make, by the protocol of its specification: ADD and DEL, each program
/// with the result of the one before it.
final class ProgramNetwork {
    private let list: NetworkList
    private let arguments: NetworkArguments
    private let directories: [String]
    /// By type.
    private var programs: [String: String] = [:]
    private var result: JSON?

    /// Milliseconds that a program may take; Apptainer gives it as long.
    private static let patience: Int32 = 5000

    init(_ list: NetworkList, _ arguments: NetworkArguments, directories: [String]) throws(NetworkList.Problem) {
        (self.list, self.arguments, self.directories) = (list, arguments, directories)
        for type in list.types {
            guard !type.contains("/"),
                let path = directories.map({ $0 + "/" + type }).first(where: { Host.permits(.execute, $0) })
            else {
                throw .init(
                    text:
                        "cannot use network \(list.file): there is no program \(type) in \(directories.joined(separator: ":"))\n"
                        + "Install the package containernetworking-plugins, or set cni plugin path in skiff.conf")
            }
            programs[type] = path
        }
    }

    var summary: String { "by " + list.types.compactMap { programs[$0] }.joined(separator: ", ") }

    func attach(_ request: NetworkRequest, _ place: ContainerPlace, _ session: Session) throws(PluginError) {
        for plugin in list.plugins {
            result = try call("ADD", plugin, request, place, session)
        }
        for item in result?["ips"]?.items ?? [] {
            guard let address = item["address"]?.text else { continue }
            try session.tell(NetworkResult(.address, address))
            if let gateway = item["gateway"]?.text { try session.tell(NetworkResult(.gateway, gateway)) }
        }
        for server in result?["dns"]?["nameservers"]?.items ?? [] {
            if let text = server.text { try session.tell(NetworkResult(.nameServer, text)) }
        }
        for domain in result?["dns"]?["search"]?.items ?? [] {
            if let text = domain.text { try session.tell(NetworkResult(.search, text)) }
        }
    }

    func detach(_ request: NetworkRequest, _ place: ContainerPlace, _ session: Session) throws(PluginError) {
        var failure: PluginError?
        for plugin in list.plugins.reversed() {
            do throws(PluginError) {
                _ = try call("DEL", plugin, request, place, session)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private func call(
        _ verb: String, _ plugin: JSON, _ request: NetworkRequest, _ place: ContainerPlace, _ session: Session
    ) throws(PluginError) -> JSON? {
        let type = plugin["type"]?.text ?? ""
        let path = programs[type] ?? ""
        let given = Array(input(plugin).serialized.utf8)
        let input = given.withUnsafeBytes { bn_memory_file($0.baseAddress, $0.count) }
        let output = bn_memory_file(nil, 0)
        defer {
            _ = close(input)
            _ = close(output)
        }
        guard input >= 0, output >= 0 else {
            throw PluginError("cannot make a file in memory", errno: errno, status: SKIFF_E_SYSTEM)
        }
        let others = arguments.others + arguments.addresses.map { "IP=\($0.text)" }
        let environment = [
            "CNI_COMMAND=\(verb)", "CNI_CONTAINERID=\(request.container)", "CNI_NETNS=/proc/self/fd/3",
            "CNI_IFNAME=\(request.interface)", "CNI_PATH=\(directories.joined(separator: ":"))",
            "CNI_ARGS=" + (["IgnoreUnknown=1"] + others).joined(separator: ";"),
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        ]
        let status = try session.run(
            path, [type], environment: environment, descriptors: [0: input, 1: output, 3: place.network],
            milliseconds: Self.patience)
        let bytes = (try? Host.read("/proc/self/fd/\(output)", limit: 1 << 20)) ?? []
        let answer = try? JSON(parsing: bytes)
        guard status == 0 else {
            let words = [answer?["msg"]?.text, answer?["details"]?.text].compactMap { $0 }.filter { !$0.isEmpty }
            let reason = words.isEmpty ? "it ended with status \(status)" : words.joined(separator: ": ")
            throw PluginError(
                "cannot \(verb == "ADD" ? "set up" : "take back") network \(list.name): \(path): \(reason)",
                status: SKIFF_E_SYSTEM)
        }
        return answer
    }

    /// The member of the list with what a run adds, as the specification of CNI derives it.
    private func input(_ plugin: JSON) -> JSON {
        var input = plugin.with("cniVersion", .string(list.version)).with("name", .string(list.name))
        if let result { input = input.with("prevResult", result) }
        var runtime: [JSON.Member] = []
        func has(_ capability: String) -> Bool { plugin["capabilities"]?[capability]?.isTrue == true }
        if has("portMappings"), !arguments.ports.isEmpty {
            runtime.append(
                .init(
                    "portMappings",
                    .array(
                        arguments.ports.map { map in
                            .object([
                                .init("hostPort", .number(String(map.hostPort))),
                                .init("containerPort", .number(String(map.containerPort))),
                                .init("protocol", .string(map.transport)),
                                .init("hostIP", .string(map.address?.text ?? "")),
                            ])
                        })))
        }
        if has("ipRanges"), !arguments.ranges.isEmpty {
            runtime.append(
                .init(
                    "ipRanges",
                    .array([.array(arguments.ranges.map { .object([.init("subnet", .string($0.networkText))]) })])))
        }
        return runtime.isEmpty ? input : input.with("runtimeConfig", .object(runtime))
    }
}
