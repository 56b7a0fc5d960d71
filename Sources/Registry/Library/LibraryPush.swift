import Base
import Core
import Digest
import HTTP
import Linux

/// Uploads to a library (Docs/spec/sif-use.md §9). Entity, collection and container are made as needed, and the file is
/// sent only if the library lacks it.
struct LibraryPush {
    let library: LibraryClient
    let reference: LibraryReference
    let file: String
    let architecture: String
    let description: String
    let progress: Progress

    private static let smallestMultipart: Int64 = 64 << 20

    /// - Returns: the lines for stdout: quota and address.
    func run() throws(SkiffError) -> [String] {
        let (sha256, md5, size) = try digests()
        let hash = "sha256." + sha256.dropFirst(7)
        let parts = reference.path.split(separator: "/").map(String.init)
        guard parts.count == 3 else {
            throw SkiffError("cannot push to library://\(reference.path): entity/collection/name is the form")
        }
        let entity = try make("entities", parts[0], [("name", .string(parts[0]))])
        let collection = try make(
            "collections", "\(parts[0])/\(parts[1])", [("name", .string(parts[1])), ("entity", .string(entity))])
        let container = try make(
            "containers", reference.path, [("name", .string(parts[2])), ("collection", .string(collection))])
        let image = try make(
            "images", "\(reference.path):\(hash)",
            [("hash", .string(hash)), ("container", .string(container)), ("description", .string(description))],
            query: "?arch=\(architecture)", whole: true)
        var lines: [String] = []
        let identifier = image["id"]?.stringValue ?? ""
        if image["uploaded"] != .bool(true) {
            lines = try upload(identifier, sha256: String(sha256.dropFirst(7)), md5: md5, size: size)
        }
        for tag in reference.tags {
            _ = try library.ask(
                "POST", "v2/tags/\(container)", "cannot set tag \(tag)",
                body: .members([
                    "Arch": .string(architecture), "Tag": .string(tag), "ImageID": .string(identifier),
                ]))
        }
        return lines
    }

    private func digests() throws(SkiffError) -> (sha256: String, md5: String, size: Int64) {
        let opened = try during("cannot read \(file)") { () throws(Errno) in try open(file, 0) }
        var sha = try SHA256()
        var md5 = try MD5()
        var size: Int64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = try during("cannot read \(file)") { () throws(Errno) in
                try readFully(opened.raw, into: buffer, at: size)
            }
            if count == 0 { break }
            let chunk = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            try sha.update(chunk)
            try md5.update(chunk)
            size += Int64(count)
        }
        return (try sha.text(), try md5.hexadecimal(), size)
    }

    /// Returns the id of the object at a path, which is made if it does not exist.
    private func make(_ kind: String, _ path: String, _ members: [(String, JSONText)]) throws(SkiffError) -> String {
        let object = try make(kind, path, members, query: "", whole: true)
        guard let identifier = object["id"]?.stringValue, Self.isIdentifier(identifier) else {
            throw SkiffError("cannot push to \(library.base): its answer has no id of \(path)")
        }
        return identifier
    }

    private func make(
        _ kind: String, _ path: String, _ members: [(String, JSONText)], query: String, whole: Bool
    ) throws(SkiffError) -> JSONText {
        let message = "cannot make \(path) in the library"
        if let found = try library.ask("GET", "v1/\(kind)/\(path)\(query)", message) { return found }
        let body = JSONText.object(members.map { JSONText.Member($0.0, $0.1) })
        guard let made = try library.ask("POST", "v1/\(kind)", message, body: body) else {
            throw SkiffError("\(message): the library knows no \(kind)")
        }
        return made
    }

    /// Returns whether a text may be part of a URL as an id.
    private static func isIdentifier(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && ![0x2F, 0x3F, 0x23, 0x25].contains($0) }
    }

    private func upload(_ image: String, sha256: String, md5: String, size: Int64) throws(SkiffError) -> [String] {
        guard Self.isIdentifier(image) else {
            throw SkiffError("cannot push to \(library.base): its answer has no id of the image")
        }
        let opened = try during("cannot read \(file)") { () throws(Errno) in try open(file, 0) }
        let bar = progress.bar(String(lastComponent(file).prefix(12)), total: size)
        defer { progress.end() }
        let answer: JSONText?
        if size >= Self.smallestMultipart,
            let started = try? library.ask(
                "POST", "v2/imagefile/\(image)/_multipart", "cannot upload \(file)",
                body: .members(["filesize": .integer(size)]))
        {
            answer = try parts(image, started, opened.raw, size, bar)
        } else if let started = try library.ask(
            "POST", "v2/imagefile/\(image)", "cannot upload \(file)",
            body: .members(["filesize": .integer(size), "md5sum": .string(md5), "sha256sum": .string(sha256)])),
            let url = started["uploadURL"]?.stringValue, let address = WebAddress(url)
        {
            _ = try put(address, .file(opened.raw, offset: 0, size: size), bar, base: 0)
            answer = try library.ask(
                "PUT", "v2/imagefile/\(image)/_complete", "cannot finish the upload of \(file)", body: .object([]))
        } else {
            // Version 1 of the API.
            var request = try library.request("POST", "v1/imagefile/\(image)")
            request.body = .file(opened.raw, offset: 0, size: size)
            request.sent = { bar.set($0) }
            _ = try send(request)
            answer = nil
        }
        bar.finish()
        return Self.report(answer, library.base)
    }

    private func parts(_ image: String, _ started: JSONText, _ file: CInt, _ size: Int64, _ bar: Progress.Bar)
        throws(SkiffError) -> JSONText?
    {
        let place = "v2/imagefile/\(image)/_multipart"
        guard let upload = started["uploadID"], case .integer(let partSize) = started["partSize"], partSize > 0 else {
            throw SkiffError("cannot upload \(self.file): the library's answer is not understood")
        }
        var completed: [JSONText] = []
        do throws(SkiffError) {
            for (index, start) in stride(from: 0, to: size, by: Int64.Stride(partSize)).enumerated() {
                let length = min(partSize, size - start)
                let digest = try partDigest(file, start, length)
                let asked = try library.ask(
                    "PUT", place, "cannot upload \(self.file)",
                    body: .members([
                        "partSize": .integer(length), "uploadID": upload, "partNumber": .integer(Int64(index + 1)),
                        "sha256sum": .string(digest),
                    ]))
                guard let url = asked?["presignedURL"]?.stringValue, let address = WebAddress(url) else {
                    throw SkiffError("cannot upload \(self.file): the library does not say where to")
                }
                let response = try put(address, .file(file, offset: start, size: length), bar, base: start)
                completed.append(
                    .members(["partNumber": .integer(Int64(index + 1)), "token": .string(response["etag"] ?? "")]))
            }
        } catch {
            _ = try? library.ask(
                "PUT", place + "_abort", "cannot stop the upload", body: .members(["uploadID": upload]))
            throw error
        }
        return try library.ask(
            "PUT", place + "_complete", "cannot finish the upload of \(self.file)",
            body: .members(["uploadID": upload, "completedParts": .array(completed)]))
    }

    /// Returns the digest of a part. The library chooses its size, so it need not fit into memory.
    private func partDigest(_ file: CInt, _ start: Int64, _ length: Int64) throws(SkiffError) -> String {
        var sha = try SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var offset = start
        while offset < start + length {
            let wanted = Int(min(Int64(buffer.count), start + length - offset))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = try during("cannot read \(self.file)") { () throws(Errno) in
                try readFully(file, into: piece, at: offset)
            }
            guard count > 0 else { throw SkiffError("cannot read \(self.file): it became shorter") }
            try sha.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            offset += Int64(count)
        }
        return String(try sha.text().dropFirst(7))
    }

    private func put(_ address: WebAddress, _ body: HTTPRequest.Body, _ bar: Progress.Bar, base: Int64)
        throws(SkiffError) -> HTTPResponse
    {
        var request = HTTPRequest("PUT", address)
        request["Content-Type"] = "application/octet-stream"
        request.body = body
        request.sent = { bar.set(base + $0) }
        return try send(request)
    }

    private func send(_ request: HTTPRequest) throws(SkiffError) -> HTTPResponse {
        do throws(HTTPFailure) {
            let response = try library.client.send(request)
            guard response.isSuccess else {
                throw HTTPFailure(
                    kind: .other, address: request.address, text: "",
                    cause: SkiffError("cannot upload \(file): \(request.address.authority) answered \(response.status)")
                )
            }
            return response
        } catch {
            throw error.described("cannot upload \(file)")
        }
    }

    private static func size(_ bytes: Int64) -> String { byteText(bytes, .hundredths) }

    private static func report(_ answer: JSONText?, _ base: String) -> [String] {
        var lines: [String] = []
        if let quota = answer?["quota"], case .integer(let used) = quota["quotaUsage"] {
            if case .integer(let total) = quota["quotaTotal"], total > 0 {
                lines.append(
                    "Library storage: using \(size(used)) out of \(size(total)) quota (\(size(total - used)) remaining)"
                )
            } else {
                lines.append("Library storage: using \(size(used))")
            }
        }
        if let url = answer?["containerUrl"]?.stringValue, !url.isEmpty {
            lines.append("Container URL: \(url.hasPrefix("/") ? base + url : url)")
        }
        return lines
    }
}
