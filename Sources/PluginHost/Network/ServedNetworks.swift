import Base
import Core
import Linux
import PluginAPI

/// The networks of one launch, each with the plugin that has taken it on, in the order of `--network`.
struct ServedNetworks {
    private struct Served {
        let session: Session
        let network: PlannedNetwork
        let request: NetworkRequest
        var results: [NetworkResult] = []
    }

    private var served: [Served] = []
    /// How many of them were attached, or begun with; each is detached once.
    private var attached = 0
    private var place: HeldPlace?

    var isEmpty: Bool { served.isEmpty }

    /// Of a launch without networks.
    init() {}

    /// Asks plugins for each network: those that name it before those that take any.
    /// - Throws: when one refuses, or all decline.
    init(_ requested: [RequestedNetwork], _ sessions: [Session]) throws(SkiffError) {
        if requested.isEmpty { return }
        // Unique as long as the process lives, and the next one with this number starts later.
        let container = "skiff-\(processID())-\(String(monotonicMicroseconds(), radix: 36))"
        for (index, network) in requested.enumerated() {
            let request = NetworkRequest(network, index: index, container: container)
            served.append(try Self.find(request, sessions))
        }
    }

    private static func find(_ request: NetworkRequest, _ sessions: [Session]) throws(SkiffError) -> Served {
        let name = request.network.name
        let able = sessions.filter { $0.plugin.manifest.mayServe(name) }
        let named = able.filter { $0.plugin.manifest.networks.contains(name) }
        let others = able.filter { !$0.plugin.manifest.networks.contains(name) }
        for session in named + others {
            guard let validate = session.plugin.network.validate else { continue }
            let status = try session.during(.configure) { () throws(SkiffError) in
                try session.plugin.call("network \(name)") {
                    request.lend { validate(session.plugin.object, session.pointer, $0) }
                }
            }
            try session.plugin.manifest.lookAtProcess(after: "network \(name)")
            if status == SKIFF_DECLINED { continue }
            let planned = PlannedNetwork(
                name: name, arguments: request.network.arguments, interface: request.interface,
                origin: session.plugin.manifest.id)
            return Served(session: session, network: planned, request: request)
        }
        let asked = able.map(\.plugin.manifest.id).joined(separator: ", ")
        throw SkiffError("cannot set up network \(name): it is unknown to \(asked)")
    }

    func prepare(_ draft: inout PlanDraft) throws(SkiffError) {
        if !served.isEmpty, let joined = draft.joinedNetwork {
            throw SkiffError("cannot set up network \(served[0].network.name): \(joined.reason) gives another one")
        }
        for item in served {
            if let slot = item.session.plugin.network.prepare {
                let session = item.session
                try session.during(.prepare, &draft) { () throws(SkiffError) in
                    _ = try session.plugin.call("network \(item.network.name)") {
                        item.request.lend { slot(session.plugin.object, session.pointer, $0) }
                    }
                }
                try session.plugin.manifest.lookAtProcess(after: "network \(item.network.name)")
            }
            draft.networks.append(item.network)
        }
    }

    /// - Returns: what all of them have told.
    mutating func attach(_ container: ContainerPlace) throws(SkiffError) -> [NetworkResult] {
        let held = try during("cannot hold the namespaces of the container") { () throws(Errno) in
            try HeldPlace(container)
        }
        place = held
        var lent = skiff_place(container)
        for index in served.indices {
            let (session, request) = (served[index].session, served[index].request)
            guard let slot = session.plugin.network.attach else { continue }
            attached = index + 1
            session.results = []
            defer {
                served[index].results = session.results ?? []
                session.results = nil
            }
            try session.during(.started) { () throws(SkiffError) in
                _ = try session.plugin.call("attach \(served[index].network.name)") {
                    request.lend { slot(session.plugin.object, session.pointer, $0, &lent) }
                }
            }
            try session.plugin.manifest.lookAtProcess(after: "attach \(served[index].network.name)")
        }
        return served.flatMap(\.results)
    }

    /// Takes the last one back first; what fails is told, and the others follow.
    mutating func detach() {
        defer { place = nil }
        guard let place else { return }
        try? ProcessCare.current?.renew(ownsChildren: false)
        var lent = skiff_place(place.place)
        while attached > 0 {
            attached -= 1
            let item = served[attached]
            let session = item.session
            guard let slot = session.plugin.network.detach else { continue }
            do throws(SkiffError) {
                try session.during(.started) { () throws(SkiffError) in
                    _ = try session.plugin.call("detach \(item.network.name)") {
                        item.request.lend { request in
                            item.results.lend { results in
                                slot(
                                    session.plugin.object, session.pointer, request, &lent, results.baseAddress,
                                    UInt64(results.count), UInt64(MemoryLayout<skiff_network_result>.stride))
                            }
                        }
                    }
                }
                try session.plugin.manifest.lookAtProcess(after: "detach \(item.network.name)")
            } catch {
                Log.warning(error.description)
            }
        }
    }
}

/// The namespaces of a container that has ended, by descriptors of their own.
private final class HeldPlace {
    private let user: OwnedFD?
    private let network: OwnedFD?
    private let numbers: (user: Int32?, network: Int32?)

    init(_ place: ContainerPlace) throws(Errno) {
        user = try Self.copy(place.user)
        network = try Self.copy(place.network)
        numbers = (Self.number(user), Self.number(network))
    }

    var place: ContainerPlace {
        ContainerPlace(pid: -1, pidfd: -1, user: numbers.user, network: numbers.network)
    }

    private static func copy(_ descriptor: Int32?) throws(Errno) -> OwnedFD? {
        guard let descriptor else { return nil }
        return try duplicate(descriptor)
    }

    private static func number(_ descriptor: borrowing OwnedFD?) -> Int32? {
        switch descriptor {
        case .some(let open): open.raw
        case .none: nil
        }
    }
}

/// One network as its plugin is asked for it.
struct NetworkRequest {
    let network: RequestedNetwork
    let interface: String
    private let index: Int
    private let container: String

    init(_ network: RequestedNetwork, index: Int, container: String) {
        (self.network, self.index, self.container) = (network, index, container)
        interface = "eth\(index)"
    }

    /// Passes it in the form of the interface, for one call.
    func lend<Result>(_ body: (UnsafePointer<skiff_network_request>) -> Result) -> Result {
        let texts = TextBlock([network.name, interface, container] + network.arguments)
        return texts.withPointers { pointers in
            pointers.dropFirst(3).withUnsafeBufferPointer { arguments in
                var request = skiff_network_request(
                    struct_size: UInt32(MemoryLayout<skiff_network_request>.size), index: UInt32(index),
                    network: pointers[0], interface_name: pointers[1], container: pointers[2],
                    arguments: arguments.baseAddress, argument_count: UInt64(arguments.count))
                return body(&request)
            }
        }
    }
}

extension [NetworkResult] {
    fileprivate func lend<Result>(_ body: (UnsafeBufferPointer<skiff_network_result>) -> Result) -> Result {
        let texts = TextBlock(flatMap { [$0.value, $0.detail ?? ""] })
        return texts.withPointers { pointers in
            let list = enumerated().map { index, result in
                skiff_network_result(
                    struct_size: UInt32(MemoryLayout<skiff_network_result>.size), kind: result.kind.rawValue,
                    value: pointers[2 * index], detail: result.detail == nil ? nil : pointers[2 * index + 1])
            }
            return list.withUnsafeBufferPointer(body)
        }
    }
}

/// Texts as C strings in one block of memory.
private struct TextBlock {
    private let bytes: [CChar]
    private let offsets: [Int]

    init(_ texts: [String]) {
        var (bytes, offsets): ([CChar], [Int]) = ([], [])
        for text in texts {
            offsets.append(bytes.count)
            bytes += text.bytes.map { CChar(bitPattern: $0) } + [0]
        }
        (self.bytes, self.offsets) = (bytes, offsets)
    }

    func withPointers<Result>(_ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { block in body(offsets.map { block.baseAddress?.advanced(by: $0) }) }
    }
}
