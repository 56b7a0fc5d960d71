package import Base

/// Manual pages in the man(7) macros, one for each command, from the same table that parses the command line.
extension Grammar {
    /// A file name and its text.
    package struct Page: Sendable, Equatable {
        package var name: String
        package var text: String
    }

    /// `skiff.1`, `skiff-exec.1`, `skiff-sif-list.1`, and those of files: `skiff-deffile.5`, `skiff.conf.5`.
    package func allPages() throws(SkiffError) -> [Page] {
        program.isRuntime ? manualPages() : manualPages() + [definitionPage, try settingsPage()]
    }

    /// The pages of commands.
    package func manualPages() -> [Page] {
        let commands = allCommands()
        return commands.map { command in
            Page(name: pageName(command.path) + ".1", text: manualPage(command, among: commands))
        }
    }

    private func pageName(_ path: String) -> String {
        ([program.pageName] + path.split(separator: " ").map(String.init)).joined(separator: "-")
    }

    private func manualPage(_ command: Command, among commands: [Command]) -> String {
        var page = RoffWriter()
        let name = pageName(command.path)
        page.macro("TH", [name.uppercased(), "1", "", "\(program.text) \(program.version)", "User Commands"])
        page.macro("SH", ["NAME"])
        page.line(name, " \\- ", command.summary.drop { $0 == "\n" }.description)
        page.macro("SH", ["SYNOPSIS"])
        page.bold(program.text)
        page.text(
            (command.path.isEmpty ? "" : "[global options...] ") + (command.path.isEmpty ? rootSynopsis : command.usage)
        )
        page.macro("SH", ["DESCRIPTION"])
        page.paragraphs(named(command.description[...]))
        options(of: command, &page)
        verbs(of: command, among: commands, &page)
        if command.path.isEmpty && !program.isRuntime { general(&page) }
        if !command.examples.isEmpty {
            page.macro("SH", ["EXAMPLES"])
            page.verbatim(named(command.examples[...]))
        }
        references(of: command, &page)
        return page.result
    }

    private var rootSynopsis: String { "[global options...] <command> [arguments...]" }

    private func options(of command: Command, _ page: inout RoffWriter) {
        page.macro("SH", ["OPTIONS"])
        for flag in command.flags.filter({ !$0.isHidden }).sorted(by: { $0.long < $1.long }) {
            page.macro("TP")
            var names: [String] = []
            if flag.short != 0 { names.append(RoffWriter.bolded("-" + String(UnicodeScalar(flag.short)))) }
            names.append(RoffWriter.bolded("--" + flag.long))
            var head = names.joined(separator: ", ")
            if flag.kind != .bool {
                let value = RoffWriter.italic(flag.kind.rawValue)
                head += flag.impliedText.isEmpty ? " " + value : "[=" + value + "]"
            }
            page.raw(head)
            page.paragraphs(named(flag.help[...]) + flag.shownDefault)
            if !flag.environment.isEmpty {
                let names = flag.environment.split(separator: " ").map { "APPTAINER_" + $0 }
                page.raw(".br")
                page.text("Variable: " + names.joined(separator: ", ") + ".")
            }
            if !flag.plugin.isEmpty {
                page.raw(".br")
                page.text("From the plugin \(flag.plugin).")
            }
        }
    }

    private func verbs(of command: Command, among commands: [Command], _ page: inout RoffWriter) {
        let start = command.path.isEmpty ? "" : command.path + " "
        let verbs = command.verbs.compactMap { verb in commands.first { $0.path == start + verb } }
        guard !verbs.isEmpty else { return }
        page.macro("SH", ["COMMANDS"])
        for verb in verbs {
            page.macro("TP")
            page.raw(RoffWriter.bolded(verb.name))
            page.text(verb.summary)
        }
    }

    /// Writes what holds for every command.
    private func general(_ page: inout RoffWriter) {
        page.macro("SH", ["SYNTAX"])
        page.paragraphs(
            """
            Global options stand before the command, options of a command after it. The first argument that is no \
            option ends the options, so that those of the contained program need no care; only the verbs of sif take \
            options anywhere. Lists are split at commas; quotes keep a comma.
            """)
        page.macro("SH", ["ENVIRONMENT"])
        page.paragraphs(
            """
            Most options can be set by a variable: SKIFF_NAME, else APPTAINER_NAME, else SINGULARITY_NAME, with the name \
            that the option's page shows. The command line counts more than a variable; the values of --bind and \
            --mount add up. Blank values are ignored.
            """)
        page.macro("SH", ["EXIT STATUS"])
        page.paragraphs(
            """
            The status of the contained program for exec, run, shell and test, 128 and the number of a signal that \
            killed it; 255 when the command could not do its work; 1 when the command line is wrong.
            """)
        page.macro("SH", ["FILES"])
        page.text("etc/skiff/skiff.conf below the installation's prefix, or /etc/skiff/skiff.conf: the configuration.")
    }

    private func references(of command: Command, _ page: inout RoffWriter) {
        var names: [String] = []
        if !command.path.isEmpty {
            let group = command.path.split(separator: " ").dropLast().joined(separator: " ")
            names.append(pageName(group))
        }
        let start = command.path.isEmpty ? "" : command.path + " "
        names += command.verbs.map { pageName(start + $0) }
        guard !names.isEmpty else { return }
        page.macro("SH", ["SEE ALSO"])
        var pages = names.map { ($0, "(1)") }
        if command.path == "build" { pages.append(("skiff-deffile", "(5)")) }
        if command.path.isEmpty && !program.isRuntime { pages += [("skiff-deffile", "(5)"), ("skiff.conf", "(5)")] }
        for (index, other) in pages.enumerated() {
            page.macro("BR", [other.0, other.1 + (index + 1 < pages.count ? "," : "")])
        }
    }
}
