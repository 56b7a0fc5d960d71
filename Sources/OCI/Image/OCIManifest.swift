package import Base
import Digest

/// A descriptor, which names a blob; OCI image-spec, descriptor.md.
package struct OCIDescriptor: Sendable, Equatable {
    package var mediaType: String
    package var digest: OCIDigest
    /// In bytes, never negative.
    package var size: Int64
    /// Of a manifest in an index.
    package var platform: OCIPlatform?
    package var annotations: [String: String]
    /// Where else than in the registry a foreign layer can be had.
    package var urls: [String]

    package init(
        mediaType: String, digest: OCIDigest, size: Int64, platform: OCIPlatform? = nil,
        annotations: [String: String] = [:], urls: [String] = []
    ) {
        (self.mediaType, self.digest, self.size) = (mediaType, digest, size)
        (self.platform, self.annotations, self.urls) = (platform, annotations, urls)
    }

    init(_ document: OCIDocument) throws(SkiffError) {
        mediaType = try document.text("mediaType") ?? ""
        guard let text = try document.text("digest") else { throw document.wrong("digest", "text") }
        digest = try OCIDigest(text)
        guard let size = try document.number("size"), size >= 0 else { throw document.wrong("size", "size") }
        guard size <= Self.largest else {
            throw SkiffError(
                "cannot use blob \(digest): it is said to have \(size) bytes, more than the \(Self.largest >> 40) TiB that a blob may have"
            )
        }
        self.size = size
        if let found = try document.object("platform") {
            platform = OCIPlatform(
                os: try found.text("os") ?? "", architecture: try found.text("architecture") ?? "",
                variant: try found.text("variant") ?? "")
        }
        annotations = [:]
        for (name, value) in try document.pairs("annotations") { annotations[name] = value }
        urls = try document.texts("urls")
    }

    /// In bytes. What is larger was made to overflow a sum or to fill a machine; sums of a manifest's layers stay far below
    /// what 64 bits hold.
    private static let largest: Int64 = 1 << 42

    /// The name that a layout gives to a manifest: a tag or a complete reference.
    package var referenceName: String? { annotations["org.opencontainers.image.ref.name"] }

    /// Whether this is an attestation: a record of how an image was built, which BuildKit puts next to it.
    package var isAttestation: Bool {
        annotations["vnd.docker.reference.type"] != nil
            || (platform?.os == "unknown" && platform?.architecture == "unknown")
    }

    /// Whether a layer is a tar archive, as all media types of OCI's and Docker's layers say.
    package var isTar: Bool {
        mediaType.hasSuffix(".tar") || mediaType.contains(".tar.") || mediaType.contains(".tar+")
    }

    /// - Throws: when the bytes do not have this digest and size.
    package func verify(_ bytes: [UInt8], _ name: String) throws(SkiffError) {
        guard Int64(bytes.count) == size else {
            throw SkiffError("cannot use the \(name) \(digest): it has \(bytes.count) bytes instead of \(size)")
        }
        let found = try SHA256.text(of: bytes)
        guard found == digest.description else {
            throw SkiffError("cannot use the \(name) \(digest): its content has the digest \(found)")
        }
    }
}

/// A manifest: config and layers of one platform; OCI image-spec, manifest.md, and Docker's schema 2.
package struct OCIManifest: Sendable, Equatable {
    package var config: OCIDescriptor
    /// The layers, the lowest first.
    package var layers: [OCIDescriptor]
    package var annotations: [String: String]

    /// Returns the layers that are tar archives.
    ///
    /// - Parameter source: the image, for the message.
    /// - Throws: when there is none: it is another artifact, a SIF in a registry for example.
    package func tarLayers(_ source: String) throws(SkiffError) -> [OCIDescriptor] {
        let found = layers.filter(\.isTar)
        guard !found.isEmpty || layers.isEmpty else {
            let isSIF = layers.contains { $0.mediaType.contains(".sif") }
            throw SkiffError(
                "cannot use \(source): no layer of it is a tar archive",
                hint: isSIF ? "It holds a SIF: name it as oras://" : nil)
        }
        guard found.count == layers.count else {
            throw SkiffError("cannot use \(source): a layer has the unknown media type \(strange ?? "")")
        }
        return found
    }

    private var strange: String? { layers.first { !$0.isTar }?.mediaType }
}

/// What a name in a registry or layout leads to.
package enum OCIManifestDocument: Sendable, Equatable {
    /// Manifests of several platforms, or further indexes; OCI image-spec, image-index.md, and Docker's list.
    case index([OCIDescriptor])
    case manifest(OCIManifest)

    /// Reads either kind. A document that could be taken for both is refused (CVE-2021-41190).
    package init(parsing bytes: [UInt8]) throws(SkiffError) {
        let json = try OCIDocument(bytes, "image manifest")
        let type = try json.text("mediaType") ?? ""
        let (isIndex, isManifest) = (json.has("manifests"), json.has("config"))
        if json.has("fsLayers") || type.hasSuffix("manifest.v1+prettyjws") {
            throw SkiffError("cannot use the image manifest: schema 1 of Docker is no longer supported")
        }
        let saysIndex = type.contains("index") || type.contains("manifest.list")
        guard isIndex != isManifest, !isIndex || !json.has("layers"), type.isEmpty || saysIndex == isIndex else {
            throw SkiffError("cannot use the image manifest: it could be an index as well as a manifest")
        }
        guard try json.number("schemaVersion") ?? 2 == 2 else {
            throw SkiffError("cannot use the image manifest: its schemaVersion is not 2")
        }
        if isIndex {
            self = .index(try Self.descriptors(json, "manifests"))
            return
        }
        guard let config = try json.object("config") else { throw json.wrong("config", "object") }
        var annotations: [String: String] = [:]
        for (name, value) in try json.pairs("annotations") { annotations[name] = value }
        self = .manifest(
            OCIManifest(
                config: try OCIDescriptor(config), layers: try Self.descriptors(json, "layers"),
                annotations: annotations))
    }

    private static func descriptors(_ json: OCIDocument, _ member: String) throws(SkiffError) -> [OCIDescriptor] {
        var result: [OCIDescriptor] = []
        for element in try json.objects(member) { result.append(try OCIDescriptor(element)) }
        return result
    }

    /// Returns the entry of an index for a platform.
    ///
    /// - Parameter source: the image, for the message.
    package static func select(_ entries: [OCIDescriptor], _ platform: OCIPlatform, _ source: String)
        throws(SkiffError) -> OCIDescriptor
    {
        let images = entries.filter { !$0.isAttestation }
        // One without a platform is for whom it concerns; its config tells.
        if images.count == 1, let only = images.first, only.platform == nil { return only }
        let candidates = images.map { $0.platform ?? OCIPlatform(os: "", architecture: "") }
        guard let best = platform.best(of: candidates) else {
            let known = candidates.map(\.description).filter { !$0.isEmpty }
            throw SkiffError(
                "cannot use \(source): it has no image for \(platform)",
                hint: known.isEmpty ? nil : "It has " + known.joined(separator: ", "))
        }
        return images[best]
    }
}
