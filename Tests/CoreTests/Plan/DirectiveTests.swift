import Base
import Linux
import Testing

@testable import Core

/// The effect of the configuration's directives on a plan.
extension PlanBuilderTests {
    private func refusal(
        _ image: ImageFacts, _ host: HostFacts, _ settings: Settings, _ request: (inout Request) -> Void = { _ in }
    )
        -> String?
    {
        let error = #expect(throws: SkiffError.self) { try plan(image, host, settings: settings, request) }
        return error?.message
    }

    private var root: HostFacts { host(uid: 0, administrator: true) }

    private func warnings(_ plan: Plan) -> [String] { plan.messages.filter { $0.level == .warning }.map(\.text) }

    @Test func withoutUserNamespacesNobodyGetsOne() throws {
        var settings = Settings()
        settings.allowUserNamespace = false
        let text = "cannot make a user namespace: the configuration does not allow it (allow user ns = no)"
        #expect(refusal(sandbox, host(), settings) == text)
        #expect(refusal(sandbox, host(), settings) { $0.userMapping = .root } == text)
        #expect(refusal(sandbox, root, settings) { $0.userMapping = .userNamespace } == text)
        #expect(refusal(sandbox, host(uid: 0), settings) == text)
        #expect(try plan(sandbox, root, settings: settings).user == .none)
        // A part of a build that is in its namespace already.
        #expect(try plan(sandbox, host(), settings: settings) { $0.userMapping = .inherited }.user == .none)
    }

    @Test func theSessionIsAsConfigured() throws {
        #expect(try plan(sandbox, host()).session == SessionFilesystem(size: 64 << 20))
        #expect(try plan(sandbox, root).session == SessionFilesystem(size: nil))
        #expect(try plan(sandbox, host()) { $0.userMapping = .root }.session == SessionFilesystem(size: nil))
        var settings = Settings()
        (settings.memoryFilesystem, settings.mountSlave) = (.ramfs, false)
        let ramfs = try plan(sandbox, host(), settings: settings) { $0.contain = true }
        #expect(ramfs.session == SessionFilesystem(type: .ramfs, size: nil, receivesMounts: false))
        #expect(
            ramfs.mounts.contains {
                $0.destination == "/dev/shm" && $0.source == .filesystem(type: "ramfs", options: ["mode=1777"])
            })
        #expect(warnings(ramfs).isEmpty)
        #expect(ramfs.text().contains("  ramfs, without a limit\n  later mounts of the host do not appear"))
        #expect(ramfs.json().text().contains(#""session":{"type":"ramfs","propagation":"private"}"#))
        settings.sessionSizeMiB = 100
        #expect(
            try warnings(plan(sandbox, host(), settings: settings)) == [
                "sessiondir max size = 100 is not carried out: a ramfs has no limit"
            ])
    }

    @Test func capabilitiesOfRootAreAsConfigured() throws {
        var settings = Settings()
        settings.rootCapabilities = .no
        #expect(
            try plan(sandbox, root, settings: settings).privileges == Privileges(noNewPrivileges: true, capabilities: 0)
        )
        #expect(try plan(sandbox, root, settings: settings) { $0.keepPrivileges = true }.privileges.capabilities != 0)
        #expect(try plan(sandbox, host(), settings: settings) { $0.userMapping = .root }.privileges.capabilities != 0)
        settings.rootCapabilities = .file
        #expect(try plan(sandbox, root, settings: settings).privileges.capabilities == 0)
        var host = root
        host.capabilityFile = .other
        #expect(refusal(sandbox, host, settings)?.hasPrefix("cannot read the capabilities of root") == true)
        #expect(try plan(sandbox, host, settings: settings) { $0.noPrivileges = true }.privileges.capabilities == 0)
    }

    @Test func imagesAreMountedAsConfigured() throws {
        let file = ImageFacts(path: "/i/x.ext3", root: .ext3, range: ByteRange(offset: 0, size: 4096))
        var settings = Settings()
        (settings.syncWritableExtfs, settings.maxLoopDevices) = (true, 8)
        let written = try plan(file, root, settings: settings) { $0.writable = true }
        #expect(written.image.isSynchronous && written.image.loopLimit == 8)
        #expect(try !plan(file, root, settings: settings).image.isSynchronous)
        settings.sharedLoopDevices = true
        #expect(
            try warnings(plan(sif, root, settings: settings)) == [
                "shared loop devices = yes is not carried out: every container has a loop device of its own"
            ])
        #expect(try warnings(plan(sif, host(), settings: settings)).isEmpty)
        settings.imageDriver = "other"
        #expect(
            refusal(sif, host(), settings)
                == "cannot use the image driver other: no plugin of this version mounts images")
    }

    @Test func overlaysAreAsConfigured() throws {
        let plugin = Hostile { $0.layers = [Layer(.temporaryUpper, reason: "--writable-tmpfs", origin: "p")] }
        var settings = Settings()
        settings.enableOverlay = .no
        let error = #expect(throws: SkiffError.self) { try plan(sandbox, host(), settings: settings, plugins: plugin) }
        #expect(
            error?.message
                == "cannot use an overlay (--writable-tmpfs): the configuration does not allow it (enable overlay = no)"
        )
        #expect(try plan(sandbox, host(), settings: settings).image.targets == .underlay)
        settings.enableOverlay = .driver
        #expect(
            try warnings(plan(sandbox, host(), settings: settings, plugins: plugin)) == [
                "enable overlay = driver is not carried out: the kernel makes the overlay"
            ])
    }

    @Test func homeThatWasAskedForIsRefused() throws {
        var settings = Settings()
        settings.userBindControl = false
        let text = refusal(sandbox, host(), settings) { $0.home = .init(source: "/a", destination: "/b") }
        #expect(text == "container creation failed: not mounting user requested home: user bind control is disallowed")
        let home = try plan(sandbox, host(), settings: settings).mounts.first { $0.group == .home }
        #expect(home?.source == .bind("/tmp"))
        let unmounted = try plan(sandbox, host(), settings: settings) {
            ($0.home, $0.noHome) = (.init(source: "/a", destination: "/b"), true)
        }
        #expect(!unmounted.mounts.contains { $0.group == .home })
    }

    @Test func whatIsNotCarriedOutIsTold() throws {
        var settings = Settings()
        (settings.allowMonitoring, settings.monitoringSocketPath) = (true, "/s")
        let monitoring = "allow monitoring = yes is not carried out: nothing is reported to /s"
        #expect(try warnings(plan(sandbox, host(), settings: settings)) == [monitoring])
    }

    @Test func defaultsAreSilent() throws {
        let settings = try Settings(parsing: Array(Settings().text().utf8), name: "c")
        for (image, host) in [(sif, host()), (sif, root), (sandbox, host()), (sandbox, root)] {
            #expect(try plan(image, host, settings: settings).messages == [])
        }
    }
}
