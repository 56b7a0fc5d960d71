import Base
import CLinux
import Linux
import TestSupport
import Testing

@testable import Core

/// An image with one application, as a builder leaves it: our own texts of the scripts.
func imageRoot(environment: String = "export FOO=bar\n") throws -> FakeRoot {
    let root = try FakeRoot()
    let app = ImageScripts.App(name: "hello", hasEnvironment: true, hasRunscript: true, hasStartscript: false)
    try root.write("/.singularity.d/env/01-base.sh", ImageScripts.base)
    try root.write("/.singularity.d/env/90-environment.sh", ImageScripts.environmentHead + "\n" + environment)
    try root.write("/.singularity.d/env/94-appsbase.sh", ImageScripts.appsBase([app]))
    try root.write("/.singularity.d/env/95-apps.sh", ImageScripts.apps)
    try root.write("/.singularity.d/env/99-base.sh", ImageScripts.finalBase)
    try root.write("/.singularity.d/env/99-runtimevars.sh", ImageScripts.runtimeVariables)
    try root.write("/scif/apps/hello/scif/env/01-base.sh", ImageScripts.appBase("hello"))
    try root.write("/scif/apps/hello/scif/env/90-environment.sh", "export APPV=1\n")
    try root.write("/scif/apps/hello/scif/runscript", "#!/bin/sh\necho hello app\n", mode: 0o755)
    try root.directory("/scif/apps/hello/bin")
    try root.directory("/scif/apps/hello/lib")
    try root.directory("/.singularity.d/libs")
    try root.write("/bin/env", "#!/bin/true\n", mode: 0o755)
    return root
}

struct Launch {
    var request: Request
    var host: [String] = []
    var facts = EnvironmentFacts(container: "/tmp/w/full.sif", home: "/home/tester")
    var directory = "/tmp/w"

    init(_ action: Request.Action = .exec, _ arguments: [String] = ["/bin/env"]) {
        request = Request(action: action, image: "full.sif")
        request.arguments = arguments.map { Array($0.utf8) }
    }

    func run(_ root: FakeRoot) throws -> EnvironmentRun {
        let plan = try EnvironmentPlan.make(request, host: host, facts: facts)
        return EnvironmentRun(
            plan, action: request.action, arguments: request.arguments,
            directory: Array(directory.utf8), files: root.files)
    }

    func start(_ root: FakeRoot) throws -> ProgramStart {
        guard case .start(let start) = try run(root).run() else { throw SkiffError("no start") }
        return start
    }

    func environment(_ root: FakeRoot) throws -> [String: String] {
        let start = try start(root)
        #expect(start.shellReason == nil)
        return texts(start.environment)
    }
}

func texts(_ environment: [[UInt8]]) -> [String: String] {
    Dictionary(
        EnvironmentEntry.split(environment).map { ($0.name, String(decoding: $0.value, as: UTF8.self)) },
        uniquingKeysWith: { $1 })
}

@Suite struct EnvironmentRunTests {
    /// As in the shell of Apptainer's runtime, they have values but are not exported.
    @Test func scriptsAndOptionsKnowTheIdentity() throws {
        var launch = Launch()
        launch.request.environment = [("B", "$UID:$EUID:$GID")]
        launch.host = ["APPTAINERENV_C=${UID}", "EUID=9"]
        let found = try launch.environment(try imageRoot(environment: "export A=\"$UID.$GID\"\n"))
        #expect(found["A"] == "\(realUID()).\(realGID())" && found["C"] == "\(realUID())")
        #expect(found["B"] == "\(realUID()):\(effectiveUID()):\(realGID())")
        #expect(found["UID"] == nil && found["GID"] == nil && found["EUID"] == "9")
    }

    /// The exact output, in its order, of Apptainer 1.4.5 for `exec --cleanenv full.sif env`.
    @Test func cleanEnvironmentEqualsApptainers() throws {
        var launch = Launch()
        launch.request.cleanEnvironment = true
        launch.host = ["PATH=/usr/bin", "USER=tester", "LD_LIBRARY_PATH=/x", "APPTAINER_BIND=/y"]
        let start = try launch.start(try imageRoot())
        let expected = [
            "APPTAINER_APPNAME=", "APPTAINER_BIND=", "APPTAINER_COMMAND=exec", "APPTAINER_CONTAINER=/tmp/w/full.sif",
            "APPTAINER_ENVIRONMENT=/.singularity.d/env/91-environment.sh", "APPTAINER_NAME=full.sif", "FOO=bar",
            "HOME=/home/tester", "LANG=C", "LD_LIBRARY_PATH=/.singularity.d/libs",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PROMPT_COMMAND=PS1=\"Apptainer> \"; unset PROMPT_COMMAND", "PS1=Apptainer> ", "PWD=/tmp/w",
            "SCIF_APPBIN_hello=/scif/apps/hello/bin", "SCIF_APPDATA_hello=/scif/data/hello",
            "SCIF_APPENV_hello=/scif/apps/hello/scif/env/90-environment.sh",
            "SCIF_APPLABELS_hello=/scif/apps/hello/scif/labels.json", "SCIF_APPLIB_hello=/scif/apps/hello/lib",
            "SCIF_APPMETA_hello=/scif/apps/hello/scif", "SCIF_APPROOT_hello=/scif/apps/hello",
            "SCIF_APPRUN_hello=/scif/apps/hello/scif/runscript", "SINGULARITY_BIND=",
            "SINGULARITY_CONTAINER=/tmp/w/full.sif", "SINGULARITY_ENVIRONMENT=/.singularity.d/env/91-environment.sh",
            "SINGULARITY_NAME=full.sif",
        ]
        #expect(start.environment.map { String(decoding: $0, as: UTF8.self) } == expected)
        #expect(start.attempt == ExecAttempt(.path(Array("/bin/env".utf8)), [Array("/bin/env".utf8)]))
    }

    @Test func hostVariablesYieldToTheImage() throws {
        var launch = Launch()
        launch.host = [
            "FOO=host", "QUX=host", "TWICE=1", "TWICE=2", "E=", "N=a\nb", "USER=me", "PATH=/u", "a-b=1",
            "BASH_FUNC_x%%=() { :; }",
        ]
        let found = try launch.environment(
            try imageRoot(environment: "export FOO=bar QUX=\"${QUX:-own}\" USER=\n"))
        #expect(found["FOO"] == "bar")
        #expect(found["QUX"] == "own")
        #expect(found["E"] == "")
        #expect(found["TWICE"] == "1")
        #expect(found["N"] == "a\nb")
        #expect(found["USER"] == nil)
        #expect(found["USER_PATH"] == "/u:/bin:/usr/bin:/sbin:/usr/sbin:/usr/local/bin:/usr/local/sbin")
        #expect(found["a-b"] == nil && found["BASH_FUNC_x%%"] == nil)
    }

    /// Results of Apptainer 1.4.5 for the same requests.
    @Test func wishesBeatTheImage() throws {
        var launch = Launch()
        launch.host = [
            "A=3", "APPTAINERENV_A=2", "SINGULARITYENV_L=old", "LD_LIBRARY_PATH=/h", "APPTAINERENV_LD_LIBRARY_PATH=/l",
        ]
        launch.request.environment = [
            ("FOO", ""), ("X", "$QUX-\\$QUX-\"q\"-'s"), ("APPTAINER_NAME", "zz"), ("HOME", "/x"),
            ("PREPEND_PATH", "/p"),
            ("APPEND_PATH", "/q"), ("T", "a\\"), ("", "1"),
        ]
        let root = try imageRoot(environment: "export FOO=bar QUX=q\n")
        let found = try launch.environment(root)
        #expect(found["A"] == "2")
        #expect(found["L"] == "old")
        #expect(found["FOO"] == "")
        #expect(found["X"] == "q-$QUX-\"q\"-'s")
        #expect(found["T"] == "a\\")
        #expect(found["APPTAINER_NAME"] == "zz")
        #expect(found["SINGULARITY_NAME"] == "full.sif")
        #expect(found["HOME"] == "/home/tester")
        #expect(found["PATH"] == "/p:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/q")
        #expect(found["LD_LIBRARY_PATH"] == "/l:/.singularity.d/libs")
        #expect(found.keys.allSatisfy { !$0.hasPrefix("SING_USER") })
        launch.request.noEvaluation = true
        let literal = try launch.environment(root)
        #expect(literal["X"] == "$QUX-\\$QUX-\"q\"-'s")
        #expect(literal["SINGULARITY_NO_EVAL"] == "1")
        launch.request.environment.append(("PATH", "/bin:/z"))
        #expect(try launch.environment(root)["PATH"] == "/bin:/z")
    }

    @Test func messagesAreApptainers() throws {
        var launch = Launch()
        launch.host = [
            "APPTAINERENV_A=2", "SINGULARITYENV_A=1", "SINGULARITYENV_B=1", "APPTAINERENV_HOME=/x", "APPTAINERENV_C=1",
            "SINGULARITYENV_C=1",
        ]
        launch.request.environment = [("", "1"), ("a-b", "1")]
        let plan = try EnvironmentPlan.make(launch.request, host: launch.host, facts: launch.facts)
        #expect(
            plan.messages.map(\.text) == [
                "Ignore environment variable =1: variable name missing",
                "Ignore environment variable a-b: not a valid name",
                "Overriding HOME environment variable with APPTAINERENV_HOME is not permitted",
                "SINGULARITYENV_A and APPTAINERENV_A have different values, using the latter",
                "Skipping environment variable [SINGULARITYENV_A=1], A is already overridden with different value [2]",
                "Environment variable SINGULARITYENV_B is set, but APPTAINERENV_B is preferred",
            ])
        #expect(plan.messages.last?.level == .info)
    }

    @Test func planTellsOriginsAndReasons() throws {
        var launch = Launch()
        launch.host = ["A=1", "B=2", "HOME=/h", "SKIFF_X=1", "C=3", "SKIFFENV_C=4", "APPTAINERENV_C=5"]
        launch.request.noEnvironment = ["B"]
        launch.facts.changes = [
            VariableChange(name: "GPU", operation: .set("on"), reason: "--nv", origin: "org.x"),
            VariableChange(name: "A", operation: .unset, reason: "breaks", origin: "org.x"),
            VariableChange(name: "PATH", operation: .appendPath("/gpu $x"), reason: "--nv", origin: "org.x"),
        ]
        let plan = try EnvironmentPlan.make(launch.request, host: launch.host, facts: launch.facts)
        let reasons = Dictionary(plan.dropped.map { ($0.name, $0.reason) }, uniquingKeysWith: { $1 })
        #expect(reasons["A"] == "breaks, org.x")
        #expect(reasons["B"] == "--no-env")
        #expect(reasons["C"] == "overridden by SKIFFENV_C")
        #expect(reasons["SKIFF_X"] == "SKIFF_* are settings of the runtime")
        #expect(plan.variables.first { $0.name == "GPU" }?.origin == "--nv, org.x")
        let found = try launch.environment(try imageRoot())
        #expect(found["GPU"] == "on" && found["A"] == nil && found["B"] == nil && found["C"] == "4")
        #expect(found["PATH"]?.hasSuffix(":/sbin:/bin:/gpu $x") == true)
    }

    @Test func applicationIsChosen() throws {
        var launch = Launch()
        launch.request.app = "hello"
        let root = try imageRoot()
        let found = try launch.environment(root)
        #expect(found["APPV"] == "1")
        #expect(found["SCIF_APPNAME"] == "hello")
        #expect(found["PATH"]?.hasPrefix("/scif/apps/hello/bin:/scif/apps/hello:/usr/local/sbin:") == true)
        #expect(found["LD_LIBRARY_PATH"]?.hasPrefix("/scif/apps/hello/lib:") == true)
        #expect(found["SINGULARITY_APPNAME"] == "hello")
        launch.request.app = "nosuch"
        guard case .end(let status, let output, _) = try launch.run(root).run() else {
            Issue.record("started")
            return
        }
        #expect(status == 1)
        #expect(output.map { String(decoding: $0.bytes, as: UTF8.self) } == ["This image has no application nosuch\n"])
        launch = Launch(.run, ["x"])
        launch.request.app = "hello"
        #expect(
            try launch.start(root).attempt.arguments.map { String(decoding: $0, as: UTF8.self) }
                == ["/scif/apps/hello/scif/runscript", "x"])
    }

    /// `exit n` in an environment script ends the action with n.
    @Test func exitOfAScriptEndsTheAction() throws {
        let root = try imageRoot(environment: "echo leaving\nexit 7\n")
        guard case .end(7, let output, _) = try Launch().run(root).run() else {
            Issue.record("did not end")
            return
        }
        #expect(output.first?.bytes == Array("leaving\n".utf8))
    }

    @Test func dockerImageGetsDefaultDirectories() throws {
        let root = try imageRoot(environment: "export P90=\"$PATH\"\n")
        try root.write(
            "/.singularity.d/env/10-docker2singularity.sh",
            "#!/bin/sh\nexport PATH=\"/opt/bin:/usr/bin\"\nexport V=\"${V:-\"a \\\"b\\\" \\\\$ c\"}\"\n")
        let found = try Launch().environment(root)
        #expect(found["P90"] == "/opt/bin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin")
        #expect(found["V"] == "a \"b\" \\$ c")
    }

    @Test func oldImagesWithoutEnvironmentDirectory() throws {
        let root = try FakeRoot()
        try root.write("/bin/env", "", mode: 0o755)
        #expect(try Launch().environment(root)["PATH"] == EnvironmentPlan.defaultPath)
        try root.write("/environment", "export OLD=1 PATH=/old\n")
        var launch = Launch()
        launch.request.environment = [("W", "$OLD")]
        let found = try launch.environment(root)
        #expect(found["OLD"] == "1" && found["W"] == "1")
        #expect(found["PATH"]?.hasPrefix("/old:/usr/local/sbin") == true)
    }

    @Test func bytesSurvive() throws {
        var launch = Launch()
        launch.request.noEvaluation = true
        let odd: [UInt8] = Array("ODD=".utf8) + [0xFF, 0x27, 0x0A, 0x22, 0x80]
        let plan = try EnvironmentPlan.make(launch.request, host: [odd], facts: launch.facts)
        let root = try imageRoot()
        let run = EnvironmentRun(
            plan, action: .exec, arguments: [Array("env".utf8)], directory: [0x2F], files: root.files)
        guard case .start(let start) = try run.run() else { return }
        #expect(start.environment.contains(odd))
    }

    /// A bare directory with `--nv`: no script names the libraries.
    @Test func librariesOfTheHostAreFoundWithoutScripts() throws {
        let (root, bare) = (try FakeRoot(), try FakeRoot())
        for root in [root, bare] { try root.write("/bin/env", "", mode: 0o755) }
        try root.write("/.singularity.d/libs/libcuda.so.1", "")
        var launch = Launch()
        #expect(try launch.environment(root)["LD_LIBRARY_PATH"] == "/.singularity.d/libs")
        launch.request.environment = [("LD_LIBRARY_PATH", "/mine")]
        #expect(try launch.environment(root)["LD_LIBRARY_PATH"]?.hasPrefix("/mine") == true)
        launch.request.environment = []
        #expect(try launch.environment(bare)["LD_LIBRARY_PATH"] == nil)
    }

    @Test func librariesOfTheHostComeLast() throws {
        let root = try imageRoot()
        try root.write("/.singularity.d/libs/libcuda.so.1", "")
        try writeFile(
            root.path + "/etc-cache",
            LibraryDirectoryTests.cache(["/lib/x86/libc.so.6", "/usr/lib/a.so", "/lib/x86/b.so"]),
            mode: 0o644)
        try makeDirectories(root.path + "/etc")
        try Linux.rename(root.path + "/etc-cache", to: root.path + "/etc/ld.so.cache")
        var launch = Launch()
        #expect(try launch.environment(root)["LD_LIBRARY_PATH"] == "/lib/x86:/usr/lib:/.singularity.d/libs")
        launch.request.environment = [("PREPEND_LD_LIBRARY_PATH", "/first"), ("APPEND_LD_LIBRARY_PATH", "/last")]
        #expect(
            try launch.environment(root)["LD_LIBRARY_PATH"] == "/first:/lib/x86:/usr/lib:/.singularity.d/libs:/last")
    }
}

/// The directories that the cache of an image's linker names.
@Suite struct LibraryDirectoryTests {
    static func cache(_ paths: [String], old: Bool = false) -> [UInt8] {
        var strings: [UInt8] = []
        var offsets: [UInt32] = []
        let base = UInt32(48 + paths.count * 24)
        for path in paths {
            offsets.append(base + UInt32(strings.count))
            strings += Array(path.utf8) + [0]
        }
        var writer = ByteWriter()
        writer.append(Array("glibc-ld.so.cache1.1".utf8))
        writer.u32(UInt32(paths.count))
        writer.u32(UInt32(strings.count))
        writer.append([UInt8](repeating: 0, count: 20))
        for offset in offsets {
            writer.u32(0x303)
            writer.u32(offset)
            writer.u32(offset)
            writer.append([UInt8](repeating: 0, count: 12))
        }
        writer.append(strings)
        return writer.bytes
    }

    @Test func readsDirectories() {
        let found = LibraryPath.directories(Self.cache(["/lib/a.so", "/usr/lib/b.so", "/lib/c.so"]))
        #expect(found == [Array("/lib".utf8), Array("/usr/lib".utf8)])
    }

    @Test func readsTheCacheOfThisMachine() throws {
        let found = LibraryPath.directories(try readFile("/etc/ld.so.cache"))
        #expect(found.contains { String(decoding: $0, as: UTF8.self).hasSuffix("/x86_64-linux-gnu") })
    }

    @Test func damagedCachesHaveNoDirectories() {
        let whole = Self.cache(["/lib/a.so"])
        for length in 0..<whole.count - 11 { #expect(LibraryPath.directories(Array(whole[..<length])).isEmpty) }
        var hostile = whole
        for index in 20..<24 { hostile[index] = 0xFF }
        #expect(LibraryPath.directories(hostile).isEmpty)
        for index in 56..<64 { hostile[index] = 0xFF }
        #expect(LibraryPath.directories(hostile).isEmpty)
    }
}
