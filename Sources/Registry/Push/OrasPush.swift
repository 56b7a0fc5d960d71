import Base
import Core
import HTTP
import Linux
import OCI

/// Pushes a SIF as an artifact of a registry, exactly as Apptainer stores it (Docs/spec/sif-use.md §7).
struct OrasPush {
    let client: RegistryClient
    let facts: SIFFacts
    let description: String
    let annotations: [(key: String, value: String)]
    let progress: Progress

    static let configType = "application/vnd.sylabs.sif.config.v1+json"
    static let manifestType = "application/vnd.oci.image.manifest.v1+json"

    /// - Returns: the digest of the manifest.
    func run() throws(SkiffError) -> OCIDigest {
        let file = try during("cannot read \(facts.path)") { () throws(Errno) in try open(facts.path, 0) }
        let digest = try OCIDigest(try digestOfFile(file.raw, facts.path))
        let layer = OCIDescriptor(mediaType: OrasFetch.layerType, digest: digest, size: facts.size)
        let config = OCIDescriptor(
            mediaType: Self.configType,
            digest: try OCIDigest("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"), size: 2)
        let bar = progress.bar(String(lastComponent(facts.path).prefix(12)), total: facts.size)
        try client.upload(layer, .file(file.raw, offset: 0, size: facts.size)) { bar.set($0) }
        bar.finish()
        progress.end()
        try client.upload(config, .bytes(Array("{}".utf8)))
        let manifest = Array(manifest(layer).text().utf8)
        return try client.put(
            manifest, mediaType: Self.manifestType,
            as: client.reference.digest.map(\.description) ?? client.reference.tag ?? "latest")
    }

    private func manifest(_ layer: OCIDescriptor) -> JSONText {
        .members([
            "schemaVersion": .integer(2), "mediaType": .string(Self.manifestType),
            "config": .members([
                "mediaType": .string(Self.configType),
                "digest": .string("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
                "size": .integer(2), "data": .string("e30="),
            ]),
            "layers": .array([
                .members([
                    "mediaType": .string(layer.mediaType), "digest": .string(layer.digest.description),
                    "size": .integer(layer.size),
                    "annotations": .members([
                        "org.opencontainers.image.title": .string(lastComponent(facts.path))
                    ]),
                ])
            ]), "annotations": notes,
        ])
    }

    /// The annotations in the order of their names, as Go writes maps; nil for none.
    private var notes: JSONText? {
        var all: [String: String] = [:]
        if let created = facts.created { all["org.opencontainers.image.created"] = created }
        if !description.isEmpty { all["org.opencontainers.image.description"] = description }
        for (key, value) in annotations { all[key] = value }
        return all.isEmpty
            ? nil : .object(all.sorted { $0.key < $1.key }.map { JSONText.Member($0.key, .string($0.value)) })
    }
}
