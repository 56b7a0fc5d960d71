import CLinux
import Foundation
import Linux

/// A real registry on a free port of loopback, with a directory of its own; ends with the value.
final class LocalRegistry {
    enum Kind { case plain, password, tls, token }

    let folder: String
    private(set) var port = 0
    private var processes: [pid_t] = []
    /// `127.0.0.1:PORT`.
    var host: String { "127.0.0.1:\(port)" }

    init(_ kind: Kind = .plain) throws {
        folder = try WorkDirectory.make(for: .current)
        var extra = ""
        switch kind {
        case .plain: break
        case .password:
            try run(["/usr/bin/htpasswd", "-Bbc", folder + "/passwords", "ann", "secret"])
            extra = "auth: {htpasswd: {realm: tests, path: \(folder)/passwords}}\n"
        case .tls: try makeCertificate()
        case .token:
            try makeCertificate()
            let server = try start([
                "/usr/bin/python3", Stage.repository + "/Tests/Inside/registry.py", "token", folder,
            ])
            let tokens = try Self.port(in: folder + "/python3.out", after: "port ", of: server)
            extra =
                "auth: {token: {realm: 'http://127.0.0.1:\(tokens)/token', service: tests, issuer: tests, "
                + "rootcertbundle: \(folder)/cert.pem}}\n"
        }
        let tls = kind == .tls ? ", tls: {certificate: \(folder)/cert.pem, key: \(folder)/key.pem}" : ""
        let configuration =
            "version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: \(folder)/data}, "
            + "delete: {enabled: true}}\nhttp: {addr: '127.0.0.1:0', secret: tests\(tls)}\n\(extra)"
        try writeFile(folder + "/registry.yml", Array(configuration.utf8), mode: 0o644)
        let pid = try start(["/usr/bin/docker-registry", "serve", folder + "/registry.yml"])
        port = try Self.port(in: folder + "/docker-registry.out", after: "listening on 127.0.0.1:", of: pid)
    }

    deinit {
        for pid in processes {
            kill(pid, SIGKILL)
            _ = try? waitFor(pid)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The requests that it has answered, as logged.
    var log: String { String(decoding: (try? readFile(folder + "/docker-registry.out")) ?? [], as: UTF8.self) }

    private func makeCertificate() throws {
        try run([
            "/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests",
            "-addext", "subjectAltName=IP:127.0.0.1,DNS:registry.invalid", "-keyout", folder + "/key.pem", "-out",
            folder + "/cert.pem",
        ])
        try Linux.chmod(folder + "/cert.pem", 0o644)
    }

    private func run(_ words: [String]) throws {
        let outcome = try Command(words, as: .current).run()
        guard outcome.isSuccess else { throw HarnessError("cannot prepare a registry: \(outcome)") }
    }

    private func start(_ words: [String]) throws -> pid_t {
        let pid = try startServer(words, in: folder)
        processes.append(pid)
        return pid
    }

    /// Waits until a server has written its address, and returns the port.
    static func port(in file: String, after mark: String, of pid: pid_t) throws -> Int {
        for _ in 0..<1000 {
            let text = String(decoding: (try? readFile(file)) ?? [], as: UTF8.self)
            if let found = text.range(of: mark) {
                let digits = text[found.upperBound...].prefix { $0.isNumber }
                if text[found.upperBound...].count > digits.count, let port = Int(digits) { return port }
            }
            usleep(10_000)
        }
        throw HarnessError("a server does not listen: \(String(decoding: (try? readFile(file)) ?? [], as: UTF8.self))")
    }
}

/// Starts a server whose output goes to `NAME.out` in a folder.
func startServer(_ words: [String], in folder: String) throws -> pid_t {
    let file = folder + "/" + lastComponent(words[0]) + ".out"
    let output = try open(file, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    let null = try open("/dev/null", O_RDONLY)
    return try spawn(
        words[0], words, environment: ["PATH=/usr/bin:/bin", "OTEL_TRACES_EXPORTER=none", "HOME=/nonexistent"],
        descriptors: [(0, null.raw), (1, output.raw), (2, output.raw)])
}

/// A registry that misbehaves in the way its repositories are named (Tests/Inside/registry.py), with one SIF.
final class LyingRegistry {
    let folder: String
    let port: Int
    private let pid: pid_t
    var host: String { "127.0.0.1:\(port)" }

    /// - Parameter role: `lying`, or `library` for a remote with all its services.
    convenience init(_ role: String = "lying", sif: String) throws { try self.init(role: role, sif) }

    /// Starts a proxy that sends all requests to one host, whatever host they name; addressed by its own name, it is a
    /// mirror.
    convenience init(proxyTo host: String) throws { try self.init(role: "proxy", host) }

    private init(role: String, _ subject: String) throws {
        folder = try WorkDirectory.make(for: .current)
        pid = try startServer(
            ["/usr/bin/python3", Stage.repository + "/Tests/Inside/registry.py", role, folder, subject], in: folder)
        port = try LocalRegistry.port(in: folder + "/python3.out", after: "port ", of: pid)
    }

    deinit {
        kill(pid, SIGKILL)
        _ = try? waitFor(pid)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Makes a proxy wait this long before each 16 KiB of its answers, from now on.
    func delay(_ seconds: Double) throws { try writeFile(folder + "/delay", Array("\(seconds)".utf8), mode: 0o644) }

    struct Request: Decodable {
        var method: String?
        var path: String
        var host: String?
        var range: String?
        var authorization: String?
    }

    var requests: [Request] {
        let text = (try? readFile(folder + "/requests")) ?? []
        return text.split(separator: 0x0A).compactMap { try? JSONDecoder().decode(Request.self, from: Data($0)) }
    }
}
