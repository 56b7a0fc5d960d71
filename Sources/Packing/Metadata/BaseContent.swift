package import Base
import Linux

/// What an image starts from, besides the files of its root: plain values, which a build keeps with its results.
package struct BaseContent: Sendable, Equatable {
    package struct File: Sendable, Equatable {
        /// The path in the image.
        package let path: String
        package let bytes: [UInt8]
        package let mode: UInt32

        package init(path: String, bytes: [UInt8], mode: UInt32) {
            (self.path, self.bytes, self.mode) = (path, bytes, mode)
        }
    }

    /// The base was one of our images or Apptainer's: what it has below `/.singularity.d` stays.
    package var keepsMetadata = false
    /// Files unpacked from layers, whose permissions `--fix-perms` repairs.
    package var fixesPermissions = false
    /// Written after the base files and in their place: an OCI image's environment, runscript and labels.json.
    package var files: [File] = []
    /// Labels that the image gets because of this base; they always count.
    package var labels: [ImageLabel] = []
    /// Generic JSON objects that a SIF made from this base carries: `oci-config.json`.
    package var objects: [File] = []
    /// When the base was made, in seconds since 1970; for `--reproducible`.
    package var created: Int64?

    package init() {}
}

extension BaseContent {
    /// The form in which it is kept, read back by `init(kept:)`.
    package var json: JSONText {
        .members([
            "keepsMetadata": .bool(keepsMetadata), "fixesPermissions": .bool(fixesPermissions),
            "files": .array(files.map(\.json)), "objects": .array(objects.map(\.json)),
            "labels": .array(labels.map { .members(["key": .string($0.key), "value": .string($0.value)]) }),
            "created": created.map { .integer($0) },
        ])
    }

    /// Reads what `json` wrote.
    package init(kept bytes: [UInt8]) throws(SkiffError) {
        guard let content = Self(json: bytes) else {
            throw SkiffError("cannot read the kept base of the image", hint: "Use --no-cache")
        }
        self = content
    }

    private init?(json bytes: [UInt8]) {
        guard let json = try? JSONReader.read(bytes), case .bool(let keeps)? = json["keepsMetadata"],
            case .bool(let fixes)? = json["fixesPermissions"], case .array(let files)? = json["files"],
            case .array(let labels)? = json["labels"], case .array(let objects)? = json["objects"]
        else { return nil }
        (keepsMetadata, fixesPermissions) = (keeps, fixes)
        self.files = files.compactMap { File(json: $0) }
        self.objects = objects.compactMap { File(json: $0) }
        self.labels = labels.compactMap { label in
            guard let key = label["key"]?.stringValue, let value = label["value"]?.stringValue else { return nil }
            return ImageLabel(key: key, value: value)
        }
        switch json["created"] {
        case nil, .null: break
        case .integer(let time): created = time
        default: return nil
        }
        guard self.files.count == files.count, self.objects.count == objects.count, self.labels.count == labels.count
        else { return nil }
    }
}

extension BaseContent.File {
    fileprivate var json: JSONText {
        .members([
            "path": .string(path), "bytes": .array(bytes.map { .integer(Int64($0)) }), "mode": .integer(Int64(mode)),
        ])
    }

    fileprivate init?(json: JSONText) {
        guard let path = json["path"]?.stringValue, case .array(let values)? = json["bytes"],
            case .integer(let mode)? = json["mode"], let mode = UInt32(exactly: mode)
        else { return nil }
        var bytes: [UInt8] = []
        for value in values {
            guard case .integer(let number) = value, let byte = UInt8(exactly: number) else { return nil }
            bytes.append(byte)
        }
        self.init(path: path, bytes: bytes, mode: mode)
    }
}
