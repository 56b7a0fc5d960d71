import PluginAPI

/// A plugin that attaches networks; `skiff/ext/draft/network.h`. The manifest has `networks` and the extension.
public protocol NetworkPlugin: Plugin {
    /// - Returns: whether the network is one of this plugin; otherwise the next one is asked.
    func validate(_ request: NetworkRequest, _ session: Session) throws(PluginError) -> Bool
    /// Called while the plan is open.
    func prepare(_ request: NetworkRequest, _ session: Session) throws(PluginError)
    /// Called while the container's first process waits.
    func attach(_ request: NetworkRequest, _ place: ContainerPlace, _ session: Session) throws(PluginError)
    /// Called when the container has ended, also after a failed `attach`.
    func detach(_ request: NetworkRequest, _ place: ContainerPlace, _ results: [NetworkResult], _ session: Session)
        throws(PluginError)
}

/// One word of `--network`.
public struct NetworkRequest: Sendable {
    /// Its place in `--network`, from 0.
    public let index: Int
    public let network: String
    /// Its interface in the container.
    public let interface: String
    /// A name that no other container has now.
    public let container: String
    /// `key=value`.
    public let arguments: [String]

    init(_ request: skiff_network_request) {
        func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(bytes: $0) } ?? "" }
        index = Int(request.index)
        network = text(request.network)
        interface = text(request.interface_name)
        container = text(request.container)
        arguments = Kit.strings(request.arguments, request.argument_count)
    }
}

/// The namespaces of a container, by descriptors that are lent.
public struct ContainerPlace: Sendable {
    /// Of the container's first process; -1 when it has ended.
    public let pid: Int32
    /// -1 where the container has no namespace of its own.
    public let user: Int32
    public let network: Int32
    let lent: skiff_place

    /// Namespaces that this plugin holds, for `Session.inside`.
    public init(user: Int32, network: Int32) {
        var place = skiff_place()
        place.struct_size = UInt32(MemoryLayout<skiff_place>.size)
        (place.pid, place.pidfd, place.user_fd, place.network_fd) = (-1, -1, user, network)
        (place.ipc_fd, place.uts_fd, place.pid_fd) = (-1, -1, -1)
        self.init(place)
    }

    init(_ place: skiff_place) { (pid, user, network, lent) = (place.pid, place.user_fd, place.network_fd, place) }
}

/// What an attached network tells; `skiff/host/network.h` has the forms.
public struct NetworkResult: Sendable {
    public enum Kind: UInt32, Sendable {
        case address = 1
        case gateway, route, nameServer, search, host, port
    }

    public let kind: Kind
    public let value: String
    public let detail: String?

    public init(_ kind: Kind, _ value: String, detail: String? = nil) {
        (self.kind, self.value, self.detail) = (kind, value, detail)
    }

    init?(_ result: skiff_network_result) {
        guard let kind = Kind(rawValue: result.kind), let value = result.value else { return nil }
        self.init(kind, String(bytes: value), detail: result.detail.map { String(bytes: $0) })
    }
}

extension Session {
    /// Tells the host about the network that is being attached.
    public func tell(_ result: NetworkResult) throws(PluginError) {
        let slot = try table(SKIFF_HOST_NETWORK, skiff_host_network.self).tell
        let status = result.value.withTerminatedBytes { value in
            (result.detail ?? "").withTerminatedBytes { detail in
                var told = skiff_network_result(
                    struct_size: UInt32(MemoryLayout<skiff_network_result>.size), kind: result.kind.rawValue,
                    value: value, detail: result.detail == nil ? nil : detail)
                return slot?(pointer, &told)
            }
        }
        try check(status)
    }

    /// Runs a function in a process of its own that has entered the namespaces; what it writes to memory is lost, its error
    /// is not. It must capture nothing that has to outlive it.
    public func inside(
        _ place: ContainerPlace, _ namespaces: InsideNamespaces, _ body: () throws(PluginError) -> Void
    ) throws(PluginError) {
        let slot = try table(SKIFF_HOST_INSIDE, skiff_host_inside.self).run
        var lent = place.lent
        let status = withoutActuallyEscaping(body) { body in
            var work = InsideWork(body: body)
            return withUnsafeMutablePointer(to: &work) { work in
                slot?(
                    pointer, &lent, namespaces.rawValue, 0,
                    { context in
                        guard let work = context?.assumingMemoryBound(to: InsideWork.self) else {
                            return SKIFF_E_INTERNAL
                        }
                        return Kit.run(work.pointee.body)
                    }, work)
            }
        }
        try check(status)
    }
}

/// The namespaces in which a function works.
public struct InsideNamespaces: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let user = InsideNamespaces(rawValue: UInt32(SKIFF_INSIDE_USER))
    public static let network = InsideNamespaces(rawValue: UInt32(SKIFF_INSIDE_NETWORK))
}

private struct InsideWork {
    let body: () throws(PluginError) -> Void
}

func makeNetworks() -> skiff_network {
    skiff_network(
        struct_size: UInt32(MemoryLayout<skiff_network>.size), reserved: 0,
        validate: { _, session, request in
            var isMine = true
            let status = serve(session, request) { (plugin, session, request) throws(PluginError) in
                isMine = try plugin.validate(request, session)
            }
            return status == SKIFF_OK && !isMine ? SKIFF_DECLINED : status
        },
        prepare: { _, session, request in
            serve(session, request) { (plugin, session, request) throws(PluginError) in
                try plugin.prepare(request, session)
            }
        },
        attach: { _, session, request, place in
            serve(session, request) { (plugin, session, request) throws(PluginError) in
                guard let place else { return }
                try plugin.attach(request, ContainerPlace(place.pointee), session)
            }
        },
        detach: { _, session, request, place, list, count, size in
            serve(session, request) { (plugin, session, request) throws(PluginError) in
                guard let place else { return }
                let results = results(list, count: count, size: size)
                try plugin.detach(request, ContainerPlace(place.pointee), results, session)
            }
        })
}

private func results(_ list: UnsafePointer<skiff_network_result>?, count: UInt64, size: UInt64) -> [NetworkResult] {
    guard let list, size >= UInt64(MemoryLayout<skiff_network_result>.size) else { return [] }
    let start = UnsafeRawPointer(list)
    return (0..<Int(clamping: count)).compactMap {
        NetworkResult((start + $0 * Int(size)).loadUnaligned(as: skiff_network_result.self))
    }
}

private func serve(
    _ session: OpaquePointer?, _ request: UnsafePointer<skiff_network_request>?,
    _ body: (any NetworkPlugin, Session, NetworkRequest) throws(PluginError) -> Void
) -> Int32 {
    Kit.run { () throws(PluginError) in
        guard let plugin = Kit.plugin as? any NetworkPlugin, let session = Session(session), let request else {
            throw PluginError("cannot serve a network without a request", status: SKIFF_E_INTERNAL)
        }
        try body(plugin, session, NetworkRequest(request.pointee))
    }
}
