import Base
import Core
import Digest
import HTTP
import Linux
import OCI
import Squashfs

/// Pushes a SIF as an image of one layer that other programs run: its file system becomes a tar archive, and its OCI
/// config, or its own scripts, become the image's config.
struct DockerPush {
    let client: RegistryClient
    let facts: SIFFacts
    let annotations: [(key: String, value: String)]
    let description: String
    let temporary: String
    let progress: Progress

    private static let configType = "application/vnd.oci.image.config.v1+json"
    private static let layerType = "application/vnd.oci.image.layer.v1.tar+gzip"

    /// - Returns: the digest of the manifest.
    func run() throws(SkiffError) -> OCIDigest {
        let reader = try open()
        let scratch = Scratch(in: temporary, ".skiff-push-")
        defer { scratch.remove() }
        let path = try scratch.path() + "/layer.tar.gz"
        let file = try during("cannot make \(path)") { () throws(Errno) in
            try Linux.open(path, [.readWrite, .create, .exclusive], mode: 0o600)
        }
        Log.info("Making a layer of the image")
        let layer = try LayerWriter(reader, to: file.raw, path: path, bar: progress.bar("packing", total: facts.size))
            .write()
        let config = try self.config(reader, diffID: layer.diffID)
        let bar = progress.bar("uploading", total: layer.size)
        let described = OCIDescriptor(mediaType: Self.layerType, digest: try OCIDigest(layer.digest), size: layer.size)
        try client.upload(described, .file(file.raw, offset: 0, size: layer.size)) { bar.set($0) }
        bar.finish()
        progress.end()
        let digest = try OCIDigest(try SHA256.text(of: config))
        try client.upload(
            OCIDescriptor(mediaType: Self.configType, digest: digest, size: Int64(config.count)), .bytes(config))
        let manifest = Array(manifest(described, digest, config.count).text().utf8)
        return try client.put(
            manifest, mediaType: OrasPush.manifestType,
            as: client.reference.digest.map(\.description) ?? client.reference.tag ?? "latest")
    }

    private func open() throws(SkiffError) -> SquashfsReader {
        let image = try ImageSource.open(try absolutePath(facts.path), writable: false)
        guard let root = image.root, root.filesystem == .squashfs else {
            throw SkiffError(
                "cannot push \(facts.path) as layers: its root file system is no squashfs",
                hint: "Push it as it is, to oras://")
        }
        let file = image.takeDescriptor()
        let source = try during("cannot read \(facts.path)") { () throws(Errno) in
            try FileSource(file.duplicate(), root.range)
        }
        do throws(SquashfsError) {
            return try SquashfsReader(source)
        } catch {
            throw SkiffError("cannot read the file system of \(facts.path): \(error)")
        }
    }

    private func manifest(_ layer: OCIDescriptor, _ config: OCIDigest, _ configSize: Int) -> JSONText {
        var notes: [String: String] = [:]
        if let created = facts.created { notes["org.opencontainers.image.created"] = created }
        if !description.isEmpty { notes["org.opencontainers.image.description"] = description }
        for (key, value) in annotations { notes[key] = value }
        return .members([
            "schemaVersion": .integer(2), "mediaType": .string(OrasPush.manifestType),
            "config": .members([
                "mediaType": .string(Self.configType), "digest": .string(config.description),
                "size": .integer(Int64(configSize)),
            ]),
            "layers": .array([
                .members([
                    "mediaType": .string(layer.mediaType), "digest": .string(layer.digest.description),
                    "size": .integer(layer.size),
                ])
            ]),
            "annotations": notes.isEmpty
                ? nil : .object(notes.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) }),
        ])
    }

    // MARK: config

    /// Returns the image's config; OCI image-spec, config.md.
    private func config(_ reader: SquashfsReader, diffID: String) throws(SkiffError) -> [UInt8] {
        let runtime = try self.runtime(reader)
        let json = JSONText.members([
            "created": facts.created.map { .string($0) }, "architecture": .string(facts.architecture.name),
            "os": .string("linux"), "config": runtime,
            "rootfs": .members(["type": .string("layers"), "diff_ids": .strings([diffID])]),
            "history": .array([
                .members([
                    "created": facts.created.map { .string($0) }, "created_by": .string("skiff push"),
                ])
            ]),
        ])
        return Array(json.text().utf8)
    }

    /// Returns the `config` object: that of the OCI image it was made from, unless the scripts were changed since.
    private func runtime(_ reader: SquashfsReader) throws(SkiffError) -> JSONText {
        let base = try facts.object(named: "oci-config.json").flatMap { try? JSONReader.read($0) } ?? .object([])
        var members: [JSONText.Member] = []
        if case .object(let found) = base { members = found }
        if !isUnchanged(base, reader) {
            members.removeAll { $0.name == "Entrypoint" || $0.name == "Cmd" }
            members.append(.init("Entrypoint", .strings(OCIScripts.starter)))
        }
        let labels = facts.labels.sorted { $0.key < $1.key }.map { JSONText.Member($0.key, .string($0.value)) }
        if !labels.isEmpty {
            members.removeAll { $0.name == "Labels" }
            members.append(.init("Labels", .object(labels)))
        }
        if base["Env"] == nil {
            members.append(
                .init("Env", .strings(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])))
        }
        return .object(members)
    }

    private func isUnchanged(_ runtime: JSONText, _ reader: SquashfsReader) -> Bool {
        guard case .object(let members) = runtime, !members.isEmpty else { return false }
        let document = JSONText.members([
            "architecture": .string(facts.architecture.name), "os": .string("linux"), "config": runtime,
        ])
        guard let config = try? OCIConfig(parsing: Array(document.text().utf8)),
            let runscript = content("/.singularity.d/runscript", reader)
        else { return false }
        let environment = content("/.singularity.d/env/90-environment.sh", reader) ?? []
        let lines = environment.split(separator: 0x0A).filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }
        return lines.isEmpty && runscript == Array(OCIScripts(config).runscript.utf8)
    }

    private func content(_ path: String, _ reader: SquashfsReader) -> [UInt8]? {
        guard let inode = try? reader.lookup(path: path), inode.kind == .file else { return nil }
        return try? reader.content(of: inode, limit: 1 << 20)
    }
}
