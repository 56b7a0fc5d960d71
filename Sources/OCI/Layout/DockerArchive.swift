import Base
import Digest

/// An archive of `docker save`: a tar archive with `manifest.json`, configs and layers.
struct DockerArchive {
    let index: TarIndex
    let path: String

    private struct Entry {
        let config: String
        let tags: [String]
        let layers: [String]
    }

    /// - Parameter reference: `name:tag`, `@N` for the N-th image, or empty for the only one.
    func image(_ reference: String, source: String, platform: OCIPlatform) throws(SkiffError) -> OCIImage {
        let entry = try select(reference, try entries(), source)
        let bytes = try index.blob(entry.config).bytes(limit: OCIDocument.largest)
        let config = try OCIConfig(parsing: bytes)
        guard config.platform.architecture.isEmpty || platform.accepts(config.platform) else {
            throw SkiffError("cannot use \(source): it is for \(config.platform), not for \(platform)")
        }
        guard config.diffIDs.count == entry.layers.count else {
            throw SkiffError(
                "cannot use \(source): its config names \(config.diffIDs.count) layers, its manifest \(entry.layers.count)"
            )
        }
        var layers: [OCILayer] = []
        for (name, diffID) in zip(entry.layers, config.diffIDs) {
            layers.append(OCILayer(blob: try index.blob(name), digest: nil, diffID: diffID))
        }
        return OCIImage(
            source: source, manifestDigest: try OCIDigest(SHA256.text(of: bytes)), config: config, layers: layers)
    }

    private func entries() throws(SkiffError) -> [Entry] {
        let bytes = try index.blob("manifest.json").bytes(limit: OCIDocument.largest)
        // The document is a list; it is wrapped in an object to be read like any other.
        let whole = try OCIDocument(Array("{\"images\":".utf8) + bytes + Array("}".utf8), "manifest.json of \(path)")
        var result: [Entry] = []
        for image in try whole.objects("images") {
            guard let config = try image.text("Config") else { throw image.wrong("Config", "text") }
            result.append(Entry(config: config, tags: try image.texts("RepoTags"), layers: try image.texts("Layers")))
        }
        return result
    }

    private func select(_ reference: String, _ entries: [Entry], _ source: String) throws(SkiffError) -> Entry {
        if reference.isEmpty, entries.count == 1, let only = entries.first { return only }
        if reference.hasPrefix("@"), let number = Int(reference.dropFirst()), entries.indices.contains(number) {
            return entries[number]
        }
        if !reference.isEmpty,
            let found = entries.first(where: { $0.tags.contains { DockerName.same($0, reference) } })
        {
            return found
        }
        let names = entries.flatMap(\.tags)
        throw SkiffError(
            reference.isEmpty
                ? "cannot use \(source): it has \(entries.count) images"
                : "cannot use \(source): it has no image named \(reference)",
            hint: names.isEmpty ? nil : "It has " + names.joined(separator: ", "))
    }
}
