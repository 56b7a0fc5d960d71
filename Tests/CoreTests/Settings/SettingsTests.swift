import Base
import Core
import Foundation
import Linux
import TestSupport
import Testing

@Suite struct SettingsTests {
    private func parse(_ text: String) throws -> Settings { try Settings(parsing: Array(text.utf8), name: "test.conf") }

    /// For lists it only matters that the file exists; the rest are the defaults.
    private var withoutLists: Settings {
        var settings = Settings()
        settings.bindPath = []
        return settings
    }

    @Test func nothingSetMeansDefaultsAndEmptyLists() throws {
        #expect(try parse("") == withoutLists)
        #expect(try parse("# mount home = no\n\n   \nfoo\n= 3\nmount home =\n") == withoutLists)
    }

    @Test func valuesAreTyped() throws {
        let settings = try parse(
            """
            mount home = no
              mount   dev\t=minimal
            enable overlay = driver
            enable underlay = preferred
            sessiondir max size = 128
            root default capabilities = file
            memory fs type = ramfs
            allow setuid-mount squashfs = iflimited
            binary path = $PATH:/opt,x/bin
            bind path = /a, /b:/c ,,
            bind path = /d
            """)
        #expect(!settings.mountHome)
        #expect(settings.mountDev == .minimal)
        #expect(settings.enableOverlay == .driver && settings.enableUnderlay == .preferred)
        #expect(settings.sessionSizeMiB == 128)
        #expect(settings.rootCapabilities == .file && settings.memoryFilesystem == .ramfs)
        #expect(settings.allowSetuidMountSquashfs == .ifLimited)
        #expect(settings.binaryPath == "$PATH:/opt,x/bin")
        #expect(settings.bindPath == ["/a", "/b:/c", "/d"])
    }

    /// The real Apptainer takes and refuses the same lines.
    @Test func theFirstLineAndTheFirstValueCount() throws {
        #expect(try !parse("mount home = no\nmount home = yes\n").mountHome)
        #expect(try !parse("mount home = no,yes\n").mountHome)
        #expect(try !parse("mount home = \nmount home = no\n").mountHome)
        #expect(try parse("mount tmp = no\nmount proc = no\nmount tmp = yes\n").mountTmp == false)
    }

    @Test(arguments: [
        "mount home = maybe", "mount home = YES", "mount home=bad", " mount  home = yes # no comment here",
        "mount dev = x", "enable overlay = TRY", "max loop devices = x", "max loop devices = -1",
        "sessiondir max size = 1x", "sessiondir max size = 99999999999", "mksquashfs procs = -3",
        "root default capabilities = foo", "memory fs type = x", "allow setuid-mount squashfs = bad",
    ]) func badValuesAreFatal(_ line: String) {
        #expect {
            try parse("# one\n" + line + "\n")
        } throws: { error in
            guard let error = error as? SkiffError else { return false }
            return error.code == .fatal && error.message.hasPrefix("cannot use line 2 of test.conf: ")
        }
    }

    @Test func unknownDirectivesStayForPlugins() throws {
        let settings = try parse("my plugin speed = fast, slow\nnosuch = 1\nmount home = no\n")
        #expect(settings.values(of: "my plugin speed") == ["fast", "slow"])
        #expect(settings.values(of: "mount home") == ["no"])
        #expect(settings.values(of: "mount tmp") == [])
    }

    @Test func textReadsBack() throws {
        var settings = try parse("my plugin speed = fast\n")
        settings.mountDev = .minimal
        settings.bindPath = ["/a", "/b:/c"]
        settings.maxLoopDevices = 9
        settings.allowSetuid = false
        settings.imageDriver = "some"
        let text = try settings.text()
        let back = try parse(text)
        #expect(back.values(of: "my plugin speed") == ["fast"])
        #expect(try back.text() == text)
        #expect(text.contains("\nmount dev = minimal\n"))
        #expect(text.contains("\nlimit container owners =\n"))
    }

    /// Every directive in the text is read back: another value in the file gives another value in the result.
    @Test func everyDirectiveIsReadBack() throws {
        let text = try Settings().text()
        var count = 0
        for line in text.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix("bind path") {
            let name = line.prefix { $0 != "=" }
            let value = line.drop { $0 != "=" }.dropFirst().drop { $0 == " " }
            let other =
                switch value {
                case "yes": "no"
                case "no", "iflimited": "yes"
                case "full": "file"
                case "tmpfs": "ramfs"
                default: Int(value).map { String($0 + 1) } ?? "other"
                }
            let changed = text.replacing("\n" + line + "\n", with: "\n\(name)= \(other)\n")
            #expect(try parse(changed).text().contains("\n\(name)= \(other)\n"), "\(name)")
            count += 1
        }
        #expect(count >= 50)
    }

    @Test func filesAreFound() throws {
        let scratch = try Scratch()
        try scratch.directory("etc/skiff")
        let installation = Installation(program: scratch.path + "/bin/skiff")
        #expect(try Settings.load(installation) == Settings())
        let missing = scratch.path + "/missing.conf"
        #expect(throws: SkiffError.self) { try Settings.load(installation, file: missing) }
        try scratch.file("etc/skiff/skiff.conf", text: "mount home = no\n")
        #expect(try !Settings.load(installation).mountHome)
        let other = try scratch.file("other", text: "mount tmp = no\n")
        #expect(try !Settings.load(installation, file: other).mountTmp)
        #expect(try Settings.load(installation, buildConfiguration: true) == .forBuilds)
    }

    /// For root, only files that nobody else can have written count; a file that says nothing needs no trust.
    @Test func rootObeysOnlyFilesThatNobodyElseCanWrite() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skiff-obey-\(processID())").path
        try makeDirectories(folder + "/etc/skiff")
        defer { try? removeTree(folder) }
        let installation = Installation(program: folder + "/bin/skiff")
        let path = installation.configurationFile
        func isRefused(_ text: String) throws -> Bool {
            try writeFile(path, Array(text.utf8), mode: 0o666)
            try chmod(path, 0o666)
            return (try? Settings.load(installation)) == nil
        }
        let isRoot = effectiveUID() == 0
        #expect(try isRefused("mount home = no\n") == isRoot)
        #expect(try isRefused("vendor plugin path = /x\n") == isRoot)
        // Who says no to a plugin takes something away, but for a switch that is off anyway.
        #expect(try isRefused("vendor isolation = no\n") == isRoot)
        #expect(try !isRefused(Settings().text() + "always use vendor = no\n"))
        #expect(try !isRefused(Settings().text()))
    }

    @Test func linesOfPluginsAreKeptApart() throws {
        #expect(try parse(Settings().text()).pluginLines.isEmpty)
        let settings = try parse("always use nv = no\nmount home = no\nmount home = yes\nbind path = /a\nvendor = a\n")
        #expect(settings.pluginLines.map(\.name) == ["always use nv", "vendor"])
        #expect(settings.pluginLines.map(\.isOff) == [true, false])
        #expect(Settings.isOwn("bind path") && Settings.isOwn("systemd cgroups") && !Settings.isOwn("always use nv"))
    }

    @Test func textHasTheDirectivesOfPlugins() throws {
        let directives = [
            PluginDirective(name: "always use it", kind: .bool, standard: nil, comment: "for everybody", plugin: "o.p"),
            PluginDirective(name: "it path", kind: .path, standard: "/opt", comment: "where it is", plugin: "o.p"),
            PluginDirective(name: "its words", kind: .list, standard: nil, comment: "what it says", plugin: "o.p"),
            PluginDirective(name: "it path", kind: .text, standard: nil, comment: "another", plugin: "o.q"),
        ]
        let fresh = try Settings().text(directives)
        #expect(
            fresh.hasSuffix(
                """

                ## Plugin o.p

                # for everybody
                always use it = no

                # where it is
                #it path = /opt

                # what it says
                #its words =

                """), "\(fresh)")
        let old = try parse("its words = a,b\nnobody's = 1\nit path = /x\nits words = c\n")
        let text = try old.text(directives)
        #expect(text.contains("\n# where it is\nit path = /x\n\n# what it says\nits words = a,b\nits words = c\n"))
        #expect(text.hasSuffix("\n## Known neither to skiff nor to an installed plugin\n\nnobody's = 1\n"))
        #expect(try parse(text).text(directives) == text)
    }

    @Test func buildsGetNothingOfTheHost() {
        let settings = Settings.forBuilds
        #expect(settings.bindPath.isEmpty && !settings.configResolvConf && !settings.mountHome && !settings.mountDevpts)
        #expect(settings.mountTmp && settings.mountProc && settings.configPasswd)
    }

    @Test func buildConfigurationNamesEveryKey() throws {
        let moved = BuildConfiguration(
            Installation(program: "/opt/skiff/bin/skiff"), packageName: "apptainer", version: "1.6.0+skiff.1")
        #expect(moved.entries.count == 25)
        #expect(try moved.text(of: "APPTAINER_CONF_FILE") == "/opt/skiff/etc/skiff/skiff.conf\n")
        #expect(try moved.text(of: nil).hasPrefix("PACKAGE_NAME=apptainer\nPACKAGE_VERSION=1.6.0+skiff.1\n"))
        #expect(throws: SkiffError.self) { try moved.text(of: "NOSUCH") }
        let system = BuildConfiguration(Installation(program: "/usr/bin/skiff"), packageName: "skiff", version: "1")
        #expect(try system.text(of: "SYSCONFDIR") == "/etc\n")
    }
}
