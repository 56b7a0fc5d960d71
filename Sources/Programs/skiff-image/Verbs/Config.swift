import Administration
import Base
import Core
import Grammar
import InstalledGrammar
import Linux
import PluginHost

/// `config global` and `config fakeroot` (Docs/spec/cli.md §13).
struct ConfigCommand {
    private let invocation: Invocation
    private let installation: Installation
    private let program: ProgramName

    init(_ invocation: Invocation, _ installation: Installation, _ program: ProgramName) {
        (self.invocation, self.installation, self.program) = (invocation, installation, program)
    }

    func run() throws(SkiffError) {
        if invocation.command == "config fakeroot" { try changeRanges() } else { try changeFile() }
    }

    private func changeRanges() throws(SkiffError) {
        let change: SubordinateRanges.Change
        if invocation[.add] {
            change = .add
        } else if invocation[.remove] {
            change = .remove
        } else if invocation[.enable] {
            change = .enable
        } else if invocation[.disable] {
            change = .disable
        } else {
            throw SkiffError("you must specify an option (eg: --add/--remove)", code: .usage)
        }
        try SubordinateRanges.apply(
            change, to: invocation.positionals.first ?? "", command: "\(program.text) config fakeroot")
    }

    private func changeFile() throws(SkiffError) {
        let path = try absolutePath(invocation.global.configurationFile ?? installation.configurationFile)
        let file = ConfigurationChange(path, directives: InstalledPlugins(installation: installation).directives)
        let directive = invocation.positionals.first ?? ""
        let value = invocation.positionals.count > 1 ? invocation.positionals[1] : ""
        let change: ConfigurationText.Change
        if invocation[.set] {
            change = .set
        } else if invocation[.unset] {
            change = .unset
        } else if invocation[.reset] {
            change = .reset
        } else if invocation[.get] {
            let values = try file.text().values(of: directive)
            return values.isEmpty ? () : try answer((values.joined(separator: ",") + "\n").bytes)
        } else {
            throw SkiffError("you must specify an option (eg: --set/--unset)", code: .usage)
        }
        guard invocation[.dryRun] else { return try file.apply(change, directive, value) }
        var text = try file.text()
        try text.change(change, directive, value)
        try answer(text.bytes)
    }

    private func answer(_ bytes: [UInt8]) throws(SkiffError) {
        try during("cannot write the answer") { () throws(Errno) in try writeFully(1, bytes) }
    }
}
