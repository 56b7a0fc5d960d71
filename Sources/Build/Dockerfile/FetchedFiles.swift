import Base
import Core
import Digest
import Dockerfile
import HTTP
import Linux
import Registry

/// Files of other hosts that ADD names, each fetched at most once in a build.
final class FetchedFiles {
    struct File {
        let path: String
        /// The name of the file, from its address; nil where that has none, as in `http://host/`.
        let name: String?
        /// When the server says that it was changed, in seconds since 1970; nil when it does not say.
        let modified: Int64?
    }

    private let request: BootstrapRequest
    private var files: [String: File] = [:]
    /// What the server said about each file before it was fetched.
    private var validators: [String: String] = [:]
    private var client: HTTPClient?

    init(_ request: BootstrapRequest) { self.request = request }

    /// Returns what names the content of a file for the cache: the checksum that was promised, else the server's name for this
    /// version of it, else its digest.
    func identity(_ source: String, checksum: String?) throws(DockerfileProblem) -> String {
        if let checksum { return "sha256:" + checksum }
        let address = try Self.address(source)
        if files[source] == nil, let found = try validator(address) {
            validators[source] = found
            return found
        }
        return try digest(try file(source, checksum: nil).path)
    }

    /// Returns the file, and fetches it if that was not done before.
    func file(_ source: String, checksum: String?) throws(DockerfileProblem) -> File {
        if let file = files[source] {
            if let checksum { try check(file.path, source, checksum) }
            return file
        }
        let address = try Self.address(source)
        let folder = "\(request.temporary)/dockerfile/fetched"
        let path = "\(folder)/\(files.count)"
        let response: HTTPResponse
        do throws(SkiffError) {
            try during("cannot make \(folder)") { () throws(Errno) in try makeDirectories(folder, mode: 0o700) }
            Log.info("Fetching \(address.shown)")
            let progress = Progress()
            defer { progress.end() }
            response = try WebDownload(
                http: try http(), request: HTTPRequest("GET", address), message: "cannot add \(address.shown)",
                progress: progress
            ).run(to: path)
        } catch {
            let reason = error.errno.map { ": " + $0.description.prefix(1).lowercased() + $0.description.dropFirst() }
            throw DockerfileProblem(error.message + (reason ?? "") + (error.hint.map { ". " + $0 } ?? ""))
        }
        if let checksum { try check(path, source, checksum) }
        if let promised = validators[source], Self.validator(response) != promised {
            throw DockerfileProblem("cannot add \(address.shown): it changed while it was fetched")
        }
        let name = address.rest.prefix { $0 != "?" }.split(separator: "/").last.map { Self.decoded($0) }
        let file = File(
            path: path, name: name.flatMap { Self.isName($0) ? $0 : nil },
            modified: response["last-modified"].flatMap(HTTPDate.seconds))
        files[source] = file
        return file
    }

    private static func address(_ source: String) throws(DockerfileProblem) -> WebAddress {
        guard let address = WebAddress(source) else {
            throw DockerfileProblem(
                "cannot add \(source): only http:// and https:// are fetched; use RUN with the tool for it")
        }
        return address
    }

    /// Escaped bytes of an address, RFC 3986 §2.1.
    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == 0x25, digits.count == 2, digits.first != "+", let value = UInt8(digits, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isName(_ text: String) -> Bool {
        !["", ".", ".."].contains(text) && !text.utf8.contains(0x2F) && !text.utf8.contains(0)
    }

    private func http() throws(SkiffError) -> HTTPClient {
        if let client { return client }
        let made = try request.network().http
        client = made
        return made
    }

    /// Returns what changes with the file, or nil when the server tells no such thing.
    private func validator(_ address: WebAddress) throws(DockerfileProblem) -> String? {
        do {
            let response = try http().send(HTTPRequest("HEAD", address))
            return response.isSuccess ? Self.validator(response) : nil
        } catch {
            // The download will say what is wrong.
            return nil
        }
    }

    private static func validator(_ response: HTTPResponse) -> String? {
        let words = ["etag", "last-modified", "content-length"].map { "\($0) \(response[$0] ?? "")" }
        guard response["etag"] != nil || response["last-modified"] != nil else { return nil }
        return words.joined(separator: " ")
    }

    private func check(_ path: String, _ source: String, _ checksum: String) throws(DockerfileProblem) {
        let found = try digest(path)
        guard found == "sha256:" + checksum else {
            let shown = WebAddress(source)?.shown ?? source
            throw DockerfileProblem("cannot add \(shown): its digest is \(found), not sha256:\(checksum)")
        }
    }

    private func digest(_ path: String) throws(DockerfileProblem) -> String {
        do {
            let file = try open(path, .read)
            var digest = try SHA256()
            var offset: Int64 = 0
            while case let chunk = try readBytes(file.raw, at: offset, count: 1 << 18), !chunk.isEmpty {
                try digest.update(chunk)
                offset += Int64(chunk.count)
            }
            return try digest.text()
        } catch {
            throw DockerfileProblem("cannot read what was fetched: \(error)")
        }
    }
}
