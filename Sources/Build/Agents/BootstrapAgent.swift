package import Base
import Core
package import ImageCache
import Linux
import OCI
package import Packing
import Registry

/// Fills an empty root directory with what an image starts from: there is an agent for each word after `Bootstrap:`
/// (Docs/spec/deffile.md §2).
package protocol BootstrapAgent: Sendable {
    /// Fills the root, before anything else is written into it.
    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent

    /// Returns what the result of `fill` depends on, under which it is kept, or nil when that cannot be told: then no step of
    /// the stage is kept.
    func facts(_ request: BootstrapRequest) throws(SkiffError) -> [StepFact]?

    /// Whether what it starts from is a SIF, whose signatures it verifies.
    var verifiesSignatures: Bool { get }
}

extension BootstrapAgent {
    package func facts(_ request: BootstrapRequest) throws(SkiffError) -> [StepFact]? { nil }
    package var verifiesSignatures: Bool { false }
}

/// What an agent is given.
package struct BootstrapRequest: Sendable {
    /// The stage that is being built: its header has the keys that the agent needs.
    package let stage: Stage
    /// An empty directory on the host, to be filled.
    package let root: String
    /// A private directory for files that are not part of the image; removed after the build. Stages share it.
    package let temporary: String
    /// Where relative paths start: the caller's directory.
    package let directory: String
    /// Whether files can be given to any user: real root, or a namespace with many ids.
    package let ownsAllIDs: Bool
    package let options: BuildOptions
    package let installation: Installation
    package let verification: BaseVerification

    /// Returns the value of a key of the header, which is in lower case; empty when there is none.
    package func value(_ key: String) -> String { stage.value(key) ?? "" }
}

/// The agents of this program, by the word in the definition. Each lies in a file of its own.
package enum BootstrapAgents {
    package static func named(_ name: String) -> (any BootstrapAgent)? {
        switch name {
        case "localimage": LocalImageAgent()

        case "docker": DockerAgent()

        case "oras", "library", "shub": FetchedImageAgent(transport: name)

        case "scratch": ScratchAgent()

        case "oci", "oci-archive", "docker-archive", "docker-daemon":
            LocalSource.Transport(rawValue: name).map { LocalLayersAgent(transport: $0) }

        case "dockerfile", "buildkit": DockerfileAgent()

        case "debootstrap": DebootstrapAgent()
        case "busybox": BusyboxAgent()
        case "yum", "dnf": RPMAgent()
        case "zypper": ZypperAgent()
        case "arch": ArchAgent()

        default: nil
        }
    }

    /// The agents that start from nothing or from packages.
    static let withEmptyRunscript: Set<String> = [
        "scratch", "busybox", "debootstrap", "yum", "dnf", "zypper", "arch",
    ]

    /// Returns the agent of a word, which may also be the scheme of a plugin.
    ///
    /// - Throws: when there is none; the error says what helps if the word looks like a scheme.
    static func find(_ name: String, _ installation: Installation) throws(SkiffError) -> any BootstrapAgent {
        if let agent = named(name) { return agent }
        let invalid = "invalid build source \(name)"
        guard isURIScheme(name), !BuiltInTransport.reserved.contains(name) else { throw SkiffError(invalid) }
        do throws(SkiffError) {
            _ = try PluginFetch.plugins(name, installation)
        } catch {
            throw SkiffError(invalid, hint: error.hint)
        }
        return FetchedImageAgent(transport: name)
    }

    static func require(_ stage: Stage, _ installation: Installation) throws(SkiffError) -> any BootstrapAgent {
        do throws(SkiffError) {
            return try find(stage.agent, installation)
        } catch {
            throw SkiffError("Unable to create build: unable to get conveyorpacker: \(error.message)", hint: error.hint)
        }
    }
}

/// `Bootstrap: scratch`: nothing but what every image has.
struct ScratchAgent: BootstrapAgent {
    func fill(_ request: BootstrapRequest) -> BaseContent { BaseContent() }
    func facts(_ request: BootstrapRequest) -> [StepFact]? { [] }
}
