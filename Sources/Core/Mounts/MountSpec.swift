package import Base

/// The text of `--mount` (Docs/spec/runtime.md §2.6): fields of a CSV line, one mount a line.
package enum MountSpec {
    /// - Parameter fields: the fields of one mount, already split.
    /// - Throws: for an unknown key, a type other than bind, a missing source or destination.
    package static func parse(_ fields: [String], currentDirectory: String) throws(SkiffError) -> Request.Bind {
        var source: String?
        var destination: String?
        var readOnly = false
        var isNested = true
        var options: [(name: String, value: String)] = []
        for field in fields {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let value = parts.count > 1 ? parts[1] : ""
            switch parts[0] {
            case "type":
                guard value == "bind" else { throw failure("invalid mount type \"\(value)\": must be \"bind\"") }
            case "source", "src": source = value
            case "destination", "dst", "target": destination = value
            case "ro", "readonly": readOnly = value.isEmpty || value == "true"
            case "nonested": isNested = false
            case "image-src", "id": options.append((parts[0], value))
            default: throw failure("invalid key \"\(parts[0])\" in mount specification")
            }
        }
        guard let source, !source.isEmpty else { throw failure("mount specification has no source") }
        guard let destination, destination.hasPrefix("/") else {
            throw failure("mount specification has no absolute destination")
        }
        var bind = Request.Bind(
            source: absolutePath(source, in: currentDirectory), destination: absolutePath(destination, in: "/"),
            readOnly: readOnly, isNested: isNested)
        for option in options { try bind.take(option.name, option.value) }
        return bind
    }

    private static func failure(_ reason: String) -> SkiffError {
        SkiffError("While setting bind mount configuration: while parsing mount: " + reason)
    }
}
