import Base
import HTTP
import ImageCache
import Linux
import Packing

/// `Bootstrap: busybox`: one static program under many names (Docs/spec/deffile.md §2).
struct BusyboxAgent: BootstrapAgent {
    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        let root = try RootTree(request.root)
        try root.makeDirectory("/bin")
        try root.write("/bin/busybox", try Self.fetch(request.url("mirrorurl"), "busybox"), mode: 0o755)
        try root.write("/etc/passwd", "root:!:0:0:root:/root:/bin/sh\n", mode: 0o664)
        try root.write("/etc/group", "root:x:0:\n", mode: 0o664)
        try root.write(
            "/etc/hosts", "127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4\n",
            mode: 0o664)
        // It knows its own names; it is started by its path below the root, which its links then get.
        try HostTool(at: request.root + "/bin/busybox", for: request).run(
            ["--install", "-s", request.root + "/bin"], for: request)
        try shortenLinks(request.root + "/bin", below: request.root)
        return .ofPackages
    }

    func facts(_ request: BootstrapRequest) -> [StepFact]? { request.headerFacts() }

    /// The installer writes the path by which it was started.
    private func shortenLinks(_ folder: String, below root: String) throws(SkiffError) {
        try during("cannot link the names of busybox") { () throws(Errno) in
            let opened = try open(folder, [.read, .directory])
            for entry in try entries(of: opened.raw) where entry.text != "busybox" {
                guard try status(entry.text, at: opened.raw, follow: false).isSymlink else { continue }
                try unlink(entry.text, at: opened.raw)
                try makeSymlink("/bin/busybox", at: entry.text, in: opened.raw)
            }
        }
    }

    private static let largest = 64 << 20

    /// Returns the bytes at an address: http, https, or `file:`.
    static func fetch(_ text: String, _ what: String) throws(SkiffError) -> [UInt8] {
        let problem = "While performing build: conveyor failed to get: cannot download \(what)"
        if text.hasPrefix("file://") {
            return try during("\(problem) from \(text)") { () throws(Errno) in
                try readFile(String(text.dropFirst(7)), limit: largest)
            }
        }
        guard let address = WebAddress(text) else { throw SkiffError("\(problem): \(text) is no web address") }
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try HTTPClientOnce.send(HTTPRequest("GET", address))
        } catch {
            throw error.described(problem)
        }
        guard response.isSuccess else {
            throw SkiffError("\(problem) from \(address.shown): the server answered \(response.status)")
        }
        return response.body
    }
}

/// A client for one request.
private enum HTTPClientOnce {
    static func send(_ request: HTTPRequest) throws(HTTPFailure) -> HTTPResponse {
        let client: HTTPClient
        do throws(SkiffError) {
            client = try HTTPClient()
        } catch {
            throw HTTPFailure(kind: .other, address: request.address, text: error.description, cause: error)
        }
        return try client.send(request)
    }
}
