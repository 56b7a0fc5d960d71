import Linux

/// What takes back one deed of a plugin.
struct UndoRecord: Equatable {
    /// Numbers of `skiff/host/undo.h`.
    enum Kind: UInt32 {
        case removeFile = 1
        case removeDirectory, unmount, deleteLink, run

        /// Whether the object is still there after a reboot.
        var outlivesBoot: Bool { self == .removeFile || self == .removeDirectory }
    }

    var kind: Kind
    /// The id of the plugin, for messages.
    var plugin: String
    var object: String
    var detail: String
    var arguments: [String]
    var input: [UInt8]
    var reason: String

    func encode(into writer: inout ByteWriter) {
        func text(_ bytes: [UInt8]) {
            writer.u32(UInt32(bytes.count))
            writer.append(bytes)
        }
        writer.u32(kind.rawValue)
        for part in [plugin, object, detail, reason] { text(part.bytes) }
        text(input)
        writer.u32(UInt32(arguments.count))
        for argument in arguments { text(argument.bytes) }
    }

    /// - Throws: when the record is cut off, as by a command that was killed while it wrote; nothing was done for it then.
    init(decoding encoded: [UInt8]) throws(ByteReader.Truncated) {
        var reader = ByteReader(encoded.span.bytes)
        guard let kind = Kind(rawValue: try reader.u32()) else { throw .init(offset: 0) }
        self.kind = kind
        plugin = String(bytes: try reader.array(Int(try reader.u32())))
        object = String(bytes: try reader.array(Int(try reader.u32())))
        detail = String(bytes: try reader.array(Int(try reader.u32())))
        reason = String(bytes: try reader.array(Int(try reader.u32())))
        input = try reader.array(Int(try reader.u32()))
        arguments = []
        for _ in 0..<min(try reader.u32(), 4096) {
            arguments.append(String(bytes: try reader.array(Int(try reader.u32()))))
        }
    }

    init(
        kind: Kind, plugin: String, object: String, detail: String = "", arguments: [String] = [], input: [UInt8] = [],
        reason: String = ""
    ) {
        (self.kind, self.plugin, self.object, self.detail) = (kind, plugin, object, detail)
        (self.arguments, self.input, self.reason) = (arguments, input, reason)
    }
}
