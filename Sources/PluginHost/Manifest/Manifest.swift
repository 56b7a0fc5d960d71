package import Core
import PluginAPI

/// What a plugin says about itself without being loaded: the contents of `<id>.plugin`.
///
/// Help, completion, parsing and routing read this and nothing else, so that a library is opened only when one of its
/// triggers fires, and a broken one cannot disturb any other command.
package struct Manifest: Sendable, Equatable {
    /// The newest format of manifests that this skiff reads; a manifest without a number has format 1.
    package static let newestFormat = 1
    /// Groups of skiff itself to which plugins may add verbs.
    static let openGroups: Set = ["sif"]

    /// A reverse-domain name, equal to the file's name and to the library's own answer.
    package var id: String
    /// For people; the id when the manifest has none.
    package var name: String
    package var version: String
    /// The versions of the interface as the manifest writes them, `0.2` or `0.2-0.3`.
    package var interface: String {
        func text(_ number: UInt32) -> String { "\(number >> 16).\(number & 0xFFFF)" }
        return abi.lowerBound == abi.upperBound
            ? text(abi.lowerBound) : "\(text(abi.lowerBound))-\(text(abi.upperBound))"
    }

    /// The versions of the interface that the library works with, `SKIFF_ABI(major, minor)`.
    package var abi: ClosedRange<UInt32>
    /// A file name in the manifest's own directory.
    package var library: String
    /// Hexadecimal, for packagers to compare: hashing a library would cost more than the whole start. Empty when absent.
    package var sha256 = ""
    package var license = ""
    package var description = ""
    /// Whether `plugin list` leaves it out: scripts written for Apptainer count its lines.
    package var isHidden = false
    /// Smaller runs earlier; 0 when nothing is said.
    package var priority = 0
    /// Ids of plugins that run earlier, and later, in every phase.
    package var after: [String] = []
    package var before: [String] = []
    package var privileged = Privileged.root
    /// Whether ids of `ext/draft` may be exchanged.
    package var allowsDrafts = false
    /// Ids of tables that the library has.
    package var extensions: [String] = []
    /// Slots of `skiff.phases/1` that are not NULL.
    package var phases: [PluginPhase] = []
    /// URI schemes whose images `skiff.transport/1` fetches, without `://`; never one of skiff's own.
    package var schemes: [String] = []
    /// Those of the schemes to which it can push.
    package var pushSchemes: [String] = []
    /// Ends of names of the files that `skiff.build-target/1` writes, such as `.ext`.
    package var targets: [String] = []
    /// Words of `--network` that it serves; `*` for those that no manifest names.
    package var networks: [String] = []
    /// Facts about the image that load the plugin: `encrypted`, `overlay-section`.
    package var imageFacts: [String] = []
    package var flags: [ManifestFlag] = []
    package var commands: [ManifestCommand] = []
    package var groups: [ManifestGroup] = []
    package var probes: [ManifestProbe] = []
    package var settings: [ManifestSetting] = []

    /// With whose powers the plugin may be loaded: never root's, root's own, or also those of a setuid program.
    package enum Privileged: String, Sendable {
        case never, root, setuid
    }

    /// Ids of `ext/draft`.
    static let drafts: Set<String> = [
        SKIFF_EXT_BUILD_TARGET, "skiff.container/2", SKIFF_EXT_DOCTOR, "skiff.filesystem/2", SKIFF_EXT_IMAGE_FORMAT,
        "skiff.network/2",
    ]

    /// A manifest with only the mandatory fields.
    package init(id: String, version: String, abi: ClosedRange<UInt32>, library: String) {
        (self.id, self.name, self.version, self.abi, self.library) = (id, id, version, abi, library)
    }
}

/// A `[flag]` block.
package struct ManifestFlag: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case bool, int, string, path
        /// Repeatable; each value a comma list.
        case strings

        /// What the host offers to a handler; `skiff/cli.h`.
        var offered: [UInt8] {
            switch self {
            case .bool: Array("cb".utf8)
            case .int: Array("cl".utf8)
            case .string: Array("cs".utf8)
            case .path: Array("cp".utf8)
            case .strings: Array("cS".utf8)
            }
        }
    }

    /// What completion offers for the value.
    package enum Completion: String, Sendable {
        case nothing, files, directories
    }

    /// Without dashes.
    package var name: String
    package var short: String?
    package var kind: Kind
    /// What the plugin gets when it takes part and nobody gave the flag; known to be one of the flag's values.
    package var defaultValue: String?
    /// The value of the flag without `=value`; without it, a value must follow. Known to be one of the flag's values.
    package var impliedValue: String?
    /// The only values there are; empty for any.
    package var values: [String] = []
    /// Values that completion offers where others are allowed, too.
    package var suggestions: [String] = []
    /// Of numbers.
    package var range: ClosedRange<Int>?
    package var completes = Completion.nothing
    /// Without `APPTAINER_`, `SINGULARITY_`, `SKIFF_`.
    package var environment: [String] = []
    package var help: String
    package var isHidden = false
    /// `exec`, `run`, `instance start`: the commands that take it.
    package var commands: [String] = []
    /// A handler of `skiff.cli/2`; without one the plugin reads the flag through `skiff.host.settings/2`.
    package var handler: String?
    package var signature: Signature?

    package init(name: String, kind: Kind, help: String) {
        (self.name, self.kind, self.help) = (name, kind, help)
    }
}

/// A `[command]` block: a word after `skiff`, or a verb of a group.
package struct ManifestCommand: Sendable, Equatable {
    package var name: String
    package var usage: String
    package var help: String
    /// More than help's one line has, in which `@` stands for the program's name; empty for none.
    package var description = ""
    /// How many words it takes behind its flags; nil when it reads all words itself.
    package var arguments: ClosedRange<Int>?
    package var completes = ManifestFlag.Completion.nothing
    package var handler: String
    package var signature: Signature

    package init(name: String, usage: String, help: String, handler: String, signature: Signature) {
        (self.name, self.usage, self.help) = (name, usage, help)
        (self.handler, self.signature) = (handler, signature)
    }
}

/// A `[group]` block: a word after `skiff` that has verbs.
package struct ManifestGroup: Sendable, Equatable {
    package var name: String
    package var help: String
}

/// A `[config]` block: a directive of skiff.conf.
package struct ManifestSetting: Sendable, Equatable {
    package var directive: PluginDirective
    /// Whether a value other than `no` makes the plugin take part in every container.
    package var loads = false

    package init(_ directive: PluginDirective) { self.directive = directive }
}

/// A `[probe]` block: these bytes at this offset of an image file route it to the plugin.
package struct ManifestProbe: Sendable, Equatable {
    package var offset: Int64
    package var bytes: [UInt8]

    package init(offset: Int64, bytes: [UInt8]) { (self.offset, self.bytes) = (offset, bytes) }
}
