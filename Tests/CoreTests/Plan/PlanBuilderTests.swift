import Base
import Linux
import Testing

@testable import Core

/// Plans for hosts and users that need not exist: everything that a plan depends on is a value.
struct PlanBuilderTests {
    func host(uid: UInt32 = 2000, administrator: Bool = false, initial: Bool = true, fuse: Bool = true)
        -> HostFacts
    {
        var host = HostFacts(
            uid: uid, gid: uid, groups: [uid],
            user: UserRecord(
                name: "ann", uid: uid, gid: uid, gecos: "", home: "/tmp", shell: "/bin/sh"), groupRecords: [],
            directory: "/data/here", umask: 0o027, environment: [Array("TERM=dumb".utf8)],
            isAdministrator: administrator,
            isInitialUserNamespace: initial, hasFuse: fuse, hasLoop: true, terminal: nil)
        host.homeSource = .directory
        return host
    }

    let sif = ImageFacts(path: "/i/x.sif", root: .squashfs, range: ByteRange(offset: 36864, size: 4096))
    let sandbox = ImageFacts(path: "/i/box", root: .directory)

    func plan(
        _ image: ImageFacts, _ host: HostFacts, settings: Settings = Settings(),
        plugins: any PluginPhases = NoPlugins(), _ change: (inout Request) -> Void = { _ in }
    ) throws -> Plan {
        var request = Request(action: .exec, image: image.path)
        request.arguments = [Array("true".utf8)]
        change(&request)
        return try PlanBuilder(
            request: request, settings: settings, host: host, image: image, plugins: plugins
        ).build()
    }

    // MARK: who mounts, who waits

    @Test func aUserGetsTheImageServerAndAMonitor() throws {
        let plan = try plan(sif, host())
        #expect(plan.image.driver == .server && plan.process == .monitored)
        #expect(plan.user == .new(uid: IDMap(inside: 2000, outside: 2000), gid: IDMap(inside: 2000, outside: 2000)))
        #expect(plan.privileges == Privileges(noNewPrivileges: true, capabilities: 0))
    }

    /// The namespace has one id: if files had the image's owners, none of them could be changed in an overlay.
    @Test func filesOfAServedImageBelongToTheCaller() throws {
        #expect(try plan(sif, host()).image.owner == FileOwner(uid: 2000, gid: 2000))
        #expect(try plan(sif, host()) { $0.userMapping = .root }.image.owner == FileOwner(uid: 0, gid: 0))
        #expect(try plan(sandbox, host()).image.owner == nil)
        #expect(try plan(sif, host(uid: 0, administrator: true)).image.owner == nil)
    }

    @Test func onlyDirectoriesAndExt3FilesOfRootAreWritten() throws {
        let root = host(uid: 0, administrator: true)
        let file = ImageFacts(path: "/i/x.ext3", root: .ext3, range: ByteRange(offset: 0, size: 4096))
        let inSIF = ImageFacts(
            path: "/i/x.sif", root: .ext3, range: ByteRange(offset: 36864, size: 4096), isInSIF: true)
        let readOnly = ImageFacts(path: "/i/box", root: .directory, isWritable: false)
        let squashfs = ImageFacts(
            path: "/i/x.sqfs", root: .squashfs, range: ByteRange(offset: 0, size: 4096), isWritable: false)
        let written = try plan(file, root) { $0.writable = true }
        #expect(written.image.driver == .loop && written.image.writable)
        for (image, host, text) in [
            (inSIF, root, "no SIF writable overlay partition found in /i/x.sif"),
            (squashfs, root, "could not set /i/x.sqfs image writable: squashfs is a read-only filesystem"),
            (readOnly, root, "could not use /i/box for writing, you don't have write permissions"),
            (file, self.host(), "could not use /i/x.ext3 for writing: an ext3 image is written by the kernel"),
        ] {
            let error = #expect(throws: SkiffError.self) { try plan(image, host) { $0.writable = true } }
            #expect(error?.message.hasPrefix(text) == true, "\(String(describing: error))")
        }
    }

    /// An image made by somebody else may attack the kernel's file systems with its bytes.
    @Test func theKernelReadsWhatTheConfigurationLetsIt() throws {
        let root = host(uid: 0, administrator: true)
        let file = ImageFacts(path: "/i/x.ext3", root: .ext3, range: ByteRange(offset: 0, size: 4096))
        var settings = Settings()
        settings.allowKernelSquashfs = false
        #expect(try plan(sif, root, settings: settings).image.driver == .server)
        #expect(
            try plan(sif, host(uid: 0, administrator: true, fuse: false), settings: settings).image.driver == .extracted
        )
        #expect(try plan(file, root, settings: settings).image.driver == .loop)
        settings = Settings()
        settings.allowKernelExtfs = false
        #expect(try plan(sif, root, settings: settings).image.driver == .loop)
        #expect(try plan(file, root, settings: settings).image.driver == .extracted)
        let error = #expect(throws: SkiffError.self) { try plan(file, root, settings: settings) { $0.writable = true } }
        #expect(error?.message.hasSuffix("skiff.conf says allow kernel extfs = no") == true)
    }

    /// By the kernel for root where it can; gocryptfs it cannot.
    @Test func whoDecrypts() throws {
        func image(_ filesystem: SIFFilesystem) -> ImageFacts {
            var image = sif
            image.encryption = EncryptedVolume(filesystem: filesystem, range: image.range)
            return image
        }
        var root = host(uid: 0, administrator: true)
        let luks = image(.encryptedSquashfs)
        #expect(try plan(luks, root).image.driver == .server)
        root.hasCrypt = true
        let planned = try plan(luks, root)
        #expect(planned.image.driver == .deviceMapper && planned.process == .monitored && planned.image.owner == nil)
        #expect(planned.text().contains("squashfs encrypted as LUKS2 at byte 36864, 4096 bytes, by the kernel"))
        #expect(try plan(image(.gocryptfsSquashfs), root).image.driver == .server)
        #expect(try plan(luks, root) { $0.userMapping = .userNamespace }.image.driver == .server)
        var settings = Settings()
        settings.allowKernelSquashfs = false
        #expect(try plan(luks, root, settings: settings).image.driver == .server)
        var user = host()
        user.hasCrypt = true
        #expect(try plan(luks, user).image.driver == .server)
        // Without /dev/fuse only the kernel is left.
        root.hasFuse = false
        #expect(try plan(luks, root).image.driver == .deviceMapper)
        root.hasCrypt = false
        let error = #expect(throws: SkiffError.self) { try plan(luks, root) }
        #expect(error?.message.contains("a server that needs /dev/fuse") == true)
    }

    /// Nothing is made in an image that is opened for writing.
    @Test func homeThatAWritableImageLacksIsStaged() throws {
        let file = ImageFacts(path: "/i/x.ext3", root: .ext3, range: ByteRange(offset: 0, size: 4096))
        let root = host(uid: 0, administrator: true)
        func homes(_ path: String) throws -> [String] {
            try plan(file, root) {
                $0.writable = true
                $0.home = Request.Bind(source: "/tmp", destination: path)
            }.mounts.filter { $0.group == .home }.map(\.destination)
        }
        #expect(try homes("/home/ann") == ["/home", "/home/ann"])
        #expect(try homes("/ann") == ["/ann"])
        var box = sandbox
        box.holdsHome = true
        let there = try plan(box, root) {
            $0.writable = true
            $0.home = Request.Bind(source: "/tmp", destination: "/home/ann")
        }
        #expect(there.mounts.filter { $0.group == .home }.map(\.destination) == ["/home/ann"])
    }

    /// Equivalent in Unicode, but two names to the kernel.
    @Test func equivalentNamesAreTwoPlaces() throws {
        let places = ["/mnt/\u{E9}", "/mnt/e\u{301}"]
        let plan = try plan(sandbox, host()) {
            $0.binds = (places + [places[0]]).map { .init(source: "/tmp", destination: $0) }
        }
        #expect(
            plan.mounts.filter { $0.group == .userBinds }.map { Array($0.destination.utf8) }
                == places.map { Array($0.utf8) })
    }

    @Test func workDirectoryMustExist() throws {
        func refusal(_ place: Place, _ path: String) -> String? {
            var host = self.host()
            host.workDirectory = place
            let error = #expect(throws: SkiffError.self) {
                try plan(sandbox, host) { ($0.contain, $0.workdir) = (true, path) }
            }
            return error?.description
        }
        #expect(
            refusal(.absent(.noSuchFile), "/nowhere/at/all")
                == "cannot use work directory /nowhere/at/all: no such file or directory")
        #expect(refusal(.other, "f") == "cannot use work directory /data/here/f: not a directory")
    }

    /// The host may be any: the same request and facts make the same plan, whatever this machine has.
    @Test func factsAloneDecide() throws {
        var host = self.host()
        (host.homeSource, host.resolvedDirectory, host.topMounts) = (.absent(.noSuchFile), "/usr", ["/srv", "/proc"])
        host.temporaryDirectory = "/big"
        var settings = Settings()
        settings.mountHostfs = true
        let plan = try plan(sif, host, settings: settings) { $0.unsquash = true }
        #expect(plan.mounts.first { $0.group == .home }?.source == .session(mode: 0o700))
        #expect(plan.mounts.filter { $0.group == .hostfs }.map(\.destination) == ["/srv"])
        #expect(!plan.mounts.contains { $0.group == .cwd })
        #expect(plan.image.directory.hasPrefix("/big/skiff-rootfs-"))
    }

    @Test func looksOnlyWhereTheRequestAsks() throws {
        let installation = Installation(program: "/nowhere/bin/skiff")
        var image = sandbox
        var host = self.host()
        host.homeSource = .other
        var request = Request(action: .exec, image: "x")
        request.contain = true
        host.look(for: request, Settings(), &image, installation)
        #expect(host.homeSource == .other && host.resolvedDirectory == nil && host.topMounts.isEmpty)
        request.workdir = "/etc/passwd"
        host.look(for: request, Settings(), &image, installation)
        #expect(host.workDirectory == .other)
        request = Request(action: .exec, image: "x")
        (request.writable, request.home) = (true, Request.Bind(source: "/nowhere", destination: "/self"))
        image.path = "/proc"
        host.look(for: request, Settings(), &image, installation)
        #expect(host.homeSource == .absent(.noSuchFile) && image.holdsHome)
    }

    /// `--explain` shows the messages, and nothing is printed while the plan is made.
    @Test func whatTheUserIsToldIsInThePlan() throws {
        var settings = Settings()
        (settings.userBindControl, settings.allowPIDNamespace) = (false, false)
        let plan = try plan(sandbox, host(uid: 0, administrator: true), settings: settings) {
            ($0.newPID, $0.scratch, $0.addCapabilities) = (true, ["/s"], ["CAP_NONE"])
            $0.binds = [.init(source: "/a", destination: "/b")]
        }
        #expect(
            plan.messages == [
                .warning("Not creating a new PID namespace: not allowed by the configuration"),
                .verbose("--scratch is ignored: user bind control = no"),
                .warning("not mounting current directory: user bind control is disabled by system administrator"),
                .warning("Ignoring user bind request: user bind control disabled by system administrator"),
                .warning("Skipping unknown capability: CAP_NONE"),
            ])
        #expect(plan.text().contains("messages\n  WARNING: Not creating a new PID namespace"))
        #expect(plan.json().text().contains(#"{"level":"WARNING","text":"Not creating a new PID namespace"#))
        #expect(plan.namespaces == [.mount])
    }

    /// `/devil` is not `/dev`.
    @Test func namesThatOnlyBeginAlikeAreOthers() throws {
        var host = self.host(uid: 0, administrator: true)
        host.topMounts = [
            "/developer", "/dev", "/sysadmin", "/running", "/run", "/variety", "/procedures", "/bootcamp",
        ]
        var settings = Settings()
        settings.mountHostfs = true
        let plan = try plan(sandbox, host, settings: settings) {
            $0.binds = [.init(source: "/devil", destination: "/a"), .init(source: "/dev/null", destination: "/b")]
        }
        #expect(
            plan.mounts.filter { $0.group == .hostfs }.map(\.destination) == [
                "/developer", "/sysadmin", "/running", "/variety", "/procedures", "/bootcamp",
            ])
        let binds = plan.mounts.filter { $0.group == .userBinds }
        #expect(binds.map { $0.attributes.contains(.noDev) } == [true, false])
        for (path, directory, lies) in [
            ("/dev", "/dev", true), ("/dev/", "/dev", true), ("/dev/x", "/dev", true), ("/devil", "/dev", false),
            ("/de", "/dev", false), ("/x", "/", true), ("/", "/", true), ("/e\u{301}", "/e", false),
            ("/a/\u{301}b", "/a", true), ("/\u{e9}/x", "/e\u{301}", false),
        ] {
            #expect(isPath(path, within: directory) == lies, "\(path) in \(directory)")
        }
    }

    @Test func aDirectoryIsRunInPlace() throws {
        let plan = try plan(sandbox, host())
        #expect(plan.image.driver == .directory && plan.process == .inPlace)
    }

    @Test func rootMountsWithTheKernelInPlace() throws {
        let plan = try plan(sif, host(uid: 0, administrator: true))
        #expect(plan.image.driver == .loop && plan.process == .inPlace && plan.user == .none)
        #expect(plan.session.size == nil)
    }

    @Test func rootOfAUserNamespaceCannotMountLoops() throws {
        #expect(try plan(sif, host(uid: 0, administrator: true, initial: false)).image.driver == .server)
        #expect(
            try plan(sif, host(uid: 0, administrator: true)) { $0.userMapping = .userNamespace }.image.driver == .server
        )
    }

    @Test func withoutFuseTheImageIsExtracted() throws {
        let plan = try plan(sif, host(fuse: false)) { $0.temporaryDirectory = "/big" }
        #expect(plan.image.driver == .extracted && plan.process == .monitored)
        #expect(plan.image.directory.hasPrefix("/big/skiff-rootfs-2000-") && plan.image.directory.hasSuffix("/root"))
    }

    @Test func aPIDNamespaceHasAShimUnlessRefused() throws {
        let shim = try plan(sandbox, host()) { $0.newPID = true }
        #expect(shim.process == .shim && shim.namespaces.contains(.pid))
        #expect(
            shim.mounts.contains { $0.destination == "/proc" && $0.source == .filesystem(type: "proc", options: []) })
        #expect(try plan(sandbox, host()) { ($0.newPID, $0.noInit) = (true, true) }.process == .monitored)
    }

    // MARK: privileges

    @Test func onlyRootMayKeepPrivileges() throws {
        #expect(throws: SkiffError.self) { _ = try plan(sandbox, host()) { $0.keepPrivileges = true } }
        let root = host(uid: 0, administrator: true)
        #expect(try plan(sandbox, root).privileges.noNewPrivileges == false)
        let none = try plan(sandbox, root) { $0.noPrivileges = true }
        #expect(none.privileges == Privileges(noNewPrivileges: true, capabilities: 0))
        let one = try plan(sandbox, root) { ($0.noPrivileges, $0.addCapabilities) = (true, ["net_raw"]) }
        #expect(Capability.names(of: one.privileges.capabilities) == ["CAP_NET_RAW"])
    }

    // MARK: mounts

    func destinations(_ plan: Plan) -> [String] { plan.mounts.map(\.destination) }

    @Test func defaultMountsAndWhatTurnsThemOff() throws {
        let all = try destinations(plan(sandbox, host()))
        for path in ["/dev", "/proc", "/sys", "/tmp", "/var/tmp", "/etc/passwd", "/etc/resolv.conf", "/data/here"] {
            #expect(all.contains(path), "\(path)")
        }
        let less = try destinations(
            plan(sandbox, host()) { $0.noMount = ["dev", "proc", "sys", "tmp", "cwd", "bind-paths", "home"] })
        #expect(less == ["/etc/passwd", "/etc/group"])
        var settings = Settings()
        (settings.mountProc, settings.configPasswd) = (false, false)
        let configured = try destinations(plan(sandbox, host(), settings: settings))
        #expect(!configured.contains("/proc") && !configured.contains("/etc/passwd"))
    }

    @Test func containShowsNothingOfTheUser() throws {
        let plan = try plan(sandbox, host()) { $0.contain = true }
        for mount in plan.mounts where ["/tmp", "/var/tmp", "/dev"].contains(mount.destination) {
            guard case .session = mount.source else {
                Issue.record("\(mount.destination) is \(mount.sourceText)")
                continue
            }
        }
        #expect(!destinations(plan).contains("/data/here"))
        #expect(plan.directory == .preferred(["/tmp", "/"]))
    }

    @Test func userBindsComeLastByDepthAndAreToldAsGiven() throws {
        let plan = try plan(sandbox, host()) {
            $0.binds = [
                .init(source: "/a", destination: "/x/y/z"), .init(source: "/b", destination: "/x", readOnly: true),
                .init(source: "/c", destination: "/x"),
            ]
        }
        let binds = plan.mounts.filter { $0.group == .userBinds }
        #expect(binds.map(\.destination) == ["/x", "/x/y/z"])
        #expect(binds.first?.attributes.contains(.readOnly) == true)
        #expect(plan.environment.variables.contains { $0.name == "APPTAINER_BIND" && $0.text == "/x/y/z,/x" })
    }

    // MARK: what plugins and users put in is checked

    final class Hostile: PluginPhases {
        let add: (inout PlanDraft) -> Void
        init(_ add: @escaping (inout PlanDraft) -> Void) { self.add = add }
        var participants: [PluginParticipant] {
            [.init(id: "org.example.bad", version: "1", trigger: "--bad", phases: [])]
        }
        func configure() throws(SkiffError) {}
        func prepare(_ draft: inout PlanDraft) throws(SkiffError) {}
        func mounts(_ draft: inout PlanDraft) throws(SkiffError) { add(&draft) }
        func environment(_ draft: inout PlanDraft) throws(SkiffError) {}
        func entered() throws(SkiffError) {}
        func preExec() throws(SkiffError) {}
        func started(pid: Int32, pidfd: Int32) {}
        func stopped(status: Int32) {}
    }

    @Test(arguments: ["/", "relative", "/a/../b", "/a//b", ""])
    func aPluginCannotMountAnywhere(destination: String) {
        let plugin = Hostile { draft in
            draft.mounts.append(
                Mount(.files, .bind("/etc"), at: destination, reason: "bad", origin: "org.example.bad"))
        }
        let error = #expect(throws: SkiffError.self) { _ = try plan(sandbox, host(), plugins: plugin) }
        #expect(error?.description.contains("org.example.bad") == true)
    }

    @Test func oneWritableLayerAtMost() {
        let plugin = Hostile { draft in
            draft.layers = [
                Layer(.temporaryUpper, reason: "--writable-tmpfs", origin: "p"),
                Layer(.upper("/o/upper", work: "/o/work"), reason: "--overlay /o", origin: "p"),
            ]
        }
        #expect(throws: SkiffError.self) { _ = try plan(sandbox, host(), plugins: plugin) }
    }

    @Test func rootWithAWritableLayerKeepsTheImagesUsers() throws {
        let plugin = Hostile { $0.layers = [Layer(.temporaryUpper, reason: "r", origin: "p")] }
        let plan = try plan(sandbox, host(uid: 0, administrator: true), plugins: plugin)
        #expect(!destinations(plan).contains("/etc/passwd") && destinations(plan).contains("/etc/resolv.conf"))
    }

    @Test func aWritableImageHasNoLayer() throws {
        #expect(try plan(sandbox, host()) { $0.writable = true }.image.targets == .none)
        #expect(throws: SkiffError.self) { _ = try plan(sif, host()) { $0.writable = true } }
        #expect(try plan(sandbox, host()) { $0.underlay = true }.image.targets == .underlay)
    }

    @Test func thePlanIsPrintedWhole() throws {
        let plan = try plan(sif, host()) { $0.hostname = "n1" }
        let text = plan.text()
        for line in [
            "/i/x.sif", "skiff waits, its child becomes the program", "user: uid 2000 is 2000", "host name n1",
            "no_new_privs", "/dev from /dev [nosuid] (devices)",
        ] {
            #expect(text.contains(line), "\(line)")
        }
        #expect(plan.json().text().contains(#""driver":"server""#))
    }
}
