import Base
import CLinux
import Core
import Grammar
import InstalledGrammar
import Linux
import Testing

@testable import PluginHost

/// A directory of manifests that is asked by name.
@Suite struct CatalogTests {
    private let folder: PluginFolder

    init() throws { folder = try PluginFolder() }

    private func write(_ id: String, _ rest: String) throws {
        try folder.write("\(id).plugin", "id = \(id)\nversion = 1\nabi = 0.2\nlibrary = a.so\n\(rest)\n")
    }

    private func found(_ queries: PluginQuery..., trust: Trust = Trust(isPrivileged: false)) -> [String] {
        let plugins = folder.catalog(trust: trust).plugins(for: queries)
        return (plugins.entries.map(\.manifest.id) + plugins.broken.map { "!" + $0.id }).sorted()
    }

    @Test func onlyThoseThatMentionAWordAreRead() throws {
        try write("org.t.a", "[flag]\nname = alpha\nshort = x\nhelp = not beta-test\n")
        try write("org.t.b", "[flag]\r\nname=beta\r\nhelp = x\r\nenv = BETA, BETAS\r\n")
        try write("org.t.c", "[command]\nname = gamma\nhelp = h\nhandler = g\nsignature = i:cS\nusage = beta")
        try write("org.t.d", "schemes = delta\nextensions = skiff.transport/1\n[config]\nname = delta path\nhelp = h")
        try folder.write("org.t.e.plugin", "nonsense\n[flag]\nname = beta")
        #expect(found(.flag("alpha")) == ["org.t.a"] && found(.flag("alph")).isEmpty && found(.flag("")).isEmpty)
        // A word that stands somewhere else costs a look, no more.
        #expect(found(.flag("beta")) == ["!org.t.e", "org.t.b", "org.t.c"])
        #expect(found(.variable("BETAS")) == ["org.t.b"] && found(.variable("BETA")) == ["org.t.b"])
        #expect(found(.letter(0x78)) == ["org.t.a"] && found(.letter(0x79)).isEmpty)
        #expect(found(.command("gamma")) == ["org.t.c"] && found(.scheme("delta")) == ["org.t.d"])
        #expect(found(.setting("delta path")) == ["org.t.d"] && found(.setting("delta")) == ["org.t.d"])
        #expect(found(.plugin("org.t.a")) == ["org.t.a"] && found(.plugin("org.t.z"), .plugin("../x")).isEmpty)
        #expect(found(.everything).count == 5 && found(.flag("alpha"), .everything, .flag("beta")).count == 5)
    }

    /// What is in the directory and is no manifest disturbs nobody.
    @Test func hostileFilesAreNotInTheWay() throws {
        try write("org.t.a", "[flag]\nname = alpha\nhelp = x")
        try folder.write("org.t.big.plugin", "[flag]\nname = alpha\n" + String(repeating: "x", count: 1 << 20))
        try folder.write("org.t.nul.plugin", "[flag]\nname = alpha\n\u{0}")
        try folder.write("org.t.empty.plugin", "")
        try folder.write(".org.t.hidden.plugin", "[flag]\nname = alpha\n")
        try makeDirectory(folder.path + "/org.t.folder.plugin")
        try makeSymlink("org.t.a.plugin", at: folder.path + "/org.t.link.plugin")
        #expect(mkfifo(folder.path + "/org.t.fifo.plugin", 0o644) == 0)
        try folder.write("org.t.\u{1b}[31m.plugin", "[flag]\nname = alpha\nhelp = x")
        #expect(
            found(.flag("alpha")) == ["!org.t.\u{1b}[31m", "!org.t.big", "!org.t.nul", "org.t.a"])
        let all = folder.catalog().all
        #expect(all.entries.map(\.manifest.id) == ["org.t.a"] && all.broken.count == 7)
        #expect(all.broken.allSatisfy { !$0.error.description.isEmpty })
        #expect(all.broken.first { $0.id == "org.t.big" }?.error.message.hasSuffix("longer than 64 KiB") == true)
    }

    /// Root believes no file that somebody else could have written, and tells so where its names are used.
    @Test func filesOfOthersAreRefusedByName() throws {
        try write("org.t.a", "[flag]\nname = alpha\nhelp = x")
        try write("org.t.b", "[flag]\nname = alpha\nhelp = x")
        try chmod(folder.path + "/org.t.b.plugin", 0o666)
        let trust = Trust(requiring: [effectiveUID()])
        let folderIsTrusted = (try? trust.checkPath(try realPath(folder.path))) != nil
        #expect(
            found(.flag("alpha"), trust: trust)
                == (folderIsTrusted ? ["!org.t.b", "org.t.a"] : ["!", "!org.t.a", "!org.t.b"]))
    }

    /// The command line asks for what it has, and gets the answer that reading everything would give.
    @Test func grammarsAgree() throws {
        try write("org.t.a", "[flag]\nname = alpha\nshort = x\nhelp = h\n[flag]\nname = same\nhelp = h\ntype = string")
        try write("org.t.b", "[flag]\nname = beta\nshort = x\nhelp = h\nenv = BETA\n[flag]\nname = same\nhelp = h")
        try write("org.t.c", "[command]\nname = gamma\nhelp = h\nhandler = g\nsignature = i:cS")
        try folder.write("org.skiff.overlay.plugin", "nonsense")
        let lines: [[String]] = [
            ["exec", "--alpha", "i", "c"], ["exec", "-x", "i", "c"], ["exec", "--beta", "-x", "i", "c"],
            ["exec", "--same", "v", "i", "c"], ["exec", "--same=v", "--alpha", "-x", "i", "c"], ["gamma", "-q"],
            ["exec", "--nosuch", "i", "c"], ["exec", "-y", "i", "c"], ["nosuch"], ["exec", "--overlay", "x", "i", "c"],
            ["exec", "--help"], ["help", "gamma"], ["exec", "i", "c"],
        ]
        for line in lines {
            for variables in [[], ["APPTAINER_BETA=1"], ["APPTAINER_OVERLAY=x"], ["SKIFF_NOSUCH=x"]] {
                let catalog = folder.catalog()
                let asking = Grammar(program: ProgramName(calledAs: "skiff")) { catalog.grammar(for: $0) }
                let whole = Grammar(program: ProgramName(calledAs: "skiff"), plugins: folder.registry.grammar)
                #expect(answer(asking, line, variables) == answer(whole, line, variables), "\(line) \(variables)")
            }
        }
    }

    private func answer(_ grammar: Grammar, _ line: [String], _ variables: [String]) -> String {
        do throws(SkiffError) {
            switch try grammar.parse(line, environment: FlagEnvironment(variables)) {
            case .answer(let answer): return "\(answer)"
            case .command(let invocation):
                return "\(invocation.command) \(invocation.positionals) \(invocation.pluginFlags) \(invocation.plugin)"
            }
        } catch {
            return "\(error)"
        }
    }

    @Test func launchesAskOnlyForWhatTheyHave() throws {
        try write("org.t.a", "[flag]\nname = alpha\nhelp = x\n" + alwaysUseTest)
        var request = Request(action: .exec, image: "x.sif")
        func plugins(_ conf: String, _ facts: Set<String> = []) throws -> InstalledPlugins? {
            folder.catalog().plugins(for: request, try settings(conf), imageFacts: facts)
        }
        #expect(try plugins("") == nil && plugins("always use test = no\nmount dev = minimal") == nil)
        #expect(try plugins("always use test = yes")?.entries.count == 1)
        let conf = "always use other = yes\nvendor words = x"
        let lost = try #require(try plugins(conf))
        let messages = lost.unansweredDirectives(try settings(conf)).map(\.text)
        #expect(messages == ["always use other = yes is not carried out: no plugin here provides it"])
        #expect(try plugins("", ["encrypted"])?.entries.isEmpty == true)
        request.pluginFlags = [PluginFlagUse("alpha", ["false"])]
        #expect(try plugins("")?.entries.count == 1)
    }
}
