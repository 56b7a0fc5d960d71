import Base
import CLinux
import Core
import Linux
import TestSupport
import Testing

@testable import PluginHost

/// A plugin directory of its own for one test, with plugins built from `Fixtures/fixture.c`.
final class PluginFolder {
    private let scratch: Scratch
    var path: String { scratch.path }

    init() throws { scratch = try Scratch() }

    /// Builds a library; `defines` choose what is wrong with it.
    func build(
        _ library: String, _ defines: [String] = [], id: String = "org.test.one", source: String = "fixture.c"
    ) throws {
        let arguments =
            [
                "cc", "-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-fPIC",
                "-shared",
            ]
            + ["-DID=\"\(id)\""] + defines
            + ["-I", repository + "/Sources/PluginAPI/include", "-o", "\(path)/\(library)"]
            + [repository + "/Tests/PluginHostTests/Fixtures/\(source)"]
        let pid = try spawn(
            "/usr/bin/cc", arguments, environment: ["PATH=/usr/bin:/bin"], descriptors: [(1, 1), (2, 2)])
        #expect(try waitFor(pid)?.status == .exited(0))
    }

    func write(_ name: String, _ text: String) throws {
        try writeFile("\(path)/\(name)", Array(text.utf8), mode: 0o644)
    }

    /// The manifest that fits the fixture.
    func writeManifest(id: String = "org.test.one", library: String = "one.so", head: String = "") throws {
        try write(
            "\(id).plugin",
            """
            id = \(id)
            version = 1.0
            abi = 0.2
            library = \(library)
            phases = configure, prepare, mounts, environment, entered, pre_exec, started, stopped
            \(head)
            [flag]
            name = record
            type = path
            help = write calls to PATH
            handler = record
            signature = i:cp
            [flag]
            name = words
            type = strings
            help = words
            handler = words
            signature = i:xS
            [flag]
            name = number
            type = int
            help = number
            handler = number
            signature = i:cl
            [flag]
            name = switch
            help = switch
            handler = switch
            signature = i:cb

            """)
    }

    func catalog(trust: Trust = Trust(isPrivileged: false)) -> PluginCatalog {
        PluginCatalog(directory: path, stateFile: path + "/plugins.conf", trust: trust)
    }

    var registry: InstalledPlugins {
        InstalledPlugins(directory: path, stateFile: path + "/plugins.conf", trust: Trust(isPrivileged: false))
    }

    var recorded: [String] {
        guard let bytes = try? readFile(path + "/record") else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// The plugins that these flags pick, loaded.
    func run(_ flags: [PluginFlagUse]) throws(SkiffError) -> PluginRun {
        var request = Request(action: .exec, image: "x.sif")
        request.pluginFlags = flags
        let facts = SessionFacts(request: request, installation: Installation(program: "/opt/skiff/bin/skiff"))
        let registry = registry
        return try PluginRun(
            registry.pick(Triggers(request, Settings())), from: registry, facts: facts,
            trust: Trust(isPrivileged: false))
    }
}

func settings(_ text: String) throws -> Settings { try Settings(parsing: Array(text.utf8), name: "skiff.conf") }

/// A directive that loads the plugin, to be put behind the keys of a manifest's head.
let alwaysUseTest = """
    [config]
    name = always use test
    type = bool
    loads = yes
    help = for everybody
    """
