package import Base
import Core
import Digest
package import HTTP
package import OCI

/// Writes to a registry; OCI distribution-spec, "Push" and "Content Management".
extension RegistryClient {
    /// Uploads a blob unless the registry has it.
    ///
    /// - Parameter sent: called with the number of bytes sent; with all at once when the registry has the blob.
    package func upload(
        _ descriptor: OCIDescriptor, _ body: HTTPRequest.Body, sent: (@Sendable (Int64) -> Void)? = nil
    ) throws(SkiffError) {
        let name = "blob \(descriptor.digest.description.prefix(19)) of \(reference)"
        if case .success(let found) = try request("HEAD", "blobs/\(descriptor.digest)", actions: "pull,push"),
            found.isSuccess
        {
            sent?(descriptor.size)
            return
        }
        let started = try ask(
            "POST", "blobs/uploads/", "cannot upload \(name)", actions: "pull,push", body: .bytes([]))
        guard let location = started["location"], let place = started.address.following(location)?.description else {
            throw SkiffError("cannot upload \(name): the registry does not say where to")
        }
        let target = place + (place.contains("?") ? "&" : "?") + "digest=" + queryEscaped("\(descriptor.digest)")
        let ended = try request(
            "PUT", target, actions: "pull,push", headers: [("Content-Type", "application/octet-stream")], body: body,
            sent: sent)
        switch ended {
        case .failure(let failure): throw failure.described("cannot upload \(name)")
        case .success(let response):
            guard response.isSuccess else { throw RegistryProblem.described("cannot upload \(name)", response) }
        }
    }

    /// Stores a manifest or index under a tag or its digest.
    package func put(_ bytes: [UInt8], mediaType: String, as selector: String) throws(SkiffError) -> OCIDigest {
        _ = try ask(
            "PUT", "manifests/" + selector, "cannot store the manifest of \(reference)", actions: "pull,push",
            headers: [("Content-Type", mediaType)], body: .bytes(bytes))
        return try OCIDigest(try SHA256.text(of: bytes))
    }

    /// Deletes the manifest with a digest, and with it all its tags.
    package func delete(_ digest: OCIDigest) throws(SkiffError) {
        _ = try ask("DELETE", "manifests/\(digest)", "cannot delete \(reference)", actions: "pull,delete")
    }

    /// Returns the tags of the repository.
    package func tags() throws(SkiffError) -> [String] { try pages("tags/list", member: "tags") }

    /// Returns the repositories of the registry.
    package func catalog() throws(SkiffError) -> [String] { try pages("/v2/_catalog", member: "repositories") }

    /// Returns all pages of a list, by the `Link` header; RFC 8288.
    private func pages(_ path: String, member: String) throws(SkiffError) -> [String] {
        var (names, next): ([String], String?) = ([], path)
        for _ in 0..<1000 {
            guard let page = next else { break }
            let response = try ask("GET", page, "cannot list \(reference.registry)")
            if case .array(let values) = (try? JSONReader.read(response.body))?[member] {
                names += values.compactMap(\.stringValue)
            }
            next = response["link"].flatMap { link in
                guard link.contains("next"), let open = link.firstIndex(of: "<"), let end = link.firstIndex(of: ">"),
                    open < end
                else { return nil }
                return String(link[link.index(after: open)..<end])
            }
        }
        return names
    }
}
