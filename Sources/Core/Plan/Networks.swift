import CLinux
import Linux

/// One word of `--network`, with what `--network-args` says to it. A plugin serves it.
package struct RequestedNetwork: Sendable, Equatable {
    package var name: String
    /// `key=value`, in order.
    package var arguments: [String]

    package init(_ name: String, arguments: [String] = []) { (self.name, self.arguments) = (name, arguments) }

    /// Whether no plugin can have this name: `none` is loopback alone, `host` the network of the caller.
    package static func isOwn(_ name: String) -> Bool { name == "none" || name == "host" }
}

/// A network that a plugin has taken on.
package struct PlannedNetwork: Sendable, Equatable {
    package var name: String
    package var arguments: [String]
    /// Its interface in the container.
    package var interface: String
    /// The plugin that serves it.
    package var origin: String

    package init(name: String, arguments: [String], interface: String, origin: String) {
        (self.name, self.arguments, self.interface, self.origin) = (name, arguments, interface, origin)
    }
}

/// A network namespace that exists, which the container is to live in.
package struct JoinedNetwork: Sendable, Equatable {
    package enum Way: Sendable, Equatable {
        case path(String)
        /// Open in this process.
        case descriptor(Int32)
    }

    package var way: Way
    package var reason: String
    package var origin: String

    package init(_ way: Way, reason: String, origin: String = "core") {
        (self.way, self.reason, self.origin) = (way, reason, origin)
    }

    /// Nil for a descriptor.
    var path: String? { if case .path(let path) = way { path } else { nil } }

    /// Has the calling process live there.
    func join() throws(Errno) {
        switch way {
        case .path(let path):
            let file = try open(path, O_RDONLY)
            try Linux.join(file.raw, .network)
            try file.close()
        case .descriptor(let number): try Linux.join(number, .network)
        }
    }

    var text: String {
        "net: joined, \(path ?? "of a plugin") (\(reason)" + (origin == "core" ? ")" : ", \(origin))")
    }
}

/// A user namespace that a plugin holds, in which the container's own is made: who has made it has all capabilities over
/// what belongs to the container's, and the container none over what belongs to it; user_namespaces(7).
package struct OuterUserNamespace: Sendable, Equatable {
    /// Open in this process.
    package let descriptor: Int32
    package let reason: String
    package let origin: String

    package init(_ descriptor: Int32, reason: String, origin: String) {
        (self.descriptor, self.reason, self.origin) = (descriptor, reason, origin)
    }
}

/// What an attached network tells; `skiff/host/network.h`.
package struct NetworkResult: Sendable, Equatable {
    /// Numbers of the header.
    package enum Kind: UInt32, Sendable {
        case address = 1
        case gateway, route, nameServer, search, host, port
    }

    package var kind: Kind
    package var value: String
    package var detail: String?

    package init(_ kind: Kind, _ value: String, detail: String? = nil) {
        (self.kind, self.value, self.detail) = (kind, value, detail)
    }
}

extension [NetworkResult] {
    func values(_ kind: NetworkResult.Kind) -> [String] { filter { $0.kind == kind }.map(\.value) }

    /// Addresses of the container, without their prefixes.
    var addresses: [String] { values(.address).map { String($0.prefix { $0 != "/" }) } }
}
