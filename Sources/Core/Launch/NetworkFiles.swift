import Base
import Linux

/// The files of a container that depend on what its networks have told: they are known only when it exists already. The
/// child mounts them in place of what the plan has there.
struct NetworkFile: Equatable {
    let destination: String
    let content: [UInt8]

    /// In bytes.
    static let limit = 128 << 10

    /// A message to the child: the path, a zero, the content.
    var message: [UInt8] { [Self.mark] + destination.bytes + [0] + content }

    private static let mark = UInt8(ascii: "F")

    init(destination: String, content: [UInt8]) { (self.destination, self.content) = (destination, content) }

    init?(_ message: [UInt8]) {
        guard message.first == Self.mark, let end = message.firstIndex(of: 0) else { return nil }
        self.init(destination: String(bytes: message[1..<end]), content: Array(message[(end + 1)...]))
    }

    /// Returns those that results change; `--dns` and the mounts of users and plugins stay what they are.
    static func all(of plan: Plan, _ results: [NetworkResult]) throws(SkiffError) -> [NetworkFile] {
        if results.isEmpty { return [] }
        var files: [NetworkFile] = []
        for mount in plan.mounts where mount.origin == "core" && mount.group != .userBinds {
            switch (mount.destination, mount.source) {
            case ("/etc/resolv.conf", .bind):
                let lines = resolverLines(results)
                if !lines.isEmpty { files.append(NetworkFile(destination: mount.destination, lines: lines)) }
            case ("/etc/hosts", let source):
                let lines = hostLines(results, hostname: plan.hostname)
                guard !lines.isEmpty, let before = content(of: source) else { continue }
                let separator: [UInt8] = before.isEmpty || before.last == ASCII.newline ? [] : [ASCII.newline]
                let added = lines.map { $0 + "\n" }.joined().bytes
                files.append(NetworkFile(destination: mount.destination, content: before + separator + added))
            default: continue
            }
        }
        if let large = files.first(where: { $0.content.count > limit }) {
            throw SkiffError("cannot make \(large.destination) of the container: it would have more than 128 KiB")
        }
        return files
    }

    private init(destination: String, lines: [String]) {
        self.init(destination: destination, content: lines.map { $0 + "\n" }.joined().bytes)
    }

    private static func resolverLines(_ results: [NetworkResult]) -> [String] {
        let domains = results.values(.search)
        let servers = results.values(.nameServer).map { "nameserver " + $0 }
        // Domains by themselves would leave the container without a server.
        if servers.isEmpty { return [] }
        return (domains.isEmpty ? [] : ["search " + domains.joined(separator: " ")]) + servers
    }

    private static func hostLines(_ results: [NetworkResult], hostname: String?) -> [String] {
        let own = hostname.flatMap { name in results.addresses.first.map { "\($0) \(name)" } }
        return [own].compactMap { $0 } + results.filter { $0.kind == .host }.map { "\($0.value) \($0.detail ?? "")" }
    }

    /// - Returns: nil where nothing is mounted.
    private static func content(of source: Mount.Source) -> [UInt8]? {
        switch source {
        case .bind(let path): try? readFile(path, limit: limit)
        case .file(let bytes, _): bytes
        default: nil
        }
    }
}

extension Plan {
    /// Puts a file in place of what the plan has there.
    mutating func replace(with file: NetworkFile) {
        for index in mounts.indices where mounts[index].destination == file.destination {
            guard mounts[index].origin == "core", mounts[index].group != .userBinds else { continue }
            mounts[index].source = .file(file.content)
        }
    }
}
