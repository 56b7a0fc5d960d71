import Base
import HTTP
import Linux

/// Docker's daemon on this host, which exports images over its socket as `docker save` does.
struct DockerDaemon {
    /// `unix:///path` or `tcp://host:port`.
    private let host: String

    /// - Parameter host: `--docker-host`; nil for DOCKER_HOST or Docker's own socket.
    init(host: String?) {
        let variable = environmentValue("DOCKER_HOST").flatMap { $0.isEmpty ? nil : $0 }
        self.host = host ?? variable ?? "unix:///var/run/docker.sock"
    }

    /// Exports an image into a file without a name.
    ///
    /// - Parameter name: `name:tag`, or an id.
    func export(_ name: String, to temporary: String) throws(SkiffError) -> Blob {
        guard Self.isName(name) else { throw SkiffError("cannot use docker-daemon:\(name): it names no image") }
        let (client, base) = try server()
        guard let address = WebAddress("\(base)/images/\(name)/get") else {
            throw SkiffError("cannot use Docker's daemon at \(host): it is no address")
        }
        let file = try TarIndex.temporaryFile(in: temporary)
        let raw = file.raw
        var size: Int64 = 0
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try client.send(HTTPRequest("GET", address)) { _, bytes throws(SkiffError) in
                try during(
                    "cannot keep docker-daemon:\(name) in \(temporary)",
                    hint: "Set APPTAINER_TMPDIR to a directory with more room"
                ) { () throws(Errno) in try writeFully(raw, bytes, at: size) }
                size += Int64(bytes.count)
                return .more
            }
        } catch {
            throw error.cause ?? error.described("cannot ask Docker's daemon at \(host) for \(name)")
        }
        guard response.isSuccess else {
            throw SkiffError(
                response.status == 404
                    ? "cannot use docker-daemon:\(name): Docker has no such image"
                    : "cannot use docker-daemon:\(name): Docker's daemon answered with status \(response.status)")
        }
        return Blob(file: SharedFile(file, path: "docker-daemon:" + name), offset: 0, size: size)
    }

    /// Returns whether a name may be part of a URL's path as it is.
    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && !name.contains("..")
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || "-._/:@".utf8.contains($0)
            }
    }

    private func server() throws(SkiffError) -> (HTTPClient, String) {
        var trust = try HTTPTrust()
        if host.hasPrefix("unix://") {
            trust.socket = String(host.dropFirst(7))
            return (HTTPClient(trust: trust), "http://docker")
        }
        guard host.hasPrefix("tcp://"), environmentValue("DOCKER_TLS_VERIFY").map(\.isEmpty) ?? true else {
            throw SkiffError(
                "cannot use Docker's daemon at \(host)",
                hint: "Name it as unix:///path or, without TLS, tcp://host:port")
        }
        return (HTTPClient(trust: trust), "http://" + host.dropFirst(6))
    }
}
