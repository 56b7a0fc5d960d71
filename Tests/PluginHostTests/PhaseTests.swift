import Base
import CLinux
import Core
import Linux
import Testing

@testable import PluginHost

private func throughPlan(_ run: PluginRun) throws(SkiffError) -> PlanDraft {
    var draft = PlanDraft()
    draft.minimalDev = true
    try run.configure()
    try run.prepare(&draft)
    try run.mounts(&draft)
    try run.environment(&draft)
    return draft
}

@Test func phasesRunInOrderAndStopInReverse() throws {
    let folder = try PluginFolder()
    try folder.build("one.so")
    try folder.writeManifest(head: "after = org.test.two")
    try folder.build("two.so", id: "org.test.two")
    try folder.writeManifest(id: "org.test.two", library: "two.so")
    let run = try folder.run([PluginFlagUse("record", [folder.path + "/record"])])
    #expect(run.participants.map(\.id) == ["org.test.two", "org.test.one"])
    #expect(run.participants.first?.phases.last == .stopped)
    let draft = try throughPlan(run)
    try run.entered()
    try run.preExec()
    run.started(pid: 1, pidfd: -1)
    run.stopped(status: 7)
    run.stopped(status: 8)
    let stations = ["--record", "configure"]
    let later = ["prepare", "mounts", "environment", "entered", "pre_exec", "started"]
    #expect(
        folder.recorded
            == stations.map { "org.test.two " + $0 } + stations.map { "org.test.one " + $0 }
            + later.flatMap { ["org.test.two " + $0, "org.test.one " + $0] }
            + ["org.test.one stopped 7", "org.test.two stopped 7"])
    #expect(draft.namespaces == [.network])
    #expect(draft.notes.map(\.origin) == ["org.test.two", "org.test.one"])
    #expect(draft.variables.map(\.operation) == [.set("org.test.two"), .set("org.test.one")])
    let mount = try #require(draft.mounts.last)
    #expect(mount.source == .bind("/etc/hostname") && mount.destination == "/greeting" && mount.group == .files)
    #expect(mount.attributes == .readOnly && mount.missing == .warn && mount.origin == "org.test.one")
    #expect(mount.reason == "plugin org.test.one")
}

@Test(arguments: ["configure", "prepare", "mounts", "environment"])
func failingPhaseStopsWhatWasPrepared(phase: String) throws {
    let folder = try PluginFolder()
    try folder.build("one.so")
    try folder.writeManifest()
    try folder.build("two.so", ["-DFAILS=\"\(phase)\""], id: "org.test.two")
    try folder.writeManifest(id: "org.test.two", library: "two.so")
    let run = try folder.run([PluginFlagUse("record", [folder.path + "/record"])])
    do throws(SkiffError) {
        _ = try throughPlan(run)
        Issue.record("no failure")
    } catch {
        #expect(
            error.description
                == "plugin org.test.two: \(phase): cannot find: no such file or directory. the thing")
    }
    let stops = folder.recorded.filter { $0.contains("stopped") }
    #expect(stops == (phase == "configure" ? [] : ["org.test.two stopped -1", "org.test.one stopped -1"]))
}

@Test func failureInTheChildAndAfterIt() throws {
    let folder = try PluginFolder()
    try folder.build("one.so", ["-DFAILS=\"pre_exec\""])
    try folder.writeManifest()
    let run = try folder.run([PluginFlagUse("record", [folder.path + "/record"])])
    _ = try throughPlan(run)
    try run.entered()
    #expect(throws: SkiffError.self) { try run.preExec() }
    // The parent, another process, calls stopped; here the same one does.
    #expect(!folder.recorded.contains { $0.contains("stopped") })
    run.stopped(status: 255)
    #expect(folder.recorded.last == "org.test.one stopped 255")
}

@Test func handlersGetNaturalArguments() throws {
    let folder = try PluginFolder()
    try folder.build("one.so")
    try folder.writeManifest()
    let run = try folder.run([
        PluginFlagUse("switch", ["true", "false"]), PluginFlagUse("number", ["-7000000000"]),
        PluginFlagUse("words", ["a", "", "c d"]),
        PluginFlagUse("record", [folder.path + "/record"]),
    ])
    try run.configure()
    // In the order of the manifest, not of the command line.
    let calls = ["--record", "a", "", "c d", "number -7000000000", "off", "configure"]
    #expect(folder.recorded == calls.map { "org.test.one " + $0 })
}

/// A plugin in C gets a path as the bytes that it is.
@Test func handlersGetBytes() throws {
    let folder = try PluginFolder()
    try folder.build("one.so")
    try folder.writeManifest()
    let odd: [UInt8] = [0x78, 0xFF, 0x79]
    let run = try folder.run([
        PluginFlagUse("words", [String(bytes: odd)]), PluginFlagUse("record", [folder.path + "/record"]),
    ])
    try run.configure()
    let lines = try readFile(folder.path + "/record").split(separator: 0x0A)
    #expect(lines.contains { $0.elementsEqual(Array("org.test.one ".utf8) + odd) }, "\(folder.recorded)")
}

@Test func phasesOfALaunch() throws {
    let folder = try PluginFolder()
    try folder.build("one.so")
    try folder.writeManifest(head: alwaysUseTest)
    let installation = Installation(program: "/opt/skiff/bin/skiff")
    func participants(_ conf: String) throws -> [PluginParticipant] {
        try folder.registry.phases(
            for: Request(action: .exec, image: "x.sif"), try settings(conf), installation,
            trust: Trust(isPrivileged: false)
        ).participants
    }
    #expect(try participants("").isEmpty)
    #expect(try participants("always use test = yes\n").map(\.trigger) == ["always use test = yes"])
}

/// A directive has the type that the manifest gives it, and is refused before anything is loaded.
@Test func directivesOfAPluginAreTyped() throws {
    let folder = try PluginFolder()
    try folder.build("one.so")
    try folder.writeManifest(
        head: """
            \(alwaysUseTest)
            [config]
            name = test library path
            type = path
            default = /opt/test
            help = where its libraries are
            [config]
            name = test devices
            type = list
            default = a, b
            help = its devices
            [config]
            name = test words
            help = anything
            [config]
            name = test level
            type = integer
            help = a number
            """)
    let manifest = try #require(folder.registry.enabled.first)
    func values(_ name: String, _ text: String) throws -> [String] {
        InstalledPlugins.configuration(try settings(text), [manifest])(name)
    }
    #expect(try values("test library path", "") == ["/opt/test"])
    #expect(try values("test library path", "test  library\tpath = /a,b\ntest library path = /c") == ["/a,b"])
    #expect(try values("test devices", "") == ["a", "b"])
    #expect(try values("test devices", "test devices = c,d\ntest devices = e") == ["c", "d", "e"])
    #expect(try values("test words", "") == [])
    #expect(try values("test words", "test words = a, b") == ["a, b"])
    // Directives of skiff and of nobody.
    #expect(try values("mount home", "mount home = no") == ["no"] && values("nosuch", "nosuch = 1,2") == ["1", "2"])
    for (line, demand) in [
        ("test library path = opt", "an absolute path"), ("always use test = maybe", "yes or no"),
        ("test level = 1x", "a number"), ("test level = no", "a number"),
    ] {
        let error = #expect(throws: SkiffError.self) {
            try folder.registry.check(try settings("# one\n" + line))
        }
        #expect(error?.description == "cannot use line 2 of skiff.conf: \(line). It must be \(demand)")
    }
    try folder.registry.check(try settings("test level = -7\ntest words = \u{1}\nmount dev = minimal\nother = x\n"))
}
