import Base
import Linux
import PluginHost

/// The messages between the command and the process of a plugin, over a socket; each is one JSON object.
///
/// The request comes first, with the file in a push, and in a build, where the target follows. A fetch is answered with what was found; then the host sends the
/// target, an empty file or directory, and the process says when it is written. Any answer may be a failure instead.
/// Any number of signs of life may precede one, and so may requests for secrets, each of which the host answers with a
/// message of bytes: a 1 and the secret, or a 0.
struct TransportTask: Equatable {
    /// The plugin's id.
    var plugin: String
    var uri: String
    var architecture: String
    var variant = ""
    /// The digest and size of the file to push; nil in a fetch.
    var upload: (digest: String, size: Int64)?
    /// Whether the file to push is what a plugin makes another file of, which comes in a second message; then `uri` is its path.
    var isTarget = false
    /// The flags of plugins, in the form of `Request.pluginFlags`.
    var flags: [PluginFlagUse] = []
    /// `--config`.
    var configuration: String?
    /// Whether no progress bar is shown.
    var isQuiet = false

    /// The longest message, longer than any sensible address; the kernel's limit is a little higher.
    static let longest = 128 << 10

    static func == (left: TransportTask, right: TransportTask) -> Bool { left.json == right.json }

    var json: JSONText {
        .members([
            "plugin": .string(plugin), "uri": .string(uri), "architecture": .string(architecture),
            "variant": .string(variant), "digest": upload.map { .string($0.digest) },
            "size": upload.map { .integer($0.size) },
            "flags": .object(flags.map { JSONText.Member($0.name, .strings($0.values)) }),
            "configuration": configuration.map { .string($0) }, "quiet": .bool(isQuiet), "build": .bool(isTarget),
        ])
    }

    /// - Returns: nil for anything that `json` has not made.
    init?(_ json: JSONText) {
        guard let plugin = json["plugin"]?.stringValue, let uri = json["uri"]?.stringValue,
            let architecture = json["architecture"]?.stringValue, let variant = json["variant"]?.stringValue,
            case .object(let flags) = json["flags"]
        else { return nil }
        (self.plugin, self.uri, self.architecture, self.variant) = (plugin, uri, architecture, variant)
        if let digest = json["digest"]?.stringValue, case .integer(let size) = json["size"] { upload = (digest, size) }
        self.flags = flags.map { member in
            guard case .array(let values) = member.value else { return PluginFlagUse(member.name, []) }
            return PluginFlagUse(member.name, values.compactMap(\.stringValue))
        }
        configuration = json["configuration"]?.stringValue
        isQuiet = json["quiet"] == .bool(true)
        isTarget = json["build"] == .bool(true)
    }

    init(plugin: String, uri: String, architecture: String) {
        (self.plugin, self.uri, self.architecture) = (plugin, uri, architecture)
    }
}

/// An answer of the process of a plugin.
enum TransportAnswer: Equatable {
    case declined
    case found(TransportImage)
    case done
    /// No answer yet, but the plugin has reported progress.
    case alive
    /// No answer yet: the plugin asks for the secret of this name.
    case wants(secret: String)
    case failed(message: String, errno: Int32?, hint: String?)

    var json: JSONText {
        switch self {
        case .declined: .members(["answer": .string("declined")])
        case .done: .members(["answer": .string("done")])
        case .alive: .members(["answer": .string("alive")])
        case .wants(let name): .members(["answer": .string("wants"), "secret": .string(name)])
        case .found(let image):
            .members([
                "answer": .string("found"), "kind": .integer(Int64(image.kind.rawValue)), "size": .integer(image.size),
                "digest": image.digest.map { .string($0) }, "identity": image.identity.map { .string($0) },
            ])
        case .failed(let message, let errno, let hint):
            .members([
                "answer": .string("failed"), "message": .string(message), "errno": errno.map { .integer(Int64($0)) },
                "hint": hint.map { .string($0) },
            ])
        }
    }

    /// - Returns: nil for anything that `json` has not made.
    init?(_ json: JSONText) {
        switch json["answer"]?.stringValue {
        case "declined": self = .declined
        case "done": self = .done
        case "alive": self = .alive
        case "wants":
            guard let name = json["secret"]?.stringValue else { return nil }
            self = .wants(secret: name)
        case "found":
            guard case .integer(let number) = json["kind"], let code = UInt32(exactly: number),
                let kind = TransportImage.Kind(rawValue: code), case .integer(let size) = json["size"], size >= 0
            else { return nil }
            var image = TransportImage(kind)
            image.size = size
            (image.digest, image.identity) = (json["digest"]?.stringValue, json["identity"]?.stringValue)
            self = .found(image)
        case "failed":
            guard let message = json["message"]?.stringValue else { return nil }
            var code: Int32?
            if case .integer(let number) = json["errno"] { code = Int32(exactly: number) }
            self = .failed(message: message, errno: code, hint: json["hint"]?.stringValue)
        default: return nil
        }
    }
}
