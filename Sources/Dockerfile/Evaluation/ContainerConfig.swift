package import Base

/// How to run a container of an image: the `config` object of the OCI image specification, with the fields that Docker
/// adds. Lists keep their order.
package struct ContainerConfig: Sendable, Equatable {
    package var user = ""
    package var exposedPorts: Set<PortRange> = []
    /// `NAME=VALUE`.
    package var environment: [String] = []
    package var entrypoint: [String]?
    package var command: [String]?
    package var volumes: [String] = []
    package var workingDirectory = ""
    package var labels: [String: String] = [:]
    package var stopSignal = ""
    package var healthcheck: Healthcheck?
    package var triggers: [String] = []
    package var shell: [String]?

    package init() {}

    /// The PATH of an image that sets none.
    package static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The configuration that `FROM scratch` begins with.
    package static var scratch: ContainerConfig {
        var config = ContainerConfig()
        config.environment = ["PATH=" + standardPath]
        config.workingDirectory = "/"
        return config
    }

    /// Returns the words that run a line in the shell.
    package func shellWords(_ line: String) -> [String] { (shell ?? ["/bin/sh", "-c"]) + [line] }

    package var variables: [String: String] {
        var result: [String: String] = [:]
        for entry in environment {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result[String(parts.first ?? "")] = parts.count > 1 ? String(parts[1]) : ""
        }
        return result
    }

    /// Sets a variable, which keeps its place in the list when it gets another value.
    package mutating func set(_ name: String, _ value: String) {
        let entry = name + "=" + value
        if let index = environment.firstIndex(where: { $0.hasPrefix(name + "=") || $0 == name }) {
            environment[index] = entry
        } else {
            environment.append(entry)
        }
    }

    /// The configuration as JSON, in Docker's order and without empty fields.
    package var json: JSONText {
        var members: [JSONText.Member] = []
        func add(_ key: String, _ text: String) { if !text.isEmpty { members.append(.init(key, .string(text))) } }
        func add(_ key: String, _ list: [String]?) {
            if let list { members.append(.init(key, .array(list.map { .string($0) }))) }
        }
        func add(_ key: String, set: [String]) {
            if !set.isEmpty { members.append(.init(key, .object(set.sorted().map { .init($0, .object([])) }))) }
        }
        add("User", user)
        add("ExposedPorts", set: Array(Set(exposedPorts.flatMap(\.ports))))
        add("Env", environment.isEmpty ? nil : environment)
        add("Entrypoint", entrypoint)
        add("Cmd", command)
        if let healthcheck { members.append(.init("Healthcheck", healthcheck.json)) }
        add("Volumes", set: volumes)
        add("WorkingDir", workingDirectory)
        if !labels.isEmpty {
            let sorted = labels.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            members.append(.init("Labels", .object(sorted.map { .init($0.key, .string($0.value)) })))
        }
        add("OnBuild", triggers.isEmpty ? nil : triggers)
        add("StopSignal", stopSignal)
        add("Shell", shell)
        return .object(members)
    }
}

/// A range of ports that EXPOSE names.
package struct PortRange: Sendable, Hashable {
    package let numbers: ClosedRange<UInt16>
    /// `tcp`, `udp` or `sctp`.
    package let kind: String

    /// - Parameter text: `80`, `80/udp`, `8000-8002/tcp`.
    package init(parsing text: String) throws(DockerfileProblem) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let ends = (parts.first ?? "").split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        kind = parts.count > 1 ? String(parts[1]).lowercasedASCII : "tcp"
        guard (1...2).contains(parts.count), (1...2).contains(ends.count), ["tcp", "udp", "sctp"].contains(kind),
            case .some(.some(let first)) = ends.first, case .some(.some(let last)) = ends.last, first <= last
        else {
            throw DockerfileProblem("invalid port \(text)", expected: "PORT[-PORT][/tcp|/udp|/sctp]")
        }
        numbers = first...last
    }

    /// Each port as `80/tcp`.
    package var ports: [String] { numbers.map { "\($0)/\(kind)" } }
}

extension Healthcheck {
    fileprivate var json: JSONText {
        var members: [JSONText.Member] = [.init("Test", .array(test.map { .string($0) }))]
        let numbers = [
            ("Interval", interval), ("Timeout", timeout), ("StartPeriod", startPeriod),
            ("StartInterval", startInterval), ("Retries", retries),
        ]
        for (key, number) in numbers where number != 0 { members.append(.init(key, .integer(number))) }
        return .object(members)
    }
}
