package import Base

/// The labels of an image and how a build changes them (Docs/spec/deffile.md §8.2).
package struct Labels: Equatable {
    package private(set) var values: [String: String]
    /// Whether existing labels may be replaced (`--force`).
    private let replaces: Bool

    /// - Parameter json: the labels.json of the base; empty for none.
    package init(json: [UInt8]?, replaces: Bool) throws(SkiffError) {
        self.replaces = replaces
        guard let json, !json.isEmpty else {
            values = [:]
            return
        }
        guard let read = Self.values(json) else {
            throw SkiffError(
                "While performing build: cannot read the labels of the base image: labels.json is not valid")
        }
        values = read
    }

    /// Returns the members of a JSON object of strings; nil for anything else.
    private static func values(_ json: [UInt8]) -> [String: String]? {
        guard case .object(let members) = try? JSONReader.read(json) else { return nil }
        var values: [String: String] = [:]
        for member in members {
            guard case .string(let text) = member.value else { return nil }
            values[member.name] = text
        }
        return values
    }

    /// Adds a label of the definition. One that exists already stays, unless `--force` is given.
    package mutating func add(_ key: String, _ value: String) {
        if let old = values[key], old != value, !replaces {
            Log.warning("Label: \(key) already exists and force option is false, not overwriting")
            return
        }
        values[key] = value
    }

    /// Sets a label that the build itself generates.
    package mutating func set(_ key: String, _ value: String) { values[key] = value }

    /// Takes the `KEY VALUE` lines that %post wrote.
    package mutating func take(lines: [UInt8]) {
        for line in lines.split(separator: 0x0A) {
            let parts = line.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: true)
            guard let key = parts.first else { continue }
            set(
                String(decoding: key, as: UTF8.self),
                parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : "")
        }
    }

    /// Sets the generated labels; they always count.
    ///
    /// - Parameter header: the header of the stage; empty when the base was not made by it (`--update`).
    package mutating func generate(
        _ header: [ImageLabel], _ time: BuildTime, architecture: String, hasHelp: Bool
    ) {
        set("org.label-schema.schema-version", "1.0")
        set("org.label-schema.build-date", time.label)
        set("org.opencontainers.image.created", time.timestamp)
        set("org.label-schema.build-arch", architecture)
        set("org.opencontainers.image.architecture", architecture)
        set("org.label-schema.usage.apptainer.version", Version.apptainer + "+skiff." + Version.number)
        if hasHelp {
            set("org.label-schema.usage", "/.singularity.d/runscript.help")
            set("org.label-schema.usage.apptainer.runscript.help", "/.singularity.d/runscript.help")
        }
        for field in header {
            set("org.label-schema.usage.singularity.deffile." + field.key, field.value)
        }
    }

    /// The labels as JSON, sorted by key and indented by a tab, as Apptainer writes them.
    package var json: [UInt8] {
        let members = values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return Array(JSONText.object(members.map { .init($0.key, .string($0.value)) }).text(indent: "\t").utf8)
    }
}
