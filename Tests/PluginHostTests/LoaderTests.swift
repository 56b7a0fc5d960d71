import Base
import CLinux
import Core
import Linux
import Testing

@testable import PluginHost

/// Build options, and what the refusal must say.
@Test(arguments: [
    (["-DENTRY=another_name"], "has no function skiff_plugin_entry"),
    (["-DID=\"org.test.two\"", "-Wp,-w"], "the library says that it is org.test.two"),
    (["-DVERSION=\"2.0\""], "the library has version 2.0, its manifest 1.0"),
    (["-DPLUGIN_SIZE=0"], "no valid struct_size"),
    (["-DPLUGIN_SIZE=65536"], "no valid struct_size"),
    (["-DPLUGIN_SIZE=offsetof(skiff_plugin, get_extension)"], "has no skiff.phases/1"),
    (["-DPHASES_SIZE=offsetof(skiff_phases, stopped)"], "lacks the phase: stopped"),
    (["-DSIGNATURE=\"i:cs\""], "handler record is i:cs in the library and i:cp in the manifest"),
])
func loaderRefuses(defines: [String], message: String) throws {
    let folder = try PluginFolder()
    let isOther = defines.contains { $0.contains("org.test.two") }
    try folder.build("one.so", isOther ? [] : defines, id: isOther ? "org.test.two" : "org.test.one")
    try folder.writeManifest()
    do throws(SkiffError) {
        _ = try folder.run([PluginFlagUse("switch", ["true"])])
        Issue.record("loaded")
    } catch {
        #expect(error.description.hasPrefix("plugin org.test.one: load: "))
        #expect(error.description.contains(message), "\(error.description)")
    }
}

@Test func loaderTakesALongerTable() throws {
    let folder = try PluginFolder()
    // A newer plugin: bytes after the slots that we know are not looked at.
    try folder.build("one.so", ["-DPLUGIN_SIZE=sizeof(skiff_plugin)+64"])
    try folder.writeManifest()
    #expect(try folder.run([PluginFlagUse("switch", ["true"])]).participants.map(\.id) == ["org.test.one"])
}

@Test func loaderRefusesAFileThatIsNotALibrary() throws {
    let folder = try PluginFolder()
    try folder.writeManifest()
    func message() -> String {
        do throws(SkiffError) {
            _ = try folder.run([PluginFlagUse("switch", ["true"])])
            return "loaded"
        } catch {
            return error.description
        }
    }
    #expect(message().hasSuffix("one.so: no such file or directory"))
    try folder.write("one.so", "not an ELF file")
    #expect(message().contains("cannot load"))
    try unlink(folder.path + "/one.so")
    try makeSymlink("/usr/lib/x86_64-linux-gnu/libc.so.6", at: folder.path + "/one.so")
    #expect(message().hasSuffix("too many levels of symbolic links"))
    try unlink(folder.path + "/one.so")
    try makeDirectory(folder.path + "/one.so")
    #expect(message().contains("is not a file"))
}

@Test func loaderRefusesAnotherInterface() throws {
    let folder = try PluginFolder()
    try folder.build("one.so")
    try folder.writeManifest()
    var manifest = try #require(folder.registry.enabled.first)
    let loader = Loader(directory: folder.path, trust: Trust(isPrivileged: false))
    let cases: [(ClosedRange<UInt32>, String)] = [
        (0x1...0x1, "0.1"), (0x3...0x4, "0.3-0.4"), (0x10000...0x10001, "1.0-1.1"),
    ]
    for (range, text) in cases {
        manifest.abi = range
        do throws(SkiffError) {
            _ = try loader.load(manifest)
            Issue.record("loaded")
        } catch {
            #expect(
                error.message.hasSuffix("made for version \(text) of the plugin interface, and this skiff has 0.2"),
                "\(error)")
            #expect(error.hint != nil)
        }
    }
    #expect(!manifest.works(with: 2))
    manifest.abi = 0x10001...0x10001
    #expect(manifest.works(with: 0x10005) && !manifest.works(with: 0x10000) && !manifest.works(with: 0x20000))
}

@Test func twoPluginsAreTwoPlugins() throws {
    let folder = try PluginFolder()
    for (id, library) in [("org.test.one", "one.so"), ("org.test.two", "two.so")] {
        try folder.build(library, id: id)
        try folder.writeManifest(id: id, library: library)
    }
    #expect(
        try folder.run([PluginFlagUse("switch", ["true"])]).participants.map(\.id) == ["org.test.one", "org.test.two"])
}

/// As root only files that nobody else could have written are believed. The test's own user stands for root here.
@Test func privilegedLoaderTrustsOnlyItsOwner() throws {
    let folder = try PluginFolder()
    try folder.write("x", "")
    let path = folder.path + "/x"
    let trust = Trust(requiring: [effectiveUID()])
    #expect(throws: Never.self) { try trust.check(try status(path), path) }
    try chmod(path, 0o664)
    #expect(throws: SkiffError.self) { try trust.check(try status(path), path) }
    try chmod(path, 0o646)
    #expect(throws: SkiffError.self) { try trust.check(try status(path), path) }
    try chmod(path, 0o644)
    #expect(throws: SkiffError.self) { try Trust(requiring: [effectiveUID() + 1]).check(try status(path), path) }
    // Everybody may make names in /tmp, but not replace ours.
    #expect(throws: Never.self) { try trust.checkPath(folder.path) }
    #expect(throws: SkiffError.self) { try trust.checkPath("/tmp") }
    for mode: mode_t in [0o777, 0o775, 0o1777] {
        try chmod(folder.path, mode)
        #expect(throws: SkiffError.self) { try trust.checkPath(folder.path) }
    }
    try makeDirectory(folder.path + "/inside")
    try chmod(folder.path, 0o777)
    #expect(throws: SkiffError.self) { try trust.checkPath(folder.path + "/inside") }
    #expect(throws: Never.self) { try Trust(requiring: [0]).checkPath("/usr/bin") }
    #expect(throws: Never.self) { try Trust(isPrivileged: false).checkPath(folder.path) }
}

@Test func privilegedRegistryReadsNothingFromAnUntrustedFolder() throws {
    let folder = try PluginFolder()
    try folder.writeManifest()
    func registry() -> InstalledPlugins {
        InstalledPlugins(
            directory: folder.path, stateFile: folder.path + "/plugins.conf", trust: Trust(requiring: [effectiveUID()]))
    }
    #expect(registry().enabled.map(\.id) == ["org.test.one"])
    try chmod(folder.path + "/org.test.one.plugin", 0o666)
    #expect(registry().broken.map(\.id) == ["org.test.one"])
    try chmod(folder.path, 0o777)
    #expect(registry().entries.isEmpty)
    #expect(registry().broken.first?.error.message == "cannot trust \(folder.path): group or others may write it")
}

@Test func brokenManifestDisablesOnlyItself() throws {
    let folder = try PluginFolder()
    try folder.writeManifest()
    try folder.write("org.test.bad.plugin", "id = org.test.bad\nnonsense\n")
    try folder.write("org.test.liar.plugin", "id = org.test.other\nversion = 1\nabi = 0.2\nlibrary = a.so\n")
    try folder.write(".hidden.plugin", "nonsense")
    try folder.write("README", "nonsense")
    let registry = folder.registry
    #expect(registry.enabled.map(\.id) == ["org.test.one"])
    #expect(registry.broken.map(\.id) == ["org.test.bad", "org.test.liar"])
    #expect(registry.broken.first?.error.description.contains("line 2: expected key = value") == true)
}

@Test func pluginsAreSwitchedOffAndOn() throws {
    let folder = try PluginFolder()
    try folder.writeManifest()
    var state = try PluginState(reading: folder.registry.stateFile, trust: Trust(isPrivileged: false))
    try state.set("org.test.one", enabled: false)
    #expect(folder.registry.enabled.isEmpty)
    #expect(folder.registry.find("one")?.isEnabled == false)
    #expect(folder.registry.pick(Triggers(flags: ["switch"])).isEmpty)
    var again = try PluginState(reading: folder.registry.stateFile, trust: Trust(isPrivileged: false))
    try again.set("org.test.one", enabled: true)
    #expect(folder.registry.enabled.map(\.id) == ["org.test.one"])
}

@Test func triggersPick() throws {
    let folder = try PluginFolder()
    try folder.writeManifest(head: "image-facts = encrypted\n" + alwaysUseTest)
    let registry = folder.registry
    func trigger(_ change: (inout Triggers) -> Void) -> String? {
        var triggers = Triggers()
        change(&triggers)
        return registry.pick(triggers).first?.trigger
    }
    #expect(trigger { _ in } == nil)
    #expect(trigger { $0.flags = [PluginFlagUse("switch", ["true"])] } == "--switch")
    #expect(trigger { $0.flags = [PluginFlagUse("switch", ["false"])] } == nil)
    #expect(trigger { $0.flags = [PluginFlagUse("words", ["a"])] } == "--words")
    let (on, off) = (try settings("always use test = yes"), try settings("always use test = no"))
    #expect(trigger { $0.settings = on } == "always use test = yes")
    #expect(trigger { $0.settings = off } == nil)
    #expect(trigger { $0.imageFacts = ["encrypted"] } == "image: encrypted")
}

extension Triggers {
    fileprivate init(flags names: [String]) {
        self.init()
        flags = names.map { PluginFlagUse($0, ["true"]) }
    }
}

@Test(
    arguments: [
        ("         0          0 4294967295\n", true, [0, 65534]),
        ("         0       2000          1\n", false, [0, 65534]),
        ("         0          0          1\n", true, [0, 65534]),
        ("         0       2000          1\n         1     100000      65536\n", true, [0, 65534]),
        ("", true, [0, 65534]),
    ] as [(String, Bool, [uid_t])])
func rootOfAUserNamespace(map: String, isPrivileged: Bool, owners: [uid_t]) {
    let trust = Trust(uidMap: UserIDMap(parsing: Array(map.utf8)), programOwners: [65534])
    #expect(trust.isPrivileged == isPrivileged && trust.owners == owners)
}

/// A namespace of ranges shows root's directories above an installation of a user's own as nobody's.
@Test func directoriesAboveAnInstallationMayBeUnmapped() {
    let ranges = Trust(uidMap: UserIDMap(parsing: Array("0 2000 1\n1 100000 65536\n".utf8)), programOwners: [0])
    #expect(ranges.trusts(65534, isAncestor: true) && !ranges.trusts(65534, isAncestor: false))
    #expect(!ranges.trusts(1000, isAncestor: true))
    #expect(!Trust(isPrivileged: true).trusts(65534, isAncestor: true))
}

@Test func refusesFlagsThatNoPluginHas() throws {
    let folder = try PluginFolder()
    try folder.writeManifest()
    var request = Request(action: .exec, image: "x")
    try folder.registry.refuseUnknownFlags(of: request)
    request.pluginFlags = [PluginFlagUse("no-such", ["true"])]
    #expect(throws: SkiffError.self) { try folder.registry.refuseUnknownFlags(of: request) }
}

@Test func manifestSaysWithWhosePowersItRuns() throws {
    let folder = try PluginFolder()
    try folder.writeManifest()
    var manifest = try #require(folder.registry.enabled.first)
    func isRefused(_ privileged: Manifest.Privileged, _ trust: Trust) -> Bool {
        manifest.privileged = privileged
        do throws(SkiffError) {
            _ = try Loader(directory: folder.path, trust: trust).load(manifest)
            return false
        } catch {
            // There is no library: getting as far as that means that the powers were right.
            return error.message.hasSuffix("its manifest does not allow it with these powers")
        }
    }
    let (user, root) = (Trust(isPrivileged: false), Trust(isPrivileged: true))
    let setuid = Trust(isPrivileged: true, isSetuid: true)
    #expect([.never, .root, .setuid].map { isRefused($0, user) } == [false, false, false])
    #expect([.never, .root, .setuid].map { isRefused($0, root) } == [true, false, false])
    #expect([.never, .root, .setuid].map { isRefused($0, setuid) } == [true, true, false])
}

/// What a library that does not do what its manifest says about schemes is told.
@Test(
    arguments: [
        ([], "schemes = odd", nil),
        (["-DFETCH=NULL"], "schemes = odd", "skiff.transport/1 of the library lacks resolve or fetch"),
        (["-DPUSH=push"], "schemes = odd", "the library can push, but its manifest does not say so"),
        ([], "schemes = odd\npush-schemes = odd", "the library cannot push, as its manifest says"),
        (["-DPUSH=push"], "schemes = odd\npush-schemes = odd", nil),
    ] as [([String], String, String?)])
func transportsFitTheirManifests(defines: [String], head: String, reason: String?) throws {
    let folder = try PluginFolder()
    try folder.build("odd.so", defines, id: "org.test.odd", source: "transport.c")
    try folder.write(
        "org.test.odd.plugin",
        """
        id = org.test.odd
        version = 1.0
        abi = 0.2
        library = odd.so
        extensions = skiff.transport/1
        \(head)

        """)
    let manifest = try #require(folder.registry.plugins(serving: "odd").first)
    #expect(folder.registry.plugins(serving: "even").isEmpty && folder.registry.knows(scheme: "odd"))
    do throws(SkiffError) {
        let plugin = try Loader(directory: folder.path, trust: Trust(isPrivileged: false)).load(manifest)
        #expect(reason == nil && (plugin.transport.push != nil) == head.contains("push"))
    } catch {
        #expect(error.description == "plugin org.test.odd: load: \(reason ?? "nothing")")
    }
}
